import type { ColumnBatch } from "../../delta/columns/column.ts";
import { valueAt } from "../../delta/columns/column-value.ts";
import type { Engine } from "../../delta/engine.ts";
import type { AddFile } from "../../delta/log/actions.ts";
import { openVersion, type TableVersion } from "../../delta/log/snapshot.ts";
import { loadTableState } from "../../delta/log/table-state.ts";
import type { RowCondition } from "../../delta/operations/row-condition.ts";
import { bindSelection, selectRows } from "../../delta/operations/select-rows.ts";
import type { StructType } from "../../delta/schema/data-type.ts";
import type { TopicPartition } from "../kafka/kafka-client.ts";
import { ourColumns } from "../decode/our-columns.ts";
import { rowHash, valueTexts } from "./row-text.ts";

/** Offsets of one partition, from `start` to before `end`. */
export type ComparedRange = TopicPartition & { readonly start: bigint; readonly end: bigint };

/** A row that is not the same in both. */
export type RowDifference = TopicPartition & {
  readonly offset: bigint;
  readonly kind: "only-table" | "only-shadow" | "different";
  /** Of rows in both: the columns whose values differ. */
  readonly columns: readonly string[];
};

export type TableComparison = {
  readonly same: bigint;
  readonly different: bigint;
  readonly onlyTable: bigint;
  readonly onlyShadow: bigint;
  /** Rows of one record that a table has more than once. */
  readonly doubled: bigint;
  /** The first ones, by partition and offset. */
  readonly examples: readonly RowDifference[];
};

export type CompareOptions = {
  readonly examplesMax: number;
  /** Offsets that are compared at a time: each takes 16 bytes. Default 4 million. */
  readonly offsetsMax?: number;
  readonly signal: AbortSignal;
};

/** A table at the version that it had when it was opened; null: there is none, and no rows. */
type Side = { readonly engine: Engine; readonly version: TableVersion | null };

/**
 * Compares the rows of two tables by the records that they came from: all values but the times of
 * writing, columns by name. Goes through the offsets in windows, so that memory does not grow with
 * the tables; files outside of a window are not read. Errors: as `openVersion` and `selectRows`.
 */
export async function compareTables(
  table: Engine,
  shadow: Engine,
  ranges: readonly ComparedRange[],
  options: CompareOptions,
): Promise<TableComparison> {
  const { signal, offsetsMax = 4_000_000, examplesMax } = options;
  const sides = await Promise.all([table, shadow].map((engine) => openSide(engine, signal)));
  const counts = { same: 0n, different: 0n, onlyTable: 0n, onlyShadow: 0n, doubled: 0n };
  const found: RowDifference[] = [];
  for (const window of windowsOf(ranges, offsetsMax)) {
    const hashes = [];
    for (const side of sides) {
      const one = await windowHashes(side, window, signal);
      counts.doubled += BigInt(one.doubled);
      hashes.push(one.hashes);
    }
    const [left, right] = hashes;
    for (let at = 0; at < left!.length; at += 2) {
      const kind = kindOf(left!, right!, at);
      if (kind === null) continue;
      if (kind === "same") counts.same += 1n;
      else if (kind === "different") counts.different += 1n;
      else if (kind === "only-table") counts.onlyTable += 1n;
      else counts.onlyShadow += 1n;
      if (kind === "same" || found.length >= examplesMax) continue;
      found.push({ ...placeOf(window, at / 2), kind, columns: [] });
    }
  }
  const examples: RowDifference[] = [];
  for (const one of found) {
    const columns = one.kind === "different" ? await differingColumns(sides, one, signal) : [];
    examples.push({ ...one, columns });
  }
  return { ...counts, examples };
}

async function openSide(engine: Engine, signal: AbortSignal): Promise<Side> {
  const state = await loadTableState(engine, { signal });
  return { engine, version: state === null ? null : await openVersion(engine, { signal }) };
}

/** Offsets that are looked at together: of some partitions, each with the place of its first one. */
type Window = {
  readonly ranges: readonly (ComparedRange & { readonly base: number })[];
  readonly slots: number;
};

function* windowsOf(ranges: readonly ComparedRange[], offsetsMax: number): Generator<Window> {
  let window: Window = { ranges: [], slots: 0 };
  for (const range of ranges) {
    for (let { start } = range; start < range.end;) {
      const room = BigInt(offsetsMax - window.slots);
      const end = start + room < range.end ? start + room : range.end;
      const part = { ...range, start, end, base: window.slots };
      const slots = window.slots + Number(end - start);
      window = { ranges: [...window.ranges, part], slots };
      start = end;
      if (slots < offsetsMax) continue;
      yield window;
      window = { ranges: [], slots: 0 };
    }
  }
  if (window.slots > 0) yield window;
}

