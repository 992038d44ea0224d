import { CdcDeltaError } from "../../errors.ts";
import type { Engine } from "../engine.ts";
import type { Action, AddFile, RemoveFile } from "../log/actions.ts";
import { readDeletionVector } from "../log/deletion-vector.ts";
import { canonicalPath, fileKey } from "../log/file-key.ts";
import { type RowSet, rowsOutside } from "../log/roaring-bitmap.ts";
import { openVersion } from "../log/snapshot.ts";
import type { PickRows } from "./scan.ts";

/** What a row of a change file or data file was to a commit. */
export type ChangeKind = "insert" | "delete";

/** Rows that a commit changed, all in one file. */
export type ChangedRows = {
  /** Null: the file says it row by row. */
  readonly kind: ChangeKind | null;
  readonly file: AddFile;
  /** Which rows of the file; default: those that its deletion vector does not hold. */
  readonly pickRows?: PickRows;
};

type CallOptions = { readonly signal: AbortSignal };

/**
 * What a commit changed: what its change files say, where it has any, else what follows from the
 * files that came and went (PROTOCOL.md, "Add CDC File"; actions with `dataChange=false` move rows
 * only). Deleted rows come before inserted ones. Errors: `log-corrupt`, the store's; `not-found` for
 * a removed file of which neither the commit nor an earlier version says enough to read it.
 */
export async function* commitChanges(
  engine: Engine,
  version: number,
  { actions, partitioned }: { readonly actions: readonly Action[]; readonly partitioned: boolean },
  { signal }: CallOptions,
): AsyncGenerator<ChangedRows> {
  const recorded = actions.flatMap((action) => action.kind === "cdc" ? [action.cdc] : []);
  if (recorded.length > 0) {
    for (const cdc of recorded) yield { kind: null, file: { ...cdc, modificationTime: 0 } };
    return;
  }
  const { uri } = engine.store;
  const adds = new Map<string, AddFile>();
  for (const action of actions) {
    if (action.kind !== "add" || !action.add.dataChange) continue;
    adds.set(canonicalPath(action.add.path, uri), action.add);
  }
  const removes = actions.flatMap((action) =>
    action.kind === "remove" && action.remove.dataChange ? [action.remove] : []
  );
  const restored: ChangedRows[] = [];
  const gone: RemoveFile[] = [];
  for (const remove of removes) {
    const path = canonicalPath(remove.path, uri);
    const add = adds.get(path);
    if (add === undefined) gone.push(remove);
    else {
      adds.delete(path);
      const { deleted, back } = await vectorChanges(engine, remove, add, { signal });
      yield { kind: "delete", file: add, pickRows: deleted };
      if (back !== null) restored.push({ kind: "insert", file: add, pickRows: back });
    }
  }
  for (const file of await completeRemoves(engine, version, { gone, partitioned }, { signal })) {
    yield { kind: "delete", file };
  }
  yield* restored;
  for (const file of adds.values()) yield { kind: "insert", file };
}

type VectorChanges = {
  readonly deleted: PickRows;
  /** Null: no row came back. */
  readonly back: PickRows | null;
};

/** The same file with another deletion vector: which rows went, and which came back. */
async function vectorChanges(
  engine: Engine,
  before: RemoveFile,
  after: AddFile,
  options: CallOptions,
): Promise<VectorChanges> {
  const read = async ({ deletionVector }: RemoveFile | AddFile): Promise<RowSet | null> =>
    deletionVector === undefined ? null : await readDeletionVector(engine, deletionVector, options);
  const [old, now] = await Promise.all([read(before), read(after)]);
  return { deleted: inFirstOnly(now, old), back: old === null ? null : inFirstOnly(old, now) };
}

function inFirstOnly(first: RowSet | null, second: RowSet | null): PickRows {
  return (start, length) => {
    const outside = first === null ? null : rowsOutside(first, start, length);
    if (outside === null) return new Int32Array(0);
    const wanted = new Uint8Array(length).fill(1);
    for (const row of outside) wanted[row] = 0;
    const kept = second === null ? null : rowsOutside(second, start, length);
    if (kept !== null) {
      const isKept = new Uint8Array(length);
      for (const row of kept) isKept[row] = 1;
      for (let row = 0; row < length; row++) if (isKept[row] === 0) wanted[row] = 0;
    }
    const rows: number[] = [];
    for (let row = 0; row < length; row++) if (wanted[row] === 1) rows.push(row);
    return Int32Array.from(rows);
  };
}

/** Removes may leave out what the file was; then the version before the commit knows. */
async function completeRemoves(
  engine: Engine,
  version: number,
  { gone, partitioned }: { readonly gone: readonly RemoveFile[]; readonly partitioned: boolean },
  { signal }: CallOptions,
): Promise<AddFile[]> {
  const { uri } = engine.store;
  const isComplete = ({ size, partitionValues }: RemoveFile): boolean =>
    size !== undefined && (partitionValues !== undefined || !partitioned);
  const wanted = new Set(
    gone.filter((remove) => !isComplete(remove)).map((remove) => fileKey(remove, uri)),
  );
  const found = new Map<string, AddFile>();
  if (wanted.size > 0) {
    const before = await openVersion(engine, {
      at: { kind: "version", version: version - 1 },
      signal,
    });
    for await (const { adds } of before.files({ signal })) {
      for (const add of adds) {
        const key = fileKey(add, uri);
        if (wanted.has(key)) found.set(key, add);
      }
    }
  }
  return gone.map((remove): AddFile => {
    const { path, size, partitionValues = {}, dataChange } = remove;
    if (isComplete(remove) && size !== undefined) {
      return { ...remove, path, size, partitionValues, dataChange, modificationTime: 0 };
    }
    const add = found.get(fileKey(remove, uri));
    if (add !== undefined) return add;
    throw new CdcDeltaError(
      "not-found",
      `Nothing says what the removed file ${path} was`,
      { context: { table: uri, path } },
    );
  });
}
