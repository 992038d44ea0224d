import { CdcDeltaError } from "../../errors.ts";
import type { Engine } from "../engine.ts";
import type { GetOptions, ObjectMeta } from "../storage/object-store.ts";
import { parseCommit } from "./action-json.ts";
import type { Action } from "./actions.ts";
import { joinedBytes, lineEnd } from "./log-lines.ts";
import { readLastCheckpoint } from "./last-checkpoint.ts";
import { commitIdOf } from "./log-replay.ts";
import { commitKey, isPastVersions, logFolder, startAfterForVersion } from "./log-path.ts";
import {
  buildSegment,
  type LogListing,
  type LogSegment,
  newestVersion,
  readListing,
} from "./log-segment.ts";

type ReadOptions = { readonly signal: AbortSignal };

/** Lists the log's files of `from` and newer versions. */
export async function listLog(
  engine: Engine,
  { from, signal }: ReadOptions & { readonly from: number },
): Promise<LogListing> {
  const files: ObjectMeta[] = [];
  const startAfter = startAfterForVersion(from);
  for await (const meta of engine.store.list(logFolder, { startAfter, signal })) {
    if (isPastVersions(meta.key)) break;
    files.push(meta);
  }
  return readListing(files);
}

/**
 * Lists what is needed for a version (default: the newest): from the hinted checkpoint on when
 * that is usable, else the whole log.
 */
async function listForVersion(
  engine: Engine,
  { version, signal }: ReadOptions & { readonly version?: number },
): Promise<LogListing> {
  const hint = await readLastCheckpoint(engine, { signal });
  if (hint !== null && (version === undefined || hint.version <= version)) {
    const listing = await listLog(engine, { from: hint.version, signal });
    const newest = listing.commits.at(-1)?.version ?? hint.version;
    const usable = listing.checkpoints.some((checkpoint) => checkpoint.version === hint.version);
    if (usable && (version === undefined || version <= newest)) return listing;
  }
  return await listLog(engine, { from: 0, signal });
}

/** Listings tried when files vanish between the listing and the reading. */
const listingsMax = 3;

/**
 * Lists what is needed for a version and uses it, again from a new listing when a listed file is
 * gone: a clean-up may run at any time. A checkpoint that cannot be read is done without where the
 * log reaches back far enough, to an older checkpoint or to its first commit: it says nothing that
 * the commits do not say. Else its error stands.
 */
export async function withListing<T>(
  engine: Engine,
  options: ReadOptions & { readonly version?: number },
  use: (listing: LogListing) => Promise<T>,
): Promise<T> {
  for (let attempt = 1;; attempt++) {
    const listing = await listForVersion(engine, options);
    try {
      return await use(listing);
    } catch (error) {
      const damaged = damagedCheckpoint(error);
      if (damaged !== null) return await withoutCheckpoints(engine, options, [damaged], error, use);
      const isGone = error instanceof CdcDeltaError && error.code === "not-found" &&
        error.retryable;
      if (!isGone || attempt === listingsMax) throw error;
    }
  }
}

/** The key of the checkpoint that an error is about; null for other errors. Pure. */
export function damagedCheckpoint(error: unknown): string | null {
  if (!(error instanceof CdcDeltaError) || error.code !== "log-corrupt") return null;
  const key = error.context["checkpoint"];
  return typeof key === "string" ? key : null;
}

async function withoutCheckpoints<T>(
  engine: Engine,
  { version, signal }: ReadOptions & { readonly version?: number },
  damaged: readonly string[],
  first: unknown,
  use: (listing: LogListing) => Promise<T>,
): Promise<T> {
  const all = await listLog(engine, { from: 0, signal });
  const newest = newestVersion(all);
  const checkpoints = all.checkpoints.filter(({ files }) => !damaged.includes(files[0]?.key ?? ""));
  const listing = { ...all, checkpoints };
  // A version that only the checkpoint has would be lost, and an older one taken for the newest.
  if (version === undefined && newestVersion(listing) !== newest) throw first;
  try {
    buildSegment(listing, { uri: engine.store.uri, ...(version === undefined ? {} : { version }) });
  } catch {
    throw first;
  }
  try {
    return await use(listing);
  } catch (error) {
    const next = damagedCheckpoint(error);
    if (next === null || damaged.includes(next)) throw error;
    const options = { signal, ...(version === undefined ? {} : { version }) };
    return await withoutCheckpoints(engine, options, [...damaged, next], first, use);
  }
}

