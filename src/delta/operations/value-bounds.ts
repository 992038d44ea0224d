import { CdcDeltaError } from "../../errors.ts";
import type { Value } from "../columns/column-builder.ts";
import { compareValues } from "../columns/compare-values.ts";
import type { AddFile, PartitionValues } from "../log/actions.ts";
import { parsePartitionValue } from "../log/partition-value.ts";
import type { ColumnMapping } from "../schema/column-mapping.ts";
import { physicalName } from "../schema/column-mapping.ts";
import type { ResolvedPath } from "../schema/column-path.ts";
import type { DataType, JsonValue, StructField } from "../schema/data-type.ts";
import { parseLossless, rawNumberText } from "../schema/lossless-json.ts";

/** What is known of a column's values in some rows, without having read them. */
export type ValueBounds = {
  readonly nulls: "none" | "all" | "maybe";
  /** No value sorts before it; null: not known. */
  readonly min: Value;
  /** No value sorts after it; null: not known. */
  readonly max: Value;
  /** Values that begin with `max` may sort after it: it may have been cut off. */
  readonly isPrefix: boolean;
  /** Writers leave NaN, which sorts last, out of their bounds. */
  readonly mayBeNaN: boolean;
};

export const unknownBounds: ValueBounds = {
  nulls: "maybe",
  min: null,
  max: null,
  isPrefix: false,
  mayBeNaN: false,
};

/** What is known of a column of some rows. */
export type BoundsOf = (column: ResolvedPath) => ValueBounds;

/** The bounds of a value that is the same in all rows. */
export function constantBounds(value: Value): ValueBounds {
  if (value === null) return { ...unknownBounds, nulls: "all" };
  return { ...unknownBounds, nulls: "none", min: value, max: value };
}

/**
 * What the log says of a file's rows: partition values, and statistics (PROTOCOL.md, "Per-file
 * Statistics"), which are read when they are asked for. What is malformed is not known. Errors:
 * `log-corrupt` for partition values that are none.
 */
export function fileBounds(
  { partitionValues, stats }: Pick<AddFile, "partitionValues" | "stats">,
  table: { readonly partitionColumns: readonly string[]; readonly columnMapping: ColumnMapping },
): BoundsOf {
  let statistics: JsonObject | null | undefined;
  return (column) => {
    const [first] = column.fields;
    if (first !== undefined && table.partitionColumns.includes(first.name)) {
      return partitionBounds(first, partitionValues, table.columnMapping);
    }
    statistics ??= readStatistics(stats);
    return statistics === null
      ? unknownBounds
      : statisticsBounds(statistics, column, table.columnMapping);
  };
}

type JsonObject = { readonly [key: string]: JsonValue };

function partitionBounds(
  field: StructField,
  values: PartitionValues,
  mapping: ColumnMapping,
): ValueBounds {
  const text = values[physicalName(field, mapping)] ?? null;
  return constantBounds(parsePartitionValue(text, field.type));
}

