import { Buffer } from "node:buffer";
import { constants, gzipSync, zstdCompressSync } from "node:zlib";

const skippable = Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 5, 0, 0, 0, 1, 2, 3, 4, 5]);
const emptySkippable = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]);

function zstd(text: Uint8Array, checksum = 0): Buffer {
  return zstdCompressSync(text, { params: { [constants.ZSTD_c_checksumFlag]: checksum } });
}

function halves(content: Uint8Array): [Uint8Array, Uint8Array] {
  const middle = content.length >> 1;
  return [content.subarray(0, middle), content.subarray(middle)];
}

function both(content: Uint8Array, pack: (half: Uint8Array) => Buffer): Buffer {
  return Buffer.concat(halves(content).map(pack));
}

/** All ways in which one content may be packed. */
export const packings: readonly [string, (content: Uint8Array) => Buffer][] = [
  ["plain", (content) => Buffer.from(content)],
  ["gzip", (content) => gzipSync(content)],
  ["gzip, two members", (content) => both(content, (half) => gzipSync(half))],
  ["gzip, empty member last", (content) => Buffer.concat([gzipSync(content), gzipSync("")])],
  ["zstd", (content) => zstd(content)],
  ["zstd with checksum", (content) => zstd(content, 1)],
  ["zstd, two frames", (content) => both(content, (half) => zstd(half, 1))],
  [
    "zstd, skippable frames around",
    (content) => {
      const [first, second] = halves(content);
      const frames = [skippable, zstd(first), emptySkippable, skippable, zstd(second), skippable];
      return Buffer.concat(frames);
    },
  ],
  ["zstd, empty frame first", (content) => Buffer.concat([zstd(Buffer.of()), zstd(content)])],
];
