import type { Engine } from "../engine.ts";
import type { Action, AddFile } from "../log/actions.ts";
import { readCheckpointFiles } from "../log/checkpoint-reader.ts";
import { damagedCheckpoint } from "../log/log-reader.ts";
import type { LogListing } from "../log/log-segment.ts";
import { struct } from "../schema/data-type.ts";
import { readInWaves } from "./commit-waves.ts";

/** Versions without a gap that the log can put together. */
export type VersionRun = { readonly first: number; readonly last: number };

/** The versions that can be opened, up to `newest`: from a checkpoint or version 0 on. Pure. */
export function openableRuns({ commits, checkpoints }: LogListing, newest: number): VersionRun[] {
  const committed = new Set(commits.map(({ version }) => version));
  const starts = new Set(checkpoints.map(({ version }) => version));
  if (committed.has(0)) starts.add(0);
  const runs: { first: number; last: number }[] = [];
  for (const version of [...new Set([...committed, ...starts])].sort((a, b) => a - b)) {
    const run = runs.at(-1);
    if (version > newest) break;
    if (run !== undefined && run.last === version - 1 && committed.has(version)) run.last = version;
    else if (starts.has(version)) runs.push({ first: version, last: version });
  }
  return runs;
}

/** What is known of a version, in the order of versions; several steps where it is a lot. */
export type VersionStep =
  /** A version that can be opened whatever was before it; the files it has come next. */
  | { readonly kind: "begin"; readonly version: number }
  /** Files of the checkpoint that a run begins with. */
  | { readonly kind: "files"; readonly version: number; readonly adds: readonly AddFile[] }
  /** A commit; `isOpenable` is false where no version can be put together with it. */
  | {
    readonly kind: "commit";
    readonly version: number;
    readonly actions: readonly Action[];
    readonly isOpenable: boolean;
  };

type Io = { readonly signal: AbortSignal };

/**
 * Goes through all versions up to `newest`, reading one checkpoint for each run and each commit once;
 * the commit of a run's first version as well. Memory is bounded whatever the log's size.
 * Errors: as `readInWaves` and `readCheckpointFiles`.
 */
export async function* versionSteps(
  engine: Engine,
  listing: LogListing,
  { newest, signal }: Io & { readonly newest: number },
): AsyncGenerator<VersionStep> {
  let next = 0;
  const commitsTo = async function* (
    last: number,
    isOpenable: boolean,
  ): AsyncGenerator<VersionStep> {
    const commits = listing.commits.filter(({ version }) => version >= next && version <= last);
    next = last + 1;
    for await (const part of readInWaves(engine, commits, { signal })) {
      yield { kind: "commit", ...part, isOpenable };
    }
  };
  for (const { first, last } of openableRuns(listing, newest)) {
    yield* commitsTo(first - 1, false);
    yield { kind: "begin", version: first };
    const checkpoint = listing.checkpoints.findLast(({ version }) => version === first);
    if (checkpoint !== undefined) {
      // No column's statistics are wanted.
      const options = { schema: struct([]), signal };
      for await (const { adds } of readCheckpointFiles(engine, checkpoint, options)) {
        yield { kind: "files", version: first, adds };
      }
    }
    yield* commitsTo(last, true);
  }
  yield* commitsTo(newest, false);
}

/** Uses a listing, without checkpoints that turn out to be damaged: readers do without them too. */
export async function withoutDamaged<T>(
  listing: LogListing,
  use: (listing: LogListing) => Promise<T>,
): Promise<T> {
  try {
    return await use(listing);
  } catch (error) {
    const damaged = damagedCheckpoint(error);
    const checkpoints = listing.checkpoints.filter(({ files }) => files[0]?.key !== damaged);
    if (checkpoints.length === listing.checkpoints.length) throw error;
    return await withoutDamaged({ ...listing, checkpoints }, use);
  }
}
