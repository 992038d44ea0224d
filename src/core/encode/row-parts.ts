import { valueAt } from "../../delta/columns/column-value.ts";
import type { Column, ColumnBatch } from "../../delta/columns/column.ts";
import { gatherRows } from "../../delta/columns/gather.ts";
import { serializePartitionValue } from "../../delta/log/partition-value.ts";
import { encodeWithStatistics } from "../../delta/parquet/writer.ts";
import type { FileFormat } from "../../delta/operations/file-format.ts";
import type { StructType } from "../../delta/schema/data-type.ts";
import type { EncodedPart } from "./encode-job.ts";

export type PartsOptions = {
  readonly partitionBy: readonly string[];
  readonly format: FileFormat;
};

/**
 * Encodes rows part by part: partition columns are not in the file (unless the table wants them
 * there as well), their values name it. `columns` stand in the order of `schema`.
 */
export function encodeParts(
  schema: StructType,
  { length, columns }: ColumnBatch,
  { partitionBy, format }: PartsOptions,
): EncodedPart[] {
  if (length === 0) return [];
  const partitioned = new Set(format.partitionColumnsInFiles ? [] : partitionBy);
  const options = { ...format.statistics, codec: format.codec };
  const kept = schema.fields.map((_, i) => i)
    .filter((i) => !partitioned.has(schema.fields[i]!.name));
  const dataSchema: StructType = { kind: "struct", fields: kept.map((i) => schema.fields[i]!) };
  const data: ColumnBatch = { length, columns: kept.map((i) => columns[i]!) };
  const groups = groupRows(schema, columns, partitionBy, length);
  return groups.map(({ partitionValues, rows }) => {
    const batch = groups.length === 1 ? data : gatherRows(data, rows);
    return { partitionValues, ...encodeWithStatistics(batch, dataSchema, options) };
  });
}

type RowGroup = {
  readonly partitionValues: Readonly<Record<string, string | null>>;
  readonly rows: number[];
};

/** Rows of equal partition values together, groups in the order of their first row. */
function groupRows(
  schema: StructType,
  columns: readonly Column[],
  partitionBy: readonly string[],
  length: number,
): RowGroup[] {
  const keys = partitionBy.map((name) => {
    const index = schema.fields.findIndex((field) => field.name === name);
    return { name, type: schema.fields[index]!.type, column: columns[index]! };
  });
  const varying = keys.filter(({ column }) => !isConstant(column, length));
  const groups = new Map<string, RowGroup>();
  for (let row = 0; row < (varying.length === 0 ? 1 : length); row++) {
    const texts = keys.map(({ column, type }) =>
      serializePartitionValue(valueAt(column, type, row), type)
    );
    const name = JSON.stringify(texts);
    let group = groups.get(name);
    if (group === undefined) {
      const values = Object.fromEntries(keys.map((key, i) => [key.name, texts[i]!]));
      group = { partitionValues: values, rows: [] };
      groups.set(name, group);
    }
    group.rows.push(row);
  }
  return [...groups.values()];
}

/** True for the date of ingestion, which is one value a flush; it is written as such. */
function isConstant(column: Column, length: number): boolean {
  if (column.kind === "null") return true;
  if (column.kind !== "int32") return false;
  for (let row = 1; row < length; row++) {
    if (column.valid[row] !== column.valid[0] || column.values[row] !== column.values[0]) {
      return false;
    }
  }
  return true;
}
