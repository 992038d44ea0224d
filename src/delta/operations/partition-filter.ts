import { CdcDeltaError } from "../../errors.ts";
import type { Value } from "../columns/column-builder.ts";
import { compareValues } from "../columns/compare-values.ts";
import type { PartitionValues } from "../log/actions.ts";
import { parsePartitionValue } from "../log/partition-value.ts";
import { physicalName } from "../schema/column-mapping.ts";
import type { DataType } from "../schema/data-type.ts";
import { typeName } from "../schema/type-name.ts";
import type { PartitionCondition, PartitionOperator } from "./partition-condition.ts";
import type { ScannedTable } from "./scan.ts";

/** Whether a partition is meant. */
export type PartitionFilter = (partitionValues: PartitionValues) => boolean;

/**
 * The partitions that meet all conditions; without any, all of them. As in SQL a null meets no
 * comparison. Errors: `usage` for a column that the table is not partitioned by (naming those that
 * it is) and for a value that does not fit the column's type.
 */
export function partitionFilter(
  conditions: readonly PartitionCondition[],
  table: ScannedTable,
  uri: string,
): PartitionFilter {
  const tests = conditions.map((condition) => testOf(condition, table, uri));
  return (values) => tests.every((test) => test(values));
}

function testOf(condition: PartitionCondition, table: ScannedTable, uri: string): PartitionFilter {
  const { column, operator } = condition;
  const { schema, partitionColumns, columnMapping } = table;
  const field = schema.fields.find((each) =>
    each.name === column && partitionColumns.includes(each.name)
  );
  if (field === undefined) throw notPartitioned(condition, partitionColumns, uri);
  const wanted = condition.values.map((text) => readValue(text, field.type, condition, uri));
  const name = physicalName(field, columnMapping);
  return (values) => meets(operator, parsePartitionValue(values[name] ?? null, field.type), wanted);
}

function notPartitioned(
  { text, column }: PartitionCondition,
  partitionColumns: readonly string[],
  uri: string,
): CdcDeltaError {
  const columns = partitionColumns.length === 0
    ? "it has no partitions. Leave --where out"
    : `it is by ${partitionColumns.join(", ")}. Compare one of these`;
  return new CdcDeltaError(
    "usage",
    `Cannot use "${text}" on ${uri}: it is not partitioned by "${column}", ${columns}`,
    { context: { table: uri, column } },
  );
}

function readValue(
  text: string,
  type: DataType,
  condition: PartitionCondition,
  uri: string,
): Value {
  const wrong = (cause?: unknown): CdcDeltaError =>
    new CdcDeltaError(
      "usage",
      `Cannot use "${condition.text}" on ${uri}: "${text}" is no ${typeName(type)}, the type of ` +
        `"${condition.column}"`,
      { cause, context: { table: uri, column: condition.column } },
    );
  // The log knows no empty text: writers store it as null.
  if (text === "") throw wrong();
  try {
    return parsePartitionValue(text, type);
  } catch (error) {
    throw wrong(error);
  }
}

function meets(operator: PartitionOperator, value: Value, wanted: readonly Value[]): boolean {
  if (operator === "is null" || operator === "is not null") {
    return (value === null) === (operator === "is null");
  }
  if (value === null) return false;
  const orders = wanted.map((each) => compareValues(value, each));
  const [order = 0] = orders;
  switch (operator) {
    case "in":
      return orders.includes(0);
    case "=":
      return order === 0;
    case "!=":
      return order !== 0;
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
