import { commit } from "../../src/delta/log/committer.ts";
import { loadTableState } from "../../src/delta/log/table-state.ts";
import { encodeRowGroup } from "../../src/delta/parquet/writer.ts";
import { collectStatistics } from "../../src/delta/parquet/statistics.ts";
import { batchFromRows } from "../../src/delta/columns/column-builder.ts";
import { writeDataFile } from "../../src/delta/operations/append.ts";
import { field, struct } from "../../src/delta/schema/data-type.ts";
import { schemaToJson } from "../../src/delta/schema/schema-json.ts";
import { calmEngine, type World } from "./sim-world.ts";

/** Another writer of the table: appends a row of its own, adds a column, or sets a property. */
export async function rivalWrites(world: World): Promise<void> {
  const key = world.random.pick(["shop.orders", "shop.mixed", "shop.returns"]);
  const engine = calmEngine(world, key);
  const { signal } = new AbortController();
  const state = await loadTableState(engine, { signal });
  if (state === null) return;
  const operation = { operation: "WRITE", operationParameters: {}, dataChange: true } as const;
  const reads = { kind: "blind-append" } as const;
  const what = world.random.int(3);
  world.log.push(`${world.scheduler.nowMs()} rival ${key} ${what} at v${state.version}`);
  if (what === 0) {
    const schema = struct([field("_cdc_key", { kind: "string" })]);
    const batch = batchFromRows(schema, [{ _cdc_key: "rival" }]);
    const add = await writeDataFile(engine, {
      schema,
      partitionValues: { _ingestion_date: "2020-01-01" },
      rowGroups: [encodeRowGroup(batch, schema)],
      statistics: collectStatistics(batch, schema),
    }, { signal });
    await commit(engine, state, { ...operation, reads, adds: [add] }, { signal });
    return;
  }
  const column = field(`rival_${world.random.int(1000)}_${state.version}`, { kind: "long" });
  const schema = struct([...state.schema.fields, column]);
  const metadata = what === 1
    ? { ...state.metadata, schemaString: schemaToJson(schema) }
    : { ...state.metadata, configuration: { ...state.metadata.configuration, rival: "1" } };
  const outcome = await commit(engine, state, { ...operation, reads, metadata }, { signal });
  if (what === 1 && outcome.kind === "committed") world.rivalColumns.push([key, column.name]);
}
