import type { Column, ColumnBatch } from "./column.ts";

/** Bytes that the rows of a batch take up in memory. */
export function batchBytes({ columns }: ColumnBatch): number {
  return columns.reduce((sum, column) => sum + columnBytes(column), 0);
}

function columnBytes(column: Column): number {
  const { length } = column;
  switch (column.kind) {
    case "null":
      return length;
    case "boolean":
      return 2 * length;
    case "int32":
    case "float":
      return 5 * length;
    case "int64":
    case "double":
      return 9 * length;
    case "decimal128":
      return 17 * length;
    case "bytes":
      return 5 * length + (column.offsets[length] ?? 0) - (column.offsets[0] ?? 0);
    case "struct":
      return column.children.reduce((sum, child) => sum + columnBytes(child), length);
    case "list":
      return 5 * length + columnBytes(column.element);
    case "map":
      return 5 * length + columnBytes(column.key) + columnBytes(column.value);
  }
}
