import { dateText, decimalText, timestampText } from "../columns/value-text.ts";
import { type ColumnMapping, physicalName } from "../schema/column-mapping.ts";
import type { DataType, StructType } from "../schema/data-type.ts";
import type { BoundValue, FileStatistics, LeafStatistics } from "./statistics.ts";

/**
 * `add.stats`: counts and bounds as JSON text, under the names that the columns have in files. Longs
 * and decimals keep all their digits; timestamps are cut down to milliseconds, as readers expect of
 * minima and maxima alike.
 */
export function statisticsJson(
  statistics: FileStatistics,
  schema: StructType,
  columnMapping: ColumnMapping = "none",
): string {
  const { numRecords, leaves } = statistics;
  if (leaves.length === 0) return `{"numRecords":${numRecords}}`;
  const write = (text: LeafText): string =>
    objectText(schema, leaves, [], { text, columnMapping }) ?? "{}";
  const min = write((leaf, type) => boundText(leaf.min, type));
  const max = write((leaf, type) => boundText(leaf.max, type));
  const nulls = write((leaf) => String(leaf.nullCount));
  return `{"numRecords":${numRecords},"minValues":${min},"maxValues":${max},"nullCount":${nulls}}`;
}

type LeafText = (leaf: LeafStatistics, type: DataType) => string | null;

/** The nested object of all leaves that have a text, null when none has. */
function objectText(
  type: StructType,
  leaves: readonly LeafStatistics[],
  above: readonly string[],
  as: { readonly text: LeafText; readonly columnMapping: ColumnMapping },
): string | null {
  const members: string[] = [];
  for (const field of type.fields) {
    const path = [...above, field.name];
    const below = leaves.filter((leaf) => path.every((name, i) => leaf.path[i] === name));
    const [leaf] = below;
    if (leaf === undefined) continue;
    const value = field.type.kind === "struct"
      ? objectText(field.type, below, path, as)
      : as.text(leaf, field.type);
    if (value === null) continue;
    members.push(`${JSON.stringify(physicalName(field, as.columnMapping))}:${value}`);
  }
  return members.length === 0 ? null : `{${members.join(",")}}`;
}

/** Days and microseconds of 0001-01-01 and of the first day behind 9999-12-31. */
const dayFirst = -719162;
const dayEnd = 2932897;
const microsPerDay = 86_400_000_000n;

function boundText(bound: BoundValue | null, type: DataType): string | null {
  if (bound === null) return null;
  if (typeof bound === "string") return JSON.stringify(bound);
  if (typeof bound === "number") {
    return type.kind === "date" ? dayText(bound) : numberText(bound);
  }
  switch (type.kind) {
    case "decimal":
      return decimalText(bound, type.scale);
    case "timestamp":
      return momentText(bound, "Z");
    case "timestamp_ntz":
      return momentText(bound, "");
    default:
      return bound.toString();
  }
}

/** Null outside of the years that every reader can parse. */
function dayText(days: number): string | null {
  return days < dayFirst || days >= dayEnd ? null : `"${dateText(days)}"`;
}

function momentText(micros: bigint, zone: string): string | null {
  if (micros < BigInt(dayFirst) * microsPerDay || micros >= BigInt(dayEnd) * microsPerDay) {
    return null;
  }
  return `"${timestampText(micros, 3)}${zone}"`;
}

function numberText(value: number): string {
  if (Object.is(value, -0)) return "-0.0";
  return Number.isFinite(value) ? JSON.stringify(value) : `"${value}"`;
}
