import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { splitBatches } from "../../../../src/core/source/kafka/split-batches.ts";
import { concatBytes, kafkaRecordBatch } from "../../../support/kafka-batches.ts";

describe("splitting record batches", () => {
  test("pieces are whole batches, in order, none empty, none too large unless it is one batch", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ count: fc.integer({ min: 1, max: 9 }), size: fc.nat(80) }), {
          minLength: 1,
          maxLength: 12,
        }),
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 100, max: 2000 }),
        (specs, recordsMax, recordBytesMax) => {
          let baseOffset = 0n;
          const batches = specs.map(({ count, size }) => {
            const values = Array.from({ length: count }, () => ({ value: "x".repeat(size) }));
            const bytes = kafkaRecordBatch(values, { baseOffset });
            // As compaction leaves them: offsets between batches may be missing.
            const end = baseOffset + BigInt(count);
            baseOffset = end + 3n;
            return { bytes, count, end };
          });
          const records = specs.reduce((sum, { count }) => sum + count, 0);
          const bytes = concatBytes(batches.map((batch) => batch.bytes));
          const nextOffset = batches.at(-1)!.end;
          const pieces = splitBatches({ bytes, nextOffset, records }, {
            recordsMax,
            recordBytesMax,
          });
          expect(concatBytes(pieces.map((piece) => piece.bytes))).toEqual(bytes);
          expect(pieces.reduce((sum, piece) => sum + piece.records, 0)).toBe(records);
          const ends = batches.map((batch) => batch.end);
          let at = 0;
          for (const piece of pieces) {
            const inside = ends.filter((end) => end <= piece.nextOffset).length - at;
            expect(inside).toBeGreaterThan(0);
            const own = batches.slice(at, at + inside);
            expect(piece.bytes.length).toBe(own.reduce((sum, one) => sum + one.bytes.length, 0));
            expect(piece.records).toBe(own.reduce((sum, one) => sum + one.count, 0));
            if (inside > 1) {
              expect(piece.records).toBeLessThanOrEqual(recordsMax);
              expect(piece.bytes.length).toBeLessThanOrEqual(recordBytesMax);
            }
            at += inside;
          }
          expect(pieces.at(-1)!.nextOffset).toBe(nextOffset);
        },
      ),
    );
  });

  test("what is small enough is handed on as it is", () => {
    const data = { bytes: kafkaRecordBatch([{}], { baseOffset: 4n }), nextOffset: 5n, records: 1 };
    expect(splitBatches(data, { recordsMax: 1, recordBytesMax: 1000 })).toEqual([data]);
  });
});
