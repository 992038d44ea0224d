import { describe, expect, test } from "bun:test";
import { openTable } from "../../../src/core/pump/open-table.ts";
import { commit } from "../../../src/delta/log/committer.ts";
import { loadTableState } from "../../../src/delta/log/table-state.ts";
import { changeLine, lineSource, newLake, pump, signal, tableEngine } from "./pump-harness.ts";

const property = "delta.setTransactionRetentionDuration";

describe("openTable()", () => {
  test("refuses a table that forgets positions: quiet partitions would be read twice", async () => {
    const lake = newLake();
    const engine = tableEngine(lake, "shop.orders");
    const home = { uri: "memory:orders", engine, configuration: {} };
    await pump(lake, lineSource([changeLine("c", { _id: 1 })]));
    const state = await loadTableState(engine, { signal });
    if (state === null) throw new Error("no table");
    expect((await openTable("shop.orders", home, { signal })).rows).toBe(0);
    await commit(engine, state, {
      operation: "SET TBLPROPERTIES",
      operationParameters: {},
      reads: { kind: "blind-append" },
      dataChange: false,
      metadata: { ...state.metadata, configuration: { [property]: "interval 30 days" } },
    }, { signal });
    const refused = openTable("shop.orders", home, { signal });
    await expect(refused).rejects.toMatchObject({ code: "usage" });
    await expect(refused).rejects.toThrow(`${property} is "interval 30 days"`);
  });

  test("refuses to make such a table", async () => {
    const configuration = { [property]: "interval 30 days" };
    const engine = tableEngine(newLake(), "shop.orders");
    const opened = openTable("shop.orders", { uri: "memory:", engine, configuration }, { signal });
    await expect(opened).rejects.toMatchObject({ code: "usage" });
  });
});
