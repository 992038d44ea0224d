import { CdcDeltaError } from "../../errors.ts";

/**
 * Order of two keys by their UTF-8 bytes, the order of every listing. JavaScript's own order is by
 * UTF-16 units, which puts the characters above U+FFFF before U+E000–U+FFFF; bytes put them after.
 */
export function compareKeys(left: string, right: string): number {
  const shared = Math.min(left.length, right.length);
  for (let index = 0; index < shared; index++) {
    const a = left.charCodeAt(index);
    const b = right.charCodeAt(index);
    if (a !== b) return byteRank(a) - byteRank(b);
  }
  return left.length - right.length;
}

/** UTF-16 units in the order of the bytes they become: surrogates move above U+FFFF. */
function byteRank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/**
 * Refuses a key that could mean another place than it says: absolute, empty, with `.`, `..` or
 * empty segments, NUL or half a surrogate pair. All stores refuse the same keys, so that a table
 * can move between them. Throws code `usage`.
 */
export function checkKey(key: string, storeUri: string): void {
  const problem = key === "" ? "it is empty" : problemOfPath(key);
  if (problem !== null) refuse(key, problem, storeUri);
}

/** False for the keys that `checkKey` refuses. */
export function isKey(key: string): boolean {
  return key !== "" && problemOfPath(key) === null;
}

/** As `checkKey`, for a listing prefix: it may be empty and its last segment may be cut anywhere. */
export function checkPrefix(prefix: string, storeUri: string): void {
  const folder = prefix.slice(0, Math.max(0, prefix.lastIndexOf("/")));
  const problem = folder === ""
    ? prefix.startsWith("/") ? "it is absolute" : problemOfText(prefix)
    : problemOfPath(folder) ?? problemOfText(prefix);
  if (problem !== null) refuse(prefix, problem, storeUri);
}

function problemOfPath(path: string): string | null {
  if (path.startsWith("/")) return "it is absolute";
  for (const segment of path.split("/")) {
    if (segment === "") return "it has an empty segment";
    if (segment === "." || segment === "..") return `it has the segment "${segment}"`;
  }
  return problemOfText(path);
}

function problemOfText(text: string): string | null {
  if (text.includes("\0")) return "it has a NUL character";
  return text.isWellFormed() ? null : "it is not well-formed Unicode";
}

function refuse(key: string, problem: string, storeUri: string): never {
  throw new CdcDeltaError(
    "usage",
    `Cannot use ${JSON.stringify(key)} as an object key in ${storeUri}: ${problem}. ` +
      `Keys are relative paths below the root; rename the table path, partition or file.`,
    { context: { key, store: storeUri } },
  );
}
