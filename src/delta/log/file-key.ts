import type { DeletionVectorDescriptor } from "./actions.ts";

/**
 * What a file action is known by during replay: the decoded path, relative to the table where it
 * lies inside, and the deletion vector's id (PROTOCOL.md, "Action Reconciliation"). Pure.
 */
export function fileKey(
  file: { readonly path: string; readonly deletionVector?: DeletionVectorDescriptor },
  tableUri: string,
): string {
  const path = canonicalPath(file.path, tableUri);
  const vector = file.deletionVector;
  if (vector === undefined) return path;
  // A path cannot hold the separator: NUL is no character of a file name or an object key.
  const at = vector.offset === undefined ? "" : `@${vector.offset}`;
  return `${path}\u0000${vector.storageType}${vector.pathOrInlineDv}${at}`;
}

/** Plain relative paths need no work: the common case must not cost an allocation. */
const needsWork = /[%:]|^\//;

const absolutePath = /^(?:\/|[A-Za-z][A-Za-z0-9+.-]*:)/;

/** `add.path` → the decoded key relative to the table, or an absolute path or URI outside of it. */
export function canonicalPath(path: string, tableUri: string): string {
  return objectKeyOf(path, tableUri) ?? withoutFileScheme(decodePath(path));
}

/** The object key of a file relative to the table; null when it lies outside of the table. */
export function objectKeyOf(path: string, tableUri: string): string | null {
  if (!needsWork.test(path)) return path;
  const decoded = decodePath(path);
  if (!absolutePath.test(path)) return decoded;
  const absolute = withoutFileScheme(decoded);
  const root = `${withoutFileScheme(tableUri).replace(/\/+$/, "")}/`;
  return absolute.startsWith(root) ? absolute.slice(root.length) : null;
}

/** `file:/x`, `file:///x` and `/x` are one; `s3a:` and `s3n:` are Hadoop's names of `s3:`. */
function withoutFileScheme(uri: string): string {
  return uri.replace(/^file:\/*/, "/").replace(/^s3[an]:/, "s3:");
}

/** Percent-decoding only: `+` is a plus. What cannot be decoded is taken as it stands. */
export function decodePath(path: string): string {
  if (!path.includes("%")) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}
