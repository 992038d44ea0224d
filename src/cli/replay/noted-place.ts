/**
 * How a note of a replay names a table, so that a sink which reaches the lake by another path finds
 * it: below the base path by where it lies there, any other by its location.
 */
const insideBase = "base:";
const elsewhere = "at:";

/** The place of a table, for a note. Pure. */
export function placeOf(basePath: string, uri: string): string {
  const [base, at] = [trimmed(basePath), trimmed(uri)];
  if (at === base) return insideBase;
  return at.startsWith(`${base}/`)
    ? `${insideBase}${at.slice(base.length + 1)}`
    : `${elsewhere}${uri}`;
}

/** Where a noted table lies; the inverse of `placeOf`, with the reader's base path. Pure. */
export function uriOfPlace(basePath: string, place: string): string {
  if (!place.startsWith(insideBase)) return place.slice(elsewhere.length);
  const below = place.slice(insideBase.length);
  return below === "" ? basePath : `${trimmed(basePath)}/${below}`;
}

function trimmed(uri: string): string {
  return uri.length > 1 ? uri.replace(/\/+$/, "") : uri;
}
