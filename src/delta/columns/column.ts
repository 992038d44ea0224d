/**
 * Columns in Arrow's layout: offsets and values as typed arrays, nested columns as children. The
 * one difference is validity: one byte a row (1 = present) instead of one bit, because writers set
 * it and Parquet's level encoder reads it one row at a time.
 *
 * Arrays may be longer than needed; only the first `length` rows count. Where `valid[i]` is 0 the
 * value at `i` is undefined (offsets still have to be consistent: an empty range).
 */
type Base = { readonly length: number; readonly valid: Uint8Array };

/** 0 or 1 a row. */
export type BooleanColumn = Base & { readonly kind: "boolean"; readonly values: Uint8Array };
/** `byte`, `short`, `integer`; `date` as days since 1970-01-01. */
export type Int32Column = Base & { readonly kind: "int32"; readonly values: Int32Array };
/** `long`; `timestamp`, `timestamp_ntz` as microseconds since 1970-01-01T00:00:00 (UTC). */
export type Int64Column = Base & { readonly kind: "int64"; readonly values: BigInt64Array };
export type FloatColumn = Base & { readonly kind: "float"; readonly values: Float32Array };
export type DoubleColumn = Base & { readonly kind: "double"; readonly values: Float64Array };
/** Unscaled `decimal` of any precision: two little-endian 64-bit halves a row, `[low, high]`. */
export type Decimal128Column = Base & {
  readonly kind: "decimal128";
  /** 2 × length: row `i` is `high << 64 | unsigned low` at `2i + 1` and `2i`. */
  readonly values: BigInt64Array;
};
/** `string` (UTF-8), `binary`, and `variant` as JSON text: row `i` is `data[offsets[i] .. offsets[i + 1])`. */
export type BytesColumn = Base & {
  readonly kind: "bytes";
  readonly offsets: Int32Array;
  readonly data: Uint8Array;
};
/** Children have the struct's length and the order of the type's fields; null rows are null in them. */
export type StructColumn = Base & {
  readonly kind: "struct";
  readonly children: readonly Column[];
};
/** Row `i` holds the elements `offsets[i] .. offsets[i + 1]`; a null row holds none. */
export type ListColumn = Base & {
  readonly kind: "list";
  readonly offsets: Int32Array;
  readonly element: Column;
};
export type MapColumn = Base & {
  readonly kind: "map";
  readonly offsets: Int32Array;
  readonly key: Column;
  readonly value: Column;
};
/** `void`, or a column that a file lacks: every row is null. */
export type NullColumn = Base & { readonly kind: "null" };

export type Column =
  | BooleanColumn
  | Int32Column
  | Int64Column
  | FloatColumn
  | DoubleColumn
  | Decimal128Column
  | BytesColumn
  | StructColumn
  | ListColumn
  | MapColumn
  | NullColumn;

/** Rows of a table: one column for each field of a `StructType`, in its order. */
export type ColumnBatch = { readonly length: number; readonly columns: readonly Column[] };
