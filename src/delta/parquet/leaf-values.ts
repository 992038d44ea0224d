import { CdcDeltaError } from "../../errors.ts";
import type { Decimal128Column } from "../columns/column.ts";
import type { DataType, DecimalType } from "../schema/data-type.ts";
import { type Bounds, boundsOf, boundsOfBytes, boundsOfWords } from "./bounds.ts";
import type { LeveledLeaf } from "./levels.ts";
import { decimalBytes } from "./parquet-schema.ts";

/** The present values of a leaf without gaps, in the form of their Parquet physical type. */
export type LeafValues =
  | { readonly kind: "boolean"; readonly values: Uint8Array }
  | { readonly kind: "int32"; readonly values: Int32Array }
  /** Pairs of 32-bit halves, low half first. */
  | { readonly kind: "int64"; readonly words: Int32Array }
  /** FLOAT, DOUBLE and FIXED_LEN_BYTE_ARRAY as PLAIN writes them: `width` bytes a value. */
  | { readonly kind: "fixed"; readonly width: number; readonly bytes: Uint8Array }
  /** Value `i` is `data[offsets[i] .. offsets[i + 1])`; `count + 1` offsets. */
  | { readonly kind: "bytes"; readonly offsets: Int32Array; readonly data: Uint8Array };

export type BoundedValues = { readonly values: LeafValues; readonly bounds: Bounds | null };

/**
 * Values of a leaf and their bounds. The result may share memory with the column and with scratch
 * buffers: it is valid until the next call. Errors: `parquet` when a value is out of its type's
 * range, `internal` when the column is of another kind.
 */
export function leafValues(leaf: LeveledLeaf): BoundedValues {
  const { column, type, present, rows } = leaf;
  if (present === 0) return { values: noValues(type), bounds: null };
  switch (column.kind) {
    case "boolean": {
      if (type.kind !== "boolean") return misfit(leaf);
      const values = rows === null
        ? column.values.subarray(0, present)
        : taken(column.values, rows, present, new Uint8Array(present));
      return { values: { kind: "boolean", values }, bounds: null };
    }
    case "int32": {
      const limit = int32Limit(type) ?? misfit(leaf);
      const values = rows === null
        ? column.values.subarray(0, present)
        : taken(column.values, rows, present, scratchInt32(present));
      const bounds = boundsOf(values);
      if (bounds.min < -limit - 1 || bounds.max > limit) throw outOfRange(leaf, bounds);
      return { values: { kind: "int32", values }, bounds };
    }
    case "int64": {
      if (type.kind !== "long" && type.kind !== "timestamp" && type.kind !== "timestamp_ntz") {
        return misfit(leaf);
      }
      const all = new Int32Array(column.values.buffer, column.values.byteOffset);
      const words = rows === null ? all.subarray(0, 2 * present) : takenPairs(all, rows, present);
      return { values: { kind: "int64", words }, bounds: boundsOfWords(words, 2, 2) };
    }
    case "float": {
      if (type.kind !== "float") return misfit(leaf);
      const values = rows === null
        ? column.values.subarray(0, present)
        : taken(column.values, rows, present, new Float32Array(present));
      return { values: fixed(values, 4), bounds: floatBounds(values) };
    }
    case "double": {
      if (type.kind !== "double") return misfit(leaf);
      const values = rows === null
        ? column.values.subarray(0, present)
        : taken(column.values, rows, present, scratchDouble(present));
      return { values: fixed(values, 8), bounds: floatBounds(values) };
    }
    case "decimal128":
      if (type.kind !== "decimal") return misfit(leaf);
      return decimalValues(leaf, column, type);
    case "bytes": {
      if (type.kind !== "string" && type.kind !== "binary") return misfit(leaf);
      return { values: bytesValues(column.offsets, column.data, rows, present), bounds: null };
    }
    default:
      return misfit(leaf);
  }
}

/** Bounds of the values `start .. end`; null where they have no order or it is not worked out. */
export function boundsOfPage(
  type: DataType,
  values: LeafValues,
  start: number,
  end: number,
): Bounds | null {
  if (start === end) return null;
  switch (values.kind) {
    case "int32":
      return type.kind === "decimal" ? null : boundsOf(values.values.subarray(start, end));
    case "int64":
      if (type.kind === "decimal") return null;
      return boundsOfWords(values.words.subarray(2 * start, 2 * end), 2, 2);
    case "bytes":
      if (type.kind !== "string") return null;
      return boundsOfBytes(values.offsets.subarray(start, end + 1), values.data, null, end - start);
    case "fixed": {
      const { buffer, byteOffset } = values.bytes;
      const count = end - start;
      if (type.kind === "float") {
        return floatBounds(new Float32Array(buffer, byteOffset + 4 * start, count));
      }
      return type.kind === "double"
        ? floatBounds(new Float64Array(buffer, byteOffset + 8 * start, count))
        : null;
    }
    case "boolean":
      return null;
  }
}

function noValues(type: DataType): LeafValues {
  if (type.kind === "string" || type.kind === "binary") {
    return { kind: "bytes", offsets: new Int32Array(1), data: new Uint8Array(0) };
  }
  return { kind: "fixed", width: 1, bytes: new Uint8Array(0) };
}

/** The largest value of types that are written as INT32, null for others. */
function int32Limit(type: DataType): number | null {
  switch (type.kind) {
    case "byte":
      return 0x7f;
    case "short":
      return 0x7fff;
    case "integer":
    case "date":
      return 0x7fffffff;
    default:
      return null;
  }
}

