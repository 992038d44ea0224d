import { readdir, stat } from "node:fs/promises";
import { systemCode } from "./local-errors.ts";
import { temporaryPrefix } from "./local-write.ts";
import { compareKeys } from "./object-key.ts";
import type { ListOptions, ObjectMeta } from "./object-store.ts";

/** Files whose size and time are asked for at once. */
const statsInFlightMax = 32;

type Entry = { readonly key: string; readonly isFolder: boolean };

/**
 * Files below `root` as objects in UTF-8 byte order of the full key. Folders that cannot hold a
 * match are not opened; of a folder's names only the matching ones are sorted and asked for their
 * size. Symbolic links to files count as files; those to folders are told and not entered, so a
 * circle of links cannot trap a listing. Errors are the system's own.
 */
export async function* listFiles(
  root: string,
  prefix: string,
  options: ListOptions,
): AsyncGenerator<ObjectMeta> {
  yield* listFolder(root, prefix.slice(0, prefix.lastIndexOf("/") + 1), prefix, options);
}

async function* listFolder(
  root: string,
  folderKey: string,
  prefix: string,
  options: ListOptions,
): AsyncGenerator<ObjectMeta> {
  options.signal.throwIfAborted();
  const entries = await matchingEntries(root, folderKey, prefix, options);
  for (let index = 0; index < entries.length;) {
    const entry = entries[index];
    if (entry?.isFolder === true) {
      yield* listFolder(root, entry.key, prefix, options);
      index++;
      continue;
    }
    const run = fileRun(entries, index);
    for (const meta of await Promise.all(run.map(({ key }) => fileMeta(root, key, options)))) {
      options.signal.throwIfAborted();
      if (meta !== null) yield meta;
    }
    index += run.length;
  }
}

function fileRun(entries: readonly Entry[], start: number): readonly Entry[] {
  let end = start;
  while (end < entries.length && end - start < statsInFlightMax && !entries[end]?.isFolder) end++;
  return entries.slice(start, end);
}

/**
 * Entries of one folder that match or may hold matches. A folder's key ends in `/`: compared that
 * way, the order of entries is the order of all keys below them (`a-b` < `a.b` < `a/b`).
 */
async function matchingEntries(
  root: string,
  folderKey: string,
  prefix: string,
  { startAfter = "", leftovers = false }: ListOptions,
): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const found of await readFolder(root, folderKey)) {
    if (!leftovers && found.name.startsWith(temporaryPrefix)) continue;
    const isFolder = found.isDirectory();
    if (!isFolder && !found.isFile() && !found.isSymbolicLink()) continue;
    const key = `${folderKey}${found.name}${isFolder ? "/" : ""}`;
    const matches = key.startsWith(prefix) || (isFolder && prefix.startsWith(key));
    const isLater = startAfter === "" || compareKeys(key, startAfter) > 0 ||
      (isFolder && startAfter.startsWith(key));
    if (matches && isLater) entries.push({ key, isFolder });
  }
  return entries.sort((left, right) => compareKeys(left.key, right.key));
}

async function readFolder(root: string, folderKey: string) {
  try {
    return await readdir(`${root}/${folderKey}`, { withFileTypes: true });
  } catch (error) {
    const code = systemCode(error);
    // No folder, no objects. A root that is a file is a mistake that must be told.
    if (code === "ENOENT" || (code === "ENOTDIR" && folderKey !== "")) return [];
    throw error;
  }
}

/** Null when the file is gone by now or is no file. */
async function fileMeta(
  root: string,
  key: string,
  { onLinkedFolder }: ListOptions,
): Promise<ObjectMeta | null> {
  try {
    const stats = await stat(`${root}/${key}`);
    // Folders were told apart from files before: this one is a link.
    if (stats.isDirectory()) onLinkedFolder?.(`${key}/`);
    return stats.isFile() ? { key, size: stats.size, modifiedMs: stats.mtimeMs } : null;
  } catch (error) {
    if (systemCode(error) === "ENOENT" || systemCode(error) === "ENOTDIR") return null;
    throw error;
  }
}
