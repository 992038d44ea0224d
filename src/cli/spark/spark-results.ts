import type { Engine } from "../../delta/engine.ts";
import type { HistoryEntry } from "../../delta/log/history.ts";
import { openVersion } from "../../delta/log/snapshot.ts";
import type { OptimizeResult } from "../tables/optimize-report.ts";
import { metricSum, type SparkOutcome } from "./run-spark.ts";

/** The files of a table's newest version, counted. */
export type TableSize = { readonly files: number; readonly bytes: number };

/** Counts the live files. Errors: as `openVersion`. */
export async function tableSize(engine: Engine, signal: AbortSignal): Promise<TableSize> {
  const version = await openVersion(engine, { signal });
  const size = { files: 0, bytes: 0 };
  for await (const { adds } of version.files({ signal })) {
    size.files += adds.length;
    for (const add of adds) size.bytes += add.size;
  }
  return size;
}

/** What Spark's `OPTIMIZE` did, in the shape of ours; a group is one of its commits. Pure. */
export function sparkOptimizeResult(
  { version, commits }: SparkOutcome,
  before: TableSize,
): OptimizeResult {
  const of = (name: string): number => metricSum(commits, name);
  const filesRemoved = of("numRemovedFiles");
  const bytesRemoved = of("numRemovedBytes");
  const filesAdded = of("numAddedFiles");
  const bytesAdded = of("numAddedBytes");
  return {
    version,
    filesBefore: before.files,
    bytesBefore: before.bytes,
    filesAfter: before.files - filesRemoved + filesAdded,
    bytesAfter: before.bytes - bytesRemoved + bytesAdded,
    filesRemoved,
    bytesRemoved,
    filesAdded,
    bytesAdded,
    groups: commits.length,
    groupsLost: 0,
  };
}

/** The files that Spark's `VACUUM` deleted, by its own count; null: it kept no count. Pure. */
export function sparkVacuumedFiles(commits: readonly HistoryEntry[]): number | null {
  const ends = commits.filter(({ operation }) => operation === "VACUUM END");
  return ends.length === 0 ? null : metricSum(ends, "numDeletedFiles");
}
