import { CdcDeltaError } from "../../errors.ts";
import type { Engine } from "../engine.ts";
import type { Action } from "../log/actions.ts";
import { deletionVectorKey } from "../log/deletion-vector.ts";
import { objectKeyOf } from "../log/file-key.ts";
import { monotonicTimestamps } from "../log/commit-timestamps.ts";
import { listLog } from "../log/log-reader.ts";
import type { LogCommit } from "../log/log-segment.ts";
import type { ObjectMeta } from "../storage/object-store.ts";
import { readInWaves } from "./commit-waves.ts";
import { createKeySet } from "./key-set.ts";
import { readLastVacuum } from "./last-vacuum.ts";
import { isExpired, type KnownFiles } from "./vacuum-known.ts";
import { isVacuumable, type VacuumFolders } from "./vacuum-rules.ts";

type Io = { readonly signal: AbortSignal };

/** How far commits go whose removals have all expired; null: nobody knows. */
export async function expiredTo(
  engine: Engine,
  known: KnownFiles,
  { commits, signal }: Io & { readonly commits: readonly LogCommit[] },
): Promise<number | null> {
  const extent = createExtent(known, commits);
  for await (const { version, actions } of readInWaves(engine, commits, { signal })) {
    if (!extent.follow(version, actions)) break;
  }
  return extent.last();
}

/**
 * The commits whose removals have all expired, from the first one on: their time is past, by the
 * file's time and by the commit's own, and so is that of each removal in them.
 */
export function createExtent({ cutoffMs }: KnownFiles, commits: readonly LogCommit[]) {
  const fileMs = new Map(monotonicTimestamps(commits).map((c) => [c.version, c.timestampMs]));
  const first = commits[0]?.version ?? Infinity;
  let last: number | null = null;
  let open = true;
  return {
    /** Whether the commit is one of them, as far as these actions of it tell. */
    follow(version: number, actions: readonly Action[]): boolean {
      open = open && (fileMs.get(version) ?? Infinity) < cutoffMs && actions.every((action) => {
        if (action.kind === "remove") return isExpired(action.remove, cutoffMs);
        if (action.kind !== "commitInfo") return true;
        const own = action.commitInfo["inCommitTimestamp"];
        return typeof own !== "number" || own < cutoffMs;
      });
      if (open) last = version;
      // Other actions of the same commit looked well.
      else if (last === version) last = version > first ? version - 1 : null;
      return open;
    },
    last: (): number | null => last,
  };
}

/**
 * Throws `log-corrupt` for a commit whose file is empty, as a crash of some stores leaves it behind.
 * Readers go on as if it had done nothing; what it added would be taken for nobody's, and deleted.
 */
export function refuseEmptyCommits(commits: readonly LogCommit[], uri: string): void {
  const empty = commits.find(({ meta }) => meta.size === 0);
  if (empty === undefined) return;
  throw new CdcDeltaError(
    "log-corrupt",
    `Cannot vacuum ${uri}: ${empty.meta.key} is empty, so nobody can tell which files that commit ` +
      "added, and they would be deleted. Restore it from a backup, or use --force if no rows are " +
      "missing",
    { context: { table: uri, version: empty.version } },
  );
}

/**
 * The commits that a vacuum by the log has to go through: those after the last vacuum. Throws `usage`
 * when the log was cleaned up past it, as what left the table in between can no longer be told.
 */
export async function commitsSinceVacuum(
  engine: Engine,
  newest: number,
  { signal }: Io,
): Promise<readonly LogCommit[]> {
  const { uri } = engine.store;
  const last = await readLastVacuum(engine, { signal });
  // A version that the table does not have yet is that of a table which was here before.
  const from = last === null || last > newest ? 0 : last + 1;
  if (from > newest) return [];
  const { commits } = await listLog(engine, { from, signal });
  if (commits[0]?.version === from) return commits;
  const begins = commits[0]?.version ?? newest;
  const known = from === 0
    ? "and no vacuum told how far it went"
    : `and the last vacuum went as far as version ${from - 1}`;
  throw new CdcDeltaError(
    "usage",
    `Cannot vacuum ${uri} with --mode lite: its log begins with version ${begins} ${known}, so files ` +
      "that left the table in between would never be found. Vacuum it with --mode full once",
    { context: { table: uri, version: begins } },
  );
}

/**
 * The files that these commits took out and that may go, each once, with the vectors of deleted rows
 * and the change data; in the order of the commits. Their time is that of the removal. Whether they
 * are still there is not asked: deleting what is gone is no error.
 */
export async function* candidatesOfLog(
  engine: Engine,
  commits: readonly LogCommit[],
  { known, folders, signal }: Io & {
    readonly known: KnownFiles;
    readonly folders: VacuumFolders;
  },
): AsyncGenerator<ObjectMeta> {
  const seen = createKeySet();
  const extent = createExtent(known, commits);
  const times = new Map(monotonicTimestamps(commits).map((c) => [c.version, c.timestampMs]));
  const old = commits.filter(({ meta }) => meta.modifiedMs < known.cutoffMs);
  for await (const { version, actions } of readInWaves(engine, old, { signal })) {
    if (!extent.follow(version, actions)) return;
    for (const object of objectsOf(actions, times.get(version) ?? 0, engine.store.uri)) {
      const { key } = object;
      if (known.kept.has(key) || seen.has(key) || !isVacuumable(key, folders)) continue;
      seen.add(key);
      yield object;
    }
  }
}

function* objectsOf(
  actions: readonly Action[],
  commitMs: number,
  uri: string,
): Generator<ObjectMeta> {
  for (const action of actions) {
    if (action.kind === "cdc") {
      const key = objectKeyOf(action.cdc.path, uri);
      if (key !== null) yield { key, size: action.cdc.size, modifiedMs: commitMs };
    }
    if (action.kind !== "remove") continue;
    const { path, size = 0, deletionTimestamp: modifiedMs = 0, deletionVector } = action.remove;
    const key = objectKeyOf(path, uri);
    if (key !== null) yield { key, size, modifiedMs };
    if (deletionVector === undefined) continue;
    const vector = deletionVectorKey(deletionVector, uri);
    if (vector !== null) yield { key: vector, size: deletionVector.sizeInBytes, modifiedMs };
  }
}
