import { CdcDeltaError } from "../../errors.ts";
import type { Value } from "../columns/column-builder.ts";
import type { Column, ColumnBatch } from "../columns/column.ts";
import { bytesAt, decimalAt } from "../columns/column-value.ts";
import { compareValues } from "../columns/compare-values.ts";
import { parsePartitionValue } from "../log/partition-value.ts";
import { requireColumn, type ResolvedPath } from "../schema/column-path.ts";
import type { DataType, StructField, StructType } from "../schema/data-type.ts";
import { typeName } from "../schema/type-name.ts";
import type { RowComparison, RowCondition } from "./row-condition.ts";

/** A condition whose columns were found and whose values have their types. */
export type RowFilter =
  | {
    readonly kind: "compare";
    readonly column: ResolvedPath;
    readonly comparison: RowComparison;
    readonly value: Value;
  }
  | { readonly kind: "in"; readonly column: ResolvedPath; readonly values: readonly Value[] }
  | { readonly kind: "is-null"; readonly column: ResolvedPath }
  | { readonly kind: "not"; readonly filter: RowFilter }
  | { readonly kind: "and" | "or"; readonly filters: readonly RowFilter[] };

/**
 * A condition as it applies to rows of a schema. Errors: `usage` for a column that is not there, a
 * value that does not fit the column's type exactly, and types that have no order.
 */
export function rowFilter(condition: RowCondition, schema: StructType, uri: string): RowFilter {
  switch (condition.kind) {
    case "compare": {
      const column = requireColumn(schema, condition.column, uri);
      const value = readValue(condition.value, column, uri);
      return { kind: "compare", column, comparison: condition.comparison, value };
    }
    case "in": {
      const column = requireColumn(schema, condition.column, uri);
      return {
        kind: "in",
        column,
        values: condition.values.map((value) => readValue(value, column, uri)),
      };
    }
    case "is-null":
      return { kind: "is-null", column: requireColumn(schema, condition.column, uri) };
    case "not":
      return { kind: "not", filter: rowFilter(condition.condition, schema, uri) };
    case "and":
    case "or": {
      const filters = condition.conditions.map((each) => rowFilter(each, schema, uri));
      return { kind: condition.kind, filters };
    }
  }
}

/** The columns that a filter reads. */
export function filterColumns(filter: RowFilter): ResolvedPath[] {
  switch (filter.kind) {
    case "compare":
    case "in":
    case "is-null":
      return [filter.column];
    case "not":
      return filterColumns(filter.filter);
    case "and":
    case "or":
      return filter.filters.flatMap(filterColumns);
  }
}

function readValue(text: string, { path, type }: ResolvedPath, uri: string): Value {
  const value = typedValue(text, type);
  if (value !== null) return value;
  const ordered = isOrdered(type)
    ? `"${text}" is no ${typeName(type)}, the type of "${path.text}"`
    : `"${path.text}" is of type ${type.kind}, which only "is null" can be asked of`;
  throw new CdcDeltaError("usage", `Cannot filter the rows of ${uri}: ${ordered}`, {
    context: { table: uri, column: path.text },
  });
}

function isOrdered(type: DataType): boolean {
  switch (type.kind) {
    case "struct":
    case "array":
    case "map":
    case "binary":
    case "variant":
    case "void":
      return false;
    default:
      return true;
  }
}

function typedValue(text: string, type: DataType): Value {
  if (type.kind === "string") return text;
  if (!isOrdered(type)) return null;
  // A time of day would be cut off, and `< noon` become `< midnight`.
  if (type.kind === "date" && !/^[+-]?\d{4,6}-\d{1,2}-\d{1,2}$/.test(text)) return null;
  try {
    return parsePartitionValue(text, type);
  } catch (error) {
    if (error instanceof CdcDeltaError && error.code === "log-corrupt") return null;
    throw error;
  }
}

/** Truth values in their order, so that `and` is the least and `or` the greatest. */
const truth = { no: 0, unknown: 1, yes: 2 } as const;

