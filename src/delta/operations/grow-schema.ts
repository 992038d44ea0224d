import type { Metadata } from "../log/actions.ts";
import type { TableState } from "../log/table-state.ts";
import { assignColumns, maxIdOf } from "../schema/assign-columns.ts";
import type { StructType } from "../schema/data-type.ts";
import { schemaToJson } from "../schema/schema-json.ts";

const maxColumnIdKey = "delta.columnMapping.maxColumnId";

type MappedTable = Pick<TableState, "schema" | "metadata" | "columnMapping">;

/**
 * A table's schema with new columns as its log will have it: with column mapping each one gets an id
 * and a physical name, and those that the table has keep theirs. Pure but for `uuid`.
 */
export function growSchema(table: MappedTable, schema: StructType, uuid: () => string): StructType {
  if (table.columnMapping === "none") return schema;
  return assignColumns(schema, table.schema, { maxColumnId: maxColumnIdOf(table.metadata), uuid });
}

/** The metadata of a table with another schema, whose columns have their ids. Pure. */
export function metadataWithSchema(table: MappedTable, schema: StructType): Metadata {
  const { metadata, columnMapping } = table;
  const changed = { ...metadata, schemaString: schemaToJson(schema) };
  if (columnMapping === "none") return changed;
  const max = Math.max(maxColumnIdOf(metadata), maxIdOf(schema));
  return {
    ...changed,
    configuration: { ...metadata.configuration, [maxColumnIdKey]: String(max) },
  };
}

function maxColumnIdOf({ configuration }: Metadata): number {
  const id = Number(configuration[maxColumnIdKey] ?? "0");
  return Number.isSafeInteger(id) ? id : 0;
}
