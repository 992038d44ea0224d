import { readFailure } from "./read-failure.ts";
import { type ByteCursor, unpackDeltaInt32, unpackDeltaInt64, unpackHybrid } from "./unpack.ts";

/** Values of a column chunk without nulls, as their physical type has them. */
export type PhysicalValues =
  | { readonly kind: "boolean"; readonly values: Uint8Array }
  | { readonly kind: "int32"; readonly values: Int32Array }
  | { readonly kind: "int64"; readonly values: BigInt64Array }
  | { readonly kind: "float"; readonly values: Float32Array }
  | { readonly kind: "double"; readonly values: Float64Array }
  /** INT96 and FIXED_LEN_BYTE_ARRAY: `width` bytes a value. */
  | { readonly kind: "fixed"; readonly width: number; readonly data: Uint8Array }
  | { readonly kind: "bytes"; readonly offsets: Int32Array; data: Uint8Array };

/** Room for `count` values of a physical type; `width` is that of FIXED_LEN_BYTE_ARRAY. */
export function physicalValues(type: string, width: number, count: number): PhysicalValues {
  switch (type) {
    case "BOOLEAN":
      return { kind: "boolean", values: new Uint8Array(count) };
    case "INT32":
      return { kind: "int32", values: new Int32Array(count) };
    case "INT64":
      return { kind: "int64", values: new BigInt64Array(count) };
    case "INT96":
      return { kind: "fixed", width: 12, data: new Uint8Array(12 * count) };
    case "FLOAT":
      return { kind: "float", values: new Float32Array(count) };
    case "DOUBLE":
      return { kind: "double", values: new Float64Array(count) };
    case "FIXED_LEN_BYTE_ARRAY":
      if (width <= 0) throw readFailure("a FIXED_LEN_BYTE_ARRAY column has no length");
      return { kind: "fixed", width, data: new Uint8Array(width * count) };
    case "BYTE_ARRAY":
      return { kind: "bytes", offsets: new Int32Array(count + 1), data: new Uint8Array(0) };
    default:
      throw readFailure(`physical type ${type} is not supported`);
  }
}

/** Reads `count` values in `encoding` behind the `from` values that are there already. */
export function readValues(
  into: PhysicalValues,
  encoding: string,
  cursor: ByteCursor,
  from: number,
  count: number,
): void {
  switch (encoding) {
    case "PLAIN":
      return readPlain(into, cursor, from, count);
    case "RLE":
      if (into.kind !== "boolean") break;
      cursor.at += 4;
      return unpackHybrid(cursor, 1, into.values, from, count);
    case "DELTA_BINARY_PACKED":
      if (into.kind === "int32") {
        return expectCount(unpackDeltaInt32(cursor, into.values, from), count);
      }
      if (into.kind === "int64") {
        return expectCount(unpackDeltaInt64(cursor, into.values, from), count);
      }
      break;
    case "DELTA_LENGTH_BYTE_ARRAY":
      if (into.kind === "bytes") return readDeltaLengths(into, cursor, from, count);
      break;
    case "DELTA_BYTE_ARRAY":
      if (into.kind === "bytes" || into.kind === "fixed") {
        return readDeltaBytes(into, cursor, from, count);
      }
      break;
    case "BYTE_STREAM_SPLIT": {
      const split = fixedView(into);
      if (split !== null) return readStreamSplit(split.data, split.width, cursor, from, count);
      break;
    }
  }
  throw readFailure(`encoding ${encoding} is not supported for ${into.kind} values`);
}

function expectCount(found: number, count: number): void {
  if (found !== count) {
    throw readFailure(`a page has ${found} values where its header says ${count}`);
  }
}

/** Fixed-width values as bytes; null for booleans and byte arrays. */
function fixedView(values: PhysicalValues): { data: Uint8Array; width: number } | null {
  switch (values.kind) {
    case "boolean":
    case "bytes":
      return null;
    case "fixed":
      return values;
    default: {
      const { buffer, byteOffset, byteLength, BYTES_PER_ELEMENT } = values.values;
      return { data: new Uint8Array(buffer, byteOffset, byteLength), width: BYTES_PER_ELEMENT };
    }
  }
}

function take(cursor: ByteCursor, size: number): Uint8Array {
  const { bytes, at } = cursor;
  if (size < 0 || at + size > bytes.length) throw readFailure("a page is shorter than its values");
  cursor.at = at + size;
  return bytes.subarray(at, at + size);
}

function readPlain(into: PhysicalValues, cursor: ByteCursor, from: number, count: number): void {
  const fixed = fixedView(into);
  if (fixed !== null) {
    fixed.data.set(take(cursor, count * fixed.width), from * fixed.width);
  } else if (into.kind === "boolean") {
    const bits = take(cursor, Math.ceil(count / 8));
    for (let i = 0; i < count; i++) into.values[from + i] = bits[i >> 3]! >>> (i & 7) & 1;
  } else if (into.kind === "bytes") readPlainBytes(into, cursor, from, count);
}

type BytesValues = PhysicalValues & { readonly kind: "bytes" };

/** Room for `size` more bytes behind the `from` values that are there. */
function grow(into: BytesValues, from: number, size: number): number {
  const end = into.offsets[from]!;
  if (end + size > 0x7fffffff) throw readFailure("a column of a row group exceeds 2 GiB");
  if (end + size > into.data.length) {
    const bigger = new Uint8Array(Math.max(into.data.length * 2, end + size));
    bigger.set(into.data.subarray(0, end));
    into.data = bigger;
  }
  return end;
}

