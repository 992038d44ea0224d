import { CdcDeltaError } from "../../errors.ts";
import type { Engine } from "../engine.ts";
import {
  inCommitTimestampMs,
  monotonicTimestamps,
  versionAtTimestamp,
} from "./commit-timestamps.ts";
import { listLog } from "./log-reader.ts";
import { earliestVersion, type LogCommit, type LogListing, newestVersion } from "./log-segment.ts";
import type { InCommitTimestamps } from "./table-properties.ts";
import { loadTableState } from "./table-state.ts";

/**
 * The version that was the newest at a moment (PROTOCOL.md, "Commit Provenance Information").
 * Throws `not-found`, naming the range there is, for moments before the first or after the last
 * commit that can still be opened.
 */
export async function findVersionAt(
  engine: Engine,
  timestampMs: number,
  { signal }: { readonly signal: AbortSignal },
): Promise<number> {
  const listing = await listLog(engine, { from: 0, signal });
  const commits = openable(listing);
  const first = commits[0];
  const last = commits.at(-1);
  if (first === undefined || last === undefined) throw noCommits(engine.store.uri, listing);
  const state = await loadTableState(engine, { signal });
  const own = state?.properties.inCommitTimestamps ?? null;
  const timestampOf = commitClock(engine, commits, own, signal);
  const firstMs = await timestampOf(first.version);
  const lastMs = await timestampOf(last.version);
  if (timestampMs < firstMs || timestampMs > lastMs) {
    throw outOfRange(engine.store.uri, timestampMs, { first, firstMs, last, lastMs });
  }
  if (own !== null && timestampMs >= await enablementMs(timestampOf, own, first.version)) {
    return await searchOwn(timestampOf, {
      low: Math.max(own.enablementVersion, first.version),
      high: last.version,
      timestampMs,
    });
  }
  const before = own === null
    ? commits
    : commits.filter((commit) => commit.version < own.enablementVersion);
  return versionAtTimestamp(monotonicTimestamps(before), timestampMs) ?? first.version;
}

/** Commits of versions that can be put together: from the earliest reconstructible one on. */
function openable(listing: LogListing): LogCommit[] {
  const earliest = earliestVersion(listing);
  return earliest === null ? [] : listing.commits.filter((commit) => commit.version >= earliest);
}

type TimestampOf = (version: number) => Promise<number>;

function commitClock(
  engine: Engine,
  commits: readonly LogCommit[],
  own: InCommitTimestamps | null,
  signal: AbortSignal,
): TimestampOf {
  const files = new Map(monotonicTimestamps(commits).map((c) => [c.version, c.timestampMs]));
  return async (version) => {
    const fileMs = files.get(version) ?? 0;
    if (own === null || version < own.enablementVersion) return fileMs;
    return await inCommitTimestampMs(engine, version, signal) ?? fileMs;
  };
}

async function enablementMs(
  timestampOf: TimestampOf,
  own: InCommitTimestamps,
  firstVersion: number,
): Promise<number> {
  if (firstVersion >= own.enablementVersion) return -Infinity;
  return own.enablementTimestampMs ?? await timestampOf(own.enablementVersion);
}

/** The log's own timestamps ascend, so that few commits have to be read. */
async function searchOwn(
  timestampOf: TimestampOf,
  range: { readonly low: number; readonly high: number; readonly timestampMs: number },
): Promise<number> {
  let { low, high } = range;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (await timestampOf(middle) <= range.timestampMs) low = middle;
    else high = middle - 1;
  }
  return low;
}

type Range = {
  readonly first: LogCommit;
  readonly firstMs: number;
  readonly last: LogCommit;
  readonly lastMs: number;
};

function outOfRange(uri: string, timestampMs: number, range: Range): CdcDeltaError {
  const iso = (ms: number): string => new Date(ms).toISOString();
  const asked = Number.isNaN(new Date(timestampMs).getTime()) ? timestampMs : iso(timestampMs);
  const early = timestampMs < range.firstMs;
  return new CdcDeltaError(
    "not-found",
    `Cannot open the Delta table at ${uri} as of ${asked}: ` +
      (early
        ? `the earliest version is ${range.first.version}, of ${iso(range.firstMs)}`
        : `the latest version is ${range.last.version}, of ${iso(range.lastMs)}`),
    { context: { table: uri, timestampMs } },
  );
}

function noCommits(uri: string, listing: LogListing): CdcDeltaError {
  return new CdcDeltaError(
    "not-found",
    newestVersion(listing) === null
      ? `There is no Delta table at ${uri}: "_delta_log" holds no commit. Check the path`
      : `Cannot open the Delta table at ${uri} by time: its log holds no commit that can be opened`,
    { context: { table: uri } },
  );
}
