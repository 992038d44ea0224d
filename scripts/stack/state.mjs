// What is known of a stack between calls: `stack.json` in its data folder, and the lock on it.
import {
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import path from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { identityOf, isRunning } from "./processes.mjs";

/**
 * The state of a data folder. `parts` has an entry for every part that was started here: its ports
 * (kept when it stops, since replica set and connectors store them) and its process, if any.
 */
export function readState(data) {
  const file = fileOf(data);
  if (!existsSync(file)) return { parts: {} };
  return JSON.parse(readFileSync(file, "utf8"));
}

/** Writes the state; a reader sees the old or the new one. */
export function writeState(data, state) {
  const file = fileOf(data);
  writeFileSync(`${file}.tmp`, `${JSON.stringify(state, null, 2)}\n`);
  renameSync(`${file}.tmp`, file);
}

/** Runs `work` while nobody else changes this data folder; waits up to two minutes for its turn. */
export async function withLock(data, work) {
  mkdirSync(data, { recursive: true });
  const lock = path.join(data, "stack.lock");
  const deadline = Date.now() + 120_000;
  while (!take(lock)) {
    const holder = holderOf(lock);
    if (!isRunning(holder)) rmSync(lock, { force: true });
    else if (Date.now() > deadline) {
      throw new Error(`process ${holder.pid} has been working on ${data} for two minutes`);
    } else await sleep(200);
  }
  try {
    return await work();
  } finally {
    rmSync(lock, { force: true });
  }
}

function fileOf(data) {
  return path.join(data, "stack.json");
}

function take(lock) {
  // Written aside and then linked: whoever finds the lock finds its holder in it.
  const own = `${lock}.${process.pid}`;
  writeFileSync(own, JSON.stringify(identityOf(process.pid)));
  try {
    linkSync(own, lock);
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
    return false;
  } finally {
    rmSync(own, { force: true });
  }
}

function holderOf(lock) {
  try {
    return JSON.parse(readFileSync(lock, "utf8"));
  } catch {
    return null;
  }
}
