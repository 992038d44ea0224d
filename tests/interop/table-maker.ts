import { randomUUID } from "node:crypto";
import path from "node:path";
import { columnBuilder, type Value } from "../../src/delta/columns/column-builder.ts";
import type { ColumnBatch } from "../../src/delta/columns/column.ts";
import type { Engine } from "../../src/delta/engine.ts";
import type { AddFile, Protocol } from "../../src/delta/log/actions.ts";
import { commit } from "../../src/delta/log/committer.ts";
import { maintainTable } from "../../src/delta/log/maintenance.ts";
import { serializePartitionValue } from "../../src/delta/log/partition-value.ts";
import type { TableState } from "../../src/delta/log/table-state.ts";
import { writeDataFile } from "../../src/delta/operations/append.ts";
import { newTableActions } from "../../src/delta/operations/create-table.ts";
import { mergeStatistics } from "../../src/delta/parquet/statistics.ts";
import { type EncodeOptions, encodeWithStatistics } from "../../src/delta/parquet/writer.ts";
import type { DataType, StructType } from "../../src/delta/schema/data-type.ts";
import { struct } from "../../src/delta/schema/data-type.ts";
import { schemaToJson } from "../../src/delta/schema/schema-json.ts";
import { localStore } from "../../src/delta/storage/local-store.ts";

export type Row = { readonly [name: string]: Value };

/** One commit: rows against a schema that may have grown since the commit before. */
export type CommitOfRows = {
  readonly schema: StructType;
  readonly rows: readonly Row[];
  readonly encode?: EncodeOptions;
};

export type TableToMake = {
  readonly partitionBy?: readonly string[];
  readonly configuration?: Readonly<Record<string, string>>;
  /** What cdcdelta does not give a table of its own: its protocol, and the properties with it. */
  readonly protocol?: Protocol;
  readonly properties?: Readonly<Record<string, string>>;
  readonly commits: readonly CommitOfRows[];
};

const { signal } = new AbortController();

/** An engine with the real clock on a local folder. */
export function localEngine(folder: string): Engine {
  return {
    store: localStore(folder),
    clock: {
      nowMs: () => Date.now(),
      sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    },
    random: { uuid: randomUUID, next: Math.random },
  };
}

/** Makes a table through the kernel as the pump does: data files first, then one commit each. */
export async function makeTable(folder: string, table: TableToMake): Promise<TableState> {
  const engine = localEngine(path.resolve(folder));
  const partitionBy = table.partitionBy ?? [];
  let state: TableState | null = null;
  for (const [index, one] of table.commits.entries()) {
    const adds = await writeRows(engine, one, partitionBy);
    const created = newTableActions({
      schema: one.schema,
      partitionColumns: partitionBy,
      configuration: table.configuration ?? {},
      id: randomUUID(),
      createdTime: Date.now(),
    });
    const grown: boolean = state !== null &&
      state.metadata.schemaString !== schemaToJson(one.schema);
    const outcome = await commit(engine, state, {
      operation: "STREAMING UPDATE",
      operationParameters: {},
      reads: { kind: "blind-append" },
      dataChange: true,
      adds,
      txns: [{ appId: "interop:orders:0", version: BigInt(index) }],
      ...(state === null ? withFeatures(created, table) : {}),
      ...(grown && state !== null
        ? { metadata: { ...state.metadata, schemaString: schemaToJson(one.schema) } }
        : {}),
    }, { signal });
    if (outcome.kind !== "committed") throw new Error(`commit ${index} ended as ${outcome.kind}`);
    state = outcome.state;
    const maintained = await maintainTable(engine, state, { signal });
    if (maintained.kind === "failed") throw new Error(`maintenance failed: ${maintained.why}`);
  }
  if (state === null) throw new Error("a table needs a commit");
  return state;
}

type Created = ReturnType<typeof newTableActions>;

function withFeatures(
  { metadata, protocol }: Created,
  { protocol: wanted, properties }: TableToMake,
): Created {
  const configuration = { ...metadata.configuration, ...properties };
  return { metadata: { ...metadata, configuration }, protocol: wanted ?? protocol };
}

/** One file a partition, in the folders that Hive would use. */
async function writeRows(
  engine: Engine,
  { schema, rows, encode }: CommitOfRows,
  partitionBy: readonly string[],
): Promise<AddFile[]> {
  const types = new Map(schema.fields.map((f) => [f.name, f.type] as const));
  const groups = new Map<string, { values: Record<string, string | null>; rows: Row[] }>();
  for (const row of rows) {
    const values = Object.fromEntries(partitionBy.map((name) => {
      const type = types.get(name);
      if (type === undefined) throw new Error(`no partition column ${name}`);
      return [name, serializePartitionValue(row[name] ?? null, type)] as const;
    }));
    const key = JSON.stringify(values);
    const group = groups.get(key) ?? { values, rows: [] };
    group.rows.push(row);
    groups.set(key, group);
  }
  const inFile = struct(schema.fields.filter((f) => !partitionBy.includes(f.name)));
  const adds: AddFile[] = [];
  for (const group of groups.values()) {
    // Two row groups where there are rows enough, as workers make them.
    const half = Math.ceil(group.rows.length / 2);
    const parts = group.rows.length > 1000
      ? [group.rows.slice(0, half), group.rows.slice(half)]
      : [group.rows];
    const encoded = parts.map((part) =>
      encodeWithStatistics(batchOf(part, inFile), inFile, encode)
    );
    const statistics = mergeStatistics(encoded.map((part) => part.statistics));
    const rowGroups = encoded.map((part) => part.rowGroup);
    const file = { schema, partitionValues: group.values, rowGroups, statistics };
    adds.push(await writeDataFile(engine, file, { signal }));
  }
  return adds;
}

function batchOf(rows: readonly Row[], schema: StructType): ColumnBatch {
  const columns = schema.fields.map(({ name, type }: { name: string; type: DataType }) => {
    const builder = columnBuilder(type);
    for (const row of rows) builder.append(row[name] ?? null);
    return builder.finish();
  });
  return { length: rows.length, columns };
}