function readStatistics(stats: string | undefined): JsonObject | null {
  if (stats === undefined) return null;
  try {
    return objectOf(parseLossless(stats));
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}

function objectOf(value: JsonValue | undefined): JsonObject | null {
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? value as JsonObject : null;
}

/** Strings are cut to so many UTF-16 units, and not every writer marks a maximum that was. */
const cutLength = 32;
/** Timestamps are cut down to milliseconds, maxima too. */
const cutMicros = 999n;
const typeChangesKey = "delta.typeChanges";

function statisticsBounds(
  statistics: JsonObject,
  { fields, type }: ResolvedPath,
  mapping: ColumnMapping,
): ValueBounds {
  const path = fields.map((field) => physicalName(field, mapping));
  const nulls = nullsOf(memberAt(statistics["nullCount"], path), statistics["numRecords"]);
  // The shortest text of a float is another number as a double.
  const isWidened = type.kind === "double" && fields.at(-1)?.metadata[typeChangesKey] !== undefined;
  if (isWidened) return { ...unknownBounds, nulls };
  const min = boundValue(memberAt(statistics["minValues"], path), type);
  const max = boundValue(memberAt(statistics["maxValues"], path), type);
  return boundsBetween({ nulls, min, max: latest(max, type) }, type);
}

/** Bounds as a writer gave them, with what is known of writers. Pure. */
export function boundsBetween(
  { nulls, min, max }: Pick<ValueBounds, "nulls" | "min" | "max">,
  type: DataType,
): ValueBounds {
  const isFloat = type.kind === "float" || type.kind === "double";
  if (isFloat) {
    const known = (bound: Value): Value => Number.isNaN(bound) ? null : bound;
    return { nulls, min: known(min), max: known(max), isPrefix: false, mayBeNaN: true };
  }
  if (typeof max !== "string" || max.length < cutLength) {
    return { ...unknownBounds, nulls, min, max };
  }
  const prefix = max.slice(0, endOfCharacter(max, cutLength - 1));
  return { ...unknownBounds, nulls, min, max: prefix, isPrefix: true };
}

function memberAt(value: JsonValue | undefined, path: readonly string[]): JsonValue | undefined {
  let found = value;
  for (const name of path) {
    const object = objectOf(found);
    if (object === null || !Object.hasOwn(object, name)) return undefined;
    found = object[name];
  }
  return found;
}

/** Whatever the bounds are, tight or not: none and all mean what they say. */
function nullsOf(
  nullCount: JsonValue | undefined,
  numRecords: JsonValue | undefined,
): "none" | "all" | "maybe" {
  if (typeof nullCount !== "number") return "maybe";
  if (nullCount === numRecords) return "all";
  return nullCount === 0 ? "none" : "maybe";
}

function boundValue(json: JsonValue | undefined, type: DataType): Value {
  const text = typeof json === "string" || typeof json === "number" || typeof json === "boolean"
    ? String(json)
    : rawNumberText(json);
  if (text === null) return null;
  if (type.kind === "string") return typeof json === "string" ? text : null;
  // Without a zone it would be a guess.
  if (type.kind === "timestamp" && !/(?:Z|[+-]\d{2}:?\d{2})$/.test(text)) return null;
  if (type.kind === "binary") return null;
  try {
    return parsePartitionValue(text, type);
  } catch (error) {
    if (error instanceof CdcDeltaError && error.code === "log-corrupt") return null;
    throw error;
  }
}

function latest(max: Value, type: DataType): Value {
  const isTime = type.kind === "timestamp" || type.kind === "timestamp_ntz";
  return isTime && typeof max === "bigint" ? max + cutMicros : max;
}

/** Where a text can be cut without parting a surrogate pair. */
function endOfCharacter(text: string, at: number): number {
  const unit = text.charCodeAt(at - 1);
  return unit >= 0xd800 && unit <= 0xdbff ? at - 1 : at;
}

/** Which orders, as `compareValues` gives them, values within bounds may have to another value. */
export function possibleOrders(bounds: ValueBounds, value: Value): ReadonlySet<-1 | 0 | 1> {
  const { min, max } = bounds;
  const orders = new Set<-1 | 0 | 1>();
  const lowest = min === null ? -1 : compareValues(min, value);
  const isOpen = max === null || (bounds.isPrefix && beginsWith(value, max));
  const highest = isOpen ? 1 : compareValues(max, value);
  if (lowest < 0) orders.add(-1);
  if (lowest <= 0 && highest >= 0) orders.add(0);
  if (highest > 0) orders.add(1);
  if (bounds.mayBeNaN) orders.add(Number.isNaN(value) ? 0 : 1);
  return orders;
}

function beginsWith(value: Value, prefix: Value): boolean {
  return typeof value === "string" && typeof prefix === "string" && value.startsWith(prefix);
}
