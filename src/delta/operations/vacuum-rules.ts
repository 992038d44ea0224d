import { temporaryPrefix } from "../storage/local-write.ts";

/** Hidden folders whose files are data of the table all the same. */
const dataFolders: ReadonlySet<string> = new Set(["_change_data", "_delta_index"]);

export type VacuumFolders = {
  readonly partitionColumns: readonly string[];
  /** Folders of somebody else, as `a/b/`: other tables, and the metadata of other formats. */
  readonly foreign: ReadonlySet<string>;
};

/**
 * Whether vacuum may look at a file at all: nothing hidden and nothing in foreign folders, so that
 * neither the log nor anybody else's files are touched; but change data, folders of partition columns
 * with such a name, and what a killed local writer of ours left behind. `key` is relative to the
 * table, not URI-encoded.
 */
export function isVacuumable(key: string, { partitionColumns, foreign }: VacuumFolders): boolean {
  if (isIn(key, foreign)) return false;
  const segments = key.split("/");
  const name = segments.pop() ?? "";
  if (segments[0] === "_delta_log") return segments.length === 1 && isTemporary(name);
  const hidden = segments.find((folder) => isHidden(folder) && !isData(folder, partitionColumns));
  return hidden === undefined && (!isHidden(name) || isTemporary(name));
}

function isIn(key: string, folders: ReadonlySet<string>): boolean {
  if (folders.size === 0) return false;
  for (let at = key.indexOf("/"); at >= 0; at = key.indexOf("/", at + 1)) {
    if (folders.has(key.slice(0, at + 1))) return true;
  }
  return false;
}

/** The folder of the table inside this one that a key tells of, by its log; null: of none. */
export function tableInside(key: string): string | null {
  const at = key.indexOf("/_delta_log/");
  return at < 0 ? null : key.slice(0, at + 1);
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
