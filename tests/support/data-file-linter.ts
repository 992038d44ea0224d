import type { Value } from "../../src/delta/columns/column-builder.ts";
import { valueAt } from "../../src/delta/columns/column-value.ts";
import { type ParquetFile, readRowGroup } from "../../src/delta/parquet/reader.ts";
import { schemaFromJson } from "../../src/delta/schema/schema-json.ts";
import { parseLossless, rawNumberText } from "../../src/delta/schema/lossless-json.ts";
import { type DataType, type JsonValue, struct } from "../../src/delta/schema/data-type.ts";
import { parseDate, parseDecimal, parseTimestampMicros } from "../../src/delta/log/value-parse.ts";
import { type ColumnMapping, physicalSchema } from "../../src/delta/schema/column-mapping.ts";
import type { LiveFile } from "./log-linter.ts";
import { lintFieldIds, mappingModeOf } from "./mapping-linter.ts";

type Leaf = { nulls: number; readonly values: Value[] };
type JsonObject = { readonly [key: string]: JsonValue };

/** Holds the statistics of an `add` against the rows of its file. */
export async function lintDataFile(
  file: ParquetFile,
  { add, metadata }: LiveFile,
  at: (finding: string) => void,
): Promise<void> {
  const partitionColumns = metadata["partitionColumns"] as string[];
  const schema = schemaFromJson(String(metadata["schemaString"]));
  const mode = mappingModeOf(metadata) as ColumnMapping;
  const wanted = physicalSchema(
    struct(schema.fields.filter((f) => !partitionColumns.includes(f.name))),
    mode,
  );
  lintFieldIds(file.fields, metadata, at);
  const inFile = file.fields.map((node) => node.name);
  const configuration = metadata["configuration"] as Readonly<Record<string, string>>;
  const hidden = Object.entries(configuration).filter(([key]) => /row.*ColumnName$/.test(key))
    .map(([, name]) => name);
  const known = [...physicalSchema(schema, mode).fields.map((f) => f.name), ...hidden];
  const unknown = inFile.filter((name) => !known.includes(name));
  if (unknown.length > 0) at(`columns that the table does not have: ${unknown.join(", ")}`);
  const leaves = new Map<string, Leaf>();
  let rows = 0;
  for (let index = 0; index < file.rowGroups.length; index++) {
    const batch = await readRowGroup(file, index, wanted);
    rows += batch.length;
    for (let row = 0; row < batch.length; row++) {
      wanted.fields.forEach((field, i) => {
        const value = valueAt(batch.columns[i]!, field.type, row);
        if (value === null && !field.nullable) at(`${field.name}: null where none may be`);
        collect(field.type, value, field.name, leaves);
      });
    }
  }
  if (rows === 0) at("a file without rows");
  if (typeof add["stats"] !== "string") return at("no statistics");
  const stats = parseLossless(add["stats"]) as JsonObject;
  if (stats["numRecords"] !== rows) at(`numRecords ${stats["numRecords"]}, the file has ${rows}`);
  const { minValues, maxValues, nullCount } = stats as Record<string, JsonObject>;
  eachLeaf(wanted, [minValues, maxValues, nullCount], "", (path, type, [min, max, nulls]) => {
    const leaf = leaves.get(path) ?? { nulls: rows, values: [] };
    if (nulls !== undefined && nulls !== leaf.nulls) {
      at(`${path}: nullCount ${nulls}, not ${leaf.nulls}`);
    }
    checkBound(
      type,
      min,
      leaf.values,
      (bound, value) => bound <= value,
      (f) => at(`${path} min: ${f}`),
    );
    const slack = type.kind === "timestamp" || type.kind === "timestamp_ntz" ? 999n : 0n;
    const isMax = (bound: Bound, value: Bound): boolean =>
      typeof bound === "bigint" && typeof value === "bigint"
        ? bound + slack >= value
        : bound >= value;
    checkBound(type, max, leaf.values, isMax, (f) => at(`${path} max: ${f}`));
  });
}

function collect(type: DataType, value: Value, path: string, leaves: Map<string, Leaf>): void {
  if (type.kind === "struct") {
    const members = value as Readonly<Record<string, Value>> | null;
    for (const f of type.fields) {
      collect(f.type, members?.[f.name] ?? null, `${path}.${f.name}`, leaves);
    }
    return;
  }
  const leaf = leaves.get(path) ?? { nulls: 0, values: [] };
  leaves.set(path, leaf);
  if (value === null) leaf.nulls += 1;
  else leaf.values.push(value);
}

type Visit = (path: string, type: DataType, values: readonly (JsonValue | undefined)[]) => void;

function eachLeaf(
  type: DataType & { readonly kind: "struct" },
  objects: readonly (JsonObject | undefined)[],
  above: string,
  visit: Visit,
): void {
  for (const field of type.fields) {
    const path = above === "" ? field.name : `${above}.${field.name}`;
    const values = objects.map((object) => object?.[field.name]);
    if (field.type.kind === "struct") {
      eachLeaf(field.type, values as (JsonObject | undefined)[], path, visit);
    } else visit(path, field.type, values);
  }
}

type Bound = bigint | number | string;

function checkBound(
  type: DataType,
  json: JsonValue | undefined,
  values: readonly Value[],
  holds: (bound: Bound, value: Bound) => boolean,
  at: (finding: string) => void,
): void {
  if (json === undefined) return;
  if (values.length === 0) return at("a bound of no values");
  const bound = boundOf(type, json);
  if (bound === null) return at(`unreadable: ${JSON.stringify(json)}`);
  for (const value of values) {
    const comparable = typeof value === "string" ? utf8Order(value) : value as Bound;
    const limit = typeof bound === "string" ? utf8Order(bound) : bound;
    if (Number.isNaN(comparable)) return at("a bound beside NaN");
    if (!holds(limit, comparable)) return at(`${JSON.stringify(json)} does not bound ${value}`);
  }
}

/** A text whose order by UTF-16 units is the order of the original by code points. */
function utf8Order(text: string): string {
  return [...text].map((c) => (c.codePointAt(0) ?? 0).toString(16).padStart(6, "0")).join("");
}

function boundOf(type: DataType, json: JsonValue): Bound | null {
  const text = rawNumberText(json) ?? String(json);
  switch (type.kind) {
    case "long":
      return BigInt(text);
    case "byte":
    case "short":
    case "integer":
    case "float":
    case "double":
      return Number(text);
    case "decimal":
      return parseDecimal(text, type.precision, type.scale);
    case "date":
      return parseDate(text);
    case "timestamp":
    case "timestamp_ntz":
      return /\.\d{4,}/.test(text) ? null : parseTimestampMicros(text, { zone: "kept" });
    case "string":
      return typeof json === "string" ? json : null;
    default:
      return null;
  }
}
