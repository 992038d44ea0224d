import type { Engine } from "../engine.ts";
import type { AddFile } from "../log/actions.ts";
import { fileKey } from "../log/file-key.ts";
import type { TableVersion } from "../log/snapshot.ts";
import { createExactKeySet } from "../log/exact-key-set.ts";

/** Files and their rows; `rows` is null when a file has no statistics. */
export type FileAmount = {
  readonly files: number;
  readonly bytes: number;
  readonly rows: number | null;
};

/** What has to happen to the files of one version so that they become those of another. */
export type VersionDiff = {
  readonly before: FileAmount;
  readonly after: FileAmount;
  /** In `to` and not in `from`. */
  readonly returning: FileAmount;
  /** In `from` and not in `to`. */
  readonly leaving: FileAmount;
  /** The files that return, read anew each time. */
  readonly returningFiles: () => AsyncGenerator<AddFile>;
  readonly leavingFiles: () => AsyncGenerator<AddFile>;
  /** Whether either version has the file of a key. */
  readonly has: (key: string) => boolean;
};

/**
 * Compares the files of two versions by path and deletion vector. Holds two sets of keys, no files:
 * a million of them on each side take about 130 MB. Errors: as `TableVersion.files`.
 */
export async function diffVersions(
  engine: Engine,
  { from, to }: { readonly from: TableVersion; readonly to: TableVersion },
  { signal }: { readonly signal: AbortSignal },
): Promise<VersionDiff> {
  const { uri } = engine.store;
  const [fromKeys, toKeys] = [createExactKeySet(), createExactKeySet()];
  const [before, after, returning, leaving] = [tally(), tally(), tally(), tally()];
  const keyOf = (file: AddFile): string => fileKey(file, uri);
  for await (const file of filesOf(from, signal)) {
    fromKeys.add(keyOf(file));
    before.count(file);
  }
  for await (const file of filesOf(to, signal)) {
    const key = keyOf(file);
    toKeys.add(key);
    after.count(file);
    if (!fromKeys.has(key)) returning.count(file);
  }
  const only = async function* (
    version: TableVersion,
    other: { has(key: string): boolean },
    expected: number | null,
  ): AsyncGenerator<AddFile> {
    if (expected === 0) return;
    for await (const file of filesOf(version, signal)) if (!other.has(keyOf(file))) yield file;
  };
  const left = before.amount().files - after.amount().files + returning.amount().files;
  for await (const file of only(from, toKeys, left)) leaving.count(file);
  return {
    before: before.amount(),
    after: after.amount(),
    returning: returning.amount(),
    leaving: leaving.amount(),
    returningFiles: () => only(to, fromKeys, returning.amount().files),
    leavingFiles: () => only(from, toKeys, left),
    has: (key) => fromKeys.has(key) || toKeys.has(key),
  };
}

/** The difference when `from` has more files, which neither version knew. Pure. */
export function withAppended(
  diff: VersionDiff,
  files: readonly AddFile[],
  uri: string,
): VersionDiff {
  const keys = new Set(files.map((file) => fileKey(file, uri)));
  const [before, leaving] = [tally(diff.before), tally(diff.leaving)];
  for (const file of files) {
    before.count(file);
    leaving.count(file);
  }
  return {
    ...diff,
    before: before.amount(),
    leaving: leaving.amount(),
    leavingFiles: async function* () {
      yield* diff.leavingFiles();
      yield* files;
    },
    has: (key) => keys.has(key) || diff.has(key),
  };
}

async function* filesOf(version: TableVersion, signal: AbortSignal): AsyncGenerator<AddFile> {
  for await (const { adds } of version.files({ signal })) yield* adds;
}

function tally(start: FileAmount = { files: 0, bytes: 0, rows: 0 }) {
  let { files, bytes, rows } = start;
  return {
    count(file: AddFile): void {
      const records = recordsOf(file);
      files += 1;
      bytes += file.size;
      rows = rows === null || records === null ? null : rows + records;
    },
    amount: (): FileAmount => ({ files, bytes, rows }),
  };
}

/** Rows by the statistics, without those that the deletion vector takes out; null: not known. */
function recordsOf({ stats, deletionVector }: AddFile): number | null {
  const count = /"numRecords"\s*:\s*(\d+)/.exec(stats ?? "")?.[1];
  if (count === undefined) return null;
  return Number(count) - Number(deletionVector?.cardinality ?? 0n);
}
