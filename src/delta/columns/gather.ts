import { assert } from "../../errors.ts";
import type { DataType } from "../schema/data-type.ts";
import type { BytesColumn, Column, ColumnBatch } from "./column.ts";

/** A column of `length` nulls, in the `null` form that stands for every type. */
export function nullColumn(length: number): Column {
  return { kind: "null", length, valid: new Uint8Array(length) };
}

/** The rows `indices` of a batch, in that order; a row may be taken more than once. */
export function gatherRows(batch: ColumnBatch, indices: ArrayLike<number>): ColumnBatch {
  const rows = Int32Array.from(indices);
  return { length: rows.length, columns: batch.columns.map((c) => gatherColumn(c, rows)) };
}

/** The rows `start .. end` (exclusive). */
export function sliceBatch(batch: ColumnBatch, start: number, end: number): ColumnBatch {
  const from = Math.max(0, start);
  const to = Math.max(from, Math.min(batch.length, end));
  return gatherRows(batch, Int32Array.from({ length: to - from }, (_, i) => from + i));
}

/** Rows of a column by index; an index of -1 gives a null. */
export function gatherColumn(column: Column, rows: Int32Array): Column {
  const length = rows.length;
  const valid = gatherValidity(column.valid, rows);
  switch (column.kind) {
    case "null":
      return { kind: "null", length, valid };
    case "boolean":
      return { kind: "boolean", length, valid, values: pick(column.values, rows, Uint8Array) };
    case "int32":
      return { kind: "int32", length, valid, values: pick(column.values, rows, Int32Array) };
    case "float":
      return { kind: "float", length, valid, values: pick(column.values, rows, Float32Array) };
    case "double":
      return { kind: "double", length, valid, values: pick(column.values, rows, Float64Array) };
    case "int64":
      return { kind: "int64", length, valid, values: pickWide(column.values, rows, 2) };
    case "decimal128":
      return { kind: "decimal128", length, valid, values: pickWide(column.values, rows, 4) };
    case "bytes":
      return gatherBytes(column, rows, valid);
    case "struct":
      return {
        kind: "struct",
        length,
        valid,
        children: column.children.map((child) => gatherColumn(child, rows)),
      };
    case "list": {
      const { offsets, items } = gatherRanges(column.offsets, valid, rows);
      return { kind: "list", length, valid, offsets, element: gatherColumn(column.element, items) };
    }
    case "map": {
      const { offsets, items } = gatherRanges(column.offsets, valid, rows);
      const key = gatherColumn(column.key, items);
      return { kind: "map", length, valid, offsets, key, value: gatherColumn(column.value, items) };
    }
  }
}

/** Batches of one schema one after the other. `type` decides the form of columns that are all null. */
export function concatBatches(
  batches: readonly ColumnBatch[],
  schema: DataType & { readonly kind: "struct" },
): ColumnBatch {
  const length = batches.reduce((sum, batch) => sum + batch.length, 0);
  const columns = schema.fields.map((_, i) => concatColumns(batches.map((b) => b.columns[i]!)));
  return { length, columns };
}

/** Columns of one kind (or `null`) one after the other. */
export function concatColumns(columns: readonly Column[]): Column {
  const length = columns.reduce((sum, column) => sum + column.length, 0);
  const typed = columns.find((column) => column.kind !== "null");
  if (typed === undefined) return nullColumn(length);
  const valid = new Uint8Array(length);
  let row = 0;
  for (const column of columns) {
    if (column.kind !== "null") valid.set(column.valid.subarray(0, column.length), row);
    row += column.length;
  }
  const same = columns.map((column) => {
    assert(column.kind === typed.kind || column.kind === "null", "columns to join are of one kind");
    return column;
  });
  return joined(typed, same, length, valid);
}

function joined(
  typed: Column,
  columns: readonly Column[],
  length: number,
  valid: Uint8Array,
): Column {
  switch (typed.kind) {
    case "null":
      return nullColumn(length);
    case "boolean":
      return {
        kind: "boolean",
        length,
        valid,
        values: joinValues(columns, new Uint8Array(length)),
      };
    case "int32":
      return { kind: "int32", length, valid, values: joinValues(columns, new Int32Array(length)) };
    case "float":
      return {
        kind: "float",
        length,
        valid,
        values: joinValues(columns, new Float32Array(length)),
      };
    case "double":
      return {
        kind: "double",
        length,
        valid,
        values: joinValues(columns, new Float64Array(length)),
      };
    case "int64":
      return { kind: "int64", length, valid, values: joinWide(columns, length, 1) };
    case "decimal128":
      return { kind: "decimal128", length, valid, values: joinWide(columns, length, 2) };
    case "bytes": {
      const { offsets, parts } = joinOffsets(columns, length);
      let size = 0;
      for (const part of parts) size += part.end - part.start;
      const data = new Uint8Array(size);
      let at = 0;
      for (const { column, start, end } of parts) {
        if (column.kind === "bytes") data.set(column.data.subarray(start, end), at);
        at += end - start;
      }
      return { kind: "bytes", length, valid, offsets, data };
    }
    case "struct": {
      const children = typed.children.map((_, i) =>
        concatColumns(
          columns.map((c) => c.kind === "struct" ? c.children[i]! : nullColumn(c.length)),
        )
      );
      return { kind: "struct", length, valid, children };
    }
    case "list": {
      const { offsets, parts } = joinOffsets(columns, length);
      const element = concatColumns(
        parts.map((p) => p.column.kind === "list" ? range(p.column.element, p) : nullColumn(0)),
      );
      return { kind: "list", length, valid, offsets, element };
    }
    case "map": {
      const { offsets, parts } = joinOffsets(columns, length);
      const key = concatColumns(
        parts.map((p) => p.column.kind === "map" ? range(p.column.key, p) : nullColumn(0)),
      );
      const value = concatColumns(
        parts.map((p) => p.column.kind === "map" ? range(p.column.value, p) : nullColumn(0)),
      );
      return { kind: "map", length, valid, offsets, key, value };
    }
  }
}

