import type { Engine } from "../../delta/engine.ts";
import { loadTableState } from "../../delta/log/table-state.ts";
import { forEachParallel } from "../../parallel.ts";
import type { PartitionId, TableWatermark } from "../encode/encode-job.ts";
import { findTables, type TableRoot } from "./find-tables.ts";
import {
  type PositionOwner,
  refuseForeignPositions,
  rewoundOffset,
  rewoundPartitions,
  samePartition,
  type Transactions,
  watermarksOf,
} from "./watermark.ts";

/** What any table holds of a partition. */
export type HeldPosition = {
  /**
   * The highest watermark of this very topic; -1: its rows were taken out, to be read again from
   * the beginning; null: only those of an earlier one of its name.
   */
  readonly offset: bigint | null;
};

type AskOptions = { readonly signal: AbortSignal };

/** Asks all tables at some roots for the positions they hold. */
export type HeldPositions = {
  /**
   * Null: no table holds any. What was committed before the call is seen. Errors: `usage` when a
   * table is fed from there by another pipeline: where that one is tells nothing of us, and what we
   * would leave out for it, nobody would read.
   */
  heldPosition(partition: PartitionId, options: AskOptions): Promise<HeldPosition | null>;
};

export type HeldPositionsOptions<Root extends TableRoot> = {
  readonly roots: readonly Root[];
  readonly owner: PositionOwner;
  /** The table in a folder of a root. */
  readonly engineOf: (root: Root, folder: string) => Engine;
  /** Where it lies, for messages. */
  readonly uriOf: (root: Root, folder: string) => string;
};

/** A table that was looked at. */
type Looked = { readonly uri: string; readonly transactions: Transactions };

type Position = PartitionId & Pick<TableWatermark, "offset">;

/** Tables whose logs are read at the same time. */
const tablesParallelMax = 8;

/**
 * Looks through all tables for each question; questions asked while a look is under way wait for
 * the next one together, so that a thousand of them at once cost two looks, and none is answered
 * from a state that is older than the question.
 */
export function heldPositions<Root extends TableRoot>(
  options: HeldPositionsOptions<Root>,
): HeldPositions {
  let running: Promise<unknown> = Promise.resolve();
  let next: { readonly tables: Promise<readonly Looked[]>; readonly ask: AskOptions } | null = null;
  const look = (ask: AskOptions): Promise<readonly Looked[]> => {
    // One that was called off would take those down with it who asked later.
    if (next !== null && !next.ask.signal.aborted) return next.tables;
    const tables = running.then(() => {
      if (next === mine) next = null;
      return lookAtAll(options, ask);
    });
    const mine = { tables, ask };
    next = mine;
    running = tables.catch(() => undefined);
    return tables;
  };
  return {
    async heldPosition(partition, ask) {
      const { owner } = options;
      const tables = await look(ask);
      for (const { uri, transactions } of tables) {
        const table = { tableUri: uri, transactions, partition };
        refuseForeignPositions({ ...table, ...owner, mayBeReplaced: true });
      }
      const positions = tables.flatMap(({ transactions }): Position[] => [
        ...watermarksOf(transactions, owner),
        ...rewoundPartitions(transactions, owner).map((id) => ({ ...id, offset: rewoundOffset })),
      ]);
      return positionAmong(positions, partition);
    },
  };
}

async function lookAtAll<Root extends TableRoot>(
  { roots, engineOf, uriOf }: HeldPositionsOptions<Root>,
  { signal }: AskOptions,
): Promise<readonly Looked[]> {
  const found: Looked[] = [];
  for (const root of roots) {
    const folders = await findTables(root, { signal });
    await forEachParallel(folders, tablesParallelMax, async (folder) => {
      const state = await loadTableState(engineOf(root, folder), { signal });
      if (state === null) return;
      found.push({ uri: uriOf(root, folder), transactions: state.transactions });
    });
  }
  return found;
}

function positionAmong(
  positions: readonly Position[],
  partition: PartitionId,
): HeldPosition | null {
  let held: HeldPosition | null = null;
  for (const watermark of positions) {
    if (samePartition(watermark, partition)) {
      const offset: bigint | null = held?.offset ?? null;
      if (offset === null || offset < watermark.offset) held = { offset: watermark.offset };
      continue;
    }
    const sameName = watermark.topic === partition.topic &&
      watermark.partition === partition.partition;
    if (sameName) held ??= { offset: null };
  }
  return held;
}
