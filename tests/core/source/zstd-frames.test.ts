import { expect, test } from "bun:test";
import { Buffer } from "node:buffer";
import { constants, zstdCompressSync } from "node:zlib";
import * as fc from "fast-check";
import { zstdFrameSplitter } from "../../../src/core/source/zstd-frames.ts";

/** Pushes `bytes` in pieces; the frames that were found, each as its bytes. */
function framesOf(bytes: Uint8Array, pieceBytes: number): { frames: Buffer[]; whole: boolean } {
  const splitter = zstdFrameSplitter();
  const frames: Buffer[] = [];
  let parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    for (const piece of splitter.push(bytes.subarray(at, at + pieceBytes))) {
      parts.push(piece.bytes);
      if (!piece.endsFrame) continue;
      frames.push(Buffer.concat(parts));
      parts = [];
    }
  }
  return { frames, whole: splitter.atFrameBoundary() && parts.length === 0 };
}

const content = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  // Repeated bytes become blocks of one byte, long content becomes several blocks.
  fc.tuple(fc.nat(255), fc.integer({ min: 0, max: 400_000 })).map(([byte, length]) =>
    new Uint8Array(length).fill(byte)
  ),
  fc.integer({ min: 1, max: 70_000 }).map((seed) =>
    Uint8Array.from({ length: seed }, (_, index) => (index * seed) >>> 7)
  ),
);

const frame = fc.tuple(content, fc.boolean(), fc.boolean(), fc.constantFrom(1, 3, 9)).map(
  ([bytes, checksum, size, level]) =>
    zstdCompressSync(bytes, {
      params: {
        [constants.ZSTD_c_checksumFlag]: checksum ? 1 : 0,
        [constants.ZSTD_c_contentSizeFlag]: size ? 1 : 0,
        [constants.ZSTD_c_compressionLevel]: level,
      },
    }),
);

const skippable = fc.tuple(fc.nat(15), fc.uint8Array({ maxLength: 20 })).map(([kind, bytes]) => {
  const head = Buffer.from([0x50 + kind, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]);
  head.writeUInt32LE(bytes.length, 4);
  return Buffer.concat([head, bytes]);
});

const parts = fc.array(
  fc.oneof(
    frame.map((bytes) => ({ bytes, isFrame: true })),
    skippable.map((bytes) => ({ bytes, isFrame: false })),
  ),
  { minLength: 1, maxLength: 5 },
);

test("zstdFrameSplitter() finds the frames, however the bytes are cut", () => {
  fc.assert(
    fc.property(parts, fc.integer({ min: 1, max: 40 }), (parts, pieceBytes) => {
      const bytes = Buffer.concat(parts.map((part) => part.bytes));
      const found = framesOf(bytes, pieceBytes);
      expect(found.whole).toBe(true);
      const frames = parts.filter((part) => part.isFrame).map((part) => part.bytes);
      expect(found.frames.length).toBe(frames.length);
      expect(Buffer.concat(found.frames).equals(Buffer.concat(frames))).toBe(true);
    }),
    { numRuns: 60 },
  );
});

test("zstdFrameSplitter() knows at every byte whether a frame is open", () => {
  fc.assert(
    fc.property(parts, (parts) => {
      const short = parts.filter((part) => part.bytes.length < 500);
      const bytes = Buffer.concat(short.map((part) => part.bytes));
      const boundaries = new Set([0]);
      let end = 0;
      for (const part of short) boundaries.add(end += part.bytes.length);
      for (let length = 0; length <= bytes.length; length++) {
        expect(framesOf(bytes.subarray(0, length), 16).whole).toBe(boundaries.has(length));
      }
    }),
    { numRuns: 25 },
  );
});

test.each([
  ["no magic number", Buffer.from("abcd")],
  ["text behind a frame", Buffer.concat([zstdCompressSync("x"), Buffer.from("more")])],
  ["a reserved block type", Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x01, 0x07, 0, 0])],
])("zstdFrameSplitter() throws on %s", (_name, bytes) => {
  expect(() => framesOf(bytes, 3)).toThrow();
});