function readPlainBytes(into: BytesValues, cursor: ByteCursor, from: number, count: number): void {
  const { bytes } = cursor;
  let end = grow(into, from, bytes.length - cursor.at);
  const { data, offsets } = into;
  let { at } = cursor;
  for (let i = 0; i < count; i++) {
    if (at + 4 > bytes.length) throw readFailure("a page is shorter than its values");
    const size = bytes[at]! | bytes[at + 1]! << 8 | bytes[at + 2]! << 16 | bytes[at + 3]! << 24;
    at += 4;
    if (size < 0 || at + size > bytes.length) {
      throw readFailure("a page is shorter than its values");
    }
    copyShort(bytes, at, size, data, end);
    at += size;
    end += size;
    offsets[from + i + 1] = end;
  }
  cursor.at = at;
}

/** A loop for short values: a call into the engine costs more than they do. */
function copyShort(
  source: Uint8Array,
  at: number,
  size: number,
  target: Uint8Array,
  to: number,
): void {
  if (size > 32) target.set(source.subarray(at, at + size), to);
  else for (let i = 0; i < size; i++) target[to + i] = source[at + i]!;
}

function readDeltaLengths(
  into: BytesValues,
  cursor: ByteCursor,
  from: number,
  count: number,
): void {
  const lengths = new Int32Array(count);
  expectCount(unpackDeltaInt32(cursor, lengths, 0), count);
  let end = into.offsets[from]!;
  const start = end;
  for (let i = 0; i < count; i++) {
    if (lengths[i]! < 0) throw readFailure("a value has a negative length");
    end += lengths[i]!;
    into.offsets[from + i + 1] = end;
  }
  const content = take(cursor, end - start);
  // A page of its own needs no copy.
  if (start === 0 && into.data.length === 0) into.data = content;
  else appendBytes(into, from, content);
}

function appendBytes(into: BytesValues, from: number, content: Uint8Array): void {
  const end = grow(into, from, content.length);
  into.data.set(content, end);
}

function readDeltaBytes(
  into: BytesValues | (PhysicalValues & { readonly kind: "fixed" }),
  cursor: ByteCursor,
  from: number,
  count: number,
): void {
  const prefixes = new Int32Array(count);
  const suffixes = new Int32Array(count);
  expectCount(unpackDeltaInt32(cursor, prefixes, 0), count);
  expectCount(unpackDeltaInt32(cursor, suffixes, 0), count);
  let previous: Uint8Array = new Uint8Array(0);
  for (let i = 0; i < count; i++) {
    const prefix = prefixes[i]!;
    if (prefix < 0 || prefix > previous.length) throw readFailure("a value's prefix is too long");
    const suffix = take(cursor, suffixes[i]!);
    const value = new Uint8Array(prefix + suffix.length);
    value.set(previous.subarray(0, prefix));
    value.set(suffix, prefix);
    if (into.kind === "fixed") {
      if (value.length !== into.width) throw readFailure("a fixed-length value has another length");
      into.data.set(value, (from + i) * into.width);
    } else {
      appendBytes(into, from + i, value);
      into.offsets[from + i + 1] = into.offsets[from + i]! + value.length;
    }
    previous = value;
  }
}

function readStreamSplit(
  data: Uint8Array,
  width: number,
  cursor: ByteCursor,
  from: number,
  count: number,
): void {
  const streams = take(cursor, count * width);
  for (let b = 0; b < width; b++) {
    for (let i = 0; i < count; i++) data[(from + i) * width + b] = streams[b * count + i]!;
  }
}

/** Looks `indices` up in a dictionary and puts the values behind the `from` values there are. */
export function readDictionaryValues(
  into: PhysicalValues,
  dictionary: PhysicalValues,
  size: number,
  indices: Int32Array,
  from: number,
): void {
  for (let i = 0; i < indices.length; i++) {
    if (indices[i]! >>> 0 >= size) throw readFailure("a value is not in the dictionary");
  }
  if (into.kind === "bytes" && dictionary.kind === "bytes") {
    return lookUpBytes(into, dictionary, indices, from);
  }
  if (into.kind === "int32" && dictionary.kind === "int32") {
    for (let i = 0; i < indices.length; i++) {
      into.values[from + i] = dictionary.values[indices[i]!]!;
    }
    return;
  }
  const target = fixedView(into);
  const source = fixedView(dictionary);
  if (target === null || source === null) throw readFailure("a dictionary of booleans");
  const { width } = target;
  for (let i = 0, run = 0; i < indices.length; i += run) {
    run = runAt(indices, i);
    copyShort(source.data, indices[i]! * width, run * width, target.data, (from + i) * width);
  }
}

/**
 * How many indices from `i` on follow one another: in a dictionary of values that are all distinct,
 * as small files have them, these are all, and one copy brings their values.
 */
function runAt(indices: Int32Array, i: number): number {
  const offset = indices[i]! - i;
  let end = i + 1;
  while (end < indices.length && indices[end]! - end === offset) end++;
  return end - i;
}

function lookUpBytes(
  into: BytesValues,
  dictionary: BytesValues,
  indices: Int32Array,
  from: number,
): void {
  const starts = dictionary.offsets;
  let size = 0;
  for (let i = 0; i < indices.length; i++) size += starts[indices[i]! + 1]! - starts[indices[i]!]!;
  let end = grow(into, from, size);
  const { data, offsets } = into;
  for (let i = 0, run = 0; i < indices.length; i += run) {
    const first = indices[i]!;
    run = runAt(indices, i);
    const start = starts[first]!;
    copyShort(dictionary.data, start, starts[first + run]! - start, data, end);
    const moved = end - start;
    for (let k = 1; k <= run; k++) offsets[from + i + k] = starts[first + k]! + moved;
    end = offsets[from + i + run]!;
  }
}
