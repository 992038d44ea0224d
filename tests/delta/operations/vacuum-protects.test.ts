import { describe, expect, test } from "bun:test";
import { writeCheckpoint } from "../../../src/delta/log/checkpoint-writer.ts";
import type { Action, DeletionVectorDescriptor } from "../../../src/delta/log/actions.ts";
import { loadHistory } from "../../../src/delta/log/history.ts";
import { commitKey } from "../../../src/delta/log/log-path.ts";
import { loadSnapshot } from "../../../src/delta/log/snapshot.ts";
import { vacuum } from "../../../src/delta/operations/vacuum.ts";
import { planVacuum, type VacuumOptions } from "../../../src/delta/operations/vacuum-plan.ts";
import {
  addFile,
  newTable,
  removeFile,
  rivalCommit,
  signal,
  type TestEngine,
  testEngine,
} from "../../support/delta-table.ts";

const day = 86_400_000;
const own = { retentionMs: null, force: false, signal } as const;

/** Commits actions as the next version. */
async function commitNext(engine: TestEngine, ...actions: readonly Action[]): Promise<void> {
  const { version } = await loadSnapshot(engine, { signal });
  await engine.store.put(commitKey(version + 1), [rivalCommit(actions)], { signal });
}

/** A table that is `days` old and has these files that nobody knows. */
async function agedTable(keys: readonly string[], days = 8): Promise<TestEngine> {
  const engine = testEngine();
  await newTable(engine);
  for (const key of ["orphan", ...keys]) {
    await engine.store.put(key, [new Uint8Array(3)], { signal });
  }
  engine.nowMs += days * day;
  return engine;
}

/** What a vacuum leaves of the files, besides the log. */
async function leftAfter(
  engine: TestEngine,
  options: Partial<VacuumOptions> = {},
): Promise<string[]> {
  await vacuum(engine, await planVacuum(engine, { ...own, ...options }), { signal });
  const keys: string[] = [];
  for await (const { key } of engine.store.list("", { signal })) {
    if (!/^_delta_log\/[0-9_l]/.test(key) || key.includes("_sidecars")) keys.push(key);
  }
  return keys;
}

const add = (path: string, deletionVector?: DeletionVectorDescriptor): Action => ({
  kind: "add",
  add: addFile(path, deletionVector === undefined ? {} : { deletionVector }),
});
const vectorAt = (offset: number, more: Partial<DeletionVectorDescriptor> = {}) => ({
  storageType: "u",
  pathOrInlineDv: "ab^-aqEH.-t@S}K{vb[*k^",
  offset,
  sizeInBytes: 40,
  cardinality: 1n,
  ...more,
});
const vectorKey = "ab/deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin";
const cdc = (path: string): Action => ({
  kind: "cdc",
  cdc: { path, partitionValues: {}, size: 3, dataChange: false },
});

