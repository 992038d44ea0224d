import { afterEach, describe, expect, test } from "bun:test";
import { Buffer } from "node:buffer";
import { spawnSync } from "node:child_process";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { carriesOwnPosition } from "../../../src/core/source/own-position.ts";
import type { Clock } from "../../../src/delta/engine.ts";
import type { SourceEvent } from "../../../src/core/source/source.ts";
import { streamIdentity } from "../../../src/core/source/first-record.ts";
import {
  eventsOf,
  failureOf,
  lanesOf,
  makeFolder,
  pipeOf,
  removeFolders,
  sourceOf,
  textOf,
} from "./source-harness.ts";

const kcat = '{"topic":"t","partition":3,"offset":9007199254740993,"key":null,"payload":null}\n';

afterEach(removeFolders);

test("without a source id, records need their own positions", async () => {
  const stdin = pipeOf(Buffer.from('{"op":"c"}\n'));
  const error = await failureOf(eventsOf(sourceOf("-", { stdin })));
  expect(error.code).toBe("usage");
  expect(error.message).toContain("--source-id");
});

test("with positions of their own they need no source id", async () => {
  const stdin = pipeOf(Buffer.from(`\n${kcat}${kcat}`));
  const [lane] = lanesOf(await eventsOf(sourceOf("-", { stdin })));
  expect(lane?.lane).toBe("-");
  expect(lane?.text).toBe(kcat + kcat);
  expect(lane?.batches[0]?.position).toEqual({
    topic: "-",
    partition: 0,
    baseOffset: 1n,
    identity: streamIdentity(Buffer.from(kcat.trimEnd())),
  });
});

test("an empty pipe needs no source id", async () => {
  const events = await eventsOf(sourceOf("-", { stdin: pipeOf(Buffer.of()) }));
  expect(events).toEqual([{ kind: "lane-end", lane: "-" }]);
});

describe("carriesOwnPosition()", () => {
  test.each([
    [kcat, true],
    ['{"offset":0,"partition":0,"topic":"a"}', true],
    ['{"topic":"a","partition":0}', false],
    ['{"topic":"a","offset":0}', false],
    ['{"partition":0,"offset":0}', false],
    ['{"topic":1,"partition":0,"offset":0}', false],
    ['{"topic":"a","partition":"0","offset":0}', false],
    ['{"topic":"a","partition":0,"offset":-1}', false],
    ['{"topic":"a","partition":0,"offset":null}', false],
    ['{"payload":{"topic":"a","partition":0,"offset":0}}', false],
    ['["topic","partition","offset"]', false],
    ["null", false],
    ["", false],
    ['{"topic":', false],
  ])("of %s is %p", (line, expected) => {
    expect(carriesOwnPosition(Buffer.from(line))).toBe(expected);
  });
});

test("lines of a slow pipe are handed over while it is quiet", async () => {
  const stdin = new PassThrough();
  const limits = { lingerMs: 5, pollMs: 10 };
  const source = sourceOf("-", { stdin, sourceId: "x", limits });
  const events = source.events({ signal: new AbortController().signal })[Symbol.asyncIterator]();
  const nextRecords = async (): Promise<string> => {
    for (;;) {
      const next = await events.next();
      if (next.done === true) return "done";
      const event: SourceEvent = next.value;
      if (event.kind === "records") return textOf([event.batch]);
    }
  };
  stdin.write("a\nb");
  expect(await nextRecords()).toBe("a\n");
  expect((await events.next()).value).toEqual({ kind: "idle" });
  expect((await events.next()).value).toEqual({ kind: "idle" });
  stdin.write("b\n");
  expect(await nextRecords()).toBe("bb\n");
  stdin.end("c");
  expect(await nextRecords()).toBe("c");
  expect((await events.next()).value).toEqual({ kind: "lane-end", lane: "x" });
  expect((await events.next()).done).toBe(true);
});

