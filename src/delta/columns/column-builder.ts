import { assert, CdcDeltaError } from "../../errors.ts";
import type { DataType, StructType } from "../schema/data-type.ts";
import type { Column, ColumnBatch } from "./column.ts";

/**
 * A value outside of columns: number for `byte`, `short`, `integer`, `date` (days), `float` and
 * `double`; bigint for `long`, timestamps (µs) and unscaled decimals; objects for structs.
 */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly Value[]
  | ReadonlyMap<Value, Value>
  | { readonly [name: string]: Value };

/** Gathers values of one type into a column. */
export type ColumnBuilder = {
  readonly length: number;
  /**
   * Appends one row. An absent struct field counts as null. Errors: `internal` when the value is
   * not of the type's JavaScript form.
   */
  append(value: Value): void;
  /** The column of all rows appended since the last `finish`. */
  finish(): Column;
};

/** A builder for columns of `type`. Meant for tests and rare paths; hot paths fill columns directly. */
export function columnBuilder(type: DataType): ColumnBuilder {
  switch (type.kind) {
    case "boolean":
      return fixedBuilder(type, (n) => new Uint8Array(n), booleanOf, booleanColumn);
    case "byte":
    case "short":
    case "integer":
    case "date":
      return fixedBuilder(type, (n) => new Int32Array(n), int32Of, int32Column);
    case "long":
    case "timestamp":
    case "timestamp_ntz":
      return fixedBuilder(type, (n) => new BigInt64Array(n), int64Of, int64Column);
    case "float":
      return fixedBuilder(type, (n) => new Float32Array(n), numberOf, floatColumn);
    case "double":
      return fixedBuilder(type, (n) => new Float64Array(n), numberOf, doubleColumn);
    case "decimal":
      return decimalBuilder(type);
    case "string":
    case "binary":
      return bytesBuilder(type);
    case "struct":
      return structBuilder(type);
    case "array":
      return listBuilder(type, columnBuilder(type.elementType));
    case "map":
      return mapBuilder(type, columnBuilder(type.keyType), columnBuilder(type.valueType));
    case "void":
    case "variant":
      return nullBuilder(type);
  }
}

/** Rows as objects to a batch with one column for each field of `schema`. */
export function batchFromRows(
  schema: StructType,
  rows: readonly { readonly [name: string]: Value }[],
): ColumnBatch {
  const columns = schema.fields.map((field) => {
    const builder = columnBuilder(field.type);
    for (const row of rows) builder.append(row[field.name] ?? null);
    return builder.finish();
  });
  return { length: rows.length, columns };
}

// What a value of each form is stored as; null when it is of another form.
const booleanOf = (value: Value): number | null =>
  typeof value === "boolean" ? Number(value) : null;
const int32Of = (value: Value): number | null =>
  typeof value === "number" && (value | 0) === value ? value : null;
const numberOf = (value: Value): number | null => typeof value === "number" ? value : null;
const int64Of = (value: Value): bigint | null =>
  typeof value === "bigint" && BigInt.asIntN(64, value) === value ? value : null;

type MakeColumn<T> = (valid: Uint8Array, values: T, length: number) => Column;

const booleanColumn: MakeColumn<Uint8Array> = (valid, values, length) => (
  { kind: "boolean", length, valid, values }
);
const int32Column: MakeColumn<Int32Array> = (valid, values, length) => (
  { kind: "int32", length, valid, values }
);
const int64Column: MakeColumn<BigInt64Array> = (valid, values, length) => (
  { kind: "int64", length, valid, values }
);
const floatColumn: MakeColumn<Float32Array> = (valid, values, length) => (
  { kind: "float", length, valid, values }
);
const doubleColumn: MakeColumn<Float64Array> = (valid, values, length) => (
  { kind: "double", length, valid, values }
);

type Fixed = Uint8Array | Int32Array | BigInt64Array | Float32Array | Float64Array;

/** Twice the length, the old content kept. */
function grown<T extends Fixed>(make: (n: number) => T, old: T): T {
  const bigger = make(Math.max(16, old.length * 2));
  (bigger as Uint8Array).set(old as Uint8Array);
  return bigger;
}

function fixedBuilder<T extends Fixed>(
  type: DataType,
  make: (n: number) => T,
  stored: (value: Value) => T[number] | null,
  column: MakeColumn<T>,
): ColumnBuilder {
  let valid = new Uint8Array(16);
  let values = make(16);
  let length = 0;
  return {
    get length() {
      return length;
    },
    append(value) {
      if (length === values.length) values = grown(make, values);
      if (length === valid.length) valid = grown((n) => new Uint8Array(n), valid);
      if (value !== null) {
        const form = stored(value);
        if (form === null) throw misfit(type, value);
        values[length] = form;
        valid[length] = 1;
      }
      length++;
    },
    finish() {
      const done = column(valid, values, length);
      valid = new Uint8Array(16);
      values = make(16);
      length = 0;
      return done;
    },
  };
}

