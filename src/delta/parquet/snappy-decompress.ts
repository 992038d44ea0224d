import { compressors } from "hyparquet-compressors";

/**
 * Snappy's raw format (format_description.txt) → the `size` bytes that it must hold. One instance of
 * WebAssembly serves all pages: one for each would cost more than the pages of a small file. Throws
 * an `Error` that says what is wrong with damaged data.
 */
export function snappyDecompress(input: Uint8Array, size: number): Uint8Array {
  const { length, start } = lengthOf(input);
  // The instance's memory still holds the page before: what it says must be what is asked for.
  if (length !== size) throw new Error(`it holds ${length} bytes instead of ${size}`);
  checkElements(input, start, size);
  const decompress = compressors.SNAPPY;
  if (decompress === undefined) throw new Error("there is no decompressor for Snappy");
  return decompress(input, size);
}

/** The length that the data begin with, and where the elements after it start. */
function lengthOf(input: Uint8Array): { readonly length: number; readonly start: number } {
  let [p, length] = [0, 0];
  for (let factor = 1;; factor *= 128) {
    const byte = input[p++];
    if (byte === undefined || factor > 2 ** 28) throw new Error("its length cannot be read");
    length += (byte & 127) * factor;
    if (byte < 128) return { length, start: p };
  }
}

/**
 * Of each tag byte: how far the next tag is, how many bytes come of it, and the offset of a copy as
 * a mask of the two bytes behind the tag and the bits above them. A literal has the offset 1. Steps
 * of 0: the tag is looked at closely (long literals, offsets of 4 bytes).
 */
const steps = new Uint8Array(256);
const sizes = new Uint8Array(256);
const offsetMasks = new Uint16Array(256);
const offsetBits = new Uint16Array(256);
for (let tag = 0; tag < 256; tag++) {
  const kind = tag & 3;
  const size = kind === 1 ? (tag >> 2 & 7) + 4 : (tag >> 2) + 1;
  const isClose = kind === 3 || (kind === 0 && size > 60);
  steps[tag] = isClose ? 0 : kind === 0 ? 1 + size : 1 + kind;
  sizes[tag] = size;
  offsetMasks[tag] = kind === 0 ? 0 : kind === 1 ? 0xff : 0xffff;
  offsetBits[tag] = kind === 0 ? 1 : kind === 1 ? (tag >> 5) << 8 : 0;
}

/**
 * Walks through literals and copies without carrying them out: the decompressor relies on them and
 * does not end, or gives what was in its memory before, where they are damaged.
 */
function checkElements(input: Uint8Array, start: number, size: number): void {
  const end = input.length;
  let [p, at] = [start, 0];
  while (p < end) {
    const tag = input[p]!;
    const step = steps[tag]!;
    if (step > 0 && p + 2 < end) {
      const offset = (input[p + 1]! | input[p + 2]! << 8) & offsetMasks[tag]! | offsetBits[tag]!;
      // Unsigned, an offset of 0 is the largest.
      if (offset - 1 >>> 0 >= at && (tag & 3) !== 0) throw copyBeforeData();
      p += step;
      at += sizes[tag]!;
    } else if ((tag & 3) === 0) {
      const extra = Math.max(0, (tag >> 2) - 59);
      const length = (extra === 0 ? tag >> 2 : littleEndian(input, p + 1, extra)) + 1;
      p += 1 + extra + length;
      at += length;
    } else {
      const kind = tag & 3;
      const offset = kind === 1
        ? (tag >> 5) << 8 | (input[p + 1] ?? 0)
        : littleEndian(input, p + 1, kind === 2 ? 2 : 4);
      if (offset === 0 || offset > at) throw copyBeforeData();
      p += kind === 3 ? 5 : 1 + kind;
      at += sizes[tag]!;
    }
    if (at > size) throw new Error("it has more bytes than its length says");
  }
  if (p !== end || at !== size) throw new Error("premature end");
}

function copyBeforeData(): Error {
  return new Error("uncompress: a copy begins before the data");
}

function littleEndian(input: Uint8Array, p: number, bytes: number): number {
  let value = 0;
  for (let i = bytes - 1; i >= 0; i--) value = value * 256 + (input[p + i] ?? 0);
  return value;
}
