import type { Engine } from "../../delta/engine.ts";
import { expiredLogFiles } from "../../delta/log/log-cleanup.ts";
import { listLog } from "../../delta/log/log-reader.ts";
import { emptyCommits } from "../../delta/log/log-segment.ts";
import type { TableVersion } from "../../delta/log/snapshot.ts";
import type { TableState } from "../../delta/log/table-state.ts";
import {
  checksumMismatches,
  type FileTotals,
  readVersionChecksum,
} from "../../delta/log/version-checksum.ts";
import { keysOfFile } from "../../delta/operations/file-objects.ts";
import { missingFiles } from "../../delta/operations/missing-files.ts";
import { tableTargetBytes } from "../../delta/operations/target-size.ts";
import { planVacuum } from "../../delta/operations/vacuum-plan.ts";
import { CdcDeltaError } from "../../errors.ts";
import type { HealthFacts } from "./health-report.ts";
import { fileHealth, type PartitionSize } from "./file-health.ts";

const emptyCommitsShown = 20;

/** Looks at all that makes a table slow or large; lists its log and its files. Errors: the store's. */
export async function healthFacts(
  engine: Engine,
  { state, files: batches }: TableVersion,
  signal: AbortSignal,
): Promise<HealthFacts> {
  const { properties, metadata } = state;
  const targetBytes = tableTargetBytes(metadata.configuration);
  const sums = fileHealth(targetBytes);
  for await (const batch of batches({ signal })) {
    for (const add of batch.adds) sums.add(add);
    for (const remove of batch.removes) sums.remove(remove);
  }
  const { totals, files, deletionVectors, tombstones, partitions } = sums.done();
  const log = await logFacts(engine, state, totals, signal);
  return {
    table: engine.store.uri,
    version: state.version,
    log,
    files: {
      ...files,
      missing: await missingFiles(engine, () => neededKeys(engine, batches, signal), { signal }),
      targetSizeInBytes: targetBytes,
    },
    deletionVectors,
    unneeded: {
      ...tombstones,
      vacuum: log.emptyCommits.length > 0 ? null : await vacuumFacts(engine, signal),
    },
    transactions: {
      count: state.transactions.size,
      expired: expiredTransactions(state, engine.clock.nowMs()),
      retentionMs: properties.transactionRetentionMs,
    },
    partitions: partitionFacts(partitions, state),
  };
}

/** What has to be there for the version to be read. */
async function* neededKeys(
  { store }: Engine,
  batches: TableVersion["files"],
  signal: AbortSignal,
): AsyncGenerator<string> {
  for await (const { adds } of batches({ signal })) {
    for (const add of adds) yield* keysOfFile(add, store.uri);
  }
}

async function logFacts(
  engine: Engine,
  state: TableState,
  totals: FileTotals,
  signal: AbortSignal,
): Promise<HealthFacts["log"]> {
  const { version, properties } = state;
  const listing = await listLog(engine, { from: 0, signal });
  const checkpoints = listing.checkpoints.filter((found) => found.version <= version);
  const checkpointVersion = checkpoints.at(-1)?.version ?? null;
  const metas = [
    ...listing.commits.map(({ meta }) => meta),
    ...listing.checkpoints.flatMap((found) => found.files),
  ].sort((a, b) => (a.key < b.key ? -1 : 1));
  const time = { nowMs: engine.clock.nowMs(), retentionMs: properties.logRetentionMs };
  const checksum = await readVersionChecksum(engine, version, { signal });
  return {
    commits: listing.commits.length,
    sizeInBytes: metas.reduce((sum, { size }) => sum + size, 0),
    checkpointVersion,
    checkpointDebt: version - (checkpointVersion ?? -1),
    checkpointInterval: properties.checkpointInterval,
    expiredFiles: properties.expiredLogCleanup ? expiredLogFiles(metas, time).length : 0,
    isCleanedUp: properties.expiredLogCleanup,
    emptyCommits: emptyCommits(listing.commits).slice(0, emptyCommitsShown),
    retentionMs: properties.logRetentionMs,
    wrongChecksum: checksum === null ? [] : checksumMismatches(checksum, state, totals),
  };
}

async function vacuumFacts(
  engine: Engine,
  signal: AbortSignal,
): Promise<HealthFacts["unneeded"]["vacuum"]> {
  try {
    const plan = await planVacuum(engine, { retentionMs: null, force: false, signal });
    return { files: plan.files, sizeInBytes: plan.bytes };
  } catch (error) {
    if (error instanceof CdcDeltaError && error.code === "unsupported") return null;
    throw error;
  }
}

function expiredTransactions({ transactions, properties }: TableState, nowMs: number): number {
  const retentionMs = properties.transactionRetentionMs;
  if (retentionMs === null) return 0;
  return [...transactions.values()].filter(({ lastUpdated }) =>
    lastUpdated !== undefined && lastUpdated <= nowMs - retentionMs
  ).length;
}

function partitionFacts(
  partitions: readonly PartitionSize[],
  { partitionColumns: columns }: TableState,
): HealthFacts["partitions"] {
  const sorted = partitions.toSorted((a, b) => a.sizeInBytes - b.sizeInBytes);
  const median = sorted[Math.floor((sorted.length - 1) / 2)]?.sizeInBytes ?? 0;
  const largest = sorted.at(-1);
  return {
    columns,
    count: columns.length === 0 ? 0 : sorted.length,
    medianSizeInBytes: median,
    largest: columns.length === 0 || largest === undefined ? null : {
      ...largest,
      skew: median === 0 ? 1 : Math.round(largest.sizeInBytes / median * 10) / 10,
    },
  };
}
