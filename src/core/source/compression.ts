/** What the first bytes of an input say about it; `undecided`: more bytes are needed. */
export type Compression = "plain" | "gzip" | "zstd" | "undecided" | UnreadableFormat;

/** Formats that are recognised so that they are refused by name instead of read as broken JSON. */
export type UnreadableFormat = "bzip2" | "xz" | "lz4" | "zip" | "parquet";

type Magic = { readonly format: Compression; readonly bytes: readonly (number | null)[] };

// A null stands for any byte. RFC 1952 §2.3.1 (method 8 is the only one) and RFC 8878 §3.1; tools
// such as pzstd start with a skippable frame, whose first byte is 0x50 to 0x5F.
const magics: readonly Magic[] = [
  { format: "gzip", bytes: [0x1f, 0x8b, 0x08] },
  { format: "zstd", bytes: [0x28, 0xb5, 0x2f, 0xfd] },
  ...Array.from({ length: 16 }, (_, index): Magic => ({
    format: "zstd",
    bytes: [0x50 + index, 0x2a, 0x4d, 0x18],
  })),
  // "BZh", level, start of a block.
  { format: "bzip2", bytes: [0x42, 0x5a, 0x68, null, 0x31, 0x41, 0x59] },
  { format: "xz", bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a] },
  { format: "lz4", bytes: [0x04, 0x22, 0x4d, 0x18] },
  { format: "zip", bytes: [0x50, 0x4b, 0x03, 0x04] },
  { format: "parquet", bytes: [0x50, 0x41, 0x52, 0x31] },
];

/** The most bytes that `detectCompression` needs to decide. */
export const magicBytesMax = 7;

/** Tells formats by their first bytes, never by the file's name. `atEnd`: there are no more. */
export function detectCompression(
  head: Uint8Array,
  options: { readonly atEnd: boolean },
): Compression {
  let undecided = false;
  for (const magic of magics) {
    if (!matchesSoFar(magic.bytes, head)) continue;
    if (head.length >= magic.bytes.length) return magic.format;
    undecided = true;
  }
  return undecided && !options.atEnd ? "undecided" : "plain";
}

function matchesSoFar(magic: readonly (number | null)[], head: Uint8Array): boolean {
  const length = Math.min(magic.length, head.length);
  for (let index = 0; index < length; index++) {
    const byte = magic[index];
    if (byte !== null && byte !== head[index]) return false;
  }
  return true;
}
