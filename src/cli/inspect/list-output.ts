import { csvLine } from "../output/csv.ts";
import { jsonText } from "../output/json-text.ts";
import { tableText } from "../output/table-text.ts";

export type ListFormat = "table" | "json" | "ndjson" | "csv";

type Cell = string | number | bigint | boolean | null;

/** A list of equal objects and how each of them looks as a row of cells. */
export type ListOutput<Item> = {
  readonly items: readonly Item[];
  readonly header: readonly string[];
  /** Cells for people. */
  readonly row: (item: Item) => readonly Cell[];
  /** Names and values for CSV; nested values as JSON text. */
  readonly fields: readonly (readonly [name: string, value: (item: Item) => unknown])[];
};

/** A short list in any of the four forms. Pure. */
export function listText<Item>(list: ListOutput<Item>, format: ListFormat): string {
  switch (format) {
    case "table":
      return tableText(list.header, list.items.map(list.row));
    case "json":
      return `${jsonText(list.items)}\n`;
    case "ndjson":
      return list.items.map((item) => `${jsonText(item, 0)}\n`).join("");
    case "csv": {
      const names = csvLine(list.fields.map(([name]) => name));
      return names +
        list.items.map((item) => csvLine(list.fields.map(([, value]) => csvValue(value(item)))))
          .join("");
    }
  }
}

function csvValue(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  return typeof value === "string" ? value : jsonText(value, 0);
}
