import { append, type ByteSink, reserve } from "./byte-sink.ts";
import { appendDeltaInt32, appendDeltaInt64 } from "./delta-binary-packed.ts";
import { encoding } from "./format.ts";
import { appendBits } from "./hybrid.ts";
import type { LeafValues } from "./leaf-values.ts";

/**
 * Appends the values `start .. end` of a leaf and returns the encoding used. `plain` keeps to PLAIN;
 * otherwise integers and string lengths are delta-packed, which Arrow's layout makes cheap.
 */
export function appendValues(
  sink: ByteSink,
  values: LeafValues,
  start: number,
  end: number,
  plain: boolean,
): number {
  if (start === end) return encoding.plain;
  switch (values.kind) {
    case "boolean":
      appendBits(sink, values.values, start, end);
      return encoding.plain;
    case "fixed":
      append(sink, values.bytes.subarray(start * values.width, end * values.width));
      return encoding.plain;
    case "int32":
      if (!plain) {
        appendDeltaInt32(sink, values.values, start, end);
        return encoding.deltaBinaryPacked;
      }
      appendWords(sink, values.values.subarray(start, end));
      return encoding.plain;
    case "int64":
      if (!plain && appendDeltaInt64(sink, values.words, start, end)) {
        return encoding.deltaBinaryPacked;
      }
      appendWords(sink, values.words.subarray(2 * start, 2 * end));
      return encoding.plain;
    case "bytes":
      if (plain) {
        appendPlainBytes(sink, values.offsets, values.data, start, end);
        return encoding.plain;
      }
      appendDeltaLengths(sink, values.offsets, start, end);
      append(sink, values.data.subarray(values.offsets[start], values.offsets[end]));
      return encoding.deltaLengthByteArray;
  }
}

function appendWords(sink: ByteSink, words: Int32Array): void {
  append(sink, new Uint8Array(words.buffer, words.byteOffset, words.byteLength));
}

let lengths = new Int32Array(0);

function appendDeltaLengths(
  sink: ByteSink,
  offsets: Int32Array,
  start: number,
  end: number,
): void {
  const count = end - start;
  if (lengths.length < count) lengths = new Int32Array(count * 2);
  for (let i = 0; i < count; i++) lengths[i] = offsets[start + i + 1]! - offsets[start + i]!;
  appendDeltaInt32(sink, lengths, 0, count);
}

/** PLAIN byte arrays: a 32-bit length before each value. */
export function appendPlainBytes(
  sink: ByteSink,
  offsets: Int32Array,
  data: Uint8Array,
  start: number,
  end: number,
): void {
  for (let i = start; i < end; i++) appendPlainValue(sink, data, offsets[i]!, offsets[i + 1]!);
}

/** One PLAIN byte array, `data[from .. to)`. */
export function appendPlainValue(
  sink: ByteSink,
  data: Uint8Array,
  from: number,
  to: number,
): void {
  const length = to - from;
  reserve(sink, length + 4);
  const { bytes, at } = sink;
  bytes[at] = length;
  bytes[at + 1] = length >>> 8;
  bytes[at + 2] = length >>> 16;
  bytes[at + 3] = length >>> 24;
  if (length > 32) bytes.set(data.subarray(from, to), at + 4);
  else for (let i = 0; i < length; i++) bytes[at + 4 + i] = data[from + i]!;
  sink.at = at + 4 + length;
}
