import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { projectRoot } from "../support/project-root.ts";

/** The parts of the stack, in the order of starting. */
export type PartName = "mongodb" | "kafka" | "connect" | "minio";

/** One line of `status`; `ports` by the names that `--ports` takes. */
export type PartStatus = {
  readonly name: PartName;
  readonly state: "ready" | "not answering" | "stopped" | "died";
  readonly pid: number | null;
  readonly ports: Readonly<Record<string, number>>;
  readonly url: string;
  readonly log: string;
};

/** How a command ended. */
export type Ended = {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
};

/** Runs `node scripts/stack/stack.mjs ARGS…`; `started` gets the process. */
export function stack(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  started: (child: ChildProcess) => void = () => {},
): Promise<Ended> {
  const script = path.join(projectRoot, "scripts", "stack", "stack.mjs");
  return output(Bun.which("node") ?? "node", [script, ...args], env, started);
}

/** Runs a command to its end. */
export function output(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  started: (child: ChildProcess) => void = () => {},
): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    started(child);
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => stdout += chunk);
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => stderr += chunk);
    child.on("error", reject);
    child.on("close", (status) => resolve({ status, stdout, stderr }));
  });
}

/** The parts in what `up` or `status` printed with `--format json`; an error says what it printed. */
export function partsOf({ stdout, stderr }: Ended): ReadonlyMap<PartName, PartStatus> {
  if (!stdout.startsWith("{")) throw new Error(`the stack printed no JSON:\n${stdout}${stderr}`);
  const { parts } = JSON.parse(stdout) as { readonly parts: readonly PartStatus[] };
  return new Map(parts.map((part) => [part.name, part]));
}

/** Whether somebody accepts connections there. */
export function isOpen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    const end = (open: boolean): void => {
      socket.destroy();
      resolve(open);
    };
    socket.on("connect", () => end(true));
    socket.on("error", () => end(false));
  });
}

/** Waits until something has come about; an error after 40 s. */
export async function until(what: string, done: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 40_000;
  while (!(await done())) {
    if (Date.now() > deadline) throw new Error(`${what} did not come within 40 s`);
    await sleep(100);
  }
}

/** Command lines of processes that name a folder (Linux). */
export function processesNaming(folder: string): string[] {
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(commandLine)
    .filter((line) => line.includes(folder));
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    // It has ended since it was listed.
    return "";
  }
}