type Part = { readonly column: Column; readonly start: number; readonly end: number };

/** Offsets of joined variable-length columns, and the range of each one's content. */
function joinOffsets(
  columns: readonly Column[],
  length: number,
): { offsets: Int32Array; parts: Part[] } {
  const offsets = new Int32Array(length + 1);
  const parts: Part[] = [];
  let row = 0;
  let end = 0;
  for (const column of columns) {
    const own = "offsets" in column ? column.offsets : null;
    const start = own === null ? 0 : own[0]!;
    const stop = own === null ? 0 : own[column.length]!;
    for (let i = 0; i < column.length; i++) {
      offsets[row + i + 1] = own === null ? end : end + own[i + 1]! - start;
    }
    row += column.length;
    end += stop - start;
    parts.push({ column, start, end: stop });
  }
  return { offsets, parts };
}

function range(column: Column, { start, end }: Part): Column {
  if (start === 0 && end === column.length) return column;
  return gatherColumn(column, Int32Array.from({ length: end - start }, (_, i) => start + i));
}

type Narrow = Uint8Array | Int32Array | Float32Array | Float64Array;

function joinValues<T extends Narrow>(columns: readonly Column[], into: T): T {
  let row = 0;
  for (const column of columns) {
    if ("values" in column && column.kind !== "int64" && column.kind !== "decimal128") {
      into.set(column.values.subarray(0, column.length), row);
    }
    row += column.length;
  }
  return into;
}

function joinWide(columns: readonly Column[], length: number, width: number): BigInt64Array {
  const into = new BigInt64Array(length * width);
  let row = 0;
  for (const column of columns) {
    if (column.kind === "int64" || column.kind === "decimal128") {
      into.set(column.values.subarray(0, column.length * width), row * width);
    }
    row += column.length;
  }
  return into;
}

function gatherValidity(valid: Uint8Array, rows: Int32Array): Uint8Array {
  const taken = new Uint8Array(rows.length);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    taken[i] = row < 0 ? 0 : valid[row]!;
  }
  return taken;
}

function pick<T extends Narrow>(values: T, rows: Int32Array, Make: { new (n: number): T }): T {
  const taken = new Make(rows.length);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    if (row >= 0) taken[i] = values[row]!;
  }
  return taken;
}

/** 64- and 128-bit values moved as 32-bit words: a bigint for each value would be an allocation. */
function pickWide(values: BigInt64Array, rows: Int32Array, words: number): BigInt64Array {
  const source = new Int32Array(values.buffer, values.byteOffset, values.length * 2);
  const taken = new Int32Array(rows.length * words);
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!;
    if (row < 0) continue;
    for (let w = 0; w < words; w++) taken[i * words + w] = source[row * words + w]!;
  }
  return new BigInt64Array(taken.buffer);
}

function gatherBytes(column: BytesColumn, rows: Int32Array, valid: Uint8Array): BytesColumn {
  const length = rows.length;
  const offsets = new Int32Array(length + 1);
  let size = 0;
  for (let i = 0; i < length; i++) {
    const row = rows[i]!;
    if (valid[i] === 1) size += column.offsets[row + 1]! - column.offsets[row]!;
    offsets[i + 1] = size;
  }
  const data = new Uint8Array(size);
  for (let i = 0; i < length; i++) {
    if (valid[i] !== 1) continue;
    const start = column.offsets[rows[i]!]!;
    const end = column.offsets[rows[i]! + 1]!;
    const at = offsets[i]!;
    // A call into the engine costs more than copying a short value by hand.
    if (end - start > 32) data.set(column.data.subarray(start, end), at);
    else for (let j = start; j < end; j++) data[at + j - start] = column.data[j]!;
  }
  return { kind: "bytes", length, valid, offsets, data };
}

function gatherRanges(
  source: Int32Array,
  valid: Uint8Array,
  rows: Int32Array,
): { offsets: Int32Array; items: Int32Array } {
  const offsets = new Int32Array(rows.length + 1);
  let size = 0;
  for (let i = 0; i < rows.length; i++) {
    if (valid[i] === 1) size += source[rows[i]! + 1]! - source[rows[i]!]!;
    offsets[i + 1] = size;
  }
  const items = new Int32Array(size);
  let at = 0;
  for (let i = 0; i < rows.length; i++) {
    if (valid[i] !== 1) continue;
    for (let j = source[rows[i]!]!; j < source[rows[i]! + 1]!; j++) items[at++] = j;
  }
  return { offsets, items };
}