/** A larger commit is read part by part: one that rewrote a table has hundreds of megabytes. */
const commitPartBytes = 8 << 20;

/**
 * The actions of a commit; null when its file is not there. Its bytes are held part by part, so that a
 * large one whose files are not wanted takes no memory. Errors: `log-corrupt`, the store's;
 * `not-found` (retryable) when it vanishes meanwhile.
 */
export async function readCommit(
  engine: Engine,
  version: number,
  { signal, files }: ReadOptions & { readonly files: boolean },
): Promise<Action[] | null> {
  const key = commitKey(version);
  const source = `${engine.store.uri}/${key}`;
  const actions: Action[] = [];
  let rest: Uint8Array = new Uint8Array(0);
  for (let start = 0;; start += commitPartBytes) {
    const range = { start, end: start + commitPartBytes };
    const bytes = await getIfThere(engine, key, { signal, range });
    if (bytes === null && start === 0) return null;
    if (bytes === null) throw logFileGone(engine.store.uri, key);
    const isLast = bytes.length < commitPartBytes;
    if (isLast && start === 0) return parseCommit(bytes, { source, files });
    const lines = joinedBytes(rest, bytes);
    const cut = isLast ? lines.length : lines.lastIndexOf(lineEnd) + 1;
    const whole = lines.subarray(0, cut);
    for (const action of parseCommit(whole, { source, files, firstLine: null })) {
      actions.push(action);
    }
    if (isLast) return actions;
    rest = lines.slice(cut);
  }
}

/** An object's bytes, or null when there is no such object. */
export async function getIfThere(
  engine: Engine,
  key: string,
  options: GetOptions,
): Promise<Uint8Array | null> {
  try {
    return await engine.store.get(key, options);
  } catch (error) {
    if (error instanceof CdcDeltaError && error.code === "not-found") return null;
    throw error;
  }
}

const commitsAtOnce = 16;

/** Reads commits in order, several at a time. Throws `not-found` when one is gone. */
export async function* readCommits(
  engine: Engine,
  versions: readonly number[],
  options: ReadOptions & { readonly files: boolean },
): AsyncGenerator<{ readonly version: number; readonly actions: Action[] }> {
  for (let i = 0; i < versions.length; i += commitsAtOnce) {
    const wave = versions.slice(i, i + commitsAtOnce);
    const read = await Promise.all(wave.map((version) => readCommit(engine, version, options)));
    for (const [index, actions] of read.entries()) {
      const version = wave[index] ?? -1;
      if (actions === null) throw logFileGone(engine.store.uri, commitKey(version));
      yield { version, actions };
    }
  }
}

/** The id of a segment's last commit, which a compaction leaves out; null without one. */
export async function commitIdOfSegment(
  engine: Engine,
  { version, pieces }: LogSegment,
  { signal }: ReadOptions,
): Promise<string | null> {
  if (pieces.at(-1)?.kind !== "compaction") return null;
  const actions = await readCommit(engine, version, { signal, files: false });
  return actions === null ? null : commitIdOf(actions);
}

/**
 * The commits after `version`, probed one by one and then in growing waves, as listing costs more
 * than a missing object.
 */
export async function readCommitsAfter(
  engine: Engine,
  version: number,
  options: ReadOptions & { readonly files: boolean },
): Promise<{ readonly version: number; readonly actions: Action[] }[]> {
  const commits: { version: number; actions: Action[] }[] = [];
  for (let size = 1;; size = Math.min(size * 4, commitsAtOnce)) {
    const first = version + 1 + commits.length;
    const wave = Array.from({ length: size }, (_, i) => first + i);
    const read = await Promise.all(wave.map((v) => readCommit(engine, v, options)));
    for (const [index, actions] of read.entries()) {
      if (actions === null) return commits;
      commits.push({ version: first + index, actions });
    }
  }
}

/** The error for a file of the log that was listed and could not be read any more. */
export function logFileGone(uri: string, key: string): CdcDeltaError {
  return new CdcDeltaError(
    "not-found",
    `Cannot read the Delta table at ${uri}: "${key}" was listed but is gone; a log clean-up may ` +
      "have removed it, try again",
    { context: { table: uri, key }, retryable: true },
  );
}
