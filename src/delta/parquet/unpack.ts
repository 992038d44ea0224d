import { readFailure } from "./read-failure.ts";

/** Bytes with a position, for decoders that follow one another in a page. */
export type ByteCursor = { readonly bytes: Uint8Array; at: number };

/** Unsigned LEB128 of at most 53 bits. */
export function readVarint(cursor: ByteCursor): number {
  let value = 0;
  let scale = 1;
  for (;;) {
    const byte = byteAt(cursor, cursor.at++);
    value += (byte & 127) * scale;
    if (byte < 128) return value;
    scale *= 128;
  }
}

function byteAt({ bytes }: ByteCursor, at: number): number {
  const byte = bytes[at];
  if (byte === undefined) throw readFailure("a page ends in the middle of a value");
  return byte;
}

/**
 * The RLE / bit-packed hybrid without a length in front: fills `out[from .. from + count)` with
 * values of `width` bits (0 to 32). Values beyond `count`, which pad the last group, are skipped.
 */
export function unpackHybrid(
  cursor: ByteCursor,
  width: number,
  out: Uint8Array | Int32Array,
  from: number,
  count: number,
): void {
  let done = 0;
  while (done < count) {
    const header = readVarint(cursor);
    if (header % 2 === 0) {
      const run = header / 2;
      let value = 0;
      for (let bit = 0; bit < width; bit += 8) value |= byteAt(cursor, cursor.at++) << bit;
      const taken = Math.min(run, count - done);
      out.fill(value, from + done, from + done + taken);
      done += taken;
      if (run === 0) throw readFailure("a run of length 0 in a page");
    } else {
      const values = (header - 1) / 2 * 8;
      const taken = Math.min(values, count - done);
      unpackBits(cursor, width, out, from + done, taken);
      // The last group of a page may be cut short by writers that do not pad it.
      cursor.at = Math.min(cursor.bytes.length, cursor.at + values / 8 * width);
      done += taken;
      if (values === 0) throw readFailure("a bit-packed run of length 0 in a page");
    }
  }
}

/** Values of `width` bits, packed from the least significant bit on; the cursor stays. */
function unpackBits(
  cursor: ByteCursor,
  width: number,
  out: Uint8Array | Int32Array,
  from: number,
  count: number,
): void {
  const { bytes } = cursor;
  let at = cursor.at;
  if (at + Math.ceil(count * width / 8) > bytes.length) {
    throw readFailure("a page ends in the middle of a bit-packed run");
  }
  if (width > 24) return unpackWideBits(cursor, width, out, from, count);
  const mask = (1 << width) - 1;
  let bits = 0;
  let held = 0;
  for (let i = 0; i < count; i++) {
    while (held < width) {
      bits |= bytes[at++]! << held;
      held += 8;
    }
    out[from + i] = bits & mask;
    bits >>>= width;
    held -= width;
  }
}

function unpackWideBits(
  { bytes, at }: ByteCursor,
  width: number,
  out: Uint8Array | Int32Array,
  from: number,
  count: number,
): void {
  for (let i = 0; i < count; i++) out[from + i] = bitsAt(bytes, at, i * width, width);
}

/** Up to 32 bits that begin `bit` bits behind byte `at`. */
function bitsAt(bytes: Uint8Array, at: number, bit: number, width: number): number {
  let value = 0;
  let done = 0;
  let position = at * 8 + bit;
  while (done < width) {
    const inByte = position & 7;
    const size = Math.min(8 - inByte, width - done);
    value |= (bytes[position >>> 3]! >>> inByte & (1 << size) - 1) << done;
    done += size;
    position += size;
  }
  return value;
}

type DeltaHeader = { miniblocks: number; perMiniblock: number; count: number };

function readDeltaHeader(cursor: ByteCursor): DeltaHeader {
  const blockSize = readVarint(cursor);
  const miniblocks = readVarint(cursor);
  const count = readVarint(cursor);
  const perMiniblock = blockSize / miniblocks;
  if (!Number.isInteger(perMiniblock) || perMiniblock % 8 !== 0 || perMiniblock === 0) {
    throw readFailure(`a delta-packed page has blocks of ${blockSize} in ${miniblocks} parts`);
  }
  return { miniblocks, perMiniblock, count };
}

