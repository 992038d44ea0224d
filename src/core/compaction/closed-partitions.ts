import type { TableState } from "../../delta/log/table-state.ts";
import { partitionFilter } from "../../delta/operations/partition-filter.ts";
import { parsePartitionCondition } from "../../delta/operations/partition-condition.ts";
import { assert } from "../../errors.ts";
import type { LaneProgress } from "../source/source.ts";
import type { PartitionFilter } from "../../delta/operations/partition-filter.ts";

/** The column whose partitions close as the days go by. */
const dateColumn = "_ingestion_date";
const dayMs = 86_400_000;

/** Partitions that no new rows come to, and the words for them in the table's history. */
export type ClosedPartitions = { readonly where: PartitionFilter; readonly predicate: string };

/** What is looked at, and when. */
export type CloseRules = {
  readonly nowMs: number;
  /** Time after the end of a day until its partition is closed. */
  readonly afterMs: number;
};

/**
 * The closed partitions of a table at a time: those of days (UTC) that ended `afterMs` ago or
 * earlier; a flush that was opened before midnight may be committed after it. Null for a table that has none: it is not partitioned by `_ingestion_date`, or says no
 * by `delta.autoOptimize.autoCompact=false`. Pure.
 */
export function closedPartitions(
  state: TableState,
  { nowMs, afterMs }: CloseRules,
  uri: string,
): ClosedPartitions | null {
  const wish = state.metadata.configuration["delta.autoOptimize.autoCompact"] ?? "";
  if (wish.trim().toLowerCase() === "false") return null;
  const field = state.schema.fields.find((each) => each.name === dateColumn);
  if (field?.type.kind !== "date" || !state.partitionColumns.includes(dateColumn)) return null;
  const today = new Date(nowMs - afterMs).toISOString().slice(0, 10);
  const predicate = `${dateColumn} < '${today}'`;
  const condition = parsePartitionCondition(predicate);
  assert(condition !== null, "a condition of ours is one");
  return { where: partitionFilter([condition], state, uri), predicate };
}

/** When partitions close the next time, in ms since the epoch. Pure. */
export function nextCloseMs({ nowMs, afterMs }: CloseRules): number {
  return (Math.floor((nowMs - afterMs) / dayMs) + 1) * dayMs + afterMs;
}

/**
 * Records between what was read and the end of all lanes; null while that is not known, or nothing
 * is read at all. Pure.
 */
export function lagOf(lanes: readonly LaneProgress[]): bigint | null {
  if (lanes.length === 0) return null;
  let lag = 0n;
  for (const { endOffset, nextOffset } of lanes) {
    if (endOffset === null) return null;
    if (endOffset > nextOffset) lag += endOffset - nextOffset;
  }
  return lag;
}
