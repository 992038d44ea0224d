import type { Engine } from "../../delta/engine.ts";
import { listLog } from "../../delta/log/log-reader.ts";
import { earliestVersion } from "../../delta/log/log-segment.ts";
import { openVersion } from "../../delta/log/snapshot.ts";
import type { TableState } from "../../delta/log/table-state.ts";
import {
  partitionName,
  type PositionOwner,
  type Transactions,
  watermarksOf,
} from "../position/watermark.ts";
import type { Offsets } from "./replay-range.ts";

/** What a table is taken back to. */
export type ReplayBase =
  | { readonly kind: "version"; readonly state: TableState }
  /** Its very first version has rows of the range already: nothing is kept. */
  | { readonly kind: "empty" }
  /** Whatever came before the range, the log no longer tells. */
  | { readonly kind: "unreachable"; readonly oldest: number };

/** True when no row of the range is in a version with these positions. */
export function isBefore(
  transactions: Transactions,
  owner: PositionOwner,
  starts: Offsets,
): boolean {
  return watermarksOf(transactions, owner).every((one) => {
    const start = starts.get(partitionName(one));
    return start === undefined || one.offset < start;
  });
}

/**
 * The last version that has nothing of a range which begins at `starts`; `newest` has. Looks back in
 * growing steps, then halves what is left, so that few versions are read. Where positions went back
 * in between (an earlier replay) a version is found all the same, though maybe not the last one.
 *
 * Errors: as `openVersion`.
 */
export async function findVersionBefore(
  engine: Engine,
  newest: TableState,
  { owner, starts, signal }: {
    readonly owner: PositionOwner;
    readonly starts: Offsets;
    readonly signal: AbortSignal;
  },
): Promise<ReplayBase> {
  const oldest = earliestVersion(await listLog(engine, { from: 0, signal })) ?? newest.version;
  const open = async (version: number): Promise<TableState> =>
    (await openVersion(engine, { at: { kind: "version", version }, signal })).state;
  let after = newest.version;
  let before: TableState | null = null;
  for (let step = 1; before === null && after > oldest; step *= 2) {
    const state = await open(Math.max(oldest, after - step));
    if (isBefore(state.transactions, owner, starts)) before = state;
    else after = state.version;
  }
  if (before === null) return oldest === 0 ? { kind: "empty" } : { kind: "unreachable", oldest };
  while (before.version + 1 < after) {
    const state = await open(Math.floor((before.version + after) / 2));
    if (isBefore(state.transactions, owner, starts)) before = state;
    else after = state.version;
  }
  return { kind: "version", state: before };
}
