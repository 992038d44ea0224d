import type { ObjectMeta, ObjectStore } from "../../delta/storage/object-store.ts";
import { forEachParallel } from "../../parallel.ts";

/** Where tables may lie: at most `depth` folders below the root of a store, 0 being the root. */
export type TableRoot = { readonly store: ObjectStore; readonly depth: number };

type FindOptions = { readonly signal: AbortSignal };

/** Folders that are looked into at the same time. */
const foldersParallelMax = 8;

/**
 * The folders of all Delta tables below a root, relative to it ("" is the root itself). Folders are
 * told apart by their first object, so what a listing costs is a page for each folder, not for each
 * thousand files. What lies inside a table is not looked at.
 */
export async function findTables(
  { store, depth }: TableRoot,
  options: FindOptions,
): Promise<readonly string[]> {
  const found: string[] = [];
  let level = [""];
  for (let below = 0; level.length > 0; below++) {
    const next: string[] = [];
    await forEachParallel(level, foldersParallelMax, async (folder) => {
      if (await isTable(store, folder, options)) found.push(folder);
      else if (below < depth) next.push(...await subFolders(store, folder, options));
    });
    level = next;
  }
  return found.toSorted();
}

async function isTable(
  store: ObjectStore,
  folder: string,
  options: FindOptions,
): Promise<boolean> {
  return await first(store, `${prefixOf(folder)}_delta_log/`, options) !== null;
}

async function subFolders(
  store: ObjectStore,
  folder: string,
  { signal }: FindOptions,
): Promise<string[]> {
  const prefix = prefixOf(folder);
  const folders: string[] = [];
  let startAfter: string | null = null;
  for (;;) {
    const options = startAfter === null ? { signal } : { signal, startAfter };
    const meta = await first(store, prefix, options);
    if (meta === null) return folders;
    const slash = meta.key.indexOf("/", prefix.length);
    if (slash === -1) {
      startAfter = meta.key;
      continue;
    }
    const child = meta.key.slice(0, slash);
    folders.push(child);
    // The first key that can follow everything below the folder: "0" comes after "/".
    startAfter = `${child}0`;
  }
}

async function first(
  store: ObjectStore,
  prefix: string,
  options: Parameters<ObjectStore["list"]>[1],
): Promise<ObjectMeta | null> {
  for await (const meta of store.list(prefix, options)) return meta;
  return null;
}

function prefixOf(folder: string): string {
  return folder === "" ? "" : `${folder}/`;
}
