import { afterEach, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RecordBatch } from "../../../src/core/event/record-batch.ts";
import { batchMemory } from "../../../src/core/source/batch-memory.ts";
import { makeFolder, removeFolders, sourceOf, textOf } from "./source-harness.ts";

afterEach(removeFolders);

describe("batchMemory()", () => {
  test("gives a piece again once it was given back, and never twice", () => {
    const memory = batchMemory(64, 4);
    const first = memory.take(64);
    memory.giveBack(first.subarray(0, 10));
    memory.giveBack(first);
    expect(memory.take(64).buffer).toBe(first.buffer);
    expect(memory.take(64).buffer).not.toBe(first.buffer);
  });

  test("forgets other sizes, and more pieces than it may keep", () => {
    const memory = batchMemory(64, 1);
    const pieces = [memory.take(64), memory.take(64), memory.take(65)];
    for (const piece of pieces) memory.giveBack(piece);
    const again = [memory.take(64), memory.take(64)].map(({ buffer }) => buffer);
    expect(pieces.filter(({ buffer }) => again.includes(buffer)).length).toBe(1);
  });
});

/** Reads a file and holds back `held` batches before they are released, as a pump does. */
async function readHolding(path: string, held: number) {
  const source = sourceOf(path, { limits: { batchBytes: 256 } });
  const { signal } = new AbortController();
  const waiting: RecordBatch[] = [];
  const buffers = new Set<ArrayBufferLike>();
  let text = "";
  for await (const event of source.events({ signal })) {
    if (event.kind !== "records") continue;
    waiting.push(event.batch);
    buffers.add(event.batch.bytes.buffer);
    if (waiting.length <= held) continue;
    const oldest = waiting.splice(0, 1);
    text += textOf(oldest);
    source.release(oldest);
  }
  return { text: text + textOf(waiting), buffers: buffers.size };
}

describe("a file source whose batches are released", () => {
  for (const held of [0, 1, 5]) {
    test(`leaves the ${held} that are not as they are, and uses the others again`, async () => {
      const lines = Array.from(
        { length: 500 },
        (_, n) => `{"n":${n},"pad":"${"x".repeat(n % 90)}"}`,
      );
      const path = join(makeFolder(), "f.ndjson");
      writeFileSync(path, `${lines.join("\n")}\n`);
      const { text, buffers } = await readHolding(path, held);
      expect(text).toBe(`${lines.join("\n")}\n`);
      expect(buffers).toBeLessThan(60);
    });
  }
});
