import type { BoundValue, FileStatistics, LeafStatistics } from "../parquet/statistics.ts";
import type { DataType, JsonValue, StructType } from "../schema/data-type.ts";
import { rawNumber, stringifyLossless } from "../schema/lossless-json.ts";
import { decimalText, formatDate, formatTimestampMs } from "./value-text.ts";
import type { StatisticsColumns } from "./table-properties.ts";

type JsonObject = { [key: string]: JsonValue };
type Selection = { left: number; readonly named: ReadonlySet<string> | null };

/**
 * Typed statistics → the JSON of `add.stats` (PROTOCOL.md, "Per-file Statistics") for the columns
 * that the table wants them for (default: the first 32 leaves). `schema` is that of the file:
 * without partition columns. Pure.
 */
export function statisticsToJson(
  statistics: FileStatistics,
  schema: StructType,
  columns: StatisticsColumns = { kind: "first", count: 32 },
): string {
  const leaves = new Map(statistics.leaves.map((leaf) => [leaf.path.join("\u0000"), leaf]));
  const selection: Selection = columns.kind === "named"
    ? { left: Infinity, named: new Set(columns.columns.map(unquoted)) }
    : { left: columns.count < 0 ? Infinity : columns.count, named: null };
  const minValues: JsonObject = {};
  const maxValues: JsonObject = {};
  const nullCount: JsonObject = {};
  const into = { minValues, maxValues, nullCount };
  collect(schema, [], { leaves, selection, selected: false }, into);
  return stringifyLossless({ numRecords: statistics.numRecords, minValues, maxValues, nullCount });
}

type Source = {
  readonly leaves: ReadonlyMap<string, LeafStatistics>;
  readonly selection: Selection;
  /** True below a struct that was named as a whole. */
  readonly selected: boolean;
};
type Target = {
  readonly minValues: JsonObject;
  readonly maxValues: JsonObject;
  readonly nullCount: JsonObject;
};

function collect(struct: StructType, path: readonly string[], source: Source, into: Target): void {
  for (const field of struct.fields) {
    const at = [...path, field.name];
    const { selection } = source;
    const selected = source.selected || selection.named === null ||
      selection.named.has(at.join("\u0000"));
    if (field.type.kind === "struct") {
      const nested: Target = { minValues: {}, maxValues: {}, nullCount: {} };
      collect(
        field.type,
        at,
        { ...source, selected: selected && selection.named !== null },
        nested,
      );
      for (const part of ["minValues", "maxValues", "nullCount"] as const) {
        if (Object.keys(nested[part]).length > 0) put(into[part], field.name, nested[part]);
      }
      continue;
    }
    if (!selected || field.type.kind === "void" || selection.left <= 0) continue;
    selection.left -= 1;
    const leaf = source.leaves.get(at.join("\u0000"));
    if (leaf === undefined) continue;
    put(into.nullCount, field.name, leaf.nullCount);
    const min = leaf.min === null ? null : boundToJson(leaf.min, field.type);
    const max = leaf.max === null ? null : boundToJson(leaf.max, field.type);
    if (min !== null) put(into.minValues, field.name, min);
    if (max !== null) put(into.maxValues, field.name, max);
  }
}

/** An own member whatever the name is (`__proto__` is a name like any other). */
function put(object: JsonObject, name: string, value: JsonValue): void {
  Object.defineProperty(object, name, { value, enumerable: true, configurable: true });
}

/** Null: this type or value has no bound in JSON. */
function boundToJson(value: BoundValue, type: DataType): JsonValue | null {
  switch (type.kind) {
    case "byte":
    case "short":
    case "integer":
    case "long":
      return typeof value === "string" ? null : rawNumber(value.toString());
    case "float":
    case "double":
      // NaN and the infinities have no JSON number; a file whose bound they are has no bound.
      if (typeof value !== "number" || !Number.isFinite(value)) return null;
      return rawNumber(Object.is(value, -0) ? "-0.0" : String(value));
    case "decimal":
      return typeof value === "bigint" ? rawNumber(decimalText(value, type.scale)) : null;
    case "date":
      return typeof value === "string" ? null : formatDate(Number(value));
    case "timestamp":
    case "timestamp_ntz": {
      if (typeof value !== "bigint") return null;
      const text = formatTimestampMs(value);
      return text === null || type.kind === "timestamp_ntz" ? text : `${text}Z`;
    }
    case "string":
      return typeof value === "string" ? value : null;
    default:
      return null;
  }
}

/** `a.b` and `` `a`.`b.c` `` → the path, joined. */
function unquoted(name: string): string {
  const parts = name.match(/`(?:[^`]|``)*`|[^.`]+/g) ?? [];
  return parts.map((part) =>
    part.startsWith("`") ? part.slice(1, -1).replaceAll("``", "`") : part.trim()
  ).join("\u0000");
}
