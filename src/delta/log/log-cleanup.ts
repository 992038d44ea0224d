import type { Engine } from "../engine.ts";
import type { ObjectMeta } from "../storage/object-store.ts";
import { monotonicTimestamps } from "./commit-timestamps.ts";
import { isPastVersions, logFolder, parseLogKey } from "./log-path.ts";
import { readListing } from "./log-segment.ts";
import type { TableState } from "./table-state.ts";

const dayMs = 86_400_000;

/** Files looked at in one run; what is left over waits for the next one. */
const filesMax = 20_000;

export type CleanupTime = { readonly nowMs: number; readonly retentionMs: number };

/**
 * The log files that nobody needs any more (PROTOCOL.md, "Metadata Cleanup"): those older than the
 * newest complete checkpoint that is itself past the retention. At least a day is kept, whatever
 * the table says. `files` are the oldest ones of the log. Pure.
 */
export function expiredLogFiles(files: readonly ObjectMeta[], time: CleanupTime): string[] {
  const midnightMs = Math.floor((time.nowMs - Math.max(time.retentionMs, dayMs)) / dayMs) * dayMs;
  const listing = readListing(files);
  const cutoffCommit = monotonicTimestamps(listing.commits)
    .findLast((commit) => commit.timestampMs <= midnightMs)?.version;
  if (cutoffCommit === undefined) return [];
  const cutoff = listing.checkpoints.findLast((found) => found.version <= cutoffCommit)?.version;
  if (cutoff === undefined) return [];
  return files.map((meta) => meta.key).filter((key) => {
    const file = parseLogKey(key);
    // The commit at the checkpoint stays: its timestamp and commitInfo are still asked for.
    if (file === null) return false;
    // A compaction that begins there begins with what the checkpoint holds, and is of no use.
    return file.kind === "compaction" ? file.version <= cutoff : file.version < cutoff;
  });
}

/**
 * Deletes expired log files of a table; the number of them. Does nothing on tables whose log has
 * rules that cdcdelta does not follow (V2 checkpoints, in-commit timestamps, `checkpointProtection`)
 * or that switched clean-up off.
 */
export async function cleanUpLog(
  engine: Engine,
  state: TableState,
  { signal }: { readonly signal: AbortSignal },
): Promise<number> {
  if (!mayCleanUp(state)) return 0;
  const files: ObjectMeta[] = [];
  for await (const meta of engine.store.list(logFolder, { signal })) {
    if (isPastVersions(meta.key) || files.length === filesMax) break;
    if (parseLogKey(meta.key) !== null) files.push(meta);
  }
  const time = { nowMs: engine.clock.nowMs(), retentionMs: state.properties.logRetentionMs };
  const expired = expiredLogFiles(files, time);
  if (expired.length > 0) await engine.store.delete(expired, { signal });
  return expired.length;
}

function mayCleanUp(state: TableState): boolean {
  const { expiredLogCleanup, inCommitTimestamps } = state.properties;
  const features = state.protocol.writerFeatures ?? [];
  return expiredLogCleanup && inCommitTimestamps === null &&
    !features.includes("v2Checkpoint") && !features.includes("checkpointProtection");
}
