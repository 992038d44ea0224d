// Steps of a gate: a command each, one line of output each, the command's own output on failure.
import { spawn } from "node:child_process";
import process from "node:process";
import { quietEnv, root } from "./project.mjs";

/**
 * Runs a command and collects its output.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {{ env?: Record<string, string>, timeoutMs?: number }} options
 * @returns {Promise<{ status: number, output: string, stderr: string, seconds: number }>}
 */
export function run(command, args, options = {}) {
  const start = performance.now();
  const { promise, resolve } = withResolvers();
  const child = spawn(command, args, {
    cwd: root,
    env: quietEnv(options.env),
    stdio: ["ignore", "pipe", "pipe"],
    detached: process.platform !== "win32",
  });
  let output = "";
  let stderr = "";
  const take = (chunk) => {
    output += chunk;
  };
  child.stdout.setEncoding("utf8").on("data", take);
  child.stderr.setEncoding("utf8").on("data", (chunk) => {
    stderr += chunk;
    take(chunk);
  });
  const timeoutMs = options.timeoutMs ?? 20 * 60_000;
  const timer = setTimeout(() => {
    output += `\nstopped: not finished after ${Math.round(timeoutMs / 1000)} s\n`;
    stop(child);
  }, timeoutMs);
  const end = (status) => {
    clearTimeout(timer);
    running.delete(child);
    resolve({ status, output, stderr, seconds: (performance.now() - start) / 1000 });
  };
  running.add(child);
  child.on("error", (error) => {
    output += `${command}: ${error.message}\n`;
    end(127);
  });
  child.on("close", (code) => end(code ?? 1));
  return promise;
}

const running = new Set();

/** Ends a child and what it started: it leads a process group of its own. */
function stop(child) {
  if (child.pid === undefined) return;
  try {
    if (process.platform === "win32") child.kill("SIGKILL");
    else process.kill(-child.pid, "SIGKILL");
  } catch {
    // It ended by itself in the meantime.
  }
}

for (const signal of ["SIGINT", "SIGTERM"]) {
  process.on(signal, () => {
    for (const child of running) stop(child);
    process.exit(130);
  });
}

/** Shows on a terminal what is going on; `report` writes over it. */
export function announce(name) {
  if (process.stdout.isTTY) process.stdout.write(`…     ${name}\r`);
}

/** Runs a step and prints its line; the output of a failed step follows. */
export async function step(name, command, args, options = {}) {
  announce(name);
  const result = await run(command, args, options);
  report(name, result);
  return result;
}

/** One line a step. */
export function report(name, { status, output, seconds }, detail = "") {
  const mark = status === 0 ? "ok  " : "FAIL";
  console.log(
    `${mark}  ${name.padEnd(34)} ${seconds.toFixed(1).padStart(6)} s${detail && `  ${detail}`}`,
  );
  if (status !== 0) console.log(output.trimEnd());
}

// Node 20 has no Promise.withResolvers.
function withResolvers() {
  let resolve;
  const promise = new Promise((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
