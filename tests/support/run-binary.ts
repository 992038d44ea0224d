import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { projectRoot } from "./project-root.ts";
import { requirement } from "./requirement.ts";

/** The compiled binary; `CDCDELTA_TEST_BINARY` names another one. */
export const binaryPath = process.env["CDCDELTA_TEST_BINARY"] ??
  path.join(projectRoot, "dist", "cdcdelta");

/** Whether there is a binary to test; says how to get it when there is none. */
export function isBinaryBuilt(): boolean {
  return requirement(existsSync(binaryPath), "the binary is not built: npm run build");
}

/** A line of the log on standard error. */
export type LogEntry = { readonly event?: string; readonly [fact: string]: unknown };

export type EndedProcess = {
  /** Null when a signal ended it. */
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
};

/** The binary at work. */
export type RunningBinary = {
  readonly pid: number;
  /** Sends text to its standard input; nobody may be there to read it any more. */
  feed(text: string | Uint8Array): void;
  endInput(): void;
  kill(signal: "SIGKILL" | "SIGTERM" | "SIGINT"): void;
  readonly ended: Promise<EndedProcess>;
};

export type BinaryOptions = {
  /** Another copy of the binary. */
  readonly binary?: string;
  readonly cwd?: string;
  /** The whole environment, beside HOME and PATH. */
  readonly env?: Readonly<Record<string, string>>;
  /** Words before the binary: a tracer, a shell that sets limits. */
  readonly wrapper?: readonly string[];
  /** True: standard input is a pipe for `feed`; default it is empty. */
  readonly hasInput?: boolean;
  readonly onLog?: (entry: LogEntry) => void;
  readonly timeoutMs?: number;
};

/** Starts the binary in an environment that configures nothing. */
export function startBinary(args: readonly string[], options: BinaryOptions = {}): RunningBinary {
  const { HOME = "/", PATH = "" } = process.env;
  const [file = "", ...words] = [
    ...(options.wrapper ?? []),
    options.binary ?? binaryPath,
    ...args,
  ];
  const child = spawn(file, words, {
    cwd: options.cwd,
    env: { HOME, PATH, ...options.env },
    stdio: [options.hasInput === true ? "pipe" : "ignore", "pipe", "pipe"],
    // A process group of its own, so that what a wrapper started ends with it.
    detached: true,
  });
  child.stdin?.on("error", () => {});
  const { pid } = child;
  if (pid === undefined) throw new Error(`cannot start ${file}`);
  return {
    pid,
    feed: (text) => void child.stdin?.write(text),
    endInput: () => void child.stdin?.end(),
    kill: (signal) => void child.kill(signal),
    ended: collect(child, options),
  };
}

/** Runs the binary to its end. */
export function runBinary(
  args: readonly string[],
  options: BinaryOptions & { readonly input?: string | Uint8Array } = {},
): Promise<EndedProcess> {
  const { input } = options;
  const running = startBinary(args, { ...options, hasInput: input !== undefined });
  if (input !== undefined) {
    running.feed(input);
    running.endInput();
  }
  return running.ended;
}

function collect(
  child: ChildProcess,
  { onLog, timeoutMs = 60_000 }: BinaryOptions,
): Promise<EndedProcess> {
  const out: Uint8Array[] = [];
  const err: Uint8Array[] = [];
  const lines = lineCutter(onLog);
  child.stdout?.on("data", (chunk: Uint8Array) => out.push(chunk));
  child.stderr?.on("data", (chunk: Uint8Array) => {
    err.push(chunk);
    lines(chunk);
  });
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  }, timeoutMs);
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status, signal) => {
      clearTimeout(timer);
      const stderr = Buffer.concat(err).toString("utf8");
      const stdout = Buffer.concat(out).toString("utf8");
      if (timedOut) reject(new Error(`not finished after ${timeoutMs} ms:\n${stderr}`));
      else resolve({ status, signal, stdout, stderr });
    });
  });
}

/** Calls back with each line that is a JSON object. */
function lineCutter(onLog: BinaryOptions["onLog"]): (chunk: Uint8Array) => void {
  if (onLog === undefined) return () => {};
  const decoder = new TextDecoder();
  let rest = "";
  return (chunk) => {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.startsWith("{")) onLog(JSON.parse(line) as LogEntry);
  };
}
