import type { PartitionValues } from "./actions.ts";

/** What Hive writes for null. */
const nullFolder = "__HIVE_DEFAULT_PARTITION__";

// deno-lint-ignore no-control-regex
const hiveEscaped = /[\u0001-\u001F\u007F"#%'*/:=?\\{[\]^}]/g;

/** A name or value as a folder name may hold it: Hive's escapes, `%XX`. */
export function hiveEscape(text: string): string {
  return text.replace(
    hiveEscaped,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
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

// deno-lint-ignore no-control-regex
const uriEscaped = /[\u0000-\u0020\u007F"#%<>?[\\\]^`{|}]/g;

/**
 * An object key → `add.path`: percent-encoded as `java.net.URI` does it, which leaves non-ASCII
 * characters and `+` as they are (PROTOCOL.md, "Add File and Remove File").
 */
export function encodePath(key: string): string {
  return key.replace(
    uriEscaped,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`,
  );
}
