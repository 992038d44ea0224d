import { describe, expect, test } from "bun:test";
import zlib from "node:zlib";
import fc from "fast-check";
import { ByteBuffer } from "../../../src/core/event/byte-buffer.ts";
import { crc32c } from "../../../src/core/event/crc32c.ts";
import { inflateKafka } from "../../../src/core/event/kafka-inflate.ts";
import { inflateLz4 } from "../../../src/core/event/lz4.ts";
import { inflateSnappy } from "../../../src/core/event/snappy-blocks.ts";
import { snappyCompress } from "../../../src/delta/parquet/snappy.ts";
import { kafkaBatchBytesMax } from "../../../src/limits.ts";
import { concatBytes } from "../../support/kafka-batches.ts";
import { lz4Frame } from "../../support/lz4-encoder.ts";
import { lz4Frames, lz4Text } from "./kafka-samples.ts";

const encoder = new TextEncoder();
const unlimited = 1 << 30;

function unpack(
  inflate: typeof inflateLz4,
  packed: Uint8Array,
  bytesMax = unlimited,
): Uint8Array {
  const out = new ByteBuffer(16);
  // Not at the start of its buffer, as in a batch.
  const moved = concatBytes([Uint8Array.of(1, 2, 3), packed, Uint8Array.of(9, 9, 9, 9)]);
  inflate(moved, 3, 3 + packed.length, out, bytesMax);
  return out.copy();
}

/** Data with matches near and far, overlapping ones, long literals and long runs. */
const piece = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 20 }), fc.nat(400)).map(([unit, times]) =>
    concatBytes(Array.from({ length: times }, () => unit))
  ),
);
const data = fc.tuple(fc.array(piece, { maxLength: 8 }), fc.nat(70000)).map(([pieces, zeros]) => {
  const all = concatBytes(pieces);
  return concatBytes([all, new Uint8Array(zeros), all]);
});

describe("inflateLz4()", () => {
  const options = fc.record({
    linked: fc.boolean(),
    blockBytes: fc.constantFrom(1000, 64 << 10, 256 << 10),
    stored: fc.boolean(),
    contentSize: fc.boolean(),
    blockChecksums: fc.boolean(),
    contentChecksum: fc.boolean(),
    oldHeaderChecksum: fc.boolean(),
  });

  test("gives back what frames of every kind hold", () => {
    fc.assert(
      fc.property(data, options, (bytes, how) => {
        expect(unpack(inflateLz4, lz4Frame(bytes, how))).toEqual(bytes);
      }),
      { numRuns: 150 },
    );
  });

  test("reads frames one behind the other, and passes over skippable ones", () => {
    const skippable = Uint8Array.of(0x53, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 7, 7);
    const first = encoder.encode("abcabcabcabcabcabcabc");
    const all = concatBytes([lz4Frame(first), skippable, lz4Frame(first, { linked: true })]);
    expect(unpack(inflateLz4, all)).toEqual(concatBytes([first, first]));
  });

  for (const [options, frame] of Object.entries(lz4Frames)) {
    test(`reads what the reference tool wrote with ${options}`, () => {
      expect(unpack(inflateLz4, frame)).toEqual(encoder.encode(lz4Text));
    });
  }

  const frame = lz4Frame(encoder.encode("abcdefgh".repeat(50)));
  const changed = (at: number, byte: number): Uint8Array => {
    const copy = frame.slice();
    copy[at] = byte;
    return copy;
  };
  const cases: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ["an unknown version", changed(4, 0x20), /unknown version/],
    ["a dictionary", changed(4, 0x61), /needs a dictionary/],
    ["an unknown block size", changed(5, 0x30), /unknown block size/],
    ["a frame without its end", frame.subarray(0, -4), /has no end/],
    ["a block that is cut off", frame.subarray(0, -6), /a block is cut off/],
    ["a match before the data", changed(20, 0xff), /a match begins before the data/],
    ["an offset of zero", changed(20, 0), /a match begins before the data/],
    ["a magic number that is cut off", concatBytes([frame, frame.subarray(0, 2)]), /cut off/],
  ];
  for (const [name, bytes, message] of cases) {
    test(`refuses ${name}`, () => {
      expect(() => unpack(inflateLz4, bytes)).toThrow(message);
    });
  }

  test("a block without its independence cannot reach back behind its frame", () => {
    const block = Uint8Array.of(0x00, 4, 0, 0x50, 97, 97, 97, 97, 97);
    const head = Uint8Array.of(0x04, 0x22, 0x4d, 0x18, 0x40, 0x40, 0, block.length, 0, 0, 0);
    const second = concatBytes([head, block, new Uint8Array(4)]);
    const first = lz4Frame(encoder.encode("abcdefgh"));
    expect(() => unpack(inflateLz4, concatBytes([first, second]))).toThrow(
      /begins before the data/,
    );
  });
});

