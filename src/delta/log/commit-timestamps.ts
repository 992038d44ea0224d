import type { Engine } from "../engine.ts";
import { readCommit } from "./log-reader.ts";
import type { LogCommit } from "./log-segment.ts";
import type { TableProperties } from "./table-properties.ts";

export type CommitTimestamp = { readonly version: number; readonly timestampMs: number };

/**
 * File times as commit timestamps: each at least one millisecond after the one before, so that
 * they order as versions do (PROTOCOL.md, "Commit Provenance Information"). Oldest first. Pure.
 */
export function monotonicTimestamps(commits: readonly LogCommit[]): CommitTimestamp[] {
  let previous = -Infinity;
  return commits.map(({ version, meta }) => {
    previous = Math.max(Math.floor(meta.modifiedMs), previous + 1);
    return { version, timestampMs: previous };
  });
}

/**
 * The timestamp of one of `commits` (contiguous, oldest first): the log's own where the table has
 * in-commit timestamps, else the file's. Null when the version's commit is not among them.
 */
export async function commitTimestampMs(
  engine: Engine,
  commits: readonly LogCommit[],
  version: number,
  options: { readonly properties: TableProperties; readonly signal: AbortSignal },
): Promise<number | null> {
  const own = options.properties.inCommitTimestamps;
  if (own !== null && version >= own.enablementVersion) {
    const timestamp = await inCommitTimestampMs(engine, version, options.signal);
    if (timestamp !== null) return timestamp;
  }
  const found = monotonicTimestamps(commits).find((commit) => commit.version === version);
  return found?.timestampMs ?? null;
}

/** `commitInfo.inCommitTimestamp` of a version; null without one. */
export async function inCommitTimestampMs(
  engine: Engine,
  version: number,
  signal: AbortSignal,
): Promise<number | null> {
  const actions = await readCommit(engine, version, { signal, files: false });
  for (const action of actions ?? []) {
    if (action.kind !== "commitInfo") continue;
    const timestamp = action.commitInfo["inCommitTimestamp"];
    if (typeof timestamp === "number") return timestamp;
  }
  return null;
}

/** The newest of some timestamps that is not later than `timestampMs`; null before the first. */
export function versionAtTimestamp(
  timestamps: readonly CommitTimestamp[],
  timestampMs: number,
): number | null {
  return timestamps.findLast((commit) => commit.timestampMs <= timestampMs)?.version ?? null;
}