/** The record of a slot. */
function placeOf({ ranges }: Window, slot: number): TopicPartition & { readonly offset: bigint } {
  const { topic, partition, start, base } = ranges.findLast((range) => range.base <= slot)!;
  return { topic, partition, offset: start + BigInt(slot - base) };
}

function kindOf(
  left: Uint32Array,
  right: Uint32Array,
  at: number,
): RowDifference["kind"] | "same" | null {
  const [inLeft, inRight] = [left[at] !== 0, right[at] !== 0];
  if (!inLeft && !inRight) return null;
  if (!inRight) return "only-table";
  if (!inLeft) return "only-shadow";
  return left[at] === right[at] && left[at + 1] === right[at + 1] ? "same" : "different";
}

/** Two numbers for each offset of the window; zeros where there is no row. */
async function windowHashes(
  side: Side,
  window: Window,
  signal: AbortSignal,
): Promise<{ readonly hashes: Uint32Array; readonly doubled: number }> {
  const hashes = new Uint32Array(window.slots * 2);
  let doubled = 0;
  for await (const { schema, batch, slotOf } of rowsOf(side, window, signal)) {
    for (let row = 0; row < batch.length; row++) {
      const slot = slotOf(row);
      if (slot === null) continue;
      if (hashes[slot * 2] !== 0) doubled += 1;
      const [low, high] = rowHash(valueTexts(schema, batch, row));
      hashes[slot * 2] = low;
      hashes[slot * 2 + 1] = high;
    }
  }
  return { hashes, doubled };
}

type Rows = {
  readonly schema: StructType;
  readonly batch: ColumnBatch;
  /** Null: the row is of no record of the window. */
  readonly slotOf: (row: number) => number | null;
};

async function* rowsOf(
  { engine, version }: Side,
  { ranges }: Window,
  signal: AbortSignal,
): AsyncGenerator<Rows> {
  if (version === null) return;
  const { state, files } = version;
  const lowest = ranges.map(({ start }) => start).reduce((a, b) => a < b ? a : b);
  const highest = ranges.map(({ end }) => end).reduce((a, b) => a > b ? a : b);
  const column = { text: ourColumns.offset, names: [ourColumns.offset] };
  const where: RowCondition = {
    kind: "and",
    conditions: [
      { kind: "compare", column, comparison: ">=", value: String(lowest) },
      { kind: "compare", column, comparison: "<", value: String(highest) },
    ],
  };
  const selection = bindSelection({ columns: null, where }, state.schema, engine.store.uri);
  const counts = { files: 0, filesRead: 0, rowGroups: 0, rowGroupsRead: 0 };
  const adds = async function* (): AsyncGenerator<AddFile> {
    for await (const batch of files({ signal })) yield* batch.adds;
  };
  const { schema } = selection;
  const byPlace = new Map(ranges.map((one) => [`${one.partition} ${one.topic}`, one]));
  const places = [ourColumns.topic, ourColumns.partition, ourColumns.offset]
    .map((name) => schema.fields.findIndex((field) => field.name === name));
  for await (const batch of selectRows(engine, state, adds(), { selection, counts, signal })) {
    const slotOf = (row: number): number | null => {
      const [topic, partition, offset] = places.map((at) =>
        valueAt(batch.columns[at]!, schema.fields[at]!.type, row)
      );
      if (typeof partition !== "number" || typeof topic !== "string") return null;
      const range = byPlace.get(`${partition} ${topic}`);
      if (range === undefined || typeof offset !== "bigint") return null;
      if (offset < range.start || offset >= range.end) return null;
      return range.base + Number(offset - range.start);
    };
    yield { schema, batch, slotOf };
  }
}

async function differingColumns(
  sides: readonly Side[],
  { topic, partition, offset }: RowDifference,
  signal: AbortSignal,
): Promise<string[]> {
  const range = { topic, partition, start: offset, end: offset + 1n, base: 0 };
  const window: Window = { ranges: [range], slots: 1 };
  const texts: Map<string, string>[] = [];
  for (const side of sides) {
    let last = new Map<string, string>();
    for await (const { schema, batch, slotOf } of rowsOf(side, window, signal)) {
      for (let row = 0; row < batch.length; row++) {
        if (slotOf(row) !== null) last = valueTexts(schema, batch, row);
      }
    }
    texts.push(last);
  }
  const [left, right] = texts;
  const names = new Set([...left!.keys(), ...right!.keys()]);
  return [...names].filter((name) => left!.get(name) !== right!.get(name)).sort();
}
