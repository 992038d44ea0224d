import { CdcDeltaError } from "../../errors.ts";
import type { Column, ColumnBatch } from "../columns/column.ts";
import { nullColumn } from "../columns/gather.ts";
import type { TableState } from "../log/table-state.ts";
import { countedPaths } from "../parquet/statistics.ts";
import { physicalName } from "../schema/column-mapping.ts";
import { type DataType, type StructField, type StructType } from "../schema/data-type.ts";
import { typeName } from "../schema/type-name.ts";
import { rewriteLayout } from "./rewrite-layout.ts";

/** How rows are ordered within the files of a partition. */
export type RowOrder = {
  /** `sort`: by the first column, then the next; `z-order`: near each other in all of them. */
  readonly kind: "sort" | "z-order";
  /** Names as the user wrote them, `a.b` for a field of a struct. */
  readonly columns: readonly string[];
};

/** A column that rows are ordered by. */
export type OrderColumn = {
  /** As the schema writes it. */
  readonly name: string;
  readonly fields: readonly StructField[];
};

/**
 * The columns of an order. As in Spark each must be there, be no partition column, be of a type that
 * has an order, and have statistics: without them no reader could skip a file. Errors: `usage`,
 * naming the column and what would do.
 */
export function orderColumns(order: RowOrder, table: TableState, uri: string): OrderColumn[] {
  const found = order.columns.map((name) => findColumn(order, name, table, uri));
  found.forEach(({ name }, i) => {
    if (found.findIndex((other) => other.name === name) < i) {
      throw refusal(order, name, uri, "it is named twice. Name it once");
    }
  });
  return found;
}

function findColumn(order: RowOrder, name: string, table: TableState, uri: string): OrderColumn {
  const { schema, partitionColumns } = table;
  const fields = fieldPath(schema, name);
  if (fields === null) {
    const names = schema.fields.map((field) => field.name).join(", ");
    throw refusal(order, name, uri, `the table has no such column, it has ${names}`);
  }
  const path = fields.map((field) => field.name);
  if (partitionColumns.includes(path[0]!)) {
    const why = "the table is partitioned by it: all rows of a folder have one value. Leave it out";
    throw refusal(order, name, uri, why);
  }
  const { type } = fields.at(-1)!;
  if (!isOrdered(type)) {
    const fix = type.kind === "struct" ? ". Name one of its fields, as in a.b" : "";
    throw refusal(order, name, uri, `values of type ${typeName(type)} have no order${fix}`);
  }
  if (!hasStatistics(table, path)) {
    const why = "it has no statistics, so no reader could skip files by it. Add it to " +
      "delta.dataSkippingStatsColumns, or raise delta.dataSkippingNumIndexedCols";
    throw refusal(order, name, uri, why);
  }
  return { name: path.join("."), fields };
}

/** Fields from the root; a name with dots may be one column. Upper and lower case are one. */
function fieldPath({ fields }: StructType, name: string): StructField[] | null {
  const wanted = name.toLowerCase();
  const exact = fields.find((field) => field.name === name) ??
    fields.find((field) => field.name.toLowerCase() === wanted);
  if (exact !== undefined) return [exact];
  for (const field of fields) {
    const { type } = field;
    if (type.kind !== "struct" || !wanted.startsWith(`${field.name.toLowerCase()}.`)) continue;
    const rest = fieldPath(type, name.slice(field.name.length + 1));
    if (rest !== null) return [field, ...rest];
  }
  return null;
}

function isOrdered({ kind }: DataType): boolean {
  return !["struct", "array", "map", "variant", "void"].includes(kind);
}

function hasStatistics(table: TableState, path: readonly string[]): boolean {
  const { schema, format } = rewriteLayout(table);
  return countedPaths(schema, format.statistics)
    .some((counted) => counted.length === path.length && counted.every((n, i) => n === path[i]));
}

function refusal(order: RowOrder, name: string, uri: string, why: string): CdcDeltaError {
  const flag = order.kind === "sort" ? "--sort-by" : "--z-order";
  return new CdcDeltaError("usage", `Cannot order ${uri} by "${name}" (${flag}): ${why}`, {
    context: { table: uri, column: name },
  });
}

/** The column of a batch whose columns are those of `schema`, by the table's names or the files'. */
export function columnOf(batch: ColumnBatch, schema: StructType, { fields }: OrderColumn): Column {
  let columns = batch.columns;
  let among = schema;
  let column: Column | undefined;
  for (const field of fields) {
    const names = [field.name, physicalNameOf(field)];
    const index = among.fields.findIndex((each) => names.includes(each.name));
    column = columns[index];
    const inner = among.fields[index];
    if (column === undefined || inner === undefined) {
      throw new CdcDeltaError(
        "internal",
        `Column "${field.name}" is not among those that are read`,
      );
    }
    if (column.kind === "struct" && inner.type.kind === "struct") {
      columns = column.children;
      among = inner.type;
    } else if (column.kind === "null") return nullColumn(batch.length);
  }
  return column!;
}

function physicalNameOf(field: StructField): string {
  const mapped = "delta.columnMapping.physicalName" in field.metadata;
  return mapped ? physicalName(field, "name") : field.name;
}
