import { describe, expect, test } from "bun:test";
import { findTables } from "../../../src/core/position/find-tables.ts";
import type { ObjectStore } from "../../../src/delta/storage/object-store.ts";
import { memoryStore } from "../../../src/delta/storage/memory-store.ts";

const { signal } = new AbortController();

async function storeOf(keys: readonly string[]): Promise<ObjectStore> {
  const store = memoryStore();
  for (const key of keys) await store.put(key, [new Uint8Array(1)], { signal });
  return store;
}

describe("findTables()", () => {
  test("finds tables beside files and folders that are none, not those inside a table", async () => {
    const store = await storeOf([
      "readme.txt",
      "_cdcdelta/floors/p/a.json",
      "shop/orders/Region=eu/1.parquet",
      "shop/orders/_delta_log/0.json",
      "shop/orders/inner/_delta_log/0.json",
      "shop/orders-2/_delta_log/0.json",
      "shop/orders0",
      "shop/notes/a.txt",
      "shop/zzz/_delta_log/0.json",
      "a/b/c/_delta_log/0.json",
    ]);
    expect(await findTables({ store, depth: 2 }, { signal })).toEqual([
      "shop/orders",
      "shop/orders-2",
      "shop/zzz",
    ]);
    expect(await findTables({ store, depth: 3 }, { signal })).toContain("a/b/c");
  });

  test("finds the root itself, and nothing in nothing", async () => {
    const store = await storeOf(["_delta_log/0.json", "x/_delta_log/0.json"]);
    expect(await findTables({ store, depth: 0 }, { signal })).toEqual([""]);
    expect(await findTables({ store: memoryStore(), depth: 3 }, { signal })).toEqual([]);
  });

  test("asks once for each folder, however many files it holds", async () => {
    const keys = Array.from({ length: 50 }, (_, i) => `db/t${i % 2}/p=${i}/f.parquet`);
    const inner = await storeOf([...keys, "db/t0/_delta_log/0.json", "db/t1/_delta_log/0.json"]);
    let listed = 0;
    const store: ObjectStore = {
      ...inner,
      async *list(prefix, options) {
        for await (const meta of inner.list(prefix, options)) {
          listed++;
          yield meta;
        }
      },
    };
    expect(await findTables({ store, depth: 2 }, { signal })).toEqual(["db/t0", "db/t1"]);
    expect(listed).toBeLessThan(10);
  });
});
