import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { decompressSnappy } from "hyparquet-compressors";
import { snappyCompress } from "../../../src/delta/parquet/snappy.ts";
import { snappyDecompress } from "../../../src/delta/parquet/snappy-decompress.ts";

/** Bytes that repeat now and then, as data do. */
const bytes = fc.array(
  fc.oneof(
    fc.uint8Array({ maxLength: 90 }),
    fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 20 }), fc.integer({ min: 1, max: 40 }))
      .map(([part, times]) =>
        Uint8Array.from(Array.from({ length: times }, () => [...part]).flat())
      ),
  ),
  { maxLength: 8 },
).map((parts) => Uint8Array.from(parts.flatMap((part) => [...part])));

describe("snappy", () => {
  test("gives back what was compressed, as another decompressor does", () => {
    fc.assert(fc.property(bytes, (input) => {
      const compressed = snappyCompress(input);
      expect(snappyDecompress(compressed, input.length)).toEqual(input);
      expect(decompressSnappy(compressed, input.length)).toEqual(input);
    }));
  });

  test("damaged data give an error or as many bytes, and do no harm to the page after", () => {
    fc.assert(fc.property(bytes, fc.nat(), fc.nat(255), (input, place, byte) => {
      const good = snappyCompress(input);
      const damaged = good.slice();
      damaged[place % damaged.length] = byte;
      try {
        expect(snappyDecompress(damaged, input.length).length).toBe(input.length);
      } catch (error) {
        expect(error).toBeInstanceOf(Error);
      }
      expect(snappyDecompress(good, input.length)).toEqual(input);
    }));
  });

  const wrong: readonly (readonly [string, readonly number[], number, RegExp])[] = [
    ["nothing", [], 0, /length cannot be read/],
    ["another length", [3, 8, 1, 2, 3], 4, /holds 3 bytes instead of 4/],
    ["a literal beyond the data", [3, 8, 1], 3, /eof|premature end|uncompress/],
    ["a copy from before the data", [4, 0, 1, 1 | 0 << 2, 9], 4, /premature end|uncompress|eof/],
    ["an end that comes too early", [3, 0, 1], 3, /eof|premature end/],
  ];
  for (const [name, input, size, said] of wrong) {
    test(`refuses ${name}`, () => {
      expect(() => snappyDecompress(Uint8Array.from(input), size)).toThrow(said);
    });
  }

  test("long literals and distant copies", () => {
    const noise = Uint8Array.from({ length: 70_000 }, (_, i) => Math.imul(i, 2654435761) >>> 24);
    const input = Uint8Array.from([...noise, ...noise]);
    expect(snappyDecompress(snappyCompress(input), input.length)).toEqual(input);
  });
});
