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

const namedMax = 5;

/** Some keys for a message: the first ones, and how many more there are. */
export function someKeys(keys: readonly string[], count = keys.length): string {
  const named = keys.toSorted().slice(0, namedMax);
  const more = count - named.length;
  return `${named.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}
