import type { Engine } from "../../src/delta/engine.ts";
import { serializeCommit } from "../../src/delta/log/action-json.ts";
import type { Metadata, Protocol } from "../../src/delta/log/actions.ts";
import { commitKey } from "../../src/delta/log/log-path.ts";
import { requireTableState, type TableState } from "../../src/delta/log/table-state.ts";
import { assignColumns } from "../../src/delta/schema/assign-columns.ts";
import type { ColumnMapping } from "../../src/delta/schema/column-mapping.ts";
import { struct, type StructType } from "../../src/delta/schema/data-type.ts";
import { schemaToJson } from "../../src/delta/schema/schema-json.ts";
import { signal } from "./delta-table.ts";

export type ForeignTable = {
  readonly schema: StructType;
  readonly partitionColumns?: readonly string[];
  readonly configuration?: Readonly<Record<string, string>>;
  readonly mapping?: ColumnMapping;
  /** Listed for readers and writers. */
  readonly features?: readonly string[];
  readonly writerFeatures?: readonly string[];
  readonly domains?: Readonly<Record<string, string>>;
};

/** A table without rows that another writer made: its version 0. */
export async function foreignTable(engine: Engine, table: ForeignTable): Promise<TableState> {
  const { mapping = "none", features = [], writerFeatures = [] } = table;
  let count = 0;
  const schema = mapping === "none" ? table.schema : assignColumns(table.schema, struct([]), {
    maxColumnId: 0,
    uuid: () => `foreign-${++count}`,
  });
  const both = [...features, ...(mapping === "none" ? [] : ["columnMapping"])];
  const protocol: Protocol = {
    minReaderVersion: 3,
    minWriterVersion: 7,
    readerFeatures: both,
    writerFeatures: ["appendOnly", "invariants", ...both, ...writerFeatures],
  };
  const mapped = mapping === "none" ? {} : {
    "delta.columnMapping.mode": mapping,
    "delta.columnMapping.maxColumnId": String(count),
  };
  const metaData: Metadata = {
    id: "foreign",
    format: { provider: "parquet", options: {} },
    schemaString: schemaToJson(schema),
    partitionColumns: table.partitionColumns ?? [],
    configuration: { ...mapped, ...table.configuration },
    createdTime: 1,
  };
  const domains = Object.entries(table.domains ?? {}).map(([domain, configuration]) => ({
    kind: "domainMetadata" as const,
    domainMetadata: { domain, configuration, removed: false },
  }));
  const commitInfo = {
    timestamp: engine.clock.nowMs(),
    operation: "CREATE TABLE",
    operationParameters: {},
    isolationLevel: "Serializable",
    isBlindAppend: true,
    operationMetrics: {},
    engineInfo: "foreign",
    txnId: "foreign",
  };
  const bytes = serializeCommit([
    { kind: "commitInfo", commitInfo },
    { kind: "protocol", protocol },
    { kind: "metaData", metaData },
    ...domains,
  ]);
  await engine.store.put(commitKey(0), [bytes], { signal });
  return await requireTableState(engine, { signal });
}
