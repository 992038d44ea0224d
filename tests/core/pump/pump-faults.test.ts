import { describe, expect, test } from "bun:test";
import { Buffer } from "node:buffer";
import { Readable } from "node:stream";
import { fileSource } from "../../../src/core/source/file-source.ts";
import type { ObjectStore } from "../../../src/delta/storage/object-store.ts";
import { watermarkAppId } from "../../../src/core/position/app-id.ts";
import { commit } from "../../../src/delta/log/committer.ts";
import { loadTableState } from "../../../src/delta/log/table-state.ts";
import { field, struct } from "../../../src/delta/schema/data-type.ts";
import { schemaToJson } from "../../../src/delta/schema/schema-json.ts";
import { CdcDeltaError } from "../../../src/errors.ts";
import {
  changeLine,
  type Lake,
  lineSource,
  newLake,
  pump,
  readTable,
  signal,
  tableEngine,
} from "./pump-harness.ts";

const orders = Array.from({ length: 20 }, (_, n) => changeLine("c", { _id: n, n, name: `o${n}` }));

/** An event whose document is broken: it is met by the table first, then by the dead letters. */
const brokenOrder = JSON.stringify({
  before: null,
  after: '{"_id": 1, "n": ',
  source: { ts_ms: 1, db: "shop", collection: "orders" },
  op: "c",
  ts_ms: 1,
});

const large = changeLine("c", { _id: 99, n: { $numberLong: "9007199254740993" } });

/** The lake with puts below a folder failing. */
function failingAt(lake: Lake, folder: string): Lake {
  const { store } = lake;
  const failing: ObjectStore = {
    ...store,
    uri: store.uri,
    get: (key, options) => store.get(key, options),
    head: (key, options) => store.head(key, options),
    list: (prefix, options) => store.list(prefix, options),
    delete: (keys, options) => store.delete(keys, options),
    put(key, chunks, options) {
      if (!key.startsWith(folder)) return store.put(key, chunks, options);
      // Later than what the other tables do.
      return new Promise((_, reject) =>
        setTimeout(() => reject(new CdcDeltaError("permission", `no ${key}`)), 50)
      );
    },
    putIfAbsent: (key, bytes, options) => store.putIfAbsent(key, bytes, options),
  };
  return {
    get now() {
      return lake.now;
    },
    set now(ms) {
      lake.now = ms;
    },
    store: failing,
  };
}

async function addColumn(lake: Lake, name: string): Promise<void> {
  const engine = tableEngine(lake, "shop.orders");
  const state = (await loadTableState(engine, { signal }))!;
  const schema = struct([...state.schema.fields, field(name, { kind: "string" })]);
  await commit(engine, state, {
    operation: "ADD COLUMNS",
    operationParameters: {},
    reads: { kind: "blind-append" },
    dataChange: true,
    metadata: { ...state.metadata, schemaString: schemaToJson(schema) },
  }, { signal });
}

/** Lets what was read be taken over, then does something. */
function afterBatch(wanted: number, task: () => Promise<void>) {
  return async (batch: number): Promise<null> => {
    if (batch !== wanted) return null;
    await new Promise((resolve) => setTimeout(resolve, 30));
    await task();
    return null;
  };
}

