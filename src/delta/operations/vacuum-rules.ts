import { temporaryPrefix } from "../storage/local-write.ts";
import { isBelow } from "./file-objects.ts";

/** Hidden folders whose files are data of the table all the same. */
const dataFolders: ReadonlySet<string> = new Set(["_change_data", "_delta_index"]);

export type VacuumFolders = {
  readonly partitionColumns: readonly string[];
  readonly foreign: ForeignFolders;
};

/** Whose a folder is. */
export type ForeignFormat = "delta" | "iceberg" | "hudi";

/** Folders of somebody else, as `a/b/`: other tables, and the metadata of other formats. */
export type ForeignFolders = ReadonlyMap<string, ForeignFormat>;

/**
 * Whether vacuum may look at a file at all: nothing hidden and nothing in foreign folders, so that
 * neither the log nor anybody else's files are touched; but change data, folders of partition columns
 * with such a name, and what a killed local writer of ours left behind. `key` is relative to the
 * table, not URI-encoded.
 */
export function isVacuumable(key: string, { partitionColumns, foreign }: VacuumFolders): boolean {
  if (isBelow(key, foreign)) return false;
  const segments = key.split("/");
  const name = segments.pop() ?? "";
  if (segments[0] === "_delta_log") return segments.length === 1 && isTemporary(name);
  const hidden = segments.find((folder) => isHidden(folder) && !isData(folder, partitionColumns));
  return hidden === undefined && (!isHidden(name) || isTemporary(name));
}

const marks: readonly (readonly [mark: RegExp, format: ForeignFormat])[] = [
  [/\/_delta_log\//, "delta"],
  [/\/\.hoodie\//, "hudi"],
  [/(?:^|\/)metadata\/[^/]*\.metadata\.json$/, "iceberg"],
];

/**
 * The folder of somebody else that a key tells of: a table of Delta, Hudi or Iceberg inside this one,
 * by its own metadata; or the metadata of Iceberg, where this table's files are Iceberg's as well.
 * Null: of none. Pure.
 */
export function foreignFolder(
  key: string,
): { readonly folder: string; readonly format: ForeignFormat } | null {
  for (const [mark, format] of marks) {
    const at = mark.exec(key)?.index ?? -1;
    if (at < 0) continue;
    // At the very root only the metadata is theirs.
    const isRoot = at === 0 && !key.startsWith("/");
    return { folder: isRoot ? "metadata/" : key.slice(0, at + 1), format };
  }
  return null;
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
