import { describe, expect, test } from "bun:test";
import { serializeCommit } from "../../../src/delta/log/action-json.ts";
import type { Action } from "../../../src/delta/log/actions.ts";
import { commitKey, versionPrefix } from "../../../src/delta/log/log-path.ts";
import { readCommit } from "../../../src/delta/log/log-reader.ts";
import { loadSnapshot } from "../../../src/delta/log/snapshot.ts";
import { requireTableState } from "../../../src/delta/log/table-state.ts";
import {
  addFile,
  newTable,
  removeFile,
  signal,
  type TestEngine,
  testEngine,
} from "../../support/delta-table.ts";

const stats = "s".repeat(2000);
const add = (path: string, size = 1): Action => ({
  kind: "add",
  add: addFile(path, { size, stats }),
});
const remove = (path: string): Action => ({ kind: "remove", remove: removeFile(path) });
const txn = (version: bigint): Action => ({ kind: "txn", txn: { appId: "app", version } });

/** About 20 MiB: it is read in three parts. */
const many = Array.from({ length: 10_000 }, (_, i) => add(`f${i}`));

/** A table with a first file; the largest range that is read is noted. */
async function table(): Promise<{ engine: TestEngine; largest: () => number }> {
  let largest = 0;
  const engine = testEngine((store) => ({
    ...store,
    get: async (key, options) => {
      const bytes = await store.get(key, options);
      largest = Math.max(largest, bytes.length);
      return bytes;
    },
  }));
  await newTable(engine);
  return { engine, largest: () => largest };
}

async function put(engine: TestEngine, key: string, actions: readonly Action[]): Promise<void> {
  await engine.store.put(key, [serializeCommit(actions)], { signal });
}

describe("files of the log that are too large for one piece", () => {
  test("a commit is read in parts, and means what it meant", async () => {
    const { engine, largest } = await table();
    const commit = [remove("first"), txn(7n), add("twice", 1), ...many, remove("f3"), txn(8n)];
    await put(engine, commitKey(1), [...commit, add("twice", 2), remove("twice")]);
    const { files, tombstones, transactions } = await loadSnapshot(engine, { signal });
    const last = files.at(-1);
    expect(files).toHaveLength(10_001);
    expect(new Set(files.map(({ path }) => path)).size).toBe(10_001);
    expect([last?.path, last?.size]).toEqual(["twice", 2]);
    expect(tombstones.map(({ path }) => path)).toEqual(["first"]);
    expect(transactions.get("app")?.version).toBe(8n);
    expect(largest()).toBeLessThanOrEqual(8 << 20);
  });

  test("a commit that is asked for alone is read in parts as well", async () => {
    const { engine, largest } = await table();
    const head = serializeCommit([txn(7n), ...many]);
    // The file ends where a part ends: the next one has nothing in it.
    const room = (24 << 20) - head.length - serializeCommit([txn(8n)]).length;
    const filling = add("x".repeat(room - serializeCommit([add("")]).length));
    const actions = [txn(7n), ...many, filling, txn(8n)];
    await put(engine, commitKey(1), actions);
    expect((await engine.store.head(commitKey(1), { signal }))?.size).toBe(24 << 20);
    const read = (files: boolean) => readCommit(engine, 1, { signal, files });
    expect(await read(false)).toEqual([txn(7n), txn(8n)]);
    expect(await read(true)).toHaveLength(10_003);
    expect(largest()).toBeLessThanOrEqual(8 << 20);
    const cut = serializeCommit(actions).subarray(0, (24 << 20) - 3);
    await engine.store.put(commitKey(1), [cut], { signal });
    await expect(read(false)).rejects.toThrow("not JSON");
  });

  test("a compaction that ends in a broken line gives way to its commits", async () => {
    const { engine } = await table();
    await put(engine, commitKey(1), [...many, txn(1n)]);
    await put(engine, commitKey(2), [remove("f1"), add("new"), txn(2n)]);
    const key = `${versionPrefix(1)}.${String(2).padStart(20, "0")}.compacted.json`;
    const bytes = serializeCommit([
      ...many.filter((_, i) => i !== 1),
      add("new"),
      txn(2n),
      remove("f1"),
    ]);
    await engine.store.put(key, [bytes.subarray(0, bytes.length - 5)], { signal });
    const { files, tombstones, transactions } = await loadSnapshot(engine, { signal });
    expect(new Set(files.map(({ path }) => path)).size).toBe(files.length);
    expect(files).toHaveLength(10_001);
    expect(tombstones.map(({ path }) => path)).toEqual(["f1"]);
    expect(transactions.get("app")?.version).toBe(2n);
  });

  test("a line that nobody writes is refused by name", async () => {
    const { engine } = await table();
    await engine.store.put(commitKey(1), [new Uint8Array(80 << 20).fill(0x20)], { signal });
    const opened = requireTableState(engine, { signal });
    expect(opened).rejects.toMatchObject({ code: "log-corrupt" });
    expect(opened).rejects.toThrow("01.json: it has a line of more than 64 MiB");
  });
});
