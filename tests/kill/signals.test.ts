import { afterEach, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { localStore } from "../../src/delta/storage/local-store.ts";
import type { ObjectStore } from "../../src/delta/storage/object-store.ts";
import {
  isBinaryBuilt,
  type LogEntry,
  type RunningBinary,
  startBinary,
} from "../support/run-binary.ts";
import { type S3Stub, startS3Stub } from "../support/s3-stub.ts";
import { pairPieces } from "./events.ts";
import { contentOf, lintLake } from "./lake.ts";

const cleanUps: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp();
});

const exitCodes = [["SIGTERM", 143], ["SIGINT", 130]] as const;
const lines = pairPieces(6).join("").split("\n").slice(0, -1);

describe.skipIf(!isBinaryBuilt())("the binary, told to stop", () => {
  test.each(exitCodes)("%s: what was read of an open pipe is committed", async (signal) => {
    const { folder, lake, store } = newFolder();
    const pipe = path.join(folder, "pipe");
    expect(spawnSync("mkfifo", [pipe]).status).toBe(0);
    const writer = openSync(pipe, "r+");
    cleanUps.push(() => closeSync(writer));
    const running = start(["--source", pipe, "--source-id", "shop", "--base-path", lake], {
      // Never due by rows, bytes or age: only the end or a signal makes a flush.
      flags: ["--flush-rows", "1000000", "--flush-interval", "1h"],
    });
    await running.logged("started");
    const text = `${lines.slice(0, 100).join("\n")}\n`;
    const before = bytesRead(running.pid);
    writeSync(writer, text);
    await untilRead(running, before + Buffer.byteLength(text));
    running.kill(signal);
    const { status, stderr, stdout } = await running.ended;
    expect({ status, stderr: stderr.includes('"stopping"') }).toEqual({ status: 0, stderr: true });
    expect(stdout).toContain("records");
    expect(await rowOffsets(store)).toEqual(offsetsOf(100));
  });

  test.each(exitCodes)("%s ends a run whose standard input stays open", async (signal) => {
    const { lake, store } = newFolder();
    const args = ["--source", "-", "--source-id", "shop", "--base-path", lake];
    const running = start(args, {});
    running.feed(`${lines.slice(0, 100).join("\n")}\n`);
    await running.logged("flushed");
    running.kill(signal);
    expect((await running.ended).status).toBe(0);
    expect(await rowOffsets(store)).toEqual(offsetsOf(100));
  });

  test.each(exitCodes)("%s ends --follow, a later run goes on", async (signal) => {
    const { folder, lake, store } = newFolder();
    const file = path.join(folder, "events.ndjson");
    writeFileSync(file, `${lines.slice(0, 50).join("\n")}\n`);
    const args = ["--source", file, "--source-id", "shop", "--base-path", lake];
    const running = start([...args, "--follow"], { flags: ["--flush-rows", "1"] });
    await running.logged("flushed");
    writeFileSync(file, `${lines.slice(50).join("\n")}\n`, { flag: "a" });
    await running.logged("flushed");
    running.kill(signal);
    expect((await running.ended).status).toBe(0);
    expect(await rowOffsets(store)).toEqual(offsetsOf(lines.length));
    expect((await start(args, {}).ended).status).toBe(0);
    expect(await rowOffsets(store)).toEqual(offsetsOf(lines.length));
  });

  test("a run that is behind stops with a prefix, the next one adds the rest", async () => {
    const { folder, lake, store } = newFolder();
    const file = path.join(folder, "events.ndjson");
    const many = Array.from({ length: 40 }, () => lines).flat();
    writeFileSync(file, `${many.join("\n")}\n`);
    const args = ["--source", file, "--source-id", "shop", "--base-path", lake];
    const flags = ["--flush-bytes", "64KiB", "--memory", "192MiB"];
    const running = start(args, { flags });
    await running.logged("committed");
    running.kill("SIGTERM");
    expect((await running.ended).status).toBe(0);
    const all = offsetsOf(many.length, many);
    const prefix = await rowOffsets(store);
    expect(prefix.length).toBeGreaterThan(0);
    expect(prefix).toEqual(all.slice(0, prefix.length));
    expect((await start(args, {}).ended).status).toBe(0);
    expect(await rowOffsets(store)).toEqual(all);
  });

  describe.each(exitCodes)("%s twice", (signal, exitCode) => {
    test(`while a commit hangs: exit code ${exitCode} at once, nothing is lost`, async () => {
      const { stub, store, args, hanging } = await newBucket();
      hanging.on = true;
      const running = start(args, { stub });
      running.feed(`${lines.join("\n")}\n`);
      running.endInput();
      await hanging.met;
      running.kill(signal);
      await running.logged("stopping");
      running.kill(signal);
      const { status, stderr } = await running.ended;
      expect(status).toBe(exitCode);
      expect(stderr).not.toContain("    at ");
      hanging.on = false;
      const again = start(args, { stub });
      again.feed(`${lines.join("\n")}\n`);
      again.endInput();
      expect((await again.ended).status).toBe(0);
      expect(await lintLake(store)).toEqual([]);
      expect(await rowOffsets(store)).toEqual(offsetsOf(lines.length));
    });
  });

  test("SIGTERM while a commit is slow: it is waited for", async () => {
    const { stub, store, args, hanging } = await newBucket();
    hanging.on = true;
    const running = start(args, { stub });
    running.feed(`${lines.join("\n")}\n`);
    running.endInput();
    await hanging.met;
    running.kill("SIGTERM");
    await running.logged("stopping");
    hanging.release();
    expect((await running.ended).status).toBe(0);
    expect(await rowOffsets(store)).toEqual(offsetsOf(lines.length));
  });
});

