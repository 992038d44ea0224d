import { assert } from "../../errors.ts";
import type { ColumnBatch } from "../columns/column.ts";
import type { DataType, StructType } from "../schema/data-type.ts";
import { type Bounds, boundsOfBytes } from "./bounds.ts";
import { leafValues } from "./leaf-values.ts";
import { type LeveledLeaf, visitLeaves } from "./levels.ts";
import { compareText, textBounds } from "./text-bounds.ts";

/**
 * Typed per-file statistics (PROTOCOL.md, "Per-file Statistics"), kept typed so that those of
 * several row groups can be merged, and turned into the JSON of `add.stats` at the end.
 */

/**
 * The smallest or largest value of a leaf: bigint for integers, timestamps (µs) and unscaled
 * decimals, number for float, double and date (days), string for strings (already cut to a bound).
 */
export type BoundValue = bigint | number | string;

export type LeafStatistics = {
  /** Names from the root of the schema that the rows were encoded against. */
  readonly path: readonly string[];
  readonly nullCount: number;
  /** Null: unknown, all null, or a type without an order. */
  readonly min: BoundValue | null;
  readonly max: BoundValue | null;
};

export type FileStatistics = {
  readonly numRecords: number;
  readonly leaves: readonly LeafStatistics[];
};

export type StatisticsOptions = {
  /** `delta.dataSkippingNumIndexedCols`: how many leaf columns get statistics, -1 for all. */
  readonly numIndexedCols?: number;
  /** `delta.dataSkippingStatsColumns`: names (of structs too), which then decide alone. */
  readonly statsColumns?: readonly (readonly string[])[];
  /** Columns that get them whatever else decides, as clustering columns do. */
  readonly alsoColumns?: readonly (readonly string[])[];
  /** Top-level columns that never get any: they are none of the table's. */
  readonly hiddenColumns?: readonly string[];
  /** `delta.dataSkippingStringPrefixLength`: UTF-16 units that are kept of a string. */
  readonly stringPrefixLength?: number;
};

/** Takes the facts of the counted columns in schema order. */
export type StatisticsPlan = {
  count(path: readonly string[], type: DataType, nullCount: number, bounds: Bounds | null): void;
  readonly leaves: LeafStatistics[];
};

/** Decides which columns of `schema` have statistics (arrays and maps count as one leaf). */
export function statisticsPlan(schema: StructType, options: StatisticsOptions): StatisticsPlan {
  const { stringPrefixLength = 32 } = options;
  const wanted = columnPaths(schema, []).map(isCounted(options));
  const leaves: LeafStatistics[] = [];
  let next = 0;
  return {
    leaves,
    count(path, type, nullCount, bounds) {
      if (wanted[next++] !== true) return;
      leaves.push({ path, nullCount, ...boundValues(type, bounds, stringPrefixLength) });
    },
  };
}

/** Whether a path is the named column or one inside of it. */
function isBelow(path: readonly string[], names: readonly string[]): boolean {
  return names.every((name, at) => path[at]?.toLowerCase() === name.toLowerCase());
}

/** The columns of `schema` that have statistics. */
export function countedPaths(
  schema: StructType,
  options: StatisticsOptions,
): (readonly string[])[] {
  return columnPaths(schema, []).filter(isCounted(options));
}

function isCounted(
  { numIndexedCols = 32, statsColumns, alsoColumns = [], hiddenColumns = [] }: StatisticsOptions,
): (path: readonly string[], index: number) => boolean {
  return (path, i) => {
    if (hiddenColumns.includes(path[0]!)) return false;
    if (alsoColumns.some((names) => isBelow(path, names))) return true;
    return statsColumns === undefined
      ? numIndexedCols < 0 || i < numIndexedCols
      : statsColumns.some((names) => isBelow(path, names));
  };
}

function columnPaths(type: StructType, above: readonly string[]): (readonly string[])[] {
  return type.fields.filter((field) => field.type.kind !== "void").flatMap((field) => {
    const path = [...above, field.name];
    return field.type.kind === "struct" ? columnPaths(field.type, path) : [path];
  });
}

