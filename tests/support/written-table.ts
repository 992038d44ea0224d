import { batchFromRows } from "../../src/delta/columns/column-builder.ts";
import type { Value } from "../../src/delta/columns/column-builder.ts";
import type { Engine } from "../../src/delta/engine.ts";
import type { TableState } from "../../src/delta/log/table-state.ts";
import type { TransactionDraft } from "../../src/delta/log/transaction.ts";
import { writeDataFile } from "../../src/delta/operations/append.ts";
import { fileFormatOf, plainFormat } from "../../src/delta/operations/file-format.ts";
import { newTableActions } from "../../src/delta/operations/create-table.ts";
import { encodeWithStatistics } from "../../src/delta/parquet/writer.ts";
import { physicalValues } from "../../src/delta/schema/column-mapping.ts";
import { struct, type StructType } from "../../src/delta/schema/data-type.ts";
import { mustCommit, signal } from "./delta-table.ts";

export type WrittenTable = {
  readonly schema: StructType;
  readonly partitionColumns: readonly string[];
  readonly configuration?: Readonly<Record<string, string>>;
};

/** Writes rows as one file of a partition and commits it; creates the table at the first call. */
export async function appendRows(
  engine: Engine,
  base: TableState | null,
  table: WrittenTable,
  part: {
    readonly partitionValues: Readonly<Record<string, string | null>>;
    readonly rows: readonly Readonly<Record<string, Value>>[];
    readonly txn?: bigint;
  },
): Promise<TableState> {
  const format = base === null ? plainFormat : fileFormatOf(base);
  const fields = table.schema.fields.filter((f) =>
    format.partitionColumnsInFiles || !table.partitionColumns.includes(f.name)
  );
  const fileSchema = struct(fields);
  const { rowGroup, statistics } = encodeWithStatistics(
    batchFromRows(fileSchema, part.rows),
    fileSchema,
    format.statistics,
  );
  const add = await writeDataFile(engine, {
    schema: table.schema,
    format,
    partitionValues: physicalValues(part.partitionValues, table.schema, format.columnMapping),
    rowGroups: [rowGroup],
    statistics,
  }, { signal });
  const draft: TransactionDraft = {
    operation: "STREAMING UPDATE",
    operationParameters: { outputMode: "Append", queryId: "q", epochId: "1" },
    operationMetrics: { numAddedFiles: "1", numOutputRows: String(part.rows.length) },
    reads: { kind: "blind-append" },
    dataChange: true,
    adds: [add],
    ...(part.txn === undefined ? {} : { txns: [{ appId: "app", version: part.txn }] }),
  };
  const created = base === null
    ? newTableActions({
      schema: table.schema,
      partitionColumns: table.partitionColumns,
      configuration: table.configuration ?? {},
      id: engine.random.uuid(),
      createdTime: engine.clock.nowMs(),
    })
    : {};
  return await mustCommit(engine, base, { ...draft, ...created });
}
