import { CdcDeltaError } from "../../errors.ts";
import type { Engine } from "../engine.ts";
import { commitTimestampMs } from "../log/commit-timestamps.ts";
import { listLog } from "../log/log-reader.ts";
import { earliestVersion, type LogCommit, newestVersion } from "../log/log-segment.ts";
import type { SnapshotAt } from "../log/snapshot.ts";
import { requireTableState } from "../log/table-state.ts";

/** The commits whose changes are wanted, both ends included; null: as far as the log goes. */
export type ChangeRange = { readonly from: SnapshotAt | null; readonly to: SnapshotAt | null };

/** The versions of a range; `first` is behind `last` when no commit lies within. */
export type VersionRange = {
  readonly first: number;
  readonly last: number;
  /** All commits that the log still has, oldest first. */
  readonly commits: readonly LogCommit[];
};

type CallOptions = { readonly signal: AbortSignal };

/**
 * Finds the versions of a range: from the first commit at or after a time to the last one at or
 * before a time. Errors: `not-found` for no table and for versions that are not there, naming those
 * that are; `usage` for a range that goes backwards.
 */
export async function resolveRange(
  engine: Engine,
  { from, to }: ChangeRange,
  { signal }: CallOptions,
): Promise<VersionRange> {
  const { uri } = engine.store;
  const { properties, version: newest } = await requireTableState(engine, { signal });
  const listing = await listLog(engine, { from: 0, signal });
  const earliest = earliestVersion(listing) ?? newestVersion(listing) ?? 0;
  const commits = listing.commits.filter(({ version }) => version <= newest);
  const oldest = commits.find(({ version }) => version >= earliest)?.version ?? newest;
  const timestampOf = async (version: number): Promise<number> =>
    await commitTimestampMs(engine, commits, version, { properties, signal }) ?? 0;
  const first = await versionOf(
    from,
    oldest,
    async (timestampMs) =>
      await firstVersion(oldest, newest, async (v) => await timestampOf(v) >= timestampMs),
  );
  const last = await versionOf(
    to,
    newest,
    async (timestampMs) =>
      await firstVersion(oldest, newest, async (v) => await timestampOf(v) > timestampMs) - 1,
  );
  const asked = [from, to].flatMap((at) => at?.kind === "version" ? [at.version] : []);
  const absent = asked.find((version) => version < oldest || version > newest);
  if (absent !== undefined) throw noVersion(uri, absent, { oldest, newest });
  if (from?.kind === "version" && to?.kind === "version" && first > last) {
    throw new CdcDeltaError(
      "usage",
      `Cannot show the changes of ${uri} from version ${first} to ${last}: the range goes ` +
        "backwards. Write the earlier version first",
    );
  }
  return { first, last, commits };
}

async function versionOf(
  at: SnapshotAt | null,
  open: number,
  find: (timestampMs: number) => Promise<number>,
): Promise<number> {
  if (at === null) return open;
  return at.kind === "version" ? at.version : await find(at.timestampMs);
}

/** The first of some versions from which on something holds; one more than the last if never. */
async function firstVersion(
  oldest: number,
  newest: number,
  holds: (version: number) => Promise<boolean>,
): Promise<number> {
  let [low, high] = [oldest, newest + 1];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (await holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function noVersion(
  uri: string,
  version: number,
  { oldest, newest }: { readonly oldest: number; readonly newest: number },
): CdcDeltaError {
  return new CdcDeltaError(
    "not-found",
    `Cannot show the changes of version ${version} of ${uri}: the versions whose commits are ` +
      `there range from ${oldest} to ${newest}`,
    { context: { table: uri, version } },
  );
}