type BoundPair = Pick<LeafStatistics, "min" | "max">;

function boundValues(type: DataType, bounds: Bounds | null, prefixLength: number): BoundPair {
  if (bounds === null) return { min: null, max: null };
  const { min, max } = bounds;
  if (min instanceof Uint8Array || max instanceof Uint8Array) {
    assert(min instanceof Uint8Array && max instanceof Uint8Array, "both bounds are of one kind");
    return textBounds(min, max, prefixLength);
  }
  switch (type.kind) {
    case "byte":
    case "short":
    case "integer":
      return { min: BigInt(min), max: BigInt(max) };
    default:
      return { min, max };
  }
}

/**
 * Statistics of a batch by themselves. Where it is encoded as well, `encodeWithStatistics` does both
 * in one pass.
 */
export function collectStatistics(
  batch: ColumnBatch,
  schema: StructType,
  options: StatisticsOptions = {},
): FileStatistics {
  const plan = statisticsPlan(schema, options);
  visitLeaves(batch, schema, {
    leaf(leaf) {
      if (!leaf.isCounted) return;
      plan.count(leaf.path, leaf.type, leaf.entries - leaf.present, boundsOfLeaf(leaf));
    },
    collection: ({ path, type, nullCount }) => plan.count(path, type, nullCount, null),
  });
  return { numRecords: batch.length, leaves: plan.leaves };
}

function boundsOfLeaf(leaf: LeveledLeaf): Bounds | null {
  const { values, bounds } = leafValues(leaf);
  if (values.kind !== "bytes" || leaf.type.kind !== "string" || leaf.present === 0) return bounds;
  return boundsOfBytes(values.offsets, values.data, null, leaf.present);
}

/**
 * The statistics of the files' rows together, of the columns that all of them count: what a table
 * wants counted may change between two. At least one is given.
 */
export function mergeStatistics(list: readonly FileStatistics[]): FileStatistics {
  const [first, ...rest] = list;
  assert(first !== undefined, "there are statistics to merge");
  return rest.reduce(mergeTwo, first);
}

function mergeTwo(a: FileStatistics, b: FileStatistics): FileStatistics {
  const [own, others] = commonLeaves(a.leaves, b.leaves);
  const leaves = own.map((leaf, i): LeafStatistics => {
    const other = others[i]!;
    const nullCount = leaf.nullCount + other.nullCount;
    // No bound says nothing where there are values, but does not matter where all is null.
    if (leaf.nullCount === a.numRecords) return { ...other, nullCount };
    if (other.nullCount === b.numRecords) return { ...leaf, nullCount };
    return {
      path: leaf.path,
      nullCount,
      min: pickBound(leaf.min, other.min, -1),
      max: pickBound(leaf.max, other.max, 1),
    };
  });
  return { numRecords: a.numRecords + b.numRecords, leaves };
}

type Leaves = readonly LeafStatistics[];

/** The leaves that both have, in one order. */
function commonLeaves(a: Leaves, b: Leaves): readonly [Leaves, Leaves] {
  const nameOf = ({ path }: LeafStatistics): string => path.join("\0");
  if (a.length === b.length && a.every((leaf, i) => nameOf(leaf) === nameOf(b[i]!))) return [a, b];
  const others = new Map(b.map((leaf) => [nameOf(leaf), leaf]));
  const common = a.filter((leaf) => others.has(nameOf(leaf)));
  return [common, common.map((leaf) => others.get(nameOf(leaf))!)];
}

/** The one further in `direction`; unknown when one of the two is. */
function pickBound(
  a: BoundValue | null,
  b: BoundValue | null,
  direction: 1 | -1,
): BoundValue | null {
  if (a === null || b === null) return null;
  const order = typeof a === "string" && typeof b === "string"
    ? compareText(a, b)
    : a < b
    ? -1
    : a > b
    ? 1
    : 0;
  return order * direction >= 0 ? a : b;
}
