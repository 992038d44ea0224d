import { describe, expect, test } from "bun:test";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { committedBatches } from "../../../src/core/kafka/committed-batches.ts";
import type { FetchedData } from "../../../src/core/kafka/kafka-client.ts";
import { CdcDeltaError } from "../../../src/errors.ts";
import { concatBytes, kafkaControlBatch, kafkaRecordBatch } from "../../support/kafka-batches.ts";
import { type LogAction, partitionLog } from "./partition-log.ts";

const action: fc.Arbitrary<LogAction> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("append" as const),
      producer: fc.integer({ min: 1, max: 3 }),
      records: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom("abort" as const, "commit" as const),
      producer: fc.integer({ min: 1, max: 3 }),
    }),
  },
  fc.record({ kind: fc.constant("plain" as const), records: fc.integer({ min: 1, max: 2 }) }),
  fc.record({ kind: fc.constant("emptied" as const), offsets: fc.integer({ min: 1, max: 4 }) }),
);

const endings: readonly LogAction[] = [1, 2, 3].map((producer) => (
  { kind: producer === 2 ? "commit" : "abort", producer }
));

describe("committed batches", () => {
  test("are what committed transactions wrote, however the log is cut into fetches", () => {
    fc.assert(
      fc.property(
        fc.array(action, { maxLength: 40 }).chain((actions) =>
          fc.shuffledSubarray([...endings]).map((
            ends,
          ): readonly LogAction[] => [...actions, ...ends])
        ),
        fc.integer({ min: 1, max: 900 }),
        fc.nat(30),
        (actions, bytesMax, start) => {
          const log = partitionLog(actions);
          const read: bigint[] = [];
          let at = BigInt(Math.min(start, Number(log.stableEnd)));
          const from = at;
          while (at < log.stableEnd) {
            const answer = committedBatches(log.fetch(at, bytesMax));
            read.push(...offsetsOf(answer.data).filter((offset) => offset >= at));
            expect(answer.nextOffset).toBeGreaterThan(at);
            expect(answer.data.at(-1)?.nextOffset ?? at).toBeLessThanOrEqual(answer.nextOffset);
            at = answer.nextOffset;
          }
          expect(at).toBe(log.stableEnd);
          expect(read).toEqual(log.committed.filter((offset) => offset >= from));
        },
      ),
      { numRuns: 1000 },
    );
  });

  test("are views of the answer, batches in a row together", () => {
    const records = Buffer.from(concatBytes([
      kafkaRecordBatch([{ value: "a" }, { value: "b" }], { baseOffset: 5n }),
      kafkaRecordBatch([{ value: "c" }], { baseOffset: 9n }),
      kafkaControlBatch({ offset: 10n, kind: "commit", producerId: 7n }),
      kafkaRecordBatch([{ value: "d" }], { baseOffset: 11n, lastOffset: 14n }),
    ]));
    const { data, nextOffset } = committedBatches({ ...place, fetchOffset: 6n, records });
    expect(nextOffset).toBe(15n);
    expect(data.map(({ nextOffset: next, records: count }) => [next, count]))
      .toEqual([[10n, 3], [15n, 1]]);
    for (const { bytes } of data) expect(bytes.buffer).toBe(records.buffer);
  });

  test("leave out what lies below the fetch offset, and never go back", () => {
    const records = Buffer.from(kafkaRecordBatch([{ value: "old" }], { baseOffset: 3n }));
    expect(committedBatches({ ...place, fetchOffset: 9n, records }))
      .toEqual({ data: [], nextOffset: 9n });
  });

  test("of one producer are told apart by their markers", () => {
    const batch = (offset: bigint) =>
      kafkaRecordBatch([{ value: "x" }], { baseOffset: offset, producerId: 1n });
    const end = (offset: bigint, kind: "abort" | "commit") =>
      kafkaControlBatch({ offset, kind, producerId: 1n });
    const records = Buffer.from(concatBytes([
      ...[batch(0n), end(1n, "abort"), batch(2n), end(3n, "commit")],
      ...[batch(4n), end(5n, "abort"), batch(6n), end(7n, "commit")],
    ]));
    const abortedTransactions = [
      { producerId: 1n, firstOffset: 4n },
      { producerId: 1n, firstOffset: 0n },
    ];
    const { data } = committedBatches({ ...place, fetchOffset: 0n, abortedTransactions, records });
    expect(offsetsOf(data)).toEqual([2n, 6n]);
  });

  test("a record that looks like a marker is a record", () => {
    const key = Uint8Array.of(0, 0, 0, 0);
    const records = Buffer.from(concatBytes([
      kafkaRecordBatch([{ key }], { baseOffset: 0n, producerId: 1n }),
      kafkaRecordBatch([{ value: "x" }], { baseOffset: 1n, producerId: 1n }),
      kafkaControlBatch({ offset: 2n, kind: "abort", producerId: 1n }),
    ]));
    const abortedTransactions = [{ producerId: 1n, firstOffset: 0n }];
    const { data } = committedBatches({ ...place, fetchOffset: 0n, abortedTransactions, records });
    expect(data).toEqual([]);
  });

  test.each([
    [
      "messages of old formats",
      changed((batch) => batch.writeInt8(1, 16)),
      "before 0.11 (magic 1)",
    ],
    ["an unknown format", changed((batch) => batch.writeInt8(3, 16)), "damaged record batch"],
    ["a length that cannot be", changed((batch) => batch.writeInt32BE(7, 8)), "damaged"],
    ["a cut-off first batch", whole().subarray(0, 60), "needs 70 bytes, but the broker"],
    ["a cut-off first header", whole().subarray(0, 16), "KAFKA_MAX_PARTITION_FETCH_BYTES"],
  ])("%s are an error", (_, records, message) => {
    const read = () => committedBatches({ ...place, fetchOffset: 0n, records });
    expect(read).toThrow(message);
    expect(read).toThrow(CdcDeltaError);
  });
});

const place = { topic: "shop.things", partition: 4, abortedTransactions: [] };

function whole(): Buffer {
  return Buffer.from(kafkaRecordBatch([{ key: "k", value: "v" }], { baseOffset: 0n }));
}

function changed(change: (batch: Buffer) => void): Buffer {
  const batch = whole();
  change(batch);
  return batch;
}

/** Offsets of all records, by the headers: in these tests batches have no gaps. */
function offsetsOf(data: readonly FetchedData[]): bigint[] {
  const offsets: bigint[] = [];
  for (const { bytes } of data) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at < bytes.length; at += 12 + view.getInt32(at + 8)) {
      const base = view.getBigInt64(at);
      for (let index = 0; index < view.getInt32(at + 57); index++) {
        offsets.push(base + BigInt(index));
      }
    }
  }
  return offsets;
}
