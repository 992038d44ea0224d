import { append, appendVarint, type ByteSink, reserve } from "./byte-sink.ts";

/** Shortest run of equal values that is worth leaving a bit-packed run for. */
const runMin = 16;

/** Bits that hold the values 0 to `max`. */
export function bitWidth(max: number): number {
  return 32 - Math.clz32(max);
}

/**
 * The RLE / bit-packed hybrid of Parquet ("Run Length Encoding / Bit-Packing Hybrid") without a
 * length in front: `values[start .. end)`, each below `2^width`, width 1 to 24.
 */
export function appendHybrid(
  sink: ByteSink,
  values: Uint8Array | Uint16Array,
  start: number,
  end: number,
  width: number,
): void {
  let literal = start;
  let at = start;
  while (at < end) {
    const value = values[at]!;
    let stop = at + 1;
    while (stop < end && values[stop] === value) stop++;
    // A bit-packed run holds groups of 8, so it borrows from the run of equal values.
    const borrowed = literal === at ? 0 : (8 - (at - literal) % 8) % 8;
    if (stop - at - borrowed >= runMin) {
      if (literal < at) appendBitPacked(sink, values, literal, at + borrowed, width);
      appendRun(sink, value, stop - at - borrowed, width);
      literal = stop;
    }
    at = stop;
  }
  if (literal < end) appendBitPacked(sink, values, literal, end, width);
}

/** One run of `count` equal values. */
export function appendRun(sink: ByteSink, value: number, count: number, width: number): void {
  if (count === 0) return;
  appendVarint(sink, count * 2);
  for (let bit = 0; bit < width; bit += 8) sink.bytes[sink.at++] = value >>> bit & 255;
}

function appendBitPacked(
  sink: ByteSink,
  values: Uint8Array | Uint16Array,
  start: number,
  end: number,
  width: number,
): void {
  const groups = Math.ceil((end - start) / 8);
  appendVarint(sink, groups * 2 + 1);
  reserve(sink, groups * width);
  const { bytes } = sink;
  let at = sink.at;
  const stop = at + groups * width;
  let bits = 0;
  let held = 0;
  for (let i = start; i < end; i++) {
    bits |= values[i]! << held;
    held += width;
    while (held >= 8) {
      bytes[at++] = bits & 255;
      bits >>>= 8;
      held -= 8;
    }
  }
  if (held > 0) bytes[at++] = bits & 255;
  while (at < stop) bytes[at++] = 0;
  sink.at = stop;
}

/** Bit-packs 0/1 values, the PLAIN encoding of booleans. */
export function appendBits(sink: ByteSink, values: Uint8Array, start: number, end: number): void {
  const packed = new Uint8Array(Math.ceil((end - start) / 8));
  for (let i = start; i < end; i++) packed[i - start >> 3]! |= values[i]! << (i - start & 7);
  append(sink, packed);
}
