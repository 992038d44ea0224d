import { expect, test } from "bun:test";
import { meteredSource } from "../../../src/cli/watch/held-bytes.ts";
import type { RecordBatch } from "../../../src/core/event/record-batch.ts";
import type { Source, SourceEvent } from "../../../src/core/source/source.ts";

const { signal } = new AbortController();
const batch = (size: number): RecordBatch => ({
  framing: "lines",
  bytes: new Uint8Array(size),
  position: { topic: "t", partition: 0, baseOffset: 0n, identity: "" },
});

function sourceOf(events: readonly SourceEvent[], released: RecordBatch[]): Source {
  return {
    description: "test",
    // oxlint-disable-next-line require-await
    async *events() {
      yield* events;
    },
    commitFloors: () => Promise.resolve(),
    // Memory that is given back may be cut off.
    release: (batches) => void released.push(...batches),
    progress: () => ({ bytesRead: 0, bytesTotal: null }),
    lanes: () => [],
    close: () => Promise.resolve(),
  };
}

test("counts what was given and neither released nor lost", async () => {
  const [a, b, c] = [batch(10), batch(20), batch(40)];
  const released: RecordBatch[] = [];
  const source = meteredSource(sourceOf([
    { kind: "records", lane: "a", batch: a },
    { kind: "records", lane: "b", batch: b },
    { kind: "records", lane: "a", batch: c },
    { kind: "idle" },
    { kind: "lanes-lost", lanes: ["b"] },
  ], released));
  const seen: number[] = [];
  for await (const _ of source.events({ signal })) seen.push(source.heldBytes());
  expect(seen).toEqual([10, 30, 70, 70, 50]);
  source.release([a, b]);
  expect(source.heldBytes()).toBe(40);
  expect(released).toEqual([a, b]);
  // Read again from the floor: what was held was given up.
  for await (const _ of source.events({ signal })) break;
  expect(source.heldBytes()).toBe(10);
});
