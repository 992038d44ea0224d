import type { ColumnBatch } from "../columns/column.ts";
import type { Engine } from "../engine.ts";
import type { AddFile } from "../log/actions.ts";
import type { TableProperties } from "../log/table-properties.ts";
import type { ColumnMapping } from "../schema/column-mapping.ts";
import { struct, type StructType } from "../schema/data-type.ts";
import { scanFile } from "./scan.ts";

/** What has to be known of a table to write its rows anew. */
export type RewrittenTable = {
  readonly schema: StructType;
  readonly partitionColumns: readonly string[];
  readonly properties: TableProperties;
  readonly columnMapping: ColumnMapping;
};

/** What a file holds whose rows move from one file into another without being changed. */
export type RewriteLayout = {
  /** What the written file holds: the table's columns but those of the partition. */
  readonly schema: StructType;
};

/** The layout of a table's rewritten files. Pure. */
export function rewriteLayout(table: RewrittenTable): RewriteLayout {
  const inFile = table.schema.fields.filter((field) =>
    !table.partitionColumns.includes(field.name)
  );
  return { schema: struct(inFile) };
}

/** The rows of a file as its rewritten one holds them. Errors: as `scanFile`. */
export function scanForRewrite(
  engine: Engine,
  table: RewrittenTable,
  add: AddFile,
  options: { readonly layout: RewriteLayout; readonly signal: AbortSignal },
): AsyncGenerator<ColumnBatch> {
  const { layout, signal } = options;
  const columns = layout.schema.fields.map((field) => field.name);
  return scanFile(engine, table, add, { signal, columns });
}