describe("runPump() among faults", () => {
  test("keeps the dead letters of a table's events when their own table fails", async () => {
    const lake = newLake();
    const lines = [...orders.slice(0, 5), brokenOrder, ...orders.slice(5)];
    const failure = await pump(failingAt(lake, "dead-letters"), lineSource(lines))
      .catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "permission" });
    await pump(lake, lineSource(lines));
    expect((await readTable(lake, "shop.orders")).rows.length).toBe(20);
    expect((await readTable(lake, "$dead-letters")).rows.length).toBe(1);
  });

  for (const widen of ["rewrite", "feature"] as const) {
    test(`keeps a column that another writer added before a widening by ${widen}`, async () => {
      const lake = newLake();
      await pump(lake, lineSource(orders.slice(0, 3)));
      const between = afterBatch(7, () => addColumn(lake, "theirs"));
      const lines = [...orders, large];
      await pump(lake, lineSource(lines, { between }), { settings: { widen } });
      const { snapshot } = await readTable(lake, "shop.orders").catch(async () => ({
        snapshot: (await loadTableState(tableEngine(lake, "shop.orders"), { signal }))!,
      }));
      const fields = snapshot.schema.fields;
      expect(fields.map((one) => one.name)).toContain("theirs");
      expect(fields.find((one) => one.name === "n")?.type.kind).toBe("long");
    });
  }

  test("keeps the record of a type change made by feature", async () => {
    const lake = newLake();
    await pump(lake, lineSource(orders.slice(0, 3)));
    const fresh = changeLine("c", { _id: 100, fresh: 1 });
    const lines = [...orders, large, fresh];
    await pump(lake, lineSource(lines), { settings: { widen: "feature" } });
    const state = (await loadTableState(tableEngine(lake, "shop.orders"), { signal }))!;
    const n = state.schema.fields.find((one) => one.name === "n")!;
    expect(n.type.kind).toBe("long");
    expect(Object.keys(n.metadata)).toContain("delta.typeChanges");
    const { rows } = await readTable(lake, "shop.orders");
    expect(rows.length).toBe(22);
    const more = [...lines, changeLine("c", { _id: 101, fresher: 1 })];
    await pump(lake, lineSource(more), { settings: { widen: "feature" } });
    const after = (await loadTableState(tableEngine(lake, "shop.orders"), { signal }))!;
    expect(after.schema.fields.find((one) => one.name === "n")!.metadata).toEqual(n.metadata);
    expect((await readTable(lake, "shop.orders")).rows.length).toBe(23);
  });

  test("counts rows once when one table of a flush has to be encoded again", async () => {
    const lake = newLake();
    await pump(lake, lineSource(orders.slice(0, 3)));
    const lines = orders.flatMap((line, n) => [line, changeLine("c", { _id: n }, "returns")]);
    const source = () =>
      lineSource([...orders.slice(0, 3), ...lines.slice(6)], {
        between: afterBatch(3, () => addColumn(lake, "theirs")),
      });
    const { summary } = await pump(lake, source());
    expect(summary).toMatchObject({ rows: 34, droppedRows: 3, deadLetters: 0 });
  });

  test("does not double what an adopted pipeline commits meanwhile", async () => {
    const lake = newLake();
    await pump(lake, lineSource(orders.slice(0, 3)), { settings: { pipelineId: "old" } });
    const between = afterBatch(4, async () => {
      await pump(lake, lineSource(orders), { settings: { pipelineId: "old" } });
    });
    await pump(lake, lineSource(orders, { between }), {
      settings: { pipelineId: "new", adopt: true },
    });
    expect((await readTable(lake, "shop.orders")).rows.length).toBe(20);
  });

  test("does not double a file that another process reads under its new name", async () => {
    const lake = newLake();
    await pump(lake, lineSource(orders.slice(0, 3)));
    const between = afterBatch(4, async () => {
      await pump(lake, lineSource(orders));
    });
    await pump(lake, lineSource(orders, { topic: "renamed.ndjson", between }));
    expect((await readTable(lake, "shop.orders")).rows.length).toBe(20);
    const id = { topic: "renamed.ndjson", partition: 0, identity: "1111" };
    expect(watermarkAppId("test", id)).toContain("renamed");
  });

  test("keeps the broken lines of every pipe, also at a place that an earlier one had", async () => {
    const lake = newLake();
    const kcat = (offset: number): string =>
      JSON.stringify({
        topic: "t",
        partition: 0,
        offset,
        key: null,
        payload: changeLine("c", { _id: offset }),
      });
    const cut = '{"topic":"t","partit';
    const first = [kcat(1), kcat(2), cut];
    const second = [kcat(3), cut];
    for (const lines of [first, second, second]) {
      const source = fileSource({
        path: "-",
        follow: false,
        sourceId: null,
        clock: {
          nowMs: () => Date.now(),
          sleep: () => new Promise((resolve) => setTimeout(resolve, 5)),
        },
        stdin: Readable.from([Buffer.from(lines.join("\n"))], { objectMode: false }),
      });
      await pump(lake, source);
    }
    expect((await readTable(lake, "$dead-letters")).rows.length).toBe(2);
    expect((await readTable(lake, "shop.orders")).rows.length).toBe(3);
  });
});
