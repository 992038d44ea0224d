import { expect, test } from "bun:test";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { boundsOfBytes, comparedBytesMax } from "../../../src/delta/parquet/bounds.ts";

/** Values that mostly begin alike, as keys do, some of them longer than what is compared. */
const value = fc.tuple(
  fc.constantFrom("", "aaaa", "aaaaaaa", "aaaabbbb", "a".repeat(comparedBytesMax - 2)),
  fc.uint8Array({ maxLength: 6 }).map((bytes) => bytes.map((byte) => byte % 3 === 0 ? 0x61 : byte)),
).map(([head, tail]) => Buffer.concat([Buffer.from(head), tail]));

function bounds(values: readonly Buffer[], picked: Int32Array | null): (Buffer | null)[] {
  const offsets = Int32Array.from([0, ...values.map((one) => one.length)]);
  for (let i = 1; i < offsets.length; i++) offsets[i]! += offsets[i - 1]!;
  const count = picked?.length ?? values.length;
  const { min, max } = boundsOfBytes(offsets, Buffer.concat(values), picked, count);
  return [min, max].map((one) => one instanceof Uint8Array ? Buffer.from(one) : null);
}

/** The bytes that bounds are told apart by; one more shows that a value is longer. */
function cut(one: Buffer): Buffer {
  return Buffer.from(one.subarray(0, comparedBytesMax + 1));
}

test("bounds of byte strings are the first and the last of them in order", () => {
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 20 }), (values) => {
      const order = values.toSorted((a, b) =>
        Buffer.compare(a.subarray(0, comparedBytesMax), b.subarray(0, comparedBytesMax)) ||
        cut(a).length - cut(b).length
      );
      const lengths = bounds(values, null).map((one) => one?.length);
      const expected = [order[0]!, order.at(-1)!].map(cut);
      expect(lengths).toEqual(expected.map((one) => one.length));
      const compared = (list: readonly (Buffer | null)[]): (string | undefined)[] =>
        list.map((one) => one?.subarray(0, comparedBytesMax).toString("hex"));
      expect(compared(bounds(values, null))).toEqual(compared(expected));
      const all = Int32Array.from(values.keys());
      expect(bounds(values, all)).toEqual(bounds(values, null));
    }),
    { numRuns: 500 },
  );
});

test("only the picked ones count", () => {
  const values = ["b", "a", "d", "c"].map((text) => Buffer.from(text));
  expect(bounds(values, Int32Array.of(0, 3))).toEqual([Buffer.from("b"), Buffer.from("c")]);
});
