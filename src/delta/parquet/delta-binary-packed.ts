import { appendVarint, type ByteSink, reserve } from "./byte-sink.ts";

// DELTA_BINARY_PACKED (parquet-format, Encodings.md): blocks of 128 deltas in 4 miniblocks of 32.
const blockSize = 128;
const miniblockSize = 32;
const miniblocks = blockSize / miniblockSize;
/** Width bytes and 128 deltas of 64 bits, and the least delta. */
const blockBytesMax = 10 + miniblocks + blockSize * 8;

const low = new Int32Array(blockSize);
const high = new Int32Array(blockSize);
const deltas = new Float64Array(blockSize);

/** `values[start .. end)`, at least one. */
export function appendDeltaInt32(
  sink: ByteSink,
  values: Int32Array,
  start: number,
  end: number,
): void {
  appendHeader(sink, end - start);
  const first = values[start]!;
  appendVarint(sink, (first << 1 ^ first >> 31) >>> 0);
  for (let block = start + 1; block < end; block += blockSize) {
    const count = Math.min(blockSize, end - block);
    let least = 0x7fffffff;
    let previous = values[block - 1]!;
    for (let i = 0; i < count; i++) {
      const value = values[block + i]!;
      // Deltas wrap around at 32 bits, as readers add them up at 32 bits.
      const delta = value - previous | 0;
      previous = value;
      low[i] = delta;
      if (delta < least) least = delta;
    }
    appendVarint(sink, (least << 1 ^ least >> 31) >>> 0);
    for (let i = 0; i < count; i++) low[i] = low[i]! - least;
    low.fill(0, count);
    appendMiniblocks(sink, count, false);
  }
}

/**
 * `words` are the values as pairs of 32-bit halves, low half first; values `start .. end`, at least
 * one. False, and nothing written, when two neighbours are 2^52 or more apart.
 */
export function appendDeltaInt64(
  sink: ByteSink,
  words: Int32Array,
  start: number,
  end: number,
): boolean {
  const begin = sink.at;
  appendHeader(sink, end - start);
  appendZigzag64(sink, words[2 * start]!, words[2 * start + 1]!);
  for (let block = start + 1; block < end; block += blockSize) {
    const count = Math.min(blockSize, end - block);
    let least = Infinity;
    let most = -Infinity;
    let previousLow = words[2 * block - 2]! >>> 0;
    let previousHigh = words[2 * block - 1]!;
    for (let i = 0; i < count; i++) {
      const valueLow = words[2 * (block + i)]! >>> 0;
      const valueHigh = words[2 * (block + i) + 1]!;
      const delta = (valueHigh - previousHigh) * 4294967296 + (valueLow - previousLow);
      previousLow = valueLow;
      previousHigh = valueHigh;
      deltas[i] = delta;
      if (delta < least) least = delta;
      if (delta > most) most = delta;
    }
    // Beyond this a double is not exact, nor would packing save anything.
    if (least <= -4503599627370496 || most >= 4503599627370496) {
      sink.at = begin;
      return false;
    }
    appendVarint(sink, least < 0 ? -2 * least - 1 : 2 * least);
    const wide = most - least > 4294967295;
    if (wide) splitWide(count, least);
    else for (let i = 0; i < count; i++) low[i] = deltas[i]! - least;
    low.fill(0, count);
    appendMiniblocks(sink, count, wide);
  }
  return true;
}

function appendHeader(sink: ByteSink, count: number): void {
  appendVarint(sink, blockSize);
  appendVarint(sink, miniblocks);
  appendVarint(sink, count);
}

function splitWide(count: number, least: number): void {
  for (let i = 0; i < count; i++) {
    const rest = deltas[i]! - least;
    const top = Math.floor(rest / 4294967296);
    high[i] = top;
    low[i] = rest - top * 4294967296;
  }
  high.fill(0, count);
}

/** `low` (and `high`) hold the block's deltas above the least one, zeros behind `count`. */
function appendMiniblocks(sink: ByteSink, count: number, wide: boolean): void {
  reserve(sink, blockBytesMax);
  const { bytes } = sink;
  const widthsAt = sink.at;
  let at = widthsAt + miniblocks;
  for (let m = 0; m < miniblocks; m++) {
    const from = m * miniblockSize;
    let bitsLow = 0;
    let bitsHigh = 0;
    if (from < count) {
      for (let i = from; i < from + miniblockSize; i++) bitsLow |= low[i]!;
      if (wide) { for (let i = from; i < from + miniblockSize; i++) bitsHigh |= high[i]!; }
    }
    const width = bitsHigh === 0 ? 32 - Math.clz32(bitsLow) : 64 - Math.clz32(bitsHigh);
    bytes[widthsAt + m] = width;
    if (width > 24) at = packWide(bytes, at, from, width);
    else if (width > 0) at = pack(bytes, at, from, width);
  }
  sink.at = at;
}

function pack(bytes: Uint8Array, start: number, from: number, width: number): number {
  let at = start;
  let bits = 0;
  let held = 0;
  for (let i = from; i < from + miniblockSize; i++) {
    bits |= low[i]! << held;
    held += width;
    while (held >= 8) {
      bytes[at++] = bits;
      bits >>>= 8;
      held -= 8;
    }
  }
  return at;
}

/** Widths above 24 in pieces of at most 16 bits, so that a piece and the bits held fit in 32. */
function packWide(bytes: Uint8Array, start: number, from: number, width: number): number {
  let at = start;
  let bits = 0;
  let held = 0;
  for (let i = from; i < from + miniblockSize; i++) {
    let rest = width;
    for (let piece = 0; rest > 0; piece++) {
      const size = Math.min(16, rest);
      const word = piece < 2 ? low[i]! : high[i]!;
      bits |= (word >>> (piece % 2 * 16) & 0xffff) << held;
      held += size;
      rest -= size;
      while (held >= 8) {
        bytes[at++] = bits;
        bits >>>= 8;
        held -= 8;
      }
    }
  }
  return at;
}

function appendZigzag64(sink: ByteSink, low: number, high: number): void {
  const value = BigInt(high) << 32n | BigInt(low >>> 0);
  let rest = BigInt.asUintN(64, value << 1n ^ value >> 63n);
  reserve(sink, 10);
  while (rest >= 128n) {
    sink.bytes[sink.at++] = Number(rest & 127n) | 128;
    rest >>= 7n;
  }
  sink.bytes[sink.at++] = Number(rest);
}
