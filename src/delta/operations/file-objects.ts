import type { AddFile } from "../log/actions.ts";
import { deletionVectorKey } from "../log/deletion-vector.ts";
import { objectKeyOf } from "../log/file-key.ts";

/** The objects of the table's own folder that a file needs: itself and its deletion vector. */
export function keysOfFile(
  { path, deletionVector }: Pick<AddFile, "path" | "deletionVector">,
  uri: string,
): string[] {
  const own = objectKeyOf(path, uri);
  const vector = deletionVector === undefined ? null : deletionVectorKey(deletionVector, uri);
  return [own, vector].filter((key) => key !== null);
}

/** Whether a key lies in one of some folders, at any depth. Pure. */
export function isBelow(
  key: string,
  folders: { has(folder: string): boolean; readonly size: number },
): boolean {
  if (folders.size === 0) return false;
  for (let at = key.indexOf("/"); at >= 0; at = key.indexOf("/", at + 1)) {
    if (folders.has(key.slice(0, at + 1))) return true;
  }
  return false;
}

const namedMax = 5;

/** Some keys for a message: the first ones, and how many more there are. */
export function someKeys(keys: readonly string[], count = keys.length): string {
  const named = keys.toSorted().slice(0, namedMax);
  const more = count - named.length;
  return `${named.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
