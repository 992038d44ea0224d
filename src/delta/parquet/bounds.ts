import { Buffer } from "node:buffer";
import type { DataType } from "../schema/data-type.ts";
import { decimalBytes } from "./parquet-schema.ts";

/**
 * Least and greatest of the present values: number for 32-bit integers and floats, bigint for
 * 64-bit integers and decimals, bytes for strings (cut at `comparedBytesMax` + 1).
 */
export type Bounds = {
  readonly min: number | bigint | Uint8Array;
  readonly max: number | bigint | Uint8Array;
};

/** Strings are told apart by this many bytes, for bounds need no more. */
export const comparedBytesMax = 256;

/** Of at least one value. */
export function boundsOf(values: Int32Array): { readonly min: number; readonly max: number } {
  let min = values[0]!;
  let max = min;
  for (let i = 1; i < values.length; i++) {
    const value = values[i]!;
    if (value < min) min = value;
    else if (value > max) max = value;
  }
  return { min, max };
}

/**
 * Of integers of `size` little-endian 32-bit words that lie `stride` words apart; all of `words`, or
 * `count` of them, at the given rows.
 */
export function boundsOfWords(
  words: Int32Array,
  size: 2 | 4,
  stride: number,
  rows: Int32Array | null = null,
  count: number = Math.floor(words.length / stride),
): { readonly min: bigint; readonly max: bigint } {
  let min = rows === null ? 0 : rows[0]! * stride;
  let max = min;
  for (let i = 1; i < count; i++) {
    const at = (rows === null ? i : rows[i]!) * stride;
    if (isLess(words, at, min, size)) min = at;
    else if (isLess(words, max, at, size)) max = at;
  }
  return { min: integerAt(words, min, size), max: integerAt(words, max, size) };
}

function isLess(words: Int32Array, a: number, b: number, size: number): boolean {
  const topA = words[a + size - 1]!;
  const topB = words[b + size - 1]!;
  if (topA !== topB) return topA < topB;
  for (let w = size - 2; w >= 0; w--) {
    const wordA = words[a + w]!;
    const wordB = words[b + w]!;
    if (wordA !== wordB) return wordA >>> 0 < wordB >>> 0;
  }
  return false;
}

function integerAt(words: Int32Array, at: number, size: number): bigint {
  let value = BigInt(words[at + size - 1]!);
  for (let w = size - 2; w >= 0; w--) value = value << 32n | BigInt(words[at + w]! >>> 0);
  return value;
}

/** Of byte strings, by unsigned bytes (the order of UTF-8 text by code point). */
export function boundsOfBytes(
  offsets: Int32Array,
  data: Uint8Array,
  picked: Int32Array | null,
  count: number,
): Bounds {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  let min = picked === null ? 0 : picked[0]!;
  let max = min;
  let [minStart, minSize] = [offsets[min]!, sizeAt(offsets, min)];
  let [maxStart, maxSize] = [minStart, minSize];
  // How many bytes min and max begin with in common: they mostly tell the order to min as well.
  let common = Math.min(minSize, comparedBytesMax);
  for (let i = 1; i < count; i++) {
    const at = picked === null ? i : picked[i]!;
    const start = offsets[at]!;
    const size = sizeAt(offsets, at);
    const same = sharedPrefix(view, start, size, maxStart, maxSize, 0);
    const order = orderBehind(data, same, start, size, maxStart, maxSize);
    if (order === 0) continue;
    if (order > 0) [max, maxStart, maxSize] = [at, start, size];
    else {
      if (same > common) continue;
      if (same === common) {
        const sameAsMin = sharedPrefix(view, start, size, minStart, minSize, common);
        if (orderBehind(data, sameAsMin, start, size, minStart, minSize) >= 0) continue;
      }
      [min, minStart, minSize] = [at, start, size];
    }
    common = sharedPrefix(view, minStart, minSize, maxStart, maxSize, 0);
  }
  return { min: cut(offsets, data, min), max: cut(offsets, data, max) };
}

/** A value's bytes, up to one more than are compared. */
function sizeAt(offsets: Int32Array, at: number): number {
  return Math.min(offsets[at + 1]! - offsets[at]!, comparedBytesMax + 1);
}

/** How many bytes two values begin with in common; the first `known` are. */
function sharedPrefix(
  view: DataView,
  startA: number,
  sizeA: number,
  startB: number,
  sizeB: number,
  known: number,
): number {
  const end = Math.min(sizeA, sizeB, comparedBytesMax);
  let i = known;
  while (i + 4 <= end && view.getInt32(startA + i) === view.getInt32(startB + i)) i += 4;
  while (i < end && view.getUint8(startA + i) === view.getUint8(startB + i)) i++;
  return i;
}

/** The order of two values that share their first `same` bytes and not the one behind. */
function orderBehind(
  data: Uint8Array,
  same: number,
  startA: number,
  sizeA: number,
  startB: number,
  sizeB: number,
): number {
  return same < Math.min(sizeA, sizeB, comparedBytesMax)
    ? data[startA + same]! - data[startB + same]!
    : sizeA - sizeB;
}

function cut(offsets: Int32Array, data: Uint8Array, at: number): Uint8Array {
  const start = offsets[at]!;
  return data.slice(start, Math.min(offsets[at + 1]!, start + comparedBytesMax + 1));
}

/** Bounds of byte strings of which `a` or `b` are the bounds; null stands for no strings. */
export function joinByteBounds(a: Bounds | null, b: Bounds | null): Bounds | null {
  if (a === null || b === null) return a ?? b;
  return {
    min: isBefore(b.min, a.min) ? b.min : a.min,
    max: isBefore(a.max, b.max) ? b.max : a.max,
  };
}

function isBefore(a: Bounds["min"], b: Bounds["min"]): boolean {
  return a instanceof Uint8Array && b instanceof Uint8Array && Buffer.compare(a, b) < 0;
}

/** Longer strings would bloat the footer; without bounds a reader reads the row group. */
const footerBytesMax = 128;

/** Bounds as the footer's statistics hold them (PLAIN), null when they have no place there. */
export function footerBounds(
  type: DataType,
  bounds: Bounds | null,
): { readonly min: Uint8Array; readonly max: Uint8Array } | null {
  if (bounds === null || type.kind === "binary") return null;
  const min = plainValue(type, bounds.min);
  const max = plainValue(type, bounds.max);
  if (min.length > footerBytesMax || max.length > footerBytesMax) return null;
  return { min, max };
}

function plainValue(type: DataType, value: number | bigint | Uint8Array): Uint8Array {
  if (value instanceof Uint8Array) return value;
  const view = new DataView(new ArrayBuffer(8));
  if (type.kind === "decimal") return plainDecimal(BigInt(value), type.precision);
  if (typeof value === "bigint") view.setBigInt64(0, value, true);
  else if (type.kind === "double") view.setFloat64(0, value, true);
  else {
    if (type.kind === "float") view.setFloat32(0, value, true);
    else view.setInt32(0, value, true);
    return new Uint8Array(view.buffer, 0, 4);
  }
  return new Uint8Array(view.buffer);
}

function plainDecimal(value: bigint, precision: number): Uint8Array {
  const width = precision <= 9 ? 4 : precision <= 18 ? 8 : decimalBytes(precision);
  const bytes = new Uint8Array(width);
  for (let i = 0; i < width; i++) bytes[i] = Number(value >> BigInt(8 * i) & 255n);
  // INT32 and INT64 are little-endian, fixed-length byte arrays big-endian.
  return precision > 18 ? bytes.reverse() : bytes;
}
