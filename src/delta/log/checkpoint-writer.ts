import type { Engine } from "../engine.ts";
import { classicSink, v2Sink, wantsV2 } from "./checkpoint-form.ts";
import { parsedColumns } from "./checkpoint-parsed.ts";
import {
  addRow,
  type CheckpointRow,
  domainMetadataRow,
  metadataRow,
  protocolRow,
  removeRow,
  transactionRow,
} from "./checkpoint-row.ts";
import {
  formatLastCheckpoint,
  type LastCheckpoint,
  readLastCheckpoint,
} from "./last-checkpoint.ts";
import { lastCheckpointKey } from "./log-path.ts";
import { withListing } from "./log-reader.ts";
import { isTombstoneLive } from "./log-replay.ts";
import { buildSegment, type LogListing } from "./log-segment.ts";
import { liveFiles, replaySegment } from "./snapshot.ts";
import type { AddFile } from "./actions.ts";
import type { TableState } from "./table-state.ts";
import { type FileTotals, writeVersionChecksum } from "./version-checksum.ts";

export type WriteCheckpointOptions = {
  readonly signal: AbortSignal;
  /** Files and tombstones of a V2 checkpoint's sidecar at most. */
  readonly sidecarRowsMax?: number;
};

/**
 * Writes the checkpoint of a version, classic or V2 as the table wants it, and points
 * `_last_checkpoint` at it (unless that names a newer one already). The files of the checkpoint
 * before are streamed, and so is what is written: memory does not grow with the table. The version's checksum file is written besides, as all its numbers are known here. Members
 * of actions that no checkpoint has a column for are not in it. Errors: as `loadSnapshot`, and the
 * store's.
 */
export async function writeCheckpoint(
  engine: Engine,
  version: number,
  options: WriteCheckpointOptions,
): Promise<LastCheckpoint> {
  const { signal } = options;
  const written = await withListing(
    engine,
    { version, signal },
    (listing) => writeFiles(engine, listing, version, options),
  );
  await writeHint(engine, written.hint, signal);
  await writeVersionChecksum(engine, written.state, written.totals, { signal });
  return written.hint;
}

type WrittenFiles = {
  readonly hint: LastCheckpoint;
  readonly state: TableState;
  readonly totals: FileTotals;
};

async function writeFiles(
  engine: Engine,
  listing: LogListing,
  version: number,
  { signal, sidecarRowsMax }: WriteCheckpointOptions,
): Promise<WrittenFiles> {
  const segment = buildSegment(listing, { uri: engine.store.uri, version });
  const replayed = await replaySegment(engine, segment, { signal });
  const { state } = replayed;
  const nowMs = engine.clock.nowMs();
  const { checkpointStatsAsJson: stats, deletedFileRetentionMs: retentionMs } = state.properties;
  const parsed = parsedColumns(state);
  const columns = { stats, parsed: parsed.fields, version, signal };
  const sink = wantsV2(state)
    ? v2Sink(engine, { ...columns, ...(sidecarRowsMax === undefined ? {} : { sidecarRowsMax }) })
    : classicSink(engine, columns);
  const totals = fileTotals();
  try {
    for (const row of stateRows(state, nowMs)) await sink.state(row);
    for await (const { adds, removes } of liveFiles(engine, segment, replayed, { signal })) {
      totals.add(adds);
      for (const add of adds) await sink.file(addRow(add, parsed.values(add)));
      for (const remove of removes) {
        if (isTombstoneLive(remove, { nowMs, retentionMs })) await sink.file(removeRow(remove));
      }
    }
    const { numFiles: numOfAddFiles } = totals.sum();
    return { hint: { ...await sink.finish(), numOfAddFiles }, state, totals: totals.sum() };
  } catch (error) {
    await sink.abort();
    throw error;
  }
}

function fileTotals(): { add(files: readonly AddFile[]): void; sum(): FileTotals } {
  let numFiles = 0;
  let tableSizeBytes = 0;
  let numDeletionVectors = 0;
  let numDeletedRecords = 0;
  return {
    add(files) {
      numFiles += files.length;
      for (const { size, deletionVector } of files) {
        tableSizeBytes += size;
        if (deletionVector === undefined) continue;
        numDeletionVectors += 1;
        numDeletedRecords += Number(deletionVector.cardinality);
      }
    },
    sum: () => ({ numFiles, tableSizeBytes, numDeletionVectors, numDeletedRecords }),
  };
}

/** All of a state but its files; transactions are kept for as long as the table says. */
function* stateRows(state: TableState, nowMs: number): Generator<CheckpointRow> {
  yield protocolRow(state.protocol);
  yield metadataRow(state.metadata);
  const retentionMs = state.properties.transactionRetentionMs;
  for (const txn of state.transactions.values()) {
    const expired = retentionMs !== null && txn.lastUpdated !== undefined &&
      txn.lastUpdated <= nowMs - retentionMs;
    if (!expired) yield transactionRow(txn);
  }
  for (const domain of state.domainMetadata.values()) yield domainMetadataRow(domain);
}

async function writeHint(engine: Engine, hint: LastCheckpoint, signal: AbortSignal): Promise<void> {
  const current = await readLastCheckpoint(engine, { signal });
  if (current !== null && current.version > hint.version) return;
  const bytes = new TextEncoder().encode(formatLastCheckpoint(hint));
  await engine.store.put(lastCheckpointKey, [bytes], { signal });
}
