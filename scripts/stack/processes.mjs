// Processes that outlive the one that started them: known by id and start time, so that an id the
// system has given to somebody else is never taken for ours.
import { spawn } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Starts a command that keeps running after us, its output in `log` (which is emptied).
 * @returns {{ pid: number, startTime: string | null, ended: () => string | null }} `ended` says how
 * it ended, null while it runs.
 */
export function startDetached(command, args, { log, cwd, env }) {
  const output = openSync(log, "w");
  const child = spawn(command, args, {
    cwd,
    env,
    detached: true,
    stdio: ["ignore", output, output],
  });
  closeSync(output);
  let how = null;
  child.on("error", (error) => {
    how = error.message;
  });
  child.on("exit", (code, signal) => {
    how = signal === null ? `exit code ${code}` : `ended by ${signal}`;
  });
  child.unref();
  const pid = child.pid ?? 0;
  return { pid, startTime: startTimeOf(pid), ended: () => how };
}

/** Our own identity, for locks and for those who watch over us. */
export function identityOf(pid) {
  return { pid, startTime: startTimeOf(pid) };
}

/** Whether this very process still runs; one that has ended and waits to be reaped does not. */
export function isRunning(known) {
  if (!known?.pid) return false;
  try {
    process.kill(known.pid, 0);
  } catch (error) {
    if (error.code === "ESRCH") return false;
  }
  const stat = statOf(known.pid);
  if (stat === null) return process.platform !== "linux";
  return stat.state !== "Z" && (known.startTime === null || stat.startTime === known.startTime);
}

/** Ends a process: SIGTERM, then SIGKILL after `graceMs`. Returns how: gone, stopped or killed. */
export async function stopProcess(known, graceMs) {
  if (!isRunning(known)) return "gone";
  signal(known.pid, "SIGTERM");
  if (await untilGone(known, graceMs)) return "stopped";
  signal(known.pid, "SIGKILL");
  if (await untilGone(known, 10_000)) return "killed";
  throw new Error(`process ${known.pid} is still there after SIGKILL`);
}

/** Resident memory in bytes, null where the system does not tell. */
export function residentBytes(pid) {
  try {
    const kib = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
    return kib === undefined ? null : Number(kib) * 1024;
  } catch {
    return null;
  }
}

/** The last lines of a log. */
export function tailOf(log, lines = 25) {
  try {
    return readFileSync(log, "utf8").trimEnd().split("\n").slice(-lines).join("\n");
  } catch {
    return "(no log)";
  }
}

async function untilGone(known, ms) {
  const deadline = Date.now() + ms;
  while (Date.now() < deadline) {
    if (!isRunning(known)) return true;
    await sleep(50);
  }
  return !isRunning(known);
}

function signal(pid, name) {
  try {
    process.kill(pid, name);
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}

function startTimeOf(pid) {
  return statOf(pid)?.startTime ?? null;
}

/** State and start time (ticks since boot) in Linux's /proc; null elsewhere, or without it. */
function statOf(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in brackets may hold spaces and brackets itself.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return { state: fields[0], startTime: fields[19] };
  } catch {
    return null;
  }
}
