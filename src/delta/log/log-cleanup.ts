import type { Engine } from "../engine.ts";
import type { ObjectMeta } from "../storage/object-store.ts";
import { cutoffByFiles, cutoffCommit } from "./cleanup-cutoff.ts";
import { isPastVersions, logFolder, parseLogKey } from "./log-path.ts";
import { emptyCommits, type LogListing, readListing } from "./log-segment.ts";
import { cleanUpSidecars } from "./sidecar-cleanup.ts";
import { protocolFeatures } from "./table-features.ts";
import type { TableState } from "./table-state.ts";

const dayMs = 86_400_000;

/** Files deleted in one run, the oldest first; what is left over waits for the next one. */
const filesMax = 20_000;

export type CleanupTime = { readonly nowMs: number; readonly retentionMs: number };

/**
 * The log files that nobody needs any more (PROTOCOL.md, "Metadata Cleanup"): those older than the
 * newest complete checkpoint that is itself past the retention. At least a day is kept, whatever
 * the table says. `files` are the oldest ones of the log, whose times are taken as the commits'.
 * Pure.
 */
export function expiredLogFiles(files: readonly ObjectMeta[], time: CleanupTime): string[] {
  const listing = readListing(files);
  const newestExpired = cutoffByFiles(listing.commits, midnightMs(time));
  return filesBefore(files, cutoffCheckpoint(listing, newestExpired));
}

/** Only whole days expire, so that a clean-up deletes many files at once. */
function midnightMs({ nowMs, retentionMs }: CleanupTime): number {
  return Math.floor((nowMs - Math.max(retentionMs, dayMs)) / dayMs) * dayMs;
}

/**
 * A commit whose file is empty may have lost what was in it. It stays, with all that follows and the
 * version before it: without it a vacuum would take that commit's files for nobody's.
 */
function cutoffCheckpoint(listing: LogListing, newestExpired: number | null): number | null {
  if (newestExpired === null) return null;
  const empty = emptyCommits(listing.commits)[0] ?? Infinity;
  const newest = Math.min(newestExpired, empty - 1);
  return listing.checkpoints.findLast((found) => found.version <= newest)?.version ?? null;
}

function filesBefore(files: readonly ObjectMeta[], cutoff: number | null): string[] {
  if (cutoff === null) return [];
  return files.map((meta) => meta.key).filter((key) => {
    const file = parseLogKey(key);
    // The commit at the checkpoint stays: its timestamp and commitInfo are still asked for.
    if (file === null) return false;
    // A compaction that begins there begins with what the checkpoint holds, and is of no use.
    return file.kind === "compaction" ? file.version <= cutoff : file.version < cutoff;
  });
}

/**
 * Deletes expired log files of a table, and the sidecars of checkpoints that are gone; the number of
 * them. Does nothing on tables that switched clean-up off, and where a history is protected that
 * cannot go as a whole. Errors: the store's, `log-corrupt`.
 */
export async function cleanUpLog(
  engine: Engine,
  state: TableState,
  { signal }: { readonly signal: AbortSignal },
): Promise<number> {
  const { expiredLogCleanup, logRetentionMs, inCommitTimestamps: own } = state.properties;
  if (!expiredLogCleanup) return 0;
  const files: ObjectMeta[] = [];
  for await (const meta of engine.store.list(logFolder, { signal })) {
    if (isPastVersions(meta.key)) break;
    if (parseLogKey(meta.key) !== null) files.push(meta);
  }
  const listing = readListing(files);
  const momentMs = midnightMs({ nowMs: engine.clock.nowMs(), retentionMs: logRetentionMs });
  const newestExpired = await cutoffCommit(engine, listing.commits, momentMs, { own, signal });
  const cutoff = cutoffCheckpoint(listing, newestExpired);
  const expired = expiredNow(state, filesBefore(files, cutoff), cutoff);
  if (expired.length > 0) await engine.store.delete(expired, { signal });
  if (!protocolFeatures(state.protocol).includes("v2Checkpoint")) return expired.length;
  return expired.length + await cleanUpSidecars(engine, { signal });
}

/**
 * What of the expired files may go in this run. Versions before the property's have to be read by
 * their own protocol: they go in one go or not at all (PROTOCOL.md, "Checkpoint Protection").
 */
function expiredNow(
  { protocol, metadata }: TableState,
  files: readonly string[],
  cutoff: number | null,
): readonly string[] {
  if (!protocolFeatures(protocol).includes("checkpointProtection")) return files.slice(0, filesMax);
  const before = metadata.configuration["delta.requireCheckpointProtectionBeforeVersion"] ?? "0";
  return Number(before) <= (cutoff ?? -1) ? files : [];
}
