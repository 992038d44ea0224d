// Starting and stopping the parts of one data folder.
import { existsSync, mkdirSync, readdirSync, rmdirSync, rmSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { quietEnv } from "../lib/project.mjs";
import { securityOf } from "./kafka-security.mjs";
import { parts, tlsFolder } from "./parts.mjs";
import { checkPorts, choosePorts } from "./ports.mjs";
import { identityOf, isRunning, startDetached, stopProcess, tailOf } from "./processes.mjs";
import { readState, withLock, writeState } from "./state.mjs";

const readyMsMax = 120_000;

/** Who goes first; the parts of one group go together. */
const stopOrder = [["connect"], ["kafka", "mongodb", "minio"]];

/**
 * Starts those of the parts that do not run, and returns when each is ready. When one fails, those
 * that this call started are stopped again.
 * @param {{ data: string, names: string[], ports: { auto: boolean, numbers: object },
 *   heap: Record<string, string>, secure: boolean, graceMs: number, whilePid: number | undefined,
 *   say: (line: string) => void }} options
 */
export function up(options) {
  const { data, names, say } = options;
  return withLock(data, async () => {
    const state = readState(data);
    for (const name of names) checkPorts(options.ports, state.parts[name]?.ports);
    const start = names.filter((name) => !isRunning(state.parts[name]));
    for (const name of names.filter((name) => !start.includes(name))) say(`${name} runs already`);
    for (const name of start) {
      const needed = parts[name].needs;
      if (needed !== undefined && !start.includes(needed) && !isRunning(state.parts[needed])) {
        throw new Error(`${name} needs ${needed}: add it to --only`);
      }
      const kept = state.parts[name];
      const secure = parts[name].securePorts !== undefined && (options.secure || kept?.secure);
      const ports = await choosePorts(name, options.ports, kept?.ports, secure);
      const heap = options.heap?.[name] ?? kept?.heap;
      state.parts[name] = {
        ports,
        ...(heap === undefined ? {} : { heap }),
        ...(secure ? { secure } : {}),
      };
    }
    if (options.whilePid !== undefined) await watch(options, state);
    writeState(data, state);
    await startAll(options, state, start);
  });
}

async function startAll({ data, graceMs, say }, state, start) {
  const abort = new AbortController();
  const interrupt = () => abort.abort(new Error("interrupted"));
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, interrupt);
  const ready = {};
  for (const name of start) {
    const needed = ready[parts[name].needs] ?? Promise.resolve();
    ready[name] = needed.then(() => startPart(name, data, state, abort.signal, say));
    ready[name].catch((error) => abort.abort(error));
  }
  const results = await Promise.allSettled(Object.values(ready));
  for (const signal of ["SIGINT", "SIGTERM"]) process.off(signal, interrupt);
  if (!abort.signal.aborted && results.every(({ status }) => status === "fulfilled")) return;
  await stopParts(start, data, state, graceMs, say);
  await endWatchOfNothing(data, state);
  throw abort.signal.reason;
}

async function startPart(name, data, state, signal, say) {
  signal.throwIfAborted();
  const part = parts[name];
  const folder = path.join(data, name);
  const log = path.join(data, `${name}.log`);
  mkdirSync(folder, { recursive: true });
  const begin = performance.now();
  const ports = Object.assign({}, ...Object.values(state.parts).map((one) => one.ports));
  await part.prepare({ ports, folder, secure: state.parts[name].secure ?? false });
  signal.throwIfAborted();
  const heap = state.parts[name].heap ?? part.heap;
  const [command, ...args] = part.command({ ports, folder, heap });
  const env = quietEnv(part.env);
  const child = startDetached(command, args, { log, cwd: folder, env });
  const { pid, startTime } = child;
  Object.assign(state.parts[name], { pid, startTime, log });
  writeState(data, state);
  await untilReady(name, { child, ports, log, signal });
  say(`${name} is ready after ${((performance.now() - begin) / 1000).toFixed(1)} s`);
}

async function untilReady(name, { child, ports, log, signal }) {
  const deadline = performance.now() + readyMsMax;
  for (;;) {
    const reason = await parts[name].settle({ ports, log });
    signal.throwIfAborted();
    const how = child.ended();
    if (how !== null) throw startFailure(name, how, log);
    if (reason === null) return;
    if (performance.now() > deadline) {
      throw startFailure(name, `not ready after ${readyMsMax / 1000} s (${reason})`, log);
    }
    await sleep(100);
  }
}

function startFailure(name, reason, log) {
  return new Error(`${name} did not start: ${reason}\nThe end of ${log}:\n${tailOf(log)}`);
}

/**
 * Stops parts, waits until they are gone, kills after `graceMs`. With `wipe`, removes their data
 * and their ports too.
 */
