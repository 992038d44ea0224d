import { CdcDeltaError } from "../../errors.ts";
import type { Metadata, Protocol } from "../log/actions.ts";
import { checkNewTableProperties } from "../log/table-properties.ts";
import type { StructType } from "../schema/data-type.ts";
import { checkColumnNames } from "../schema/column-name.ts";
import { schemaToJson } from "../schema/schema-json.ts";
import { someType } from "../schema/visit-types.ts";

export type NewTable = {
  /** All columns, partition columns included. */
  readonly schema: StructType;
  readonly partitionColumns: readonly string[];
  /** Table properties; those named `delta.…` are checked. */
  readonly configuration: Readonly<Record<string, string>>;
  /** A UUID that stays the table's for life. */
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly createdTime: number;
};

const partitionKinds: ReadonlySet<string> = new Set([
  "string",
  "long",
  "integer",
  "short",
  "byte",
  "float",
  "double",
  "boolean",
  "date",
  "timestamp",
  "timestamp_ntz",
  "decimal",
]);

/**
 * The actions that make a table, to be committed at version 0: protocol (1,2), which every Delta
 * client reads and writes. Pure. Throws `usage` for names, partition columns or properties that a
 * table cannot have, `unsupported` for types that need a table feature.
 */
export function newTableActions(table: NewTable): {
  readonly protocol: Protocol;
  readonly metadata: Metadata;
} {
  checkColumnNames(table.schema);
  checkPartitionColumns(table);
  checkNewTableProperties(table.configuration);
  checkTypes(table.schema);
  return {
    protocol: { minReaderVersion: 1, minWriterVersion: 2 },
    metadata: {
      id: table.id,
      format: { provider: "parquet", options: {} },
      schemaString: schemaToJson(table.schema),
      partitionColumns: table.partitionColumns,
      configuration: table.configuration,
      createdTime: table.createdTime,
    },
  };
}

function checkTypes(schema: StructType): void {
  for (const kind of ["timestamp_ntz", "variant"]) {
    if (!someType(schema, (type) => type.kind === kind)) continue;
    throw new CdcDeltaError(
      "unsupported",
      `Cannot create a table with a column of type ${kind}: it needs a table feature that ` +
        "cdcdelta does not switch on",
    );
  }
}

function checkPartitionColumns({ schema, partitionColumns }: NewTable): void {
  const problems: string[] = [];
  for (const column of partitionColumns) {
    const type = schema.fields.find((field) => field.name === column)?.type;
    if (type === undefined) problems.push(`there is no column "${column}" to partition by`);
    else if (!partitionKinds.has(type.kind)) {
      problems.push(`"${column}" cannot be a partition column: its type is ${type.kind}`);
    }
  }
  if (new Set(partitionColumns).size !== partitionColumns.length) {
    problems.push("a partition column is named twice");
  }
  if (schema.fields.length > 0 && partitionColumns.length === schema.fields.length) {
    problems.push("not all columns can be partition columns");
  }
  if (problems.length > 0) {
    throw new CdcDeltaError("usage", `Cannot create the table: ${problems.join("; ")}`);
  }
}