/** The rows that meet a filter; null when all of them do. `schema` is that of the batch. Pure. */
export function rowsMeeting(
  filter: RowFilter,
  batch: ColumnBatch,
  schema: StructType,
): Int32Array | null {
  const truths = truthsOf(filter, batch, schema);
  let count = 0;
  for (let row = 0; row < batch.length; row++) if (truths[row] === truth.yes) count++;
  if (count === batch.length) return null;
  const rows = new Int32Array(count);
  let next = 0;
  for (let row = 0; row < batch.length; row++) if (truths[row] === truth.yes) rows[next++] = row;
  return rows;
}

function truthsOf(filter: RowFilter, batch: ColumnBatch, schema: StructType): Uint8Array {
  switch (filter.kind) {
    case "compare": {
      const { comparison, value } = filter;
      const orderOf = comparer(columnAt(filter.column, batch, schema), value);
      return eachPresent(filter.column, batch, schema, (row) => meets(comparison, orderOf(row)));
    }
    case "in": {
      const column = columnAt(filter.column, batch, schema);
      const orders = filter.values.map((value) => comparer(column, value));
      const isIn = (row: number): boolean => orders.some((orderOf) => orderOf(row) === 0);
      return eachPresent(filter.column, batch, schema, isIn);
    }
    case "is-null": {
      const { valid } = columnAt(filter.column, batch, schema);
      const truths = new Uint8Array(batch.length);
      for (let row = 0; row < batch.length; row++) {
        truths[row] = valid[row] === 1 ? truth.no : truth.yes;
      }
      return truths;
    }
    case "not":
      return truthsOf(filter.filter, batch, schema).map((each) => truth.yes - each);
    case "and":
    case "or": {
      const [first, ...rest] = filter.filters.map((each) => truthsOf(each, batch, schema));
      const pick = filter.kind === "and" ? Math.min : Math.max;
      return rest.reduce(
        (sum, other) => sum.map((each, row) => pick(each, other[row]!)),
        first ?? new Uint8Array(batch.length).fill(truth.yes),
      );
    }
  }
}

function eachPresent(
  path: ResolvedPath,
  batch: ColumnBatch,
  schema: StructType,
  test: (row: number) => boolean,
): Uint8Array {
  const { valid } = columnAt(path, batch, schema);
  const truths = new Uint8Array(batch.length);
  for (let row = 0; row < batch.length; row++) {
    truths[row] = valid[row] !== 1 ? truth.unknown : test(row) ? truth.yes : truth.no;
  }
  return truths;
}

/** Whether an order, as `compareValues` gives it, meets a comparison. */
export function meets(comparison: RowComparison, order: number): boolean {
  switch (comparison) {
    case "=":
      return order === 0;
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    case ">":
      return order > 0;
    case ">=":
      return order >= 0;
  }
}

/** The column of a path in a batch; a null struct's fields are null. */
export function columnAt(
  { fields }: ResolvedPath,
  { columns, length }: ColumnBatch,
  schema: StructType,
): Column {
  let type: DataType = schema;
  let children = columns;
  let column: Column = { kind: "null", length, valid: new Uint8Array(length) };
  for (const { name } of fields) {
    if (type.kind !== "struct") return column;
    const at: number = type.fields.findIndex((field) => field.name === name);
    const found: Column | undefined = children[at];
    const field: StructField | undefined = type.fields[at];
    if (found === undefined || field === undefined) break;
    // A struct that a file lacks stands for all of its fields.
    if (found.kind === "null") return found;
    column = found;
    type = field.type;
    children = found.kind === "struct" ? found.children : [];
  }
  return column;
}

/** The order of a present row's value relative to another one. */
function comparer(column: Column, value: Value): (row: number) => number {
  switch (column.kind) {
    case "boolean":
      return (row) => compareValues(column.values[row] === 1, value);
    case "int32":
    case "int64":
    case "float":
    case "double":
      return (row) => compareValues(column.values[row]!, value);
    case "decimal128":
      return (row) => compareValues(decimalAt(column, row), value);
    case "bytes": {
      const bytes = typeof value === "string" ? new TextEncoder().encode(value) : value;
      return (row) => compareValues(bytesAt(column, row), bytes);
    }
    case "null":
    case "struct":
    case "list":
    case "map":
      return () => 1;
  }
}
