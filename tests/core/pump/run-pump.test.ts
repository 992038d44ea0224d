import { describe, expect, test } from "bun:test";
import { watermarkAppId } from "../../../src/core/position/app-id.ts";
import { commit } from "../../../src/delta/log/committer.ts";
import { loadHistory } from "../../../src/delta/log/history.ts";
import { loadTableState } from "../../../src/delta/log/table-state.ts";
import { field, struct } from "../../../src/delta/schema/data-type.ts";
import { schemaToJson } from "../../../src/delta/schema/schema-json.ts";
import { lintTable } from "../../support/log-linter.ts";
import {
  changeLine,
  lineSource,
  newLake,
  pump,
  readTable,
  signal,
  tableEngine,
} from "./pump-harness.ts";

const orders = Array.from({ length: 20 }, (_, n) => changeLine("c", { _id: n, n, name: `o${n}` }));

async function failureOf(run: Promise<unknown>): Promise<unknown> {
  return await run.then(() => null, (error: unknown) => error);
}

describe("runPump()", () => {
  test("writes every row once, in order, with its position", async () => {
    const lake = newLake();
    const { summary } = await pump(lake, lineSource(orders));
    expect(summary).toMatchObject({ records: 20, rows: 20, droppedRows: 0, commits: 1 });
    const { snapshot, rows } = await readTable(lake, "shop.orders");
    expect(rows.map((row) => row["n"])).toEqual(Array.from({ length: 20 }, (_, n) => n));
    const offsets = rows.map((row) => row["_kafka_offset"]);
    expect(offsets[0]).toBe(0n);
    expect(offsets[1]).toBe(BigInt(orders[0]!.length + 1));
    const id = { topic: "orders.ndjson", partition: 0, identity: "1111" };
    const txn = snapshot.transactions.get(watermarkAppId("test", id));
    expect(txn?.version as unknown).toBe(offsets.at(-1));
    expect(await lintTable(tableEngine(lake, "shop.orders").store)).toEqual([]);
  });

  test("tells of partition columns that no record of a new table has a value for", async () => {
    const lake = newLake();
    const rules = { partitionBy: ["nmae", "name", "_ingestion_date"] };
    const told = async (lines: readonly string[]) =>
      (await pump(lake, lineSource(lines), { rules })).events
        .filter(({ kind }) => kind === "partition-columns-empty");
    expect(await told(orders.slice(0, 3))).toEqual([
      { kind: "partition-columns-empty", table: "shop.orders", columns: ["nmae"] },
    ]);
    expect(await told(orders)).toEqual([]);
  });

  test("tells in the history what a commit wrote", async () => {
    const lake = newLake();
    await pump(lake, lineSource(orders));
    const engine = tableEngine(lake, "shop.orders");
    const [add] = (await readTable(lake, "shop.orders")).snapshot.files.values();
    const [entry] = await loadHistory(engine, { signal });
    expect(entry).toMatchObject({
      operation: "STREAMING UPDATE",
      operationMetrics: {
        numAddedFiles: "1",
        numRemovedFiles: "0",
        numOutputRows: "20",
        numOutputBytes: String(add!.size),
      },
    });
  });

  test("adds nothing the second time, and only the rest of a file that grew", async () => {
    const lake = newLake();
    await pump(lake, lineSource(orders.slice(0, 12)));
    const again = await pump(lake, lineSource(orders.slice(0, 12)));
    expect(again.summary).toMatchObject({ rows: 0, droppedRows: 12, commits: 0 });
    const grown = await pump(lake, lineSource(orders));
    expect(grown.summary).toMatchObject({ rows: 8, droppedRows: 12, commits: 1 });
    expect((await readTable(lake, "shop.orders")).rows.length).toBe(20);
  });

  test("goes on when the file was renamed", async () => {
    const lake = newLake();
    await pump(lake, lineSource(orders.slice(0, 12)));
    const { summary } = await pump(lake, lineSource(orders, { topic: "renamed.ndjson" }));
    expect(summary.rows).toBe(8);
  });

  const replacements: readonly (readonly [string, readonly string[], string])[] = [
    ["its first record is another one", orders.slice(5), "2222"],
    ["the record at the watermark changed", [
      ...orders.slice(0, 11),
      orders[11]!.replace("o11", "X11"),
      orders[12]!,
    ], "1111"],
    ["it is shorter than what was committed", orders.slice(0, 5), "1111"],
    [
      "its records have moved",
      [...orders.slice(0, 5), changeLine("c", { _id: 1 }), ...orders],
      "1111",
    ],
  ];
  for (const [name, lines, identity] of replacements) {
    test(`refuses a file when ${name}, and writes nothing`, async () => {
      const lake = newLake();
      await pump(lake, lineSource(orders.slice(0, 12)));
      const failure = await failureOf(pump(lake, lineSource(lines, { identity })));
      expect(failure).toMatchObject({ code: "source-replaced" });
      expect((await readTable(lake, "shop.orders")).rows.length).toBe(12);
    });
  }

  test("refuses offsets that go backwards, across jobs too", async () => {
    const kcat = (offset: number): string =>
      JSON.stringify({
        topic: "t",
        partition: 0,
        offset,
        key: null,
        payload: changeLine("c", { _id: offset }),
      });
    for (const linesPerBatch of [1, 10]) {
      const lines = [5, 6, 7, 8, 9, 3].map(kcat);
      const failure = await failureOf(pump(newLake(), lineSource(lines, { linesPerBatch })));
      expect(failure).toMatchObject({ code: "offset-order" });
    }
  });

  test("feeds several tables and the dead letters from one input", async () => {
    const lake = newLake();
    const lines = orders.flatMap((line, n) => [line, changeLine("c", { _id: n }, "returns"), "{"]);
    const { summary, events } = await pump(lake, lineSource(lines));
    expect(summary).toMatchObject({ rows: 40, deadLetters: 20, commits: 3 });
    expect(events.filter(({ kind }) => kind === "dead-letters"))
      .toEqual([{ kind: "dead-letters", count: 20, location: "memory:/$dead-letters" }]);
    expect((await pump(lake, lineSource(lines))).summary).toMatchObject({
      rows: 0,
      deadLetters: 0,
    });
    expect((await readTable(lake, "$dead-letters")).rows.length).toBe(20);
  });

  test("grows the schema mid-stream in the commit that needs it", async () => {
    const lake = newLake();
    const more = Array.from(
      { length: 20 },
      (_, n) => changeLine("u", { _id: n, n, late: { deep: [n] } }),
    );
    await pump(lake, lineSource(orders));
    const { events } = await pump(lake, lineSource([...orders, ...more]));
    expect(events.some((event) => event.kind === "schema-changed")).toBe(true);
    const { snapshot, rows } = await readTable(lake, "shop.orders");
    expect(snapshot.version).toBe(1);
    expect(rows.at(-1)?.["late"]).toEqual({ deep: [19] });
    expect(rows[0]?.["late"]).toBeNull();
    expect(await lintTable(tableEngine(lake, "shop.orders").store)).toEqual([]);
  });

  test("widens a committed column and keeps what was there", async () => {
    const lake = newLake();
    await pump(lake, lineSource(orders));
    const large = changeLine("c", { _id: 99, n: { $numberLong: "9007199254740993" } });
    await pump(lake, lineSource([...orders, large]));
    const { snapshot, rows } = await readTable(lake, "shop.orders");
    expect(snapshot.schema.fields.find((one) => one.name === "n")?.type.kind).toBe("long");
    expect(rows.map((row) => row["n"])).toEqual(
      [...Array.from({ length: 20 }, (_, n) => BigInt(n)), 9007199254740993n],
    );
  });

  test("rescues instead of widening when told to", async () => {
    const lake = newLake();
    await pump(lake, lineSource(orders));
    const large = changeLine("c", { _id: 99, n: { $numberLong: "9007199254740993" } });
    await pump(lake, lineSource([...orders, large]), { settings: { widen: "off" } });
    const last = (await readTable(lake, "shop.orders")).rows.at(-1)!;
    expect(last["n"]).toBeNull();
    expect(JSON.parse(String(last["_rescued_data"]))).toEqual({
      "/n": { $numberLong: "9007199254740993" },
    });
  });

  test("encodes again when another writer adds a column meanwhile", async () => {
    const lake = newLake();
    await pump(lake, lineSource(orders.slice(0, 3)));
    const between = async (batch: number): Promise<null> => {
      if (batch !== 4) return null;
      // By then the table is open, and what was read so far is encoded against it.
      await new Promise((resolve) => setTimeout(resolve, 30));
      const engine = tableEngine(lake, "shop.orders");
      const state = (await loadTableState(engine, { signal }))!;
      const schema = struct([...state.schema.fields, field("theirs", { kind: "string" })]);
      await commit(engine, state, {
        operation: "ADD COLUMNS",
        operationParameters: {},
        reads: { kind: "blind-append" },
        dataChange: true,
        metadata: { ...state.metadata, schemaString: schemaToJson(schema) },
      }, { signal });
      return null;
    };
    const extended = orders.map((line, n) => n < 10 ? line : changeLine("c", { _id: n, fresh: n }));
    const { events } = await pump(lake, lineSource(extended, { between }));
    expect(events.filter((event) => event.kind === "conflict").length).toBeGreaterThan(0);
    const { snapshot, rows } = await readTable(lake, "shop.orders");
    expect(rows.length).toBe(20);
    const names = snapshot.schema.fields.map((one) => one.name);
    expect(names.slice(-2)).toEqual(["theirs", "fresh"]);
    expect(rows.at(-1)?.["fresh"]).toBe(19);
  });

  test("plans without writing anything", async () => {
    const lake = newLake();
    const { summary } = await pump(lake, lineSource(orders), { settings: { plan: true } });
    expect(summary.tables).toMatchObject([{
      table: "shop.orders",
      rows: 20,
      files: 1,
      version: null,
    }]);
    for await (const { key } of lake.store.list("", { signal })) throw new Error(`wrote ${key}`);
  });

  test("commits what was read when it is told to stop", async () => {
    const lake = newLake();
    const stop = new AbortController();
    const between = (batch: number): null => {
      if (batch === 2) stop.abort();
      return null;
    };
    const { summary } = await pump(lake, lineSource(orders, { between }), { stop: stop.signal });
    expect(summary.rows).toBe(6);
    const rest = await pump(lake, lineSource(orders));
    expect(rest.summary.rows).toBe(14);
  });

  test("flushes by age while the source is quiet", async () => {
    const lake = newLake();
    const between = async (batch: number): Promise<null> => {
      if (batch !== 3) return null;
      lake.now += 70_000;
      await new Promise((resolve) => setTimeout(resolve, 60));
      return null;
    };
    const { events } = await pump(lake, lineSource(orders, { between }));
    const reasons = events.flatMap((event) => event.kind === "flushed" ? [event.reason] : []);
    expect(reasons).toEqual(["age", "end"]);
  });

  test("refuses a table that another tool made", async () => {
    const lake = newLake();
    await pump(lake, lineSource([changeLine("c", { _id: 1 }, "a")]));
    const engine = tableEngine(lake, "shop.orders");
    const other = tableEngine(lake, "shop.a");
    const state = (await loadTableState(other, { signal }))!;
    const schema = struct([field("id", { kind: "long" })]);
    await commit(engine, null, {
      operation: "CREATE TABLE",
      operationParameters: {},
      reads: { kind: "blind-append" },
      dataChange: true,
      protocol: state.protocol,
      metadata: { ...state.metadata, partitionColumns: [], schemaString: schemaToJson(schema) },
    }, { signal });
    const failure = await failureOf(pump(lake, lineSource(orders)));
    expect(failure).toMatchObject({ code: "usage" });
  });

  test("ends with the error of a source that fails", async () => {
    const between = (): null => {
      throw new Error("the disk is gone");
    };
    const failure = await failureOf(pump(newLake(), lineSource(orders, { between })));
    expect(String(failure)).toContain("the disk is gone");
  });
});
