import type { Engine } from "../../delta/engine.ts";
import type { AddFile, PartitionValues } from "../../delta/log/actions.ts";
import { expiredLogFiles } from "../../delta/log/log-cleanup.ts";
import { listLog } from "../../delta/log/log-reader.ts";
import type { Snapshot } from "../../delta/log/snapshot.ts";
import { type OptimizeBin, planBins } from "../../delta/operations/optimize-plan.ts";
import { planVacuum } from "../../delta/operations/vacuum.ts";
import { CdcDeltaError } from "../../errors.ts";
import { tableTargetBytes } from "../../delta/operations/target-size.ts";
import { recordsOf } from "./table-facts.ts";

/** How a table is kept, in the names that scripts rely on. */
export type HealthFacts = {
  readonly table: string;
  readonly version: number;
  readonly log: {
    readonly commits: number;
    readonly sizeInBytes: number;
    /** The newest checkpoint; null: there is none. */
    readonly checkpointVersion: number | null;
    /** Commits that a reader has to read after it. */
    readonly checkpointDebt: number;
    readonly checkpointInterval: number;
    /** Files past the retention of the log. */
    readonly expiredFiles: number;
  };
  readonly files: {
    readonly count: number;
    readonly sizeInBytes: number;
    readonly averageSizeInBytes: number;
    readonly targetSizeInBytes: number;
    /** Files below three quarters of the target, as a part of all. */
    readonly smallRatio: number;
    /** What an optimize would merge, and the files that would be left of them. */
    readonly mergeable: number;
    readonly mergedInto: number;
  };
  readonly deletionVectors: {
    readonly files: number;
    /** As a part of all files. */
    readonly ratio: number;
    readonly deletedRows: number;
    /** As a part of all rows of the files; null without statistics. */
    readonly deletedRatio: number | null;
  };
  readonly unneeded: {
    /** Files that left the table and are still remembered. */
    readonly tombstones: number;
    readonly tombstoneBytes: number;
    /** What a vacuum would delete, orphans included; null: cdcdelta cannot vacuum the table. */
    readonly vacuum: { readonly files: number; readonly sizeInBytes: number } | null;
  };
  readonly transactions: {
    readonly count: number;
    readonly expired: number;
    /** Null: they are kept forever. */
    readonly retentionMs: number | null;
  };
  readonly partitions: {
    readonly columns: readonly string[];
    readonly count: number;
    readonly medianSizeInBytes: number;
    readonly largest: {
      readonly values: PartitionValues;
      readonly files: number;
      readonly sizeInBytes: number;
      /** Its size over the median. */
      readonly skew: number;
    } | null;
  };
};

/** Looks at all that makes a table slow or large; lists its log and its files. Errors: the store's. */
export async function healthFacts(
  engine: Engine,
  snapshot: Snapshot,
  signal: AbortSignal,
): Promise<HealthFacts> {
  const { files, tombstones, properties, metadata } = snapshot;
  const targetBytes = tableTargetBytes(metadata.configuration);
  const bins = planBins(files, { targetBytes, where: () => true });
  const sizeInBytes = sumOf(files);
  return {
    table: engine.store.uri,
    version: snapshot.version,
    log: await logFacts(engine, snapshot, signal),
    files: {
      count: files.length,
      sizeInBytes,
      averageSizeInBytes: files.length === 0 ? 0 : Math.round(sizeInBytes / files.length),
      targetSizeInBytes: targetBytes,
      smallRatio: ratio(files.filter(({ size }) => size < targetBytes * 0.75).length, files.length),
      ...mergeFacts(bins, targetBytes),
    },
    deletionVectors: vectorFacts(files),
    unneeded: {
      tombstones: tombstones.length,
      tombstoneBytes: tombstones.reduce((sum, { size }) => sum + (size ?? 0), 0),
      vacuum: await vacuumFacts(engine, signal),
    },
    transactions: {
      count: snapshot.transactions.size,
      expired: expiredTransactions(snapshot, engine.clock.nowMs()),
      retentionMs: properties.transactionRetentionMs,
    },
    partitions: partitionFacts(snapshot),
  };
}

const sumOf = (files: readonly AddFile[]): number =>
  files.reduce((sum, file) => sum + file.size, 0);

const ratio = (part: number, all: number): number =>
  all === 0 ? 0 : Math.round(part / all * 1e4) / 1e4;

async function logFacts(
  engine: Engine,
  { version, properties }: Snapshot,
  signal: AbortSignal,
): Promise<HealthFacts["log"]> {
  const listing = await listLog(engine, { from: 0, signal });
  const checkpoints = listing.checkpoints.filter((found) => found.version <= version);
  const checkpointVersion = checkpoints.at(-1)?.version ?? null;
  const metas = [
    ...listing.commits.map(({ meta }) => meta),
    ...listing.checkpoints.flatMap((found) => found.files),
  ].sort((a, b) => (a.key < b.key ? -1 : 1));
  const time = { nowMs: engine.clock.nowMs(), retentionMs: properties.logRetentionMs };
  return {
    commits: listing.commits.length,
    sizeInBytes: metas.reduce((sum, { size }) => sum + size, 0),
    checkpointVersion,
    checkpointDebt: version - (checkpointVersion ?? -1),
    checkpointInterval: properties.checkpointInterval,
    expiredFiles: properties.expiredLogCleanup ? expiredLogFiles(metas, time).length : 0,
  };
}

function mergeFacts(
  bins: readonly OptimizeBin[],
  targetBytes: number,
): Pick<HealthFacts["files"], "mergeable" | "mergedInto"> {
  return {
    mergeable: bins.reduce((sum, { files }) => sum + files.length, 0),
    mergedInto: bins.reduce(
      (sum, { bytes }) => sum + Math.max(1, Math.ceil(bytes / targetBytes)),
      0,
    ),
  };
}

function vectorFacts(files: readonly AddFile[]): HealthFacts["deletionVectors"] {
  let [withVector, deletedRows, kept]: [number, number, number | null] = [0, 0, 0];
  for (const file of files) {
    const records = recordsOf(file);
    kept = kept === null || records === null ? null : kept + records;
    if (file.deletionVector === undefined) continue;
    withVector += 1;
    deletedRows += Number(file.deletionVector.cardinality);
  }
  return {
    files: withVector,
    ratio: ratio(withVector, files.length),
    deletedRows,
    deletedRatio: kept === null ? null : ratio(deletedRows, kept + deletedRows),
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

function expiredTransactions({ transactions, properties }: Snapshot, nowMs: number): number {
  const retentionMs = properties.transactionRetentionMs;
  if (retentionMs === null) return 0;
  return [...transactions.values()].filter(({ lastUpdated }) =>
    lastUpdated !== undefined && lastUpdated <= nowMs - retentionMs
  ).length;
}

function partitionFacts({ files, partitionColumns }: Snapshot): HealthFacts["partitions"] {
  const columns = partitionColumns;
  const found = new Map<string, { values: PartitionValues; files: number; sizeInBytes: number }>();
  for (const { partitionValues: values, size } of files) {
    const name = JSON.stringify(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)));
    const partition = found.get(name) ?? { values, files: 0, sizeInBytes: 0 };
    partition.files += 1;
    partition.sizeInBytes += size;
    found.set(name, partition);
  }
  const sorted = [...found.values()].sort((a, b) => a.sizeInBytes - b.sizeInBytes);
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