let int32s = new Int32Array(0);
let wordPairs = new Int32Array(0);
let doubles = new Float64Array(0);
let fixedBytes = new Uint8Array(0);

function scratchInt32(size: number): Int32Array {
  if (int32s.length < size) int32s = new Int32Array(size * 2);
  return int32s.subarray(0, size);
}

function scratchWords(size: number): Int32Array {
  if (wordPairs.length < size) wordPairs = new Int32Array(size * 2);
  return wordPairs.subarray(0, size);
}

function scratchDouble(size: number): Float64Array {
  if (doubles.length < size) doubles = new Float64Array(size * 2);
  return doubles.subarray(0, size);
}

function scratchBytes(size: number): Uint8Array {
  if (fixedBytes.length < size) fixedBytes = new Uint8Array(size * 2);
  return fixedBytes.subarray(0, size);
}

function taken<T extends Uint8Array | Int32Array | Float32Array | Float64Array>(
  values: T,
  rows: Int32Array,
  count: number,
  into: T,
): T {
  for (let i = 0; i < count; i++) into[i] = values[rows[i]!]!;
  return into;
}

function takenPairs(words: Int32Array, rows: Int32Array, count: number): Int32Array {
  const into = scratchWords(2 * count);
  for (let i = 0; i < count; i++) {
    const row = rows[i]! * 2;
    into[2 * i] = words[row]!;
    into[2 * i + 1] = words[row + 1]!;
  }
  return into;
}

function fixed(values: Float32Array | Float64Array, width: number): LeafValues {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return { kind: "fixed", width, bytes };
}

/** Null when a NaN is present: it has no place in an order. Zeros count as both of their signs. */
function floatBounds(values: Float32Array | Float64Array): Bounds | null {
  let min = Infinity;
  let max = -Infinity;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (value < min) min = value;
    if (value > max) max = value;
    if (value !== value) return null;
  }
  return { min: min === 0 ? -0 : min, max: max === 0 ? 0 : max };
}

function bytesValues(
  offsets: Int32Array,
  data: Uint8Array,
  rows: Int32Array | null,
  count: number,
): LeafValues {
  if (rows === null) return { kind: "bytes", offsets: offsets.subarray(0, count + 1), data };
  const compact = scratchInt32(count + 1);
  let size = 0;
  for (let i = 0; i < count; i++) {
    const row = rows[i]!;
    compact[i] = offsets[row]!;
    size += offsets[row + 1]! - offsets[row]!;
  }
  const end = offsets[rows[count - 1]! + 1]!;
  compact[count] = end;
  // Rows that are left out are empty, as columns promise; checked, because corrupt data would follow.
  if (end - compact[0]! !== size) {
    throw new CdcDeltaError("internal", "A null row of a bytes column must have an empty range");
  }
  return { kind: "bytes", offsets: compact, data };
}

function decimalValues(
  leaf: LeveledLeaf,
  column: Decimal128Column,
  type: DecimalType,
): BoundedValues {
  const { present, rows } = leaf;
  const words = new Int32Array(column.values.buffer, column.values.byteOffset);
  const bounds = boundsOfWords(words, 4, 4, rows, present);
  const limit = 10n ** BigInt(type.precision);
  if (bounds.min <= -limit || bounds.max >= limit) throw outOfRange(leaf, bounds);
  if (type.precision <= 9) {
    const values = scratchInt32(present);
    for (let i = 0; i < present; i++) values[i] = words[4 * (rows === null ? i : rows[i]!)]!;
    return { values: { kind: "int32", values }, bounds };
  }
  if (type.precision <= 18) {
    const pairs = scratchWords(2 * present);
    for (let i = 0; i < present; i++) {
      const row = 4 * (rows === null ? i : rows[i]!);
      pairs[2 * i] = words[row]!;
      pairs[2 * i + 1] = words[row + 1]!;
    }
    return { values: { kind: "int64", words: pairs }, bounds };
  }
  return { values: bigEndianDecimals(words, rows, present, decimalBytes(type.precision)), bounds };
}

function bigEndianDecimals(
  words: Int32Array,
  rows: Int32Array | null,
  count: number,
  width: number,
): LeafValues {
  const bytes = scratchBytes(width * count);
  let at = 0;
  for (let i = 0; i < count; i++) {
    const row = 4 * (rows === null ? i : rows[i]!);
    for (let b = width - 1; b >= 0; b--) bytes[at++] = words[row + (b >> 2)]! >> ((b & 3) << 3);
  }
  return { kind: "fixed", width, bytes };
}

type NumericBounds = { readonly min: number | bigint; readonly max: number | bigint };

function outOfRange(leaf: LeveledLeaf, { min, max }: NumericBounds): CdcDeltaError {
  const { type } = leaf;
  const name = type.kind === "decimal"
    ? `decimal(${type.precision},${type.scale}) (unscaled)`
    : type.kind;
  return new CdcDeltaError(
    "parquet",
    `Cannot write column '${leaf.path.join(".")}' to Parquet: its values go from ${min} to ` +
      `${max}, which does not fit ${name}. Widen the column or change the values`,
  );
}

function misfit(leaf: LeveledLeaf): never {
  throw new CdcDeltaError(
    "internal",
    `Column '${leaf.path.join(".")}' of type ${leaf.type.kind} was given as a ` +
      `${leaf.column.kind} column`,
  );
}