describe("inflateSnappy()", () => {
  test("gives back what was compressed", () => {
    fc.assert(
      fc.property(data, (bytes) => {
        expect(unpack(inflateSnappy, snappyCompress(bytes))).toEqual(bytes);
      }),
      { numRuns: 100 },
    );
  });

  test("reads copies of every kind", () => {
    // A literal "abcd", copies with an offset of 1, 2 and 4 bytes, a literal with its length apart.
    const packed = [21, 12, 97, 98, 99, 100, 1, 4, 14, 4, 0, 15, 2, 0, 0, 0, 240, 4, 1, 2, 3, 4, 5];
    const expected = [..."abcdabcdabcdcdcd"].map((c) => c.charCodeAt(0));
    expect([...unpack(inflateSnappy, Uint8Array.from(packed))]).toEqual([
      ...expected,
      1,
      2,
      3,
      4,
      5,
    ]);
  });
});

describe("inflateKafka()", () => {
  test("reads zstd whose frame does not tell its size", async () => {
    const bytes = encoder.encode("abcdefgh".repeat(40_000));
    const stream = zlib.createZstdCompress();
    stream.end(bytes);
    const packed = concatBytes(await stream.toArray());
    const out = new ByteBuffer(16);
    inflateKafka(4, packed, 0, packed.length, out);
    expect(out.copy()).toEqual(bytes);
  });
});

describe("sizes", () => {
  const plain = new Uint8Array(100_000);
  const inflates = [
    ["lz4", inflateLz4, lz4Frame(plain)],
    ["lz4 with its size", inflateLz4, lz4Frame(plain, { contentSize: true })],
    ["stored lz4", inflateLz4, lz4Frame(plain, { stored: true })],
    ["snappy", inflateSnappy, snappyCompress(plain)],
  ] as const;
  for (const [name, inflate, packed] of inflates) {
    test(`${name} beyond the limit is refused`, () => {
      expect(unpack(inflate, packed, 100_000)).toEqual(plain);
      expect(() => unpack(inflate, packed, 99_999)).toThrow("more than 99999 bytes");
    });
  }

  test("a size that is only declared takes no memory", () => {
    const huge = lz4Frame(plain, { contentSize: true });
    huge[13] = 1;
    expect(() => unpack(inflateLz4, huge)).toThrow("it holds more than");
    expect(() => unpack(inflateSnappy, Uint8Array.of(255, 255, 255, 255, 3, 0, 97))).toThrow(
      "it has fewer bytes than its length says",
    );
  });

  test("bombs of gzip and zstd are refused", () => {
    const chunk = new Uint8Array(kafkaBatchBytesMax / 4);
    const tooMuch = { gzip: zlib.gzipSync, zstd: zlib.zstdCompressSync };
    for (const [codec, compress] of [[1, tooMuch.gzip], [4, tooMuch.zstd]] as const) {
      const part = compress(chunk);
      const packed = concatBytes([part, part, part, part, compress(Uint8Array.of(1))]);
      expect(() => inflateKafka(codec, packed, 0, packed.length, new ByteBuffer(16))).toThrow(
        `it holds more than ${kafkaBatchBytesMax} bytes decompressed`,
      );
    }
  });
});

describe("crc32c()", () => {
  test("has the values of RFC 3720", () => {
    expect(crc32c(encoder.encode("123456789"), 0, 9)).toBe(0xe3069283);
    expect(crc32c(new Uint8Array(32), 0, 32)).toBe(0x8a9136aa);
    expect(crc32c(new Uint8Array(40).fill(255), 4, 36)).toBe(0x62a8ab43);
    expect(crc32c(new Uint8Array(0), 0, 0)).toBe(0);
  });
});
