import type { BytesColumn, Column, ColumnBatch } from "./column.ts";

/** A column of `length` nulls, in the `null` form that stands for every type. */
export function nullColumn(length: number): Column {
  return { kind: "null", length, valid: new Uint8Array(length) };
}

/** The rows `indices` of a batch, in that order; a row may be taken more than once. */
export function gatherRows(batch: ColumnBatch, indices: ArrayLike<number>): ColumnBatch {
  const rows = indices instanceof Int32Array ? indices : Int32Array.from(indices);
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

type Narrow = Uint8Array | Int32Array | Float32Array | Float64Array;

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
