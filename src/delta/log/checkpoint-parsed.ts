import type { Value } from "../columns/column-builder.ts";
import { type ColumnMapping, physicalSchema } from "../schema/column-mapping.ts";
import {
  type DataType,
  type JsonValue,
  struct,
  type StructField,
  type StructType,
} from "../schema/data-type.ts";
import { parseLossless, rawNumberText } from "../schema/lossless-json.ts";
import type { AddFile } from "./actions.ts";
import { parsedStatisticsFields } from "./checkpoint-statistics.ts";
import { parsePartitionValue } from "./partition-value.ts";
import type { StatisticsColumns } from "./table-properties.ts";

/** What decides the columns `partitionValues_parsed` and `stats_parsed` of a table's checkpoint. */
export type ParsedTable = {
  readonly schema: StructType;
  readonly partitionColumns: readonly string[];
  readonly columnMapping: ColumnMapping;
  readonly properties: {
    readonly statisticsColumns: StatisticsColumns;
    readonly checkpointStatsAsJson: boolean;
    readonly checkpointStatsAsStruct: boolean;
  };
};

/** The columns that `add` has besides, and their values for a file. */
export type ParsedColumns = {
  readonly fields: readonly StructField[];
  values(add: AddFile): Readonly<Record<string, Value>>;
};

/**
 * The typed columns that `delta.checkpoint.writeStatsAsStruct` asks for (PROTOCOL.md, "Checkpoint
 * Schema"); none without it. A bound that cannot be parsed is null there; a partition value that
 * cannot be is an error of `values` (`log-corrupt`), as readers would leave the file out for a null.
 */
export function parsedColumns(table: ParsedTable): ParsedColumns {
  if (!table.properties.checkpointStatsAsStruct) return { fields: [], values: () => ({}) };
  const partition = partitionFields(table);
  const statistics = parsedStatisticsFields(countedSchema(table));
  const nullable = (name: string, type: StructType): StructField => (
    { name, type, nullable: true, metadata: {} }
  );
  const stats = nullable("stats_parsed", statistics);
  if (partition.length === 0) {
    return { fields: [stats], values: (add) => ({ stats_parsed: statisticsOf(add, statistics) }) };
  }
  return {
    fields: [nullable("partitionValues_parsed", struct(partition)), stats],
    values: (add) => ({
      partitionValues_parsed: Object.fromEntries(
        partition.map(({ name, type }) => [
          name,
          parsePartitionValue(add.partitionValues[name] ?? null, type),
        ]),
      ),
      stats_parsed: statisticsOf(add, statistics),
    }),
  };
}

/** Columns of the data files, with the names that statistics have. */
export function statisticsSchema(
  table: Pick<ParsedTable, "schema" | "partitionColumns" | "columnMapping">,
): StructType {
  const inFiles = table.schema.fields.filter(({ name }) => !table.partitionColumns.includes(name));
  return physicalSchema(struct(inFiles), table.columnMapping);
}

function partitionFields(table: ParsedTable): readonly StructField[] {
  const fields = table.schema.fields.filter(({ name }) => table.partitionColumns.includes(name));
  return physicalSchema(struct(fields), table.columnMapping).fields
    .map((field) => ({ ...field, metadata: {}, nullable: true }));
}

/**
 * Columns that have statistics by the table's own setting: a wide table would have thousands of
 * empty ones else. All of them where the JSON is left out, so that nothing is lost.
 */
function countedSchema(table: ParsedTable): StructType {
  const schema = statisticsSchema(table);
  const { statisticsColumns: wanted, checkpointStatsAsJson } = table.properties;
  if (!checkpointStatsAsJson || wanted.kind === "named" || wanted.count < 0) return schema;
  let left = wanted.count;
  const first = (type: StructType): StructType => {
    const fields: StructField[] = [];
    for (const field of type.fields) {
      if (left === 0) break;
      if (field.type.kind === "struct") fields.push({ ...field, type: first(field.type) });
      else if (field.type.kind !== "void") {
        left--;
        fields.push(field);
      }
    }
    return struct(fields);
  };
  return first(schema);
}

function statisticsOf({ stats }: AddFile, type: StructType): Value {
  if (stats === undefined) return null;
  const json = parseStatistics(stats);
  return isObject(json) ? valueOf(json, type) : null;
}

/** Digits that a JavaScript number may round: only then is the slow, lossless parser needed. */
const longNumber = /[\d.]{16}/;

function parseStatistics(text: string): JsonValue {
  try {
    return longNumber.test(text) ? parseLossless(text) : JSON.parse(text) as JsonValue;
  } catch {
    // Statistics are a help, not a need.
    return null;
  }
}

function isObject(json: JsonValue | undefined): json is { readonly [key: string]: JsonValue } {
  return typeof json === "object" && json !== null && !Array.isArray(json) &&
    rawNumberText(json) === null;
}

/** `String` alone would lose the sign of zero. */
function numberText(value: number): string {
  return Object.is(value, -0) ? "-0.0" : String(value);
}

function valueOf(json: JsonValue | undefined, type: DataType): Value {
  if (json === undefined || json === null) return null;
  if (type.kind === "struct") {
    if (!isObject(json)) return null;
    return Object.fromEntries(
      type.fields.map(({ name, type: child }) => [
        name,
        Object.hasOwn(json, name) ? valueOf(json[name], child) : null,
      ]),
    );
  }
  if (type.kind === "boolean") return typeof json === "boolean" ? json : null;
  if (type.kind === "string") return typeof json === "string" ? json : null;
  const text = typeof json === "string"
    ? json
    : typeof json === "number"
    ? numberText(json)
    : rawNumberText(json);
  try {
    return parsePartitionValue(text, type);
  } catch {
    return null;
  }
}
