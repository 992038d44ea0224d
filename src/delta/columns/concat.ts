import { assert } from "../../errors.ts";
import type { StructType } from "../schema/data-type.ts";
import type { Column, ColumnBatch } from "./column.ts";
import { gatherColumn, nullColumn } from "./gather.ts";

/** Batches of one schema one after the other. */
export function concatBatches(
  batches: readonly ColumnBatch[],
  schema: StructType,
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
    case "bytes":
      return joinedBytes(columns, length, valid);
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
      const element = joinedParts(parts, (c) => c.kind === "list" ? c.element : null);
      return { kind: "list", length, valid, offsets, element };
    }
    case "map": {
      const { offsets, parts } = joinOffsets(columns, length);
      const key = joinedParts(parts, (c) => c.kind === "map" ? c.key : null);
      const value = joinedParts(parts, (c) => c.kind === "map" ? c.value : null);
      return { kind: "map", length, valid, offsets, key, value };
    }
  }
}

function joinedBytes(columns: readonly Column[], length: number, valid: Uint8Array): Column {
  const { offsets, parts } = joinOffsets(columns, length);
  const data = new Uint8Array(offsets[length]!);
  let at = 0;
  for (const { column, start, end } of parts) {
    if (column.kind === "bytes") data.set(column.data.subarray(start, end), at);
    at += end - start;
  }
  return { kind: "bytes", length, valid, offsets, data };
}

function joinedParts(parts: readonly Part[], child: (column: Column) => Column | null): Column {
  return concatColumns(parts.map((part) => {
    const column = child(part.column);
    return column === null ? nullColumn(0) : range(column, part);
  }));
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
