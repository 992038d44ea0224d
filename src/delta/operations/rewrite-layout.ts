import type { ColumnBatch } from "../columns/column.ts";
import type { Engine } from "../engine.ts";
import type { AddFile } from "../log/actions.ts";
import { struct, type StructType } from "../schema/data-type.ts";
import { storedVariants } from "../schema/stored-variants.ts";
import { type FileFormat, fileFormatOf, type FormattedTable } from "./file-format.ts";
import { type RowTrackingColumns, rowTrackingColumns, withRowIds } from "./row-tracking.ts";
import { scanFile } from "./scan.ts";

/** What has to be known of a table to write its rows anew. */
export type RewrittenTable = FormattedTable;

/** What a file holds whose rows move from one file into another without being changed. */
export type RewriteLayout = {
  /**
   * What the written file holds: the table's columns but those of the partition, and where the table
   * tracks its rows two more that keep what they are known by.
   */
  readonly schema: StructType;
  readonly format: FileFormat;
  readonly rowTracking: RowTrackingColumns | null;
};

/**
 * The layout of a table's rewritten files. Pure. Throws `log-corrupt` for a table that tracks its
 * rows and does not say where.
 */
export function rewriteLayout(table: RewrittenTable): RewriteLayout {
  const format = fileFormatOf(table);
  const inFile = table.schema.fields.filter((field) =>
    format.partitionColumnsInFiles || !table.partitionColumns.includes(field.name)
  );
  const rowTracking = rowTrackingColumns(table);
  const schema = storedVariants(struct(inFile));
  if (rowTracking === null) return { schema, format, rowTracking };
  const { hiddenColumns = [] } = format.statistics;
  const names = rowTracking.fields.map((field) => field.name);
  const statistics = { ...format.statistics, hiddenColumns: [...hiddenColumns, ...names] };
  return {
    schema: struct([...schema.fields, ...rowTracking.fields]),
    format: { ...format, statistics },
    rowTracking,
  };
}

/**
 * The rows of a file as its rewritten one holds them. Errors: as `scanFile`; `log-corrupt` for a file
 * without row ids in a table that tracks its rows.
 */
export function scanForRewrite(
  engine: Engine,
  table: RewrittenTable,
  add: AddFile,
  options: { readonly layout: RewriteLayout; readonly signal: AbortSignal },
): AsyncGenerator<ColumnBatch> {
  const { layout: { schema, rowTracking }, signal } = options;
  const columns = schema.fields.map((field) => field.name);
  const stored = storedVariants(table.schema);
  if (rowTracking === null) {
    return scanFile(engine, { ...table, schema: stored }, add, { signal, columns });
  }
  const tracked = { ...table, schema: struct([...stored.fields, ...rowTracking.fields]) };
  const complete = withRowIds(add, engine.store.uri);
  return scanFile(engine, tracked, add, { signal, columns, complete });
}
