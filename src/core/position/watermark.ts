import type { SetTransaction } from "../../delta/log/actions.ts";
import { CdcDeltaError } from "../../errors.ts";
import type { PartitionId, PositionRange, TableWatermark } from "../encode/encode-job.ts";
import { checkAppId, parseAppId, type PositionAppId, watermarkAppId } from "./app-id.ts";

/**
 * The watermark of a (table, topic, partition): the highest offset whose row is in the table. It is
 * `txn.version` in the commit that carries the rows, so rows and position land together or not at
 * all. Everything here is pure.
 */

/**
 * Says that nothing of a partition is in the table, where a `txn` was there before and cannot be
 * deleted: its rows left the table and are read again.
 */
export const rewoundOffset = -1n;

/** The `txn` actions of a version by `appId`; an object that never changes. */
export type Transactions = ReadonlyMap<string, SetTransaction>;

/** Whose positions count: this pipeline's, or with `adopt` anybody's. */
export type PositionOwner = { readonly pipelineId: string; readonly adopt: boolean };

/** Two ids name the same records: by identity where there is one, else by topic; and partition. */
export function samePartition(a: PartitionId, b: PartitionId): boolean {
  if (a.partition !== b.partition) return false;
  if (a.identity !== "" || b.identity !== "") return a.identity === b.identity;
  return a.topic === b.topic;
}

/** One text for ids that `samePartition` finds equal. */
export function partitionName({ topic, partition, identity }: PartitionId): string {
  return identity === "" ? `${partition} ${topic}` : `${partition} #${identity}`;
}

type Held = { readonly id: PositionAppId; readonly txn: SetTransaction };

// A state's transactions never change, but are asked for again and again, and there may be as many
// as a folder has files.
const parsed = new WeakMap<Transactions, readonly Held[]>();
const indexed = new WeakMap<Transactions, Map<string, ReadonlyMap<string, TableWatermark>>>();

/** The watermarks among a table's `txn` actions, whosoever they are. */
function heldPositions(transactions: Transactions): readonly Held[] {
  const known = parsed.get(transactions);
  if (known !== undefined) return known;
  const held = [...transactions.values()].flatMap((txn): Held[] => {
    const id = parseAppId(txn.appId);
    return id === null || id.kind !== "watermark" ? [] : [{ id, txn }];
  });
  parsed.set(transactions, held);
  return held;
}

/**
 * The watermarks that a table's `txn` actions hold for a pipeline; with `adopt` those of any
 * pipeline. Where a renamed file left two, the higher one counts.
 */
export function watermarksOf(transactions: Transactions, owner: PositionOwner): TableWatermark[] {
  return [...watermarkIndex(transactions, owner).values()];
}

/** The watermark of one partition, as `watermarksOf` has it; null: there is none. */
export function watermarkOf(
  transactions: Transactions,
  owner: PositionOwner,
  partition: PartitionId,
): TableWatermark | null {
  return watermarkIndex(transactions, owner).get(partitionName(partition)) ?? null;
}

/** Watermarks by `partitionName`. */
function watermarkIndex(
  transactions: Transactions,
  { pipelineId, adopt }: PositionOwner,
): ReadonlyMap<string, TableWatermark> {
  const views = indexed.get(transactions) ??
    new Map<string, ReadonlyMap<string, TableWatermark>>();
  indexed.set(transactions, views);
  const view = `${adopt} ${pipelineId}`;
  const known = views.get(view);
  if (known !== undefined) return known;
  const found = new Map<string, TableWatermark>();
  for (const { id, txn } of heldPositions(transactions)) {
    if (id.pipelineId !== pipelineId && !adopt) continue;
    if (txn.version <= rewoundOffset) continue;
    const check = transactions.get(checkAppId(id.pipelineId, id));
    const next: TableWatermark = {
      topic: id.topic,
      partition: id.partition,
      identity: id.identity,
      offset: txn.version,
      recordHash: check === undefined ? null : check.version,
    };
    const name = partitionName(next);
    const before = found.get(name);
    if (before === undefined || before.offset < next.offset) found.set(name, next);
  }
  views.set(view, found);
  return found;
}

/** The partitions of a pipeline whose positions were taken back to nothing. */
export function rewoundPartitions(
  transactions: Transactions,
  { pipelineId, adopt }: PositionOwner,
): readonly PartitionId[] {
  return heldPositions(transactions)
    .filter(({ id, txn }) =>
      txn.version <= rewoundOffset && (adopt || id.pipelineId === pipelineId)
    )
    .map(({ id }) => id);
}