/** A zigzag varint of up to 64 bits as two's complement halves. */
function readZigzag(cursor: ByteCursor): { low: number; high: number } {
  let low = 0;
  let high = 0;
  for (let shift = 0;; shift += 7) {
    const byte = byteAt(cursor, cursor.at++);
    const part = byte & 127;
    if (shift < 32) low |= part << shift;
    if (shift > 24 && shift < 32) high |= part >>> 32 - shift;
    if (shift >= 32) high |= part << shift - 32;
    if (byte < 128) break;
  }
  const sign = -(low & 1);
  return { low: (low >>> 1 | high << 31) ^ sign, high: high >>> 1 ^ sign };
}

/** DELTA_BINARY_PACKED as 32-bit integers. Returns how many; at most `out.length - from`. */
export function unpackDeltaInt32(cursor: ByteCursor, out: Int32Array, from: number): number {
  const { miniblocks, perMiniblock, count } = readDeltaHeader(cursor);
  let value = readZigzag(cursor).low;
  if (count === 0) return 0;
  if (count > out.length - from) throw readFailure("a page has more values than its header says");
  out[from] = value;
  let done = 1;
  while (done < count) {
    const least = readZigzag(cursor).low;
    const widthsAt = cursor.at;
    cursor.at += miniblocks;
    for (let m = 0; m < miniblocks && done < count; m++) {
      const width = byteAt(cursor, widthsAt + m);
      const taken = Math.min(perMiniblock, count - done);
      const { bytes, at } = cursor;
      if (at + Math.ceil(taken * width / 8) > bytes.length) {
        throw readFailure("a page ends in the middle of a delta-packed block");
      }
      // Deltas of 32-bit integers may have 33 bits; the sum is the same modulo 2^32.
      const used = Math.min(32, width);
      for (let i = 0; i < taken; i++) {
        value = value + least + (width === 0 ? 0 : bitsAt(bytes, at, i * width, used)) | 0;
        out[from + done++] = value;
      }
      cursor.at = Math.min(bytes.length, at + perMiniblock * width / 8);
    }
  }
  return count;
}

/** DELTA_BINARY_PACKED as 64-bit integers, written as pairs of halves. Returns how many. */
export function unpackDeltaInt64(cursor: ByteCursor, out: BigInt64Array, from: number): number {
  const { miniblocks, perMiniblock, count } = readDeltaHeader(cursor);
  let { low, high } = readZigzag(cursor);
  if (count === 0) return 0;
  if (count > out.length - from) throw readFailure("a page has more values than its header says");
  const words = new Int32Array(out.buffer, out.byteOffset, out.length * 2);
  words[2 * from] = low;
  words[2 * from + 1] = high;
  let done = 1;
  while (done < count) {
    const least = readZigzag(cursor);
    const widthsAt = cursor.at;
    cursor.at += miniblocks;
    for (let m = 0; m < miniblocks && done < count; m++) {
      const width = byteAt(cursor, widthsAt + m);
      const taken = Math.min(perMiniblock, count - done);
      const { bytes, at } = cursor;
      if (at + Math.ceil(taken * width / 8) > bytes.length) {
        throw readFailure("a page ends in the middle of a delta-packed block");
      }
      for (let i = 0; i < taken; i++) {
        const bit = i * width;
        const restLow = width === 0 ? 0 : bitsAt(bytes, at, bit, Math.min(32, width));
        const restHigh = width > 32 ? bitsAt(bytes, at, bit + 32, width - 32) : 0;
        // Sums of unsigned halves stay exact in a double; what exceeds 32 bits is the carry.
        const sum = (low >>> 0) + (least.low >>> 0) + (restLow >>> 0);
        high = high + least.high + restHigh + Math.floor(sum / 4294967296) | 0;
        low = sum | 0;
        words[2 * (from + done)] = low;
        words[2 * (from + done) + 1] = high;
        done++;
      }
      cursor.at = Math.min(bytes.length, at + perMiniblock * width / 8);
    }
  }
  return count;
}
