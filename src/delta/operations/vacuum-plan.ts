import type { Engine } from "../engine.ts";
import type { Action } from "../log/actions.ts";
import { listLog } from "../log/log-reader.ts";
import type { LogCommit } from "../log/log-segment.ts";
import type { TableState } from "../log/table-state.ts";
import type { ObjectMeta } from "../storage/object-store.ts";
import { createKeySet, type KeySet } from "./key-set.ts";
import { type LostVersions, lostVersions } from "./lost-versions.ts";
import { nothingListed, thereFiles } from "./there-files.ts";
import { type KnownFiles, readKnownFiles } from "./vacuum-known.ts";
import {
  candidatesOfLog,
  commitsSinceVacuum,
  createExtent,
  expiredTo,
  refuseEmptyCommits,
} from "./vacuum-log.ts";
import {
  foreignFolder,
  type ForeignFolders,
  type ForeignFormat,
  isVacuumable,
  type VacuumFolders,
} from "./vacuum-rules.ts";
import { withoutDamaged } from "./version-steps.ts";

/**
 * Where a vacuum looks for files: `full` lists the table, `lite` reads the commits since the last
 * vacuum, which finds no leftovers of writers that never committed.
 */
export type VacuumMode = "full" | "lite";

export type VacuumOptions = {
  /** Default: `full`. */
  readonly mode?: VacuumMode;
  /** Files that left the table longer ago go; null: the table's `deletedFileRetentionDuration`. */
  readonly retentionMs: number | null;
  /** Allows a retention below the table's own, and an empty commit in the log. */
  readonly force: boolean;
  /** Whether to find out which versions stop being readable, for which all of the log is read. */
  readonly tellLost?: boolean;
  readonly signal: AbortSignal;
};

/** What a vacuum would delete, and what that costs. */
export type VacuumPlan = {
  readonly mode: VacuumMode;
  readonly state: TableState;
  readonly retentionMs: number;
  /** The retention that was asked for; null: the table's own. */
  readonly specifiedRetentionMs: number | null;
  /** Whether a retention below the table's own was allowed. */
  readonly force: boolean;
  /**
   * In mode `lite` some of them may be gone already, if a vacuum before was killed; those that are
   * gone do not count where `lost` is told.
   */
  readonly files: number;
  readonly bytes: number;
  /** The files; looked for anew each time: in the order of keys, or of commits in mode `lite`. */
  readonly candidates: () => AsyncIterable<ObjectMeta>;
  /** What stops being readable; null: not asked for. */
  readonly lost: LostVersions | null;
  /** All that commits up to this version took out is gone after the vacuum; null: not known. */
  readonly doneTo: number | null;
  /** Folders inside the table that are left alone; in mode `lite` none is looked for. */
  readonly foreign: ForeignFolders;
};

/**
 * Finds the files that no version within the retention needs (PROTOCOL.md, "Delta Table
 * Maintenance"). Deletes nothing. No files are held: up to 32 bytes for each file that the log knows,
 * and as much for each that is there and for each that would go.
 *
 * Errors: `not-found` without a table, `log-corrupt` for an empty commit without `force`, `usage` for
 * a retention below the table's own without it and, in mode `lite`, for a log that no longer reaches back to the last vacuum, `unsupported` for
 * features that cdcdelta does not know, the store's.
 */
export async function planVacuum(engine: Engine, options: VacuumOptions): Promise<VacuumPlan> {
  const { mode = "full", signal, retentionMs: specifiedRetentionMs, force } = options;
  const known = await readKnownFiles(engine, options, { signal });
  const { state, retentionMs } = known;
  const found = mode === "full"
    ? await planByListing(engine, known, options)
    : await planByLog(engine, known, options);
  return { mode, state, retentionMs, specifiedRetentionMs, force, ...found };
}

type Found = Pick<VacuumPlan, "files" | "bytes" | "candidates" | "lost" | "doneTo" | "foreign">;

const nothingLost: LostVersions = { versions: [], changes: [] };

/**
 * A file that no version knows may be an upload that is about to be committed: it stays so long,
 * however short the retention.
 */
const orphanAgeMsMin = 3_600_000;

