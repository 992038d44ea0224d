import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import process from "node:process";

/** What a process took. */
export type MeasuredRun = {
  readonly seconds: number;
  /** User and system time of all its threads; null where the system does not tell. */
  readonly cpuSeconds: number | null;
  /** Peak resident memory in bytes; null where the system does not tell. */
  readonly peakRssBytes: number | null;
  readonly stdout: string;
  readonly stderr: string;
};

const pollMs = 20;
const clockTicksPerSecond = 100;

/** Runs a command to its end. Errors: its exit code is not 0, or it cannot be started. */
export async function measuredRun(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<MeasuredRun> {
  const start = performance.now();
  const child = spawn(command, args, {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const stdout = collect(child, "stdout");
  const stderr = collect(child, "stderr");
  let peakRssBytes: number | null = null;
  let cpuSeconds: number | null = null;
  const timer = setInterval(() => {
    // The kernel keeps the peak itself; only what grows in the last moment is missed.
    peakRssBytes = peakRssOf(child.pid) ?? peakRssBytes;
    cpuSeconds = cpuSecondsOf(child.pid) ?? cpuSeconds;
  }, pollMs);
  try {
    const code = await exitOf(child);
    const seconds = (performance.now() - start) / 1000;
    if (code !== 0) {
      throw new Error(`${command} ended with exit code ${code}:\n${stderr().slice(-4000)}`);
    }
    return { seconds, cpuSeconds, peakRssBytes, stdout: stdout(), stderr: stderr() };
  } finally {
    clearInterval(timer);
  }
}

function collect(child: ChildProcess, name: "stdout" | "stderr"): () => string {
  let text = "";
  const stream = child[name];
  stream?.setEncoding("utf8");
  stream?.on("data", (chunk: string) => {
    text += chunk;
  });
  return () => text;
}

function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
}

/** Peak resident memory of a process in bytes; null where the system does not tell. */
export function peakRssOf(pid: number | undefined): number | null {
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readProc(pid, "status"))?.[1];
  return kilobytes === undefined ? null : Number(kilobytes) * 1024;
}

/** User and system time of all its threads so far; null where the system does not tell. */
export function cpuSecondsOf(pid: number | undefined): number | null {
  // The name, field 2, is in brackets and may hold spaces; fields 14 and 15 are the times.
  const fields = readProc(pid, "stat").split(") ")[1]?.split(" ");
  if (fields === undefined) return null;
  return (Number(fields[11]) + Number(fields[12])) / clockTicksPerSecond;
}

function readProc(pid: number | undefined, name: string): string {
  try {
    return pid === undefined ? "" : readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch {
    return "";
  }
}