function newFolder(): { folder: string; lake: string; store: ObjectStore } {
  const folder = mkdtempSync(path.join(tmpdir(), "cdcdelta-signals-"));
  cleanUps.push(() => rmSync(folder, { recursive: true, force: true }));
  const lake = path.join(folder, "lake");
  return { folder, lake, store: localStore(lake) };
}

/** A bucket whose commits hang while `hanging.on`. */
async function newBucket() {
  const stub = await startS3Stub();
  cleanUps.push(() => stub.stop());
  let release = (): void => {};
  let meet = (): void => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const met = new Promise<void>((resolve) => {
    meet = resolve;
  });
  const hanging = { on: false, met, release: () => release() };
  const store = stub.makeBucket("lake", {
    async intercept({ isConditional, key }, apply) {
      if (!hanging.on || !isConditional || !key.includes("/_delta_log/")) return await apply();
      meet();
      await released;
      return await apply();
    },
  });
  const args = ["--source", "-", "--source-id", "shop", "--base-path", "s3://lake/base"];
  return { stub, store, args, hanging };
}

type Started = RunningBinary & {
  /** Resolves when an event is logged that was not waited for yet. */
  logged(event: string): Promise<void>;
};

function start(
  args: readonly string[],
  { flags = ["--flush-rows", "1"], stub }: { flags?: readonly string[]; stub?: S3Stub },
): Started {
  const seen: string[] = [];
  let wake = (): void => {};
  const env = stub === undefined ? {} : {
    MINIO_ENDPOINT: stub.endpoint,
    MINIO_ACCESS_KEY: stub.accessKey,
    MINIO_SECRET_KEY: stub.secretKey,
  };
  const running = startBinary(
    ["run", "--workers", "1", "--log-level", "debug", ...args, ...flags],
    {
      env,
      hasInput: true,
      onLog({ event = "" }: LogEntry) {
        seen.push(event);
        wake();
      },
    },
  );
  let isOver = false;
  const end = (): void => {
    isOver = true;
    wake();
  };
  running.ended.then(end, end);
  return {
    ...running,
    async logged(event) {
      while (!seen.includes(event)) {
        if (isOver) throw new Error(`it ended before "${event}": ${(await running.ended).stderr}`);
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      seen.splice(0, seen.indexOf(event) + 1);
    },
  };
}

/** Waits until the process has taken so many bytes off its inputs. */
async function untilRead(running: RunningBinary, bytes: number): Promise<void> {
  while (bytesRead(running.pid) < bytes) await sleep(5);
}

/** Bytes that a process has read so far, of everything (Linux). */
function bytesRead(pid: number): number {
  return Number(/rchar: (\d+)/.exec(readFileSync(`/proc/${pid}/io`, "utf8"))?.[1]);
}

/** Offsets of the rows of all tables, dead letters too, in order. */
async function rowOffsets(store: ObjectStore): Promise<number[]> {
  expect(await lintLake(store)).toEqual([]);
  const rows = Object.values(await contentOf(store)).flatMap((table) => table.rows);
  return rows.map((row) => (JSON.parse(row) as { _kafka_offset: number })._kafka_offset)
    .sort((a, b) => a - b);
}

/** Offsets of the first lines that become rows: all but tombstones. */
function offsetsOf(count: number, all: readonly string[] = lines): number[] {
  const offsets: number[] = [];
  let offset = 0;
  for (const line of all.slice(0, count)) {
    if (!line.endsWith('"value":null}')) offsets.push(offset);
    offset += Buffer.byteLength(line) + 1;
  }
  return offsets;
}
