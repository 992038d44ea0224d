import { parseAppId } from "../../core/position/app-id.ts";
import type { Engine } from "../../delta/engine.ts";
import { monotonicTimestamps } from "../../delta/log/commit-timestamps.ts";
import { listLog, readCommit } from "../../delta/log/log-reader.ts";
import type { KafkaPosition } from "./inspect-types.ts";
import { isoTime } from "./table-facts.ts";

/** The commit that took a table's position to a record. */
export type OffsetCommit = {
  readonly version: number;
  readonly timestamp: string | null;
  /** False: it, or an earlier one that the log no longer has. */
  readonly isCertain: boolean;
};

const commitsAtOnce = 16;

/**
 * The first commit whose position of a record's partition is at the record or past it; null when no
 * commit of the log says so. Positions ascend but for a table that was rewound, so that few commits
 * have to be read. Errors: the store's.
 */
export async function offsetCommit(
  engine: Engine,
  position: KafkaPosition,
  { newest, signal }: { readonly newest: number; readonly signal: AbortSignal },
): Promise<OffsetCommit | null> {
  const listing = await listLog(engine, { from: 0, signal });
  const commits = listing.commits.filter(({ version }) => version <= newest);
  const oldest = commits[0]?.version;
  if (oldest === undefined) return null;
  let [low, high] = [oldest, newest + 1];
  let isCertain = oldest === 0;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const told = await lastTold(engine, position, { low, high: middle, signal });
    if (told !== null && told.offset >= position.offset) high = told.version;
    else {
      isCertain ||= told !== null;
      low = middle + 1;
    }
  }
  if (low > newest) return null;
  const times = new Map(monotonicTimestamps(commits).map((c) => [c.version, c.timestampMs]));
  return { version: low, timestamp: isoTime(times.get(low) ?? null), isCertain };
}

/** What the last of some commits that tells of the position says. */
async function lastTold(
  engine: Engine,
  position: KafkaPosition,
  { low, high, signal }: {
    readonly low: number;
    readonly high: number;
    readonly signal: AbortSignal;
  },
): Promise<{ readonly version: number; readonly offset: bigint } | null> {
  // Most commits tell: the first try is a single one.
  for (let [end, size] = [high, 1]; end >= low; end -= size, size = commitsAtOnce) {
    const versions = Array.from({ length: size }, (_, i) => end - i).filter((v) => v >= low);
    const told = await Promise.all(
      versions.map((version) => toldBy(engine, position, version, signal)),
    );
    const at = told.findIndex((offset) => offset !== null);
    const offset = told[at];
    if (offset !== undefined && offset !== null) return { version: versions[at] ?? low, offset };
  }
  return null;
}

async function toldBy(
  engine: Engine,
  position: KafkaPosition,
  version: number,
  signal: AbortSignal,
): Promise<bigint | null> {
  const actions = await readCommit(engine, version, { signal, files: false }) ?? [];
  let most: bigint | null = null;
  for (const action of actions) {
    if (action.kind !== "txn") continue;
    const id = parseAppId(action.txn.appId);
    const isTold = id?.kind === "watermark" && id.topic === position.topic &&
      id.partition === position.partition;
    if (isTold && (most === null || action.txn.version > most)) most = action.txn.version;
  }
  return most;
}