export async function down({ data, names, graceMs, wipe, say, keepWatch = false }) {
  if (!existsSync(data)) return;
  return withLock(data, async () => {
    const state = readState(data);
    await stopParts(names, data, state, graceMs, say);
    if (!keepWatch) await endWatchOfNothing(data, state);
    if (wipe) {
      // Only what was made here: the folder may hold other things.
      for (const name of names.filter((name) => state.parts[name] !== undefined)) {
        rmSync(path.join(data, name), { recursive: true, force: true });
        rmSync(path.join(data, `${name}.log`), { force: true });
        delete state.parts[name];
      }
    }
    writeState(data, state);
  });
}

async function stopParts(names, data, state, graceMs, say) {
  for (const group of stopOrder) {
    const stopped = group.filter((name) => names.includes(name) && state.parts[name]?.pid);
    await Promise.all(stopped.map(async (name) => {
      const begin = performance.now();
      const how = await stopProcess(state.parts[name], graceMs);
      const seconds = ((performance.now() - begin) / 1000).toFixed(1);
      say(how === "gone" ? `${name} had ended by itself` : `${name} is ${how} after ${seconds} s`);
      delete state.parts[name].pid;
      delete state.parts[name].startTime;
      writeState(data, state);
    }));
  }
}

/**
 * Stops parts and starts them again on their ports, with their data; a grace of 0 is a crash. Those
 * that did not run are just started.
 */
export async function restart(options) {
  const unknown = options.names.filter((name) => readState(options.data).parts[name] === undefined);
  if (unknown.length > 0) {
    throw new Error(`never started in ${options.data}: ${unknown.join(", ")}`);
  }
  await down({ ...options, wipe: false, keepWatch: true });
  await up({ ...options, whilePid: undefined });
}

/** Stops parts in the middle of whatever they do (SIGSTOP): sockets stay open, nobody answers. */
export function freeze(options) {
  signalParts(options, "SIGSTOP");
}

/** Lets frozen parts go on. */
export function thaw(options) {
  signalParts(options, "SIGCONT");
}

function signalParts({ data, names, say }, signal) {
  const state = readState(data);
  const gone = names.filter((name) => !isRunning(state.parts[name]));
  if (gone.length > 0) throw new Error(`not running: ${gone.join(", ")}`);
  for (const name of names) {
    process.kill(state.parts[name].pid, signal);
    say(`${name} got ${signal}`);
  }
}

/** Every part that was ever started here, with what it answers now. */
export async function status({ data, names }) {
  const state = readState(data);
  const known = names.filter((name) => state.parts[name] !== undefined);
  return Promise.all(known.map(async (name) => {
    const { ports, pid, log } = state.parts[name];
    const running = isRunning(state.parts[name]);
    const reason = running ? await parts[name].probe(ports) : null;
    const stopped = pid === undefined ? "stopped" : "died";
    const word = running ? (reason === null ? "ready" : "not answering") : stopped;
    const found = { name, state: word, reason, pid: running ? pid : null, ports, log };
    if (!state.parts[name].secure) return found;
    return { ...found, security: securityOf(ports, tlsFolder(path.join(data, name))) };
  }));
}

/** Leaves a process behind that stops the stack when another has ended; the last call counts. */
async function watch({ data, whilePid, wipe }, state) {
  await stopProcess(state.watch, 2000);
  const script = fileURLToPath(new URL("stack.mjs", import.meta.url));
  const log = path.join(data, "watch.log");
  const args = [script, "watch", "--while-pid", String(whilePid), "--data", data];
  if (wipe) args.push("--wipe");
  const child = startDetached(process.execPath, args, { log, cwd: data, env: quietEnv() });
  state.watch = { pid: child.pid, startTime: child.startTime };
}

/** Ends the watch when no part is left to stop. */
async function endWatchOfNothing(data, state) {
  if (Object.values(state.parts).some((part) => part.pid !== undefined)) return;
  // The watch itself calls down: it ends after that.
  if (state.watch?.pid !== process.pid) await stopProcess(state.watch, 2000);
  delete state.watch;
  writeState(data, state);
}

/** Waits until a process has ended, then stops the stack that was started for it. */
export async function watchOver(options) {
  const watched = identityOf(options.whilePid);
  while (isRunning(watched)) await sleep(500);
  await down(options);
  if (options.wipe) removeOwnFiles(options.data);
}

/** What is left of a stack without parts; the folder too, unless it holds other things. */
function removeOwnFiles(data) {
  for (const name of ["stack.json", "stack.lock", "watch.log"]) {
    rmSync(path.join(data, name), { force: true });
  }
  if (readdirSync(data).length === 0) rmdirSync(data);
}
