import { batchFromRows } from "../columns/column-builder.ts";
import type { Engine } from "../engine.ts";
import type { EncodedRowGroup } from "../parquet/encoded-row-group.ts";
import { assembleParquetFile, encodeRowGroup } from "../parquet/writer.ts";
import type { StructType } from "../schema/data-type.ts";
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
import { checkpointSchema } from "./checkpoint-schema.ts";
import { createdBy } from "./engine-info.ts";
import {
  formatLastCheckpoint,
  type LastCheckpoint,
  readLastCheckpoint,
} from "./last-checkpoint.ts";
import { classicCheckpointKey, lastCheckpointKey } from "./log-path.ts";
import { withListing } from "./log-reader.ts";
import { isTombstoneLive } from "./log-replay.ts";
import { buildSegment, type LogListing } from "./log-segment.ts";
import { liveFiles, replaySegment } from "./snapshot.ts";
import type { AddFile } from "./actions.ts";
import type { TableState } from "./table-state.ts";
import { type FileTotals, writeVersionChecksum } from "./version-checksum.ts";

/** Rows of a row group: what is in memory at once, besides the encoded bytes. */
const rowGroupRows = 5_000;

/**
 * Writes the classic checkpoint of a version and points `_last_checkpoint` at it (unless that
 * names a newer one already). The files of the checkpoint before are streamed, so that memory does
 * not grow with the table but by its encoded size. The version's checksum file is written besides,
 * as all its numbers are known here. Errors: as `loadSnapshot`, and the store's.
 */
export async function writeCheckpoint(
  engine: Engine,
  version: number,
  { signal }: { readonly signal: AbortSignal },
): Promise<LastCheckpoint> {
  const encoded = await withListing(
    engine,
    { version, signal },
    (listing) => encodeCheckpoint(engine, listing, version, signal),
  );
  const { chunks, rows, state, totals } = encoded;
  const { numFiles: numOfAddFiles } = totals;
  await engine.store.put(classicCheckpointKey(version), chunks, { signal });
  const sizeInBytes = chunks.reduce((size, chunk) => size + chunk.byteLength, 0);
  const hint = { version, size: rows, sizeInBytes, numOfAddFiles };
  await writeHint(engine, hint, signal);
  await writeVersionChecksum(engine, state, totals, { signal });
  return hint;
}

type EncodedCheckpoint = {
  readonly chunks: readonly Uint8Array[];
  readonly rows: number;
  readonly state: TableState;
  readonly totals: FileTotals;
};

async function encodeCheckpoint(
  engine: Engine,
  listing: LogListing,
  version: number,
  signal: AbortSignal,
): Promise<EncodedCheckpoint> {
  const segment = buildSegment(listing, { uri: engine.store.uri, version });
  const replayed = await replaySegment(engine, segment, { signal });
  const { state } = replayed;
  const nowMs = engine.clock.nowMs();
  const { checkpointStatsAsJson: stats, deletedFileRetentionMs: retentionMs } = state.properties;
  const parsed = parsedColumns(state);
  const schema = checkpointSchema({ stats, parsed: parsed.fields });
  const groups = rowGroupBuilder(schema);
  for (const row of stateRows(state, nowMs)) groups.push(row);
  const totals = fileTotals();
  for await (const { adds, removes } of liveFiles(engine, segment, replayed, { signal })) {
    totals.add(adds);
    for (const add of adds) groups.push(addRow(add, parsed.values(add)));
    for (const remove of removes) {
      if (isTombstoneLive(remove, { nowMs, retentionMs })) groups.push(removeRow(remove));
    }
  }
  const { rowGroups, rows } = groups.finish();
  const chunks = assembleParquetFile(schema, rowGroups, { createdBy });
  return { chunks, rows, state, totals: totals.sum() };
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

function rowGroupBuilder(schema: StructType): {
  push(row: CheckpointRow): void;
  finish(): { readonly rowGroups: readonly EncodedRowGroup[]; readonly rows: number };
} {
  const rowGroups: EncodedRowGroup[] = [];
  let pending: CheckpointRow[] = [];
  let rows = 0;
  const flush = (): void => {
    if (pending.length === 0) return;
    rowGroups.push(encodeRowGroup(batchFromRows(schema, pending), schema, { codec: "zstd" }));
    rows += pending.length;
    pending = [];
  };
  return {
    push(row) {
      pending.push(row);
      if (pending.length === rowGroupRows) flush();
    },
    finish() {
      flush();
      return { rowGroups, rows };
    },
  };
}

async function writeHint(engine: Engine, hint: LastCheckpoint, signal: AbortSignal): Promise<void> {
  const current = await readLastCheckpoint(engine, { signal });
  if (current !== null && current.version > hint.version) return;
  const bytes = new TextEncoder().encode(formatLastCheckpoint(hint));
  await engine.store.put(lastCheckpointKey, [bytes], { signal });
}
