import type { PartitionValues } from "./actions.ts";

/** What Hive writes for null. */
const nullFolder = "__HIVE_DEFAULT_PARTITION__";

const hiveEscaped: ReadonlySet<string> = new Set("\"#%'*/:=?\\{[]^}");
const uriEscaped: ReadonlySet<string> = new Set(' "#%<>?[\\]^`{|}');

/** A name or value as a folder name may hold it: Hive's escapes, `%XX`. */
export function hiveEscape(text: string): string {
  return escapeAscii(text, hiveEscaped);
}

/**
 * An object key → `add.path`: percent-encoded as `java.net.URI` does it, which leaves non-ASCII
 * characters and `+` as they are (PROTOCOL.md, "Add File and Remove File").
 */
export function encodePath(key: string): string {
  return escapeAscii(key, uriEscaped);
}

/** Percent-encodes control characters and those of `escaped`, all of them ASCII. */
function escapeAscii(text: string, escaped: ReadonlySet<string>): string {
  let result = "";
  for (let i = 0; i < text.length; i++) {
    const character = text.charAt(i);
    const code = text.charCodeAt(i);
    result += code < 0x20 || code === 0x7f || escaped.has(character)
      ? `%${code.toString(16).toUpperCase().padStart(2, "0")}`
      : character;
  }
  return result;
}

/**
 * The folder of a partition, `a=1/b=x/`, empty for tables without partitions. Some readers take
 * partition values from it instead of from the log, so it has to tell the truth.
 */
export function partitionFolder(
  partitionColumns: readonly string[],
  values: PartitionValues,
): string {
  return partitionColumns.map((column) => {
    const value = values[column] ?? null;
    return `${hiveEscape(column)}=${value === null ? nullFolder : hiveEscape(value)}/`;
  }).join("");
}
