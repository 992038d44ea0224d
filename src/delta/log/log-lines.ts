/** What a line of the log holds, as far as its first bytes tell. */
export type LineKind = "add" | "remove" | "cdc" | "commitInfo" | "txn";

/** A line as a range of bytes, without the line end. */
export type Line = { readonly start: number; readonly end: number };

/** The byte that ends a line. */
export const lineEnd = 10;

/** The lines of some bytes, in order; what follows the last line end is a line as well. */
export function linesOf(bytes: Uint8Array): Line[] {
  const lines: Line[] = [];
  let start = 0;
  while (start < bytes.length) {
    const found = bytes.indexOf(lineEnd, start);
    const end = found < 0 ? bytes.length : found;
    lines.push({ start, end });
    start = end + 1;
  }
  return lines;
}

const encoder = new TextEncoder();
const starts = (["add", "remove", "cdc", "commitInfo", "txn"] as const)
  .map((kind): readonly [LineKind, Uint8Array] => [kind, encoder.encode(`{"${kind}":{`)]);

/**
 * The kind of a line that begins as writers write it, without looking further; null for every other
 * line, which has to be parsed to know.
 */
export function lineKind(bytes: Uint8Array, { start, end }: Line): LineKind | null {
  for (const [kind, prefix] of starts) {
    // The third byte tells most of them apart.
    if (bytes[start + 2] !== prefix[2] || end - start < prefix.length) continue;
    let i = 0;
    while (i < prefix.length && bytes[start + i] === prefix[i]) i++;
    if (i === prefix.length) return kind;
  }
  return null;
}

/** The bytes of both, one after the other; a copy where neither is empty. */
export function joinedBytes(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length === 0) return second;
  if (second.length === 0) return first;
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
