import type { ColumnBatch } from "../../delta/columns/column.ts";
import { valueToJson } from "../../delta/columns/row-json.ts";
import type { StructType } from "../../delta/schema/data-type.ts";
import { CdcDeltaError } from "../../errors.ts";
import { csvLine } from "../output/csv.ts";
import { tableText } from "../output/table-text.ts";
import type { TextSink } from "../world.ts";
import type { ListFormat } from "./list-output.ts";

/** Text is handed over in pieces of about this size. */
const pieceChars = 64 * 1024;
/** A table for people is aligned over this many rows; then its header comes again. */
const tableRowsMax = 500;
const cellCharsMax = 40;

/** Rows on their way: in batches of bounded size. */
export type RowSource = {
  readonly schema: StructType;
  readonly batches: AsyncIterable<ColumnBatch>;
};

export type RowsOptions = {
  /** Rows to print; `Infinity` is all. */
  readonly rowsMax: number;
  readonly format: ListFormat | "arrow";
};

/** How rows become text: what stands before, between and after them, and a row itself. */
type RowsForm = {
  readonly before: string;
  /** Makes the function that prints a row of a batch. */
  readonly rowText: (batch: ColumnBatch) => (row: number) => string;
  readonly between: string;
  readonly after: (rows: number) => string;
};

/**
 * Prints rows as they come, so that memory does not grow with their number; nothing is read beyond
 * `rowsMax`. Ends quietly when the reader of the output goes away. Errors: `usage` for Arrow's bytes
 * in a terminal, the source's.
 */
export async function writeRows(
  out: TextSink,
  { schema, batches }: RowSource,
  { rowsMax, format }: RowsOptions,
): Promise<void> {
  const rows = firstRows(batches, rowsMax);
  switch (format) {
    case "table":
      return await writeTables(out, rows, schema);
    case "arrow": {
      if (out.isTTY) throw inTerminal();
      // Loaded on demand: nothing else needs it.
      const { writeArrow } = await import("./arrow-stream.ts");
      return await writeArrow(out, rows, schema);
    }
    default:
      return await writeForm(out, rows, rowsForm(format, schema));
  }
}

function inTerminal(): CdcDeltaError {
  return new CdcDeltaError(
    "usage",
    "Cannot write an Arrow stream to a terminal: it is no text. Redirect standard output to a " +
      "file or a program, or leave --format arrow out",
  );
}

/** Batches up to a number of rows in all; nothing is read beyond them. */
async function* firstRows(
  batches: AsyncIterable<ColumnBatch>,
  rowsMax: number,
): AsyncGenerator<ColumnBatch> {
  if (rowsMax === 0) return;
  let left = rowsMax;
  for await (const batch of batches) {
    const length = Math.min(left, batch.length);
    yield { ...batch, length };
    left -= length;
    if (left <= 0) return;
  }
}

async function writeForm(
  out: TextSink,
  batches: AsyncIterable<ColumnBatch>,
  form: RowsForm,
): Promise<void> {
  let rows = 0;
  let text = form.before;
  for await (const batch of batches) {
    const rowText = form.rowText(batch);
    for (let row = 0; row < batch.length; row++) {
      text += rows++ === 0 ? rowText(row) : form.between + rowText(row);
      if (text.length < pieceChars) continue;
      await out.write(text);
      if (out.closed.aborted) return;
      text = "";
    }
  }
  await out.write(text + form.after(rows));
}

function rowsForm(format: Exclude<ListFormat, "table">, schema: StructType): RowsForm {
  switch (format) {
    case "ndjson":
      return {
        before: "",
        rowText: (batch) => objectText(batch, schema),
        between: "\n",
        after: (rows) => rows === 0 ? "" : "\n",
      };
    case "json":
      return {
        before: "[",
        rowText: (batch) => {
          const object = objectText(batch, schema);
          return (row) => `\n${object(row)}`;
        },
        between: ",",
        after: (rows) => rows === 0 ? "]\n" : "\n]\n",
      };
    case "csv":
      return {
        before: csvLine(schema.fields.map((field) => field.name)),
        rowText: (batch) => {
          const cells = cellTexts(batch, schema);
          return (row) => csvLine(cells.map((cell) => csvCell(cell(row))));
        },
        between: "",
        after: () => "",
      };
  }
}

/** JSON text of whole rows. */
function objectText({ length, columns }: ColumnBatch, schema: StructType): (row: number) => string {
  const valid = new Uint8Array(length).fill(1);
  return valueToJson({ kind: "struct", length, valid, children: columns }, schema);
}

/** JSON text of each column's values. */
function cellTexts(batch: ColumnBatch, schema: StructType): ((row: number) => string)[] {
  return batch.columns.flatMap((column, i) => {
    const type = schema.fields[i]?.type;
    return type === undefined ? [] : [valueToJson(column, type)];
  });
}

/** Null is an empty field; an empty text is quoted, so that the two differ. */
function csvCell(json: string): string | null {
  return json === "null" ? null : plainText(json);
}

/** Texts without JSON's quotes, everything else as JSON. */
function plainText(json: string): string {
  if (!json.startsWith('"')) return json;
  const text: unknown = JSON.parse(json);
  return typeof text === "string" ? text : json;
}

async function writeTables(
  out: TextSink,
  batches: AsyncIterable<ColumnBatch>,
  schema: StructType,
): Promise<void> {
  const header = schema.fields.map((field) => field.name);
  let rows: string[][] = [];
  let written = 0;
  const flush = async (): Promise<void> => {
    await out.write((written === 0 ? "" : "\n") + tableText(header, rows));
    written += rows.length;
    rows = [];
  };
  for await (const batch of batches) {
    const cells = cellTexts(batch, schema);
    for (let row = 0; row < batch.length; row++) {
      rows.push(cells.map((cell) => tableCell(cell(row))));
      if (rows.length >= tableRowsMax) await flush();
      if (out.closed.aborted) return;
    }
  }
  if (rows.length > 0 || written === 0) await flush();
}

function tableCell(json: string): string {
  const text = plainText(json).replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, "·");
  return text.length > cellCharsMax ? `${text.slice(0, cellCharsMax - 1)}…` : text;
}
