import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { isMissing, readError } from "./read-error.ts";

export type FolderFile = {
  /** Path relative to the folder, with `/` on every system. */
  readonly name: string;
  readonly path: string;
  readonly size: number;
};

/**
 * The regular files below a folder, in the order of their names' UTF-16 code units, folder by
 * folder. Names that start with `.` or `_` are left out, as Spark and Hive do. A link to a file
 * counts as the file; links to folders are not entered, so there are no loops.
 *
 * Errors: those of `readError`.
 */
export async function folderFiles(folder: string): Promise<FolderFile[]> {
  const files: FolderFile[] = [];
  await collect(folder, "", files);
  return files;
}

async function collect(folder: string, prefix: string, files: FolderFile[]): Promise<void> {
  for (const entry of await entriesOf(folder)) {
    if (entry.name.startsWith(".") || entry.name.startsWith("_")) continue;
    const path = join(folder, entry.name);
    const name = prefix + entry.name;
    if (entry.isDirectory()) {
      await collect(path, `${name}/`, files);
      continue;
    }
    if (!entry.isFile() && !entry.isSymbolicLink()) continue;
    const size = await regularSize(path);
    if (size !== null) files.push({ name, path, size });
  }
}

async function entriesOf(folder: string) {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  } catch (error) {
    throw readError(folder, error);
  }
}

/** Null: not a regular file, or gone since it was listed. */
async function regularSize(path: string): Promise<number | null> {
  try {
    const stats = await stat(path);
    return stats.isFile() ? stats.size : null;
  } catch (error) {
    if (isMissing(error)) return null;
    throw readError(path, error);
  }
}