/** Finds files by listing the table, with folders inside it that are somebody else's. */
async function planByListing(
  engine: Engine,
  known: KnownFiles,
  { force, tellLost = false, signal }: VacuumOptions,
): Promise<Found> {
  const { state } = known;
  const foreign = foreignFolders(state);
  const folders: VacuumFolders = { partitionColumns: state.partitionColumns, foreign };
  const listed = nothingListed();
  const find = async function* (isFirst: boolean): AsyncGenerator<ObjectMeta> {
    const onLinkedFolder = (folder: string): void => void listed.linked.add(folder);
    for await (const meta of engine.store.list("", { signal, leftovers: true, onLinkedFolder })) {
      if (isFirst && tellLost) listed.keys.add(meta.key);
      const other = foreignFolder(meta.key);
      if (other !== null) foreign.set(other.folder, other.format);
      if (isVacuumable(meta.key, folders) && mayGo(known, meta)) yield meta;
    }
  };
  const candidates = (): AsyncGenerator<ObjectMeta> => find(false);
  const seenBefore = foreign.size;
  let counted = await count(find(true));
  // What tells of a table inside this one may come after files of it.
  if (foreign.size > seenBefore) counted = await count(candidates());
  const { going, files, bytes } = counted;
  const found = { files, bytes, candidates, foreign };
  if (files === 0) return { ...found, lost: tellLost ? nothingLost : null, doneTo: null };
  const listing = await listLog(engine, { from: 0, signal });
  const { commits } = listing;
  if (!force) refuseEmptyCommits(commits, engine.store.uri);
  if (!tellLost) {
    return { ...found, lost: null, doneTo: await expiredTo(engine, known, { commits, signal }) };
  }
  const newest = state.version;
  return await withoutDamaged(listing, async (usable) => {
    const there = await thereFiles(engine, listed, { listing: usable, newest, signal });
    const told = await lostAndExtent(engine, { going, there }, { usable, known, commits, signal });
    return { ...found, ...told };
  });
}

/** Finds files by the commits since the last vacuum. */
async function planByLog(
  engine: Engine,
  known: KnownFiles,
  { force, tellLost = false, signal }: VacuumOptions,
): Promise<Found> {
  const { state } = known;
  const foreign = foreignFolders(state);
  const folders = { partitionColumns: state.partitionColumns, foreign };
  const commits = await commitsSinceVacuum(engine, state.version, { signal });
  if (!force) refuseEmptyCommits(commits, engine.store.uri);
  const candidates = (): AsyncGenerator<ObjectMeta> =>
    candidatesOfLog(engine, commits, { known, folders, signal });
  const { going, files, bytes } = await count(candidates());
  const found = { files, bytes, candidates, foreign };
  if (!tellLost || files === 0) {
    const doneTo = await expiredTo(engine, known, { commits, signal });
    return { ...found, lost: tellLost ? nothingLost : null, doneTo };
  }
  const newest = state.version;
  const listing = await listLog(engine, { from: 0, signal });
  return await withoutDamaged(listing, async (usable) => {
    const there = await thereFiles(engine, null, { listing: usable, newest, signal });
    const stillThere = async function* (): AsyncGenerator<ObjectMeta> {
      for await (const meta of candidates()) if (there.has(meta.key)) yield meta;
    };
    const { files: left, bytes: bytesLeft } = await count(stillThere());
    const told = await lostAndExtent(engine, { going, there }, { usable, known, commits, signal });
    return { ...found, files: left, bytes: bytesLeft, candidates: stillThere, ...told };
  });
}

type Told = Pick<VacuumPlan, "lost" | "doneTo">;

async function lostAndExtent(
  engine: Engine,
  objects: { readonly going: KeySet; readonly there: KeySet },
  { usable, known, commits, signal }: {
    readonly usable: Awaited<ReturnType<typeof listLog>>;
    readonly known: KnownFiles;
    /** Those that the extent is of. */
    readonly commits: readonly LogCommit[];
    readonly signal: AbortSignal;
  },
): Promise<Told> {
  const { version: newest, properties: { inCommitTimestamps } } = known.state;
  const extent = createExtent(known, commits);
  const first = commits[0]?.version ?? Infinity;
  const onCommit = (version: number, actions: readonly Action[]): void => {
    if (version >= first) extent.follow(version, actions);
  };
  const options = { listing: usable, newest, inCommitTimestamps, onCommit, signal };
  const lost = await lostVersions(engine, objects, options);
  return { lost, doneTo: extent.last() };
}

/** Iceberg's own metadata, where the table is one of Iceberg as well. */
function foreignFolders({ metadata: { configuration } }: TableState): Map<string, ForeignFormat> {
  const formats = configuration["delta.universalFormat.enabledFormats"] ?? "";
  return new Map(formats.toLowerCase().includes("iceberg") ? [["metadata/", "iceberg"]] : []);
}

async function count(
  candidates: AsyncIterable<ObjectMeta>,
): Promise<{ readonly going: KeySet; readonly files: number; readonly bytes: number }> {
  const going = createKeySet();
  let [files, bytes] = [0, 0];
  for await (const { key, size } of candidates) {
    going.add(key);
    files += 1;
    bytes += size;
  }
  return { going, files, bytes };
}

function mayGo({ kept, expired, nowMs, retentionMs }: KnownFiles, meta: ObjectMeta): boolean {
  if (kept.has(meta.key)) return false;
  const age = nowMs - meta.modifiedMs;
  if (expired.has(meta.key)) return age > retentionMs;
  return age > Math.max(retentionMs, orphanAgeMsMin);
}