function decimalBuilder(type: DataType): ColumnBuilder {
  const low = columnBuilder({ kind: "long" });
  const high = columnBuilder({ kind: "long" });
  return {
    get length() {
      return low.length;
    },
    append(value) {
      if (value !== null && (typeof value !== "bigint" || BigInt.asIntN(128, value) !== value)) {
        throw misfit(type, value);
      }
      low.append(value === null ? null : BigInt.asIntN(64, value));
      high.append(value === null ? null : value >> 64n);
    },
    finish() {
      const { valid, length, ...lows } = low.finish();
      const highs = high.finish();
      assert(lows.kind === "int64" && highs.kind === "int64", "halves of a decimal are int64");
      const values = new BigInt64Array(length * 2);
      for (let i = 0; i < length; i++) {
        values[2 * i] = lows.values[i]!;
        values[2 * i + 1] = highs.values[i]!;
      }
      return { kind: "decimal128", length, valid, values };
    },
  };
}

const encoder = new TextEncoder();

function bytesBuilder(type: DataType): ColumnBuilder {
  let data: Uint8Array = new Uint8Array(64);
  const ends = columnBuilder({ kind: "integer" });
  let end = 0;
  let valid: Uint8Array = new Uint8Array(16);
  return {
    get length() {
      return ends.length;
    },
    append(value) {
      const row = ends.length;
      if (row === valid.length) valid = grown((n) => new Uint8Array(n), valid);
      if (value !== null) {
        const bytes = type.kind === "string" && typeof value === "string"
          ? encoder.encode(value)
          : value;
        if (!(bytes instanceof Uint8Array)) throw misfit(type, value);
        while (end + bytes.length > data.length) data = grown((n) => new Uint8Array(n), data);
        data.set(bytes, end);
        end += bytes.length;
        valid[row] = 1;
      }
      ends.append(end);
    },
    finish() {
      const done = offsetsOf(ends);
      const column: Column = { kind: "bytes", ...done, valid, data };
      data = new Uint8Array(64);
      valid = new Uint8Array(16);
      end = 0;
      return column;
    },
  };
}

/** `length + 1` offsets, beginning with 0, from the ends of the rows. */
function offsetsOf(ends: ColumnBuilder): { length: number; offsets: Int32Array } {
  const column = ends.finish();
  assert(column.kind === "int32", "ends are int32");
  const offsets = new Int32Array(column.length + 1);
  offsets.set(column.values.subarray(0, column.length), 1);
  return { length: column.length, offsets };
}

function structBuilder(type: StructType): ColumnBuilder {
  const marks = columnBuilder({ kind: "boolean" });
  const names = type.fields.map((field) => field.name);
  const children = type.fields.map((field) => columnBuilder(field.type));
  return {
    get length() {
      return marks.length;
    },
    append(value) {
      if (value !== null && !isRecord(value)) throw misfit(type, value);
      marks.append(value === null ? null : true);
      for (let i = 0; i < children.length; i++) {
        const name = names[i]!;
        const has = value !== null && Object.hasOwn(value, name);
        children[i]!.append(has ? value[name] ?? null : null);
      }
    },
    finish() {
      const { length, valid } = marks.finish();
      return { kind: "struct", length, valid, children: children.map((child) => child.finish()) };
    },
  };
}

function isRecord(value: Value): value is { readonly [name: string]: Value } {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !(value instanceof Uint8Array) && !(value instanceof Map);
}

function isList(value: Value): value is readonly Value[] {
  return Array.isArray(value);
}

function isMap(value: Value): value is ReadonlyMap<Value, Value> {
  return value instanceof Map;
}

function listBuilder(type: DataType, element: ColumnBuilder): ColumnBuilder {
  const marks = columnBuilder({ kind: "boolean" });
  const ends = columnBuilder({ kind: "integer" });
  return {
    get length() {
      return marks.length;
    },
    append(value) {
      if (value !== null && !isList(value)) throw misfit(type, value);
      for (const item of value ?? []) element.append(item);
      marks.append(value === null ? null : true);
      ends.append(element.length);
    },
    finish() {
      const { valid } = marks.finish();
      return { kind: "list", valid, ...offsetsOf(ends), element: element.finish() };
    },
  };
}

function mapBuilder(type: DataType, key: ColumnBuilder, value: ColumnBuilder): ColumnBuilder {
  const marks = columnBuilder({ kind: "boolean" });
  const ends = columnBuilder({ kind: "integer" });
  return {
    get length() {
      return marks.length;
    },
    append(entries) {
      if (entries !== null && !isMap(entries)) throw misfit(type, entries);
      for (const [k, v] of entries ?? []) {
        key.append(k);
        value.append(v);
      }
      marks.append(entries === null ? null : true);
      ends.append(key.length);
    },
    finish() {
      const { valid } = marks.finish();
      return {
        kind: "map",
        valid,
        ...offsetsOf(ends),
        key: key.finish(),
        value: value.finish(),
      };
    },
  };
}

/** For types whose values cannot be built. */
function nullBuilder(type: DataType): ColumnBuilder {
  let length = 0;
  return {
    get length() {
      return length;
    },
    append(value) {
      if (value !== null) throw misfit(type, value);
      length++;
    },
    finish() {
      const done: Column = { kind: "null", length, valid: new Uint8Array(length) };
      length = 0;
      return done;
    },
  };
}

function misfit(type: DataType, value: Value): CdcDeltaError {
  const what = typeof value === "object" ? Object.prototype.toString.call(value) : typeof value;
  const text = typeof value === "object" ? "" : ` ${String(value).slice(0, 40)}`;
  return new CdcDeltaError("internal", `Cannot append ${what}${text} to a ${type.kind} column`);
}
