import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  type PhysicalValues,
  physicalValues,
  readDictionaryValues,
  readValues,
} from "../../../src/delta/parquet/physical-values.ts";

/** Indices as writers make them: some that follow one another, some that do not. */
const indices = fc.array(
  fc.record({ first: fc.nat(40), run: fc.integer({ min: 1, max: 9 }) }),
  { maxLength: 30 },
).map((runs) => runs.flatMap(({ first, run }) => Array.from({ length: run }, (_, i) => first + i)));

/** A dictionary of entries of one physical type, whose bytes are all different. */
function dictionaryOf(type: string, entries: readonly Uint8Array[]): PhysicalValues {
  const values = physicalValues(type, 3, entries.length);
  const parts = entries.flatMap((entry) =>
    type === "BYTE_ARRAY" ? [entry.length, 0, 0, 0, ...entry] : [...entry]
  );
  readValues(values, "PLAIN", { bytes: Uint8Array.from(parts), at: 0 }, 0, entries.length);
  return values;
}

function valueAt(values: PhysicalValues, i: number): Uint8Array {
  if (values.kind === "bytes") {
    return values.data.slice(values.offsets[i], values.offsets[i + 1]);
  }
  if (values.kind === "fixed") {
    return values.data.slice(i * values.width, (i + 1) * values.width);
  }
  const { buffer, BYTES_PER_ELEMENT: width } = values.values;
  return new Uint8Array(buffer).slice(i * width, (i + 1) * width);
}

describe("values of a dictionary", () => {
  const types = [["INT32", 4], ["INT64", 8], ["FLOAT", 4], ["DOUBLE", 8], ["INT96", 12], [
    "FIXED_LEN_BYTE_ARRAY",
    3,
  ], ["BYTE_ARRAY", null]] as const;
  for (const [type, width] of types) {
    const entries = Array.from(
      { length: 50 },
      (_, i) => new Uint8Array(width ?? i * 7 % 40).fill(i + 1),
    );
    test(`${type}: each is the one that its index names`, () => {
      fc.assert(fc.property(indices, indices, (before, after) => {
        const dictionary = dictionaryOf(type, entries);
        const all = [...before, ...after];
        const values = physicalValues(type, 3, all.length);
        const size = entries.length;
        readDictionaryValues(values, dictionary, size, Int32Array.from(before), 0);
        readDictionaryValues(values, dictionary, size, Int32Array.from(after), before.length);
        const expected = all.map((index) => valueAt(dictionary, index));
        expect(all.map((_, i) => valueAt(values, i))).toEqual(expected);
        expect(all.every((index) => valueAt(dictionary, index).every((b) => b === index + 1)))
          .toBe(true);
      }));
    });
  }
});