describe("vacuum never touches", () => {
  test("change data of commits within the retention, however old the file is", async () => {
    const keys = ["_change_data/cdc-1", "_change_data/p=a b/cdc-2", "_change_data/nobody"];
    const engine = await agedTable(keys);
    await commitNext(
      engine,
      { kind: "protocol", protocol: { minReaderVersion: 1, minWriterVersion: 4 } },
      cdc("_change_data/cdc-1"),
      cdc("_change_data/p=a%20b/cdc-2"),
    );
    expect(await leftAfter(engine)).toEqual(keys.slice(0, 2));
    engine.nowMs += 8 * day;
    expect(await leftAfter(engine)).toEqual([]);
  });

  test("a deletion vector's file that one live file still needs, of several", async () => {
    const engine = await agedTable(["a", "b", vectorKey]);
    await commitNext(engine, add("a", vectorAt(1)), add("b", vectorAt(50)));
    const deletionVector = vectorAt(1);
    const deletionTimestamp = engine.nowMs;
    const remove = removeFile("a", { deletionVector, deletionTimestamp });
    await commitNext(engine, { kind: "remove", remove });
    engine.nowMs += 8 * day;
    expect(await leftAfter(engine)).toEqual([vectorKey, "b"]);
    await commitNext(engine, {
      kind: "remove",
      remove: removeFile("b", {
        deletionVector: vectorAt(50),
      }),
    });
    expect(await leftAfter(engine)).toEqual([]);
  });

  test("files and vectors with absolute names, encoded names and names that were not encoded", async () => {
    const keys = ["a%20b", "c d", "p=50%25/e", "there", "v.bin"];
    const engine = await agedTable(keys);
    const absolute = vectorAt(1, { storageType: "p", pathOrInlineDv: "memory:/v.bin" });
    await commitNext(
      engine,
      ...["a%20b", "c%20d", "p=50%2525/e"].map((path) => add(path)),
      add("memory:/there", absolute),
    );
    expect(await leftAfter(engine)).toEqual(keys);
  });

  test("tables inside the table, wherever their log stands in a listing", async () => {
    const keys = [
      "Zoo/A.parquet",
      "Zoo/_delta_log/00000000000000000000.json",
      "deep/er/_delta_log/_last_checkpoint",
      "deep/er/part",
      "er/part",
    ];
    const engine = await agedTable(keys);
    expect((await planVacuum(engine, own)).files).toBe(2);
    expect(await leftAfter(engine)).toEqual(keys.slice(0, 4));
  });

  test("tables of other formats inside the table, and says which", async () => {
    const keys = [
      "berg/data/part",
      "berg/metadata/00001-x.metadata.json",
      "hoodie/.hoodie/hoodie.properties",
      "hoodie/part",
      "metadata/v1.metadata.json",
      "notes/metadata/part",
      "other.metadata.json",
    ];
    const engine = await agedTable(keys);
    const { foreign, files } = await planVacuum(engine, own);
    expect([...foreign].sort()).toEqual([
      ["berg/", "iceberg"],
      ["hoodie/", "hudi"],
      ["metadata/", "iceberg"],
    ]);
    expect(files).toBe(3);
    expect(await leftAfter(engine)).toEqual(keys.slice(0, 5));
  });

  test("the log's sidecars, hidden names, and Iceberg's metadata of a table of both", async () => {
    const keys = [
      "_delta_log/_sidecars/old.parquet",
      "_other/x",
      "a/.b/c",
      "metadata/snap-1.avro",
    ];
    const engine = await agedTable(keys);
    const { metadata } = await loadSnapshot(engine, { signal });
    const configuration = { "delta.universalFormat.enabledFormats": "iceberg" };
    await commitNext(engine, { kind: "metaData", metaData: { ...metadata, configuration } });
    expect(await leftAfter(engine)).toEqual(keys);
    const plain = await agedTable(keys);
    expect(await leftAfter(plain)).toEqual(keys.slice(0, 3));
  });

  test("files that left the table within a longer retention than its own", async () => {
    const engine = await agedTable(["gone"], 30);
    await commitNext(engine, add("gone"));
    const remove = removeFile("gone", { deletionTimestamp: engine.nowMs });
    await commitNext(engine, { kind: "remove", remove });
    engine.nowMs += 10 * day;
    // The checkpoint leaves the tombstone out: it is older than the table's own retention.
    await writeCheckpoint(engine, 2, { signal });
    expect((await loadSnapshot(engine, { signal })).tombstones).toEqual([]);
    expect(await leftAfter(engine, { retentionMs: 20 * day })).toEqual(["gone"]);
    expect(await leftAfter(engine)).toEqual([]);
  });

  test("an upload under way, even when no retention is asked for", async () => {
    const engine = await agedTable([]);
    await engine.store.put("uploaded", [new Uint8Array(1)], { signal });
    engine.nowMs += 3_500_000;
    const forced = { ...own, retentionMs: 0, force: true };
    expect(await leftAfter(engine, forced)).toEqual(["uploaded"]);
    engine.nowMs += 200_000;
    expect(await leftAfter(engine, forced)).toEqual([]);
  });
});

test("the history tells how a vacuum went, in Spark's names", async () => {
  const engine = await agedTable([]);
  await vacuum(engine, await planVacuum(engine, own), { signal });
  const [end, start] = await loadHistory(engine, { limit: 2, signal });
  expect(start).toMatchObject({
    operation: "VACUUM START",
    operationParameters: { retentionCheckEnabled: "true", defaultRetentionMillis: "604800000" },
    operationMetrics: { numFilesToDelete: "1", sizeOfDataToDelete: "3" },
    isolationLevel: "SnapshotIsolation",
  });
  expect(Object.keys(start?.operationParameters ?? {})).not.toContain("specifiedRetentionMillis");
  expect(end).toMatchObject({
    operation: "VACUUM END",
    operationParameters: { status: "COMPLETED" },
    operationMetrics: { numDeletedFiles: "1", numVacuumedDirectories: "0" },
  });
  await engine.store.put("more", [new Uint8Array(1)], { signal });
  engine.nowMs += 9 * day;
  const failing = { ...engine.store, delete: () => Promise.reject(new Error("cut")) };
  const broken = { ...engine, store: failing };
  const plan = await planVacuum(broken, { ...own, retentionMs: 8 * day });
  await expect(vacuum(broken, plan, { signal })).rejects.toThrow("cut");
  expect(await loadHistory(engine, { limit: 2, signal })).toMatchObject([
    { operation: "VACUUM END", operationParameters: { status: "FAILED" }, operationMetrics: {} },
    { operation: "VACUUM START", operationParameters: { specifiedRetentionMillis: "691200000" } },
  ]);
});
