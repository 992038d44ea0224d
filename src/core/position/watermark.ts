import type { SetTransaction } from "../../delta/log/actions.ts";
import { CdcDeltaError } from "../../errors.ts";
import type { PartitionId, PositionRange, TableWatermark } from "../encode/encode-job.ts";
import { checkAppId, parseAppId, type PositionAppId, watermarkAppId } from "./app-id.ts";

/**
 * The watermark of a (table, topic, partition): the highest offset whose row is in the table. It is
 * `txn.version` in the commit that carries the rows, so rows and position land together or not at
 * all. Everything here is pure.
 */

type Transactions = ReadonlyMap<string, SetTransaction>;

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

/**
 * The watermarks that a table's `txn` actions hold for a pipeline; with `adopt` those of any
 * pipeline. Where a renamed file left two, the higher one counts.
 */
export function watermarksOf(
  transactions: Transactions,
  options: { readonly pipelineId: string; readonly adopt: boolean },
): TableWatermark[] {
  const found: TableWatermark[] = [];
  for (const [appId, txn] of transactions) {
    const id = parseAppId(appId);
    if (id === null || id.kind !== "watermark") continue;
    if (id.pipelineId !== options.pipelineId && !options.adopt) continue;
    const check = transactions.get(checkAppId(id.pipelineId, id));
    const next: TableWatermark = {
      topic: id.topic,
      partition: id.partition,
      identity: id.identity,
      offset: txn.version,
      recordHash: check === undefined ? null : check.version,
    };
    const index = found.findIndex((other) => samePartition(other, next));
    if (index < 0) found.push(next);
    else if (found[index]!.offset < next.offset) found[index] = next;
  }
  return found;
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
  const merged: PositionRange[] = [];
  for (const range of lists.flat()) {
    const index = merged.findIndex((other) =>
      samePartition(other, range) && other.topic === range.topic
    );
    const before = merged[index];
    if (before === undefined) merged.push(range);
    else merged[index] = { ...range, firstOffset: before.firstOffset };
  }
  return merged;
}

/**
 * Refuses a table whose positions contradict the input: the topic or file is another one than the
 * table was fed from, or another pipeline feeds it.
 *
 * Errors: `source-replaced`, `usage`.
 */
export function refuseForeignPositions(options: {
  readonly tableUri: string;
  readonly transactions: Transactions;
  readonly partition: PartitionId;
  readonly pipelineId: string;
  readonly adopt: boolean;
}): void {
  const { tableUri, transactions, partition, pipelineId, adopt } = options;
  const ids = [...transactions.keys()].map(parseAppId).filter((id): id is PositionAppId =>
    id !== null && id.kind === "watermark" && id.partition === partition.partition
  );
  const known = ids.some((id) => samePartition(id, partition) && id.pipelineId === pipelineId);
  if (known) return;
  const rival = ids.find((id) => id.topic === partition.topic && id.pipelineId !== pipelineId);
  if (rival !== undefined && !adopt) {
    throw new CdcDeltaError(
      "usage",
      `Cannot write "${partition.topic}" into ${tableUri}: pipeline "${rival.pipelineId}" already ` +
        `feeds it from there. Use that pipeline's name as consumer group, or take over its ` +
        `positions with --adopt once it no longer runs`,
      { context: { table: tableUri, topic: partition.topic, pipeline: rival.pipelineId } },
    );
  }
  const replaced = ids.find((id) =>
    id.topic === partition.topic && id.pipelineId === pipelineId &&
    id.identity !== "" && id.identity !== partition.identity
  );
  if (replaced !== undefined) {
    throw new CdcDeltaError(
      "source-replaced",
      `Cannot continue "${partition.topic}" into ${tableUri}: its first record is not the one ` +
        `that the table was fed from, so it was replaced. Restore the original, or feed the new ` +
        `one under another name (--source-id)`,
      { context: { table: tableUri, topic: partition.topic } },
    );
  }
}
