import { temporaryPrefix } from "../storage/local-write.ts";

/** Hidden folders whose files are data of the table all the same. */
const dataFolders: ReadonlySet<string> = new Set(["_change_data", "_delta_index"]);

/**
 * Whether vacuum may look at a file at all: nothing hidden, so that neither the log nor anybody
 * else's folders are touched; but change data, folders of partition columns with such a name, and
 * what a killed local writer of ours left behind. `key` is relative to the table, not URI-encoded.
 */
export function isVacuumable(key: string, partitionColumns: readonly string[]): boolean {
  const segments = key.split("/");
  const name = segments.pop() ?? "";
  if (segments[0] === "_delta_log") return segments.length === 1 && isTemporary(name);
  const hidden = segments.find((folder) => isHidden(folder) && !isData(folder, partitionColumns));
  return hidden === undefined && (!isHidden(name) || isTemporary(name));
}

const isHidden = (name: string): boolean => name.startsWith("_") || name.startsWith(".");

function isData(folder: string, partitionColumns: readonly string[]): boolean {
  return dataFolders.has(folder) ||
    partitionColumns.some((column) => folder.startsWith(`${column}=`));
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

function isTemporary(name: string): boolean {
  return name.startsWith(temporaryPrefix) && uuid.test(name.slice(temporaryPrefix.length));
}
