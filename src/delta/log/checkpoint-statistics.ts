import type { BoundValue, LeafStatistics } from "../parquet/statistics.ts";
import { statisticsJson } from "../parquet/statistics-json.ts";
import {
  type DataType,
  field,
  struct,
  type StructField,
  type StructType,
} from "../schema/data-type.ts";
import type { ActionObject } from "./action-fields.ts";

/** Types whose values have an order that statistics tell. */
const bounded: ReadonlySet<DataType["kind"]> = new Set([
  "byte",
  "short",
  "integer",
  "long",
  "float",
  "double",
  "decimal",
  "date",
  "timestamp",
  "timestamp_ntz",
  "string",
]);

/**
 * `add.stats_parsed`, where writers keep statistics that leave out the JSON text
 * (`delta.checkpoint.writeStatsAsJson=false`). `schema` is the table's without partition columns.
 */
export function parsedStatisticsColumn(schema: StructType): StructField {
  return field("add", struct([field("stats_parsed", parsedStatisticsFields(schema))]));
}

/** The type of `stats_parsed` for columns of these names and types. */
export function parsedStatisticsFields(schema: StructType): StructType {
  const counts = mapLeaves(schema, (type) => type.kind === "void" ? null : { kind: "long" });
  const bounds = mapLeaves(schema, (type) => bounded.has(type.kind) ? type : null);
  const members = [
    field("numRecords", { kind: "long" }),
    field("minValues", bounds),
    field("maxValues", bounds),
    field("nullCount", counts),
    field("tightBounds", { kind: "boolean" }),
  ];
  // A Parquet group has at least one field.
  return struct(members.filter(({ type }) => type.kind !== "struct" || type.fields.length > 0));
}

/** The same tree of structs with other leaves; null leaves one out. */
function mapLeaves(schema: StructType, map: (type: DataType) => DataType | null): StructType {
  const fields: StructField[] = [];
  for (const { name, type } of schema.fields) {
    const mapped = type.kind === "struct" ? mapLeaves(type, map) : map(type);
    if (mapped !== null && !(mapped.kind === "struct" && mapped.fields.length === 0)) {
      fields.push(field(name, mapped));
    }
  }
  return struct(fields);
}

/** A value of that column → the text of `add.stats`; undefined when it does not say the rows. */
export function statisticsOfParsed(parsed: ActionObject, schema: StructType): string | undefined {
  const numRecords = parsed["numRecords"];
  if (typeof numRecords !== "bigint") return undefined;
  const leaves: LeafStatistics[] = [];
  collect(schema, [], parsed, leaves);
  const json = statisticsJson({ numRecords: Number(numRecords), leaves }, schema);
  // Bounds are tight unless it is said that they are not.
  return parsed["tightBounds"] === false ? `${json.slice(0, -1)},"tightBounds":false}` : json;
}

function collect(
  schema: StructType,
  above: readonly string[],
  parsed: ActionObject,
  leaves: LeafStatistics[],
): void {
  for (const { name, type } of schema.fields) {
    const path = [...above, name];
    if (type.kind === "struct") {
      collect(type, path, parsed, leaves);
      continue;
    }
    const nullCount = at(parsed["nullCount"], path);
    if (typeof nullCount !== "bigint") continue;
    leaves.push({
      path,
      nullCount: Number(nullCount),
      min: boundOf(at(parsed["minValues"], path)),
      max: boundOf(at(parsed["maxValues"], path)),
    });
  }
}

function at(value: unknown, path: readonly string[]): unknown {
  let found = value;
  for (const name of path) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, name)) return null;
    found = (found as ActionObject)[name];
  }
  return found;
}

function boundOf(value: unknown): BoundValue | null {
  const isBound = typeof value === "bigint" || typeof value === "number" ||
    typeof value === "string";
  return isBound ? value : null;
}
