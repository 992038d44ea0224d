import type { AddFile } from "../../delta/log/actions.ts";
import { csvLine } from "../output/csv.ts";
import { jsonText } from "../output/json-text.ts";
import { tableText } from "../output/table-text.ts";
import { humanByteSize } from "../settings/units.ts";
import type { TextSink } from "../world.ts";
import { partitionText } from "./health-findings.ts";
import type { ListFormat } from "./list-output.ts";
import { isoTime, recordsOf } from "./table-facts.ts";

/** So many files become text at once; a table for people is aligned over them. */
const pieceFiles = 500;

type FileFacts = {
  readonly path: string;
  readonly sizeInBytes: number;
  readonly numRecords: number | null;
  readonly modificationTime: string | null;
  readonly partitionValues: AddFile["partitionValues"];
};

const names: readonly (keyof FileFacts)[] = [
  "path",
  "sizeInBytes",
  "numRecords",
  "modificationTime",
  "partitionValues",
];

/** Prints data files as they come; none but the last few are held. Errors: those of `files`. */
export async function writeFiles(
  out: TextSink,
  files: AsyncIterable<AddFile>,
  { format, limit }: { readonly format: ListFormat; readonly limit: number | null },
): Promise<void> {
  let piece: AddFile[] = [];
  let written = 0;
  const flush = async (isLast: boolean): Promise<void> => {
    await out.write(pieceText(piece, format, { isFirst: written === 0, isLast }));
    written += piece.length;
    piece = [];
  };
  for await (const file of files) {
    // Before the file, so that the last piece is never empty.
    if (piece.length >= pieceFiles) await flush(false);
    if (out.closed.aborted) return;
    piece.push(file);
    if (limit !== null && written + piece.length >= limit) break;
  }
  await flush(true);
}

type Place = { readonly isFirst: boolean; readonly isLast: boolean };

function pieceText(files: readonly AddFile[], format: ListFormat, place: Place): string {
  switch (format) {
    case "table":
      return (place.isFirst ? "" : "\n") + tableText(header, files.map(row));
    case "json": {
      if (place.isFirst && place.isLast) return `${jsonText(files.map(factsOf))}\n`;
      // The inside of a list, without its brackets.
      const items = jsonText(files.map(factsOf)).slice(1, -2);
      return (place.isFirst ? "[" : ",") + items + (place.isLast ? "\n]\n" : "");
    }
    case "ndjson":
      return files.map((file) => `${jsonText(factsOf(file), 0)}\n`).join("");
    case "csv":
      return (place.isFirst ? csvLine(names) : "") + files.map(csvRow).join("");
  }
}

const header = ["path", "size", "rows", "modified", "partition"];

function row(file: AddFile): (string | number | null)[] {
  const { path, sizeInBytes, numRecords, modificationTime, partitionValues } = factsOf(file);
  const partition = partitionText(partitionValues);
  return [
    path,
    humanByteSize(sizeInBytes),
    numRecords,
    modificationTime,
    partition === "" ? null : partition,
  ];
}

function factsOf(file: AddFile): FileFacts {
  return {
    path: file.path,
    sizeInBytes: file.size,
    numRecords: recordsOf(file),
    modificationTime: isoTime(file.modificationTime),
    partitionValues: file.partitionValues,
  };
}

function csvRow(file: AddFile): string {
  const facts = factsOf(file);
  return csvLine(names.map((name) => {
    const value = facts[name];
    return value === null || typeof value === "string" ? value : jsonText(value, 0);
  }));
}