test("lines of a pipe that never rests are handed over all the same", async () => {
  let produced = 0;
  const stdin = Readable.from((async function* () {
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      yield Buffer.from(`${produced++}\n`);
    }
  })());
  const limits = { lingerMs: 20, pollMs: 1000 };
  const source = sourceOf("-", { stdin, sourceId: "x", limits });
  for await (const event of source.events({ signal: new AbortController().signal })) {
    if (event.kind === "records") break;
  }
  expect(produced).toBeLessThan(10_000);
  await source.close();
});

test("with the signal aborted, lines taken from the pipe are still handed over", async () => {
  const stdin = new PassThrough();
  const controller = new AbortController();
  const limits = { lingerMs: 60_000, pollMs: 60_000 };
  const source = sourceOf("-", { stdin, sourceId: "x", limits });
  stdin.write("a\nb\nc");
  setTimeout(() => controller.abort(), 30);
  const events = await eventsOf(source, controller.signal);
  expect(lanesOf(events)[0]?.text).toBe("a\nb\n");
  expect(events.every((event) => event.kind === "records")).toBe(true);
});

test("with the signal aborted while lines are handled, the rest of what was taken follows", async () => {
  const stdin = pipeOf(Buffer.from("a\nb\nc\nd\ne\n"), 1 << 20);
  const controller = new AbortController();
  const source = sourceOf("-", { stdin, sourceId: "x", limits: { batchBytes: 2 } });
  let text = "";
  for await (const event of source.events({ signal: controller.signal })) {
    if (event.kind === "records") text += textOf([event.batch]);
    controller.abort();
  }
  expect(text).toBe("a\nb\nc\nd\ne\n");
});

test("with the signal aborted, a pipe that never rests ends all the same", async () => {
  const stdin = Readable.from((function* () {
    for (;;) yield Buffer.from("line\n");
  })());
  const controller = new AbortController();
  const source = sourceOf("-", { stdin, sourceId: "x", limits: { batchBytes: 100 } });
  let after = 0;
  for await (const event of source.events({ signal: controller.signal })) {
    if (controller.signal.aborted && event.kind === "records") after++;
    controller.abort();
  }
  expect(after).toBeLessThan(10_000);
});

test("no timer outlives its wait", async () => {
  const stdin = new PassThrough();
  const waits: AbortSignal[] = [];
  const clock: Clock = {
    nowMs: () => 0,
    sleep: (_ms, signal) =>
      new Promise((_resolve, reject) => {
        waits.push(signal);
        signal.addEventListener("abort", () => reject(new Error("woken")));
        if (!stdin.writableEnded) stdin.end("a\n");
      }),
  };
  await eventsOf(sourceOf("-", { stdin, sourceId: "x", clock }));
  expect(waits.length).toBeGreaterThan(0);
  expect(waits.every((signal) => signal.aborted)).toBe(true);
});

test("a pipe is not read twice", async () => {
  const source = sourceOf("-", { stdin: pipeOf(Buffer.from("a\n")), sourceId: "x" });
  await eventsOf(source);
  const error = await failureOf(eventsOf(source));
  expect(error.code).toBe("source");
  expect(error.message).toContain("standard input");
});

test("a pipe that breaks is an error", async () => {
  const stdin = Readable.from((async function* () {
    yield Buffer.from("a\n");
    await Promise.resolve();
    throw new Error("cable cut");
  })());
  const error = await failureOf(eventsOf(sourceOf("-", { stdin, sourceId: "x" })));
  expect(error.code).toBe("source");
  expect(error.message).toContain("cable cut");
});

test("a FIFO is read like standard input", async () => {
  const path = join(makeFolder(), "pipe");
  if (spawnSync("mkfifo", [path]).status !== 0) return;
  createWriteStream(path).end("a\nb\n");
  const events = await eventsOf(sourceOf(path, { sourceId: "x" }));
  expect(lanesOf(events)[0]?.text).toBe("a\nb\n");
});