/** The names under which a table holds watermarks of these partitions; those that count for us. */
export function appIdsOf(
  transactions: Transactions,
  partitions: readonly PartitionId[],
  { pipelineId, adopt }: PositionOwner,
): string[] {
  const wanted = new Set(partitions.map(partitionName));
  return heldPositions(transactions)
    .filter(({ id }) => (adopt || id.pipelineId === pipelineId) && wanted.has(partitionName(id)))
    .map(({ txn }) => txn.appId);
}

/** The `txn` actions that a commit of rows up to these positions carries. */
export function watermarkTransactions(
  pipelineId: string,
  positions: readonly PositionRange[],
  nowMs: number,
): SetTransaction[] {
  return positions.flatMap((range): SetTransaction[] => {
    const offset: SetTransaction = {
      appId: watermarkAppId(pipelineId, range),
      version: range.lastOffset,
      lastUpdated: nowMs,
    };
    if (range.lastRecordHash === null) return [offset];
    const appId = checkAppId(pipelineId, range);
    return [offset, { appId, version: range.lastRecordHash, lastUpdated: nowMs }];
  });
}

/** Positions of several jobs in order, one range a partition. */
export function mergePositions(lists: readonly (readonly PositionRange[])[]): PositionRange[] {
  const merged = new Map<string, PositionRange>();
  for (const range of lists.flat()) {
    const name = `${range.partition} ${range.identity} ${range.topic}`;
    const before = merged.get(name);
    const firstOffset = before?.firstOffset ?? range.firstOffset;
    merged.set(name, { ...range, firstOffset });
  }
  return [...merged.values()];
}

/**
 * Refuses a table whose positions contradict the input: the file is another one than the table was
 * fed from, or another pipeline feeds it. `replaced` tells of a topic that was deleted and made
 * anew, all records of which are new to the table.
 *
 * Errors: `source-replaced`, `usage`.
 */
export function refuseForeignPositions(options: {
  readonly tableUri: string;
  readonly transactions: Transactions;
  readonly partition: PartitionId;
  readonly pipelineId: string;
  readonly adopt: boolean;
  /** The identity is a topic's id: records of another one can never be taken for ours. */
  readonly mayBeReplaced: boolean;
}): { readonly replaced: boolean } {
  const { tableUri, transactions, partition, pipelineId, adopt, mayBeReplaced } = options;
  const ids = heldPositions(transactions).map((held) => held.id)
    .filter((id) => id.partition === partition.partition);
  const known = ids.some((id) => samePartition(id, partition) && id.pipelineId === pipelineId);
  if (known) return { replaced: false };
  const rival = ids.find((id) =>
    id.pipelineId !== pipelineId &&
    (id.topic === partition.topic || samePartition(id, partition))
  );
  if (rival !== undefined && !adopt) {
    throw new CdcDeltaError(
      "usage",
      `Cannot write "${partition.topic}" into ${tableUri}: pipeline "${rival.pipelineId}" already ` +
        `feeds it from there. Use that pipeline's name as consumer group, or take over its ` +
        `positions with --adopt once it no longer runs`,
      { context: { table: tableUri, topic: partition.topic, pipeline: rival.pipelineId } },
    );
  }
  const earlier = ids.filter((id) => id.topic === partition.topic && id.pipelineId === pipelineId);
  const nameless = earlier.some((id) => id.identity === "");
  if (nameless && mayBeReplaced) {
    throw new CdcDeltaError(
      "usage",
      `Cannot write "${partition.topic}" into ${tableUri}: it holds records of that topic whose ` +
        `positions do not tell which topic it was (read from kcat lines, say), so that some might ` +
        `be written twice. Use another base path`,
      { context: { table: tableUri, topic: partition.topic } },
    );
  }
  const replaced = earlier.some((id) => id.identity !== partition.identity);
  if (replaced && !mayBeReplaced) {
    throw new CdcDeltaError(
      "source-replaced",
      `Cannot continue "${partition.topic}" into ${tableUri}: its first record is not the one ` +
        `that the table was fed from, so it was replaced. Restore the original, or feed the new ` +
        `one under another name (--source-id)`,
      { context: { table: tableUri, topic: partition.topic } },
    );
  }
  return { replaced };
}
