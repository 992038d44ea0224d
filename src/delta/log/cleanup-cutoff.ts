import type { Engine } from "../engine.ts";
import { inCommitTimestampMs, monotonicTimestamps } from "./commit-timestamps.ts";
import type { LogCommit } from "./log-segment.ts";
import type { InCommitTimestamps } from "./table-properties.ts";

/** The newest of some commits (oldest first) that is not later than a moment, by their files. Pure. */
export function cutoffByFiles(commits: readonly LogCommit[], momentMs: number): number | null {
  return monotonicTimestamps(commits)
    .findLast((commit) => commit.timestampMs <= momentMs)?.version ?? null;
}

/**
 * As `cutoffByFiles`, by the log's own timestamps where the table has them: those ascend, so that few
 * commits have to be read. Errors: the store's, `log-corrupt`.
 */
export async function cutoffCommit(
  engine: Engine,
  commits: readonly LogCommit[],
  momentMs: number,
  options: { readonly own: InCommitTimestamps | null; readonly signal: AbortSignal },
): Promise<number | null> {
  const { own, signal } = options;
  if (own === null) return cutoffByFiles(commits, momentMs);
  const timestamped = commits.filter((commit) => commit.version >= own.enablementVersion);
  let low = -1;
  let high = timestamped.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const { version, meta } = timestamped[middle]!;
    const timestampMs = await inCommitTimestampMs(engine, version, signal) ?? meta.modifiedMs;
    if (timestampMs <= momentMs) low = middle;
    else high = middle - 1;
  }
  if (low >= 0) return timestamped[low]!.version;
  return cutoffByFiles(commits.filter(({ version }) => version < own.enablementVersion), momentMs);
}
