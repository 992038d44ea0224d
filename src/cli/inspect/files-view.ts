import type { AddFile } from "../../delta/log/actions.ts";
import { humanByteSize } from "../settings/units.ts";
import { type ListFormat, type ListOutput, listText } from "./list-output.ts";
import { isoTime, recordsOf } from "./table-facts.ts";

type FileRow = {
  readonly path: string;
  readonly sizeInBytes: number;
  readonly numRecords: number | null;
  readonly modificationTime: string | null;
  readonly partitionValues: Readonly<Record<string, string | null>>;
};

/** The data files of a version as a list. Pure. */
export function filesText(
  files: readonly AddFile[],
  { format, limit }: { readonly format: ListFormat; readonly limit: number | null },
): string {
  const items = files.slice(0, limit ?? files.length).map((file): FileRow => ({
    path: file.path,
    sizeInBytes: file.size,
    numRecords: recordsOf(file),
    modificationTime: isoTime(file.modificationTime),
    partitionValues: file.partitionValues,
  }));
  const list: ListOutput<FileRow> = {
    items,
    header: ["path", "size", "rows", "modified", "partition"],
    row: (item) => [
      item.path,
      humanByteSize(item.sizeInBytes),
      item.numRecords,
      item.modificationTime,
      partitionText(item.partitionValues),
    ],
    fields: [
      ["path", (item) => item.path],
      ["sizeInBytes", (item) => item.sizeInBytes],
      ["numRecords", (item) => item.numRecords],
      ["modificationTime", (item) => item.modificationTime],
      ["partitionValues", (item) => item.partitionValues],
    ],
  };
  return listText(list, format);
}

function partitionText(values: FileRow["partitionValues"]): string | null {
  const pairs = Object.entries(values).map(([name, value]) => `${name}=${value ?? "null"}`);
  return pairs.length === 0 ? null : pairs.join(" ");
}
