import { describe, expect, test } from "bun:test";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import type { Engine } from "../../../src/delta/engine.ts";
import type { AddFile } from "../../../src/delta/log/actions.ts";
import { loadHistory } from "../../../src/delta/log/history.ts";
import { commitKey } from "../../../src/delta/log/log-path.ts";
import { loadSnapshot } from "../../../src/delta/log/snapshot.ts";
import { createKeySet } from "../../../src/delta/operations/key-set.ts";
import { vacuum } from "../../../src/delta/operations/vacuum.ts";
import { planVacuum, type VacuumPlan } from "../../../src/delta/operations/vacuum-plan.ts";
import { isVacuumable } from "../../../src/delta/operations/vacuum-rules.ts";
import { localStore } from "../../../src/delta/storage/local-store.ts";
import { storedVector } from "../../support/deletion-vectors.ts";
import {
  addFile,
  appendDraft,
  mustCommit,
  newTable,
  removeFile,
  signal,
  type TestEngine,
  testEngine,
} from "../../support/delta-table.ts";

const hour = 3_600_000;
const day = 24 * hour;

const put = (engine: Engine, key: string): Promise<void> =>
  engine.store.put(key, [new Uint8Array(3)], { signal });

async function keysOf(engine: Engine): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of engine.store.list("", { signal })) {
    if (!key.startsWith("_delta_log/")) keys.push(key);
  }
  return keys;
}

/** Version 0 adds `first`, 1 adds `old` and `live`, 2 takes `old` out; `orphan` is nobody's. */
async function usedTable(): Promise<TestEngine> {
  const engine = testEngine();
  for (const key of ["first", "old", "live", "orphan", "_hidden/x", ".crc"]) await put(engine, key);
  let state = await newTable(engine);
  engine.nowMs += 1000;
  const adds = [addFile("old"), addFile("live")];
  state = await mustCommit(engine, state, { ...appendDraft("x"), adds });
  engine.nowMs += 1000;
  const removes = [removeFile("old", { deletionTimestamp: engine.nowMs })];
  const draft = { ...appendDraft("x"), adds: [], removes };
  await mustCommit(engine, state, { ...draft, reads: { kind: "whole-table" } });
  return engine;
}

const own = { retentionMs: null, force: false, tellLost: true, signal } as const;

const lostOf = ({ lost }: VacuumPlan): number[][] | undefined =>
  lost?.versions.map(({ first, last }) => [first, last]);

describe("vacuum", () => {
  test("deletes what left the table long ago and what nobody knows, nothing else", async () => {
    const engine = await usedTable();
    engine.nowMs += 8 * day;
    await put(engine, "being-uploaded");
    const plan = await planVacuum(engine, own);
    expect({ files: plan.files, bytes: plan.bytes, lost: lostOf(plan) })
      .toEqual({ files: 2, bytes: 6, lost: [[1, 1]] });
    expect(await vacuum(engine, plan, { signal })).toEqual({ files: 2, bytes: 6, ended: true });
    expect(await keysOf(engine)).toEqual([".crc", "_hidden/x", "being-uploaded", "first", "live"]);
    const { files } = await loadSnapshot(engine, { signal });
    expect(files.map((file) => file.path)).toEqual(["first", "live"]);
    const history = await loadHistory(engine, { signal });
    expect(history.slice(0, 2)).toMatchObject([
      { operation: "VACUUM END", operationMetrics: { numDeletedFiles: "2" } },
      { operation: "VACUUM START", operationMetrics: { numFilesToDelete: "2" } },
    ]);
    expect((await planVacuum(engine, own)).files).toBe(0);
  });

  test("keeps what left the table within the retention", async () => {
    const engine = await usedTable();
    engine.nowMs += 7 * day - 1000;
    const plan = await planVacuum(engine, own);
    const keys: string[] = [];
    for await (const { key } of plan.candidates()) keys.push(key);
    expect(keys).toEqual(["orphan"]);
    expect(plan.lost).toEqual({ versions: [], changes: [] });
  });

  test("tells of versions whose vector of deleted rows goes, though their files stay", async () => {
    const engine = testEngine();
    await put(engine, "first");
    let state = await newTable(engine);
    const vectors = [
      await storedVector(engine.store, "00000000-0000-4000-8000-00000000000a", [0]),
      await storedVector(engine.store, "00000000-0000-4000-8000-00000000000b", [0, 1]),
    ];
    let before: Partial<AddFile> = {};
    for (const deletionVector of vectors) {
      engine.nowMs += 1000;
      const removes = [removeFile("first", { ...before, deletionTimestamp: engine.nowMs })];
      const adds = [addFile("first", { deletionVector })];
      const draft = { ...appendDraft("x"), intent: "remove" as const, adds, removes };
      state = await mustCommit(engine, state, { ...draft, reads: { kind: "whole-table" } });
      before = { deletionVector };
    }
    engine.nowMs += 8 * day;
    for (const mode of ["lite", "full"] as const) {
      const plan = await planVacuum(engine, { ...own, mode });
      const keys: string[] = [];
      for await (const { key } of plan.candidates()) keys.push(key);
      expect(keys).toEqual(["deletion_vector_00000000-0000-4000-8000-00000000000a.bin"]);
      expect(lostOf(plan)).toEqual([[1, 1]]);
    }
  });

  test("refuses a table with an empty commit: its files would look like nobody's", async () => {
    const engine = await usedTable();
    await engine.store.put(commitKey(1), [new Uint8Array(0)], { signal });
    engine.nowMs += 8 * day;
    for (const mode of ["full", "lite"] as const) {
      await expect(planVacuum(engine, { ...own, mode })).rejects.toThrow(
        "Cannot vacuum memory:: _delta_log/00000000000000000001.json is empty",
      );
    }
    expect((await planVacuum(engine, { ...own, force: true })).files).toBe(3);
  });

  test("refuses a shorter retention unless forced; then too an upload may be under way", async () => {
    const engine = await usedTable();
    engine.nowMs += 10_000;
    const short = { ...own, retentionMs: 0 };
    await expect(planVacuum(engine, short)).rejects.toThrow("its own is 168 h");
    const plan = await planVacuum(engine, { ...short, force: true });
    await vacuum(engine, plan, { signal });
    expect(await keysOf(engine)).toEqual([".crc", "_hidden/x", "first", "live", "orphan"]);
    engine.nowMs += hour + 1;
    await vacuum(engine, await planVacuum(engine, { ...short, force: true }), { signal });
    expect(await keysOf(engine)).toEqual([".crc", "_hidden/x", "first", "live"]);
  });

  test("keeps the deletion vectors of live and of young files", async () => {
    const engine = testEngine();
    const vector = (text: string) => ({
      storageType: "u",
      pathOrInlineDv: text,
      offset: 1,
      sizeInBytes: 40,
      cardinality: 1n,
    });
    const live = "ab/deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin";
    const gone = "ab/deletion_vector_00000000-0000-0000-0000-000000000000.bin";
    for (const key of ["first", live, gone]) await put(engine, key);
    const state = await newTable(engine);
    const adds = [addFile("first", { deletionVector: vector("ab^-aqEH.-t@S}K{vb[*k^") })];
    const removes = [removeFile("first", { deletionTimestamp: engine.nowMs })];
    const draft = { ...appendDraft("x"), adds, removes };
    await mustCommit(engine, state, { ...draft, reads: { kind: "whole-table" } });
    engine.nowMs += 8 * day;
    await vacuum(engine, await planVacuum(engine, own), { signal });
    expect(await keysOf(engine)).toEqual([live, "first"]);
  });

  test("compares decoded names, and goes on after a delete that failed", async () => {
    let failing = true;
    const engine = testEngine((store) => ({
      ...store,
      delete: (keys, options) => {
        if (!failing) return store.delete(keys, options);
        failing = false;
        return Promise.reject(new Error("cut"));
      },
    }));
    for (const key of ["p=a b/1", "p=a b/2"]) await put(engine, key);
    const state = await newTable(engine);
    const adds = [addFile("p=a%20b/1")];
    await mustCommit(engine, state, { ...appendDraft("x"), adds });
    engine.nowMs += 8 * day;
    const plan = await planVacuum(engine, own);
    await expect(vacuum(engine, plan, { signal })).rejects.toThrow("cut");
    await vacuum(engine, await planVacuum(engine, own), { signal });
    expect(await keysOf(engine)).toEqual(["p=a b/1"]);
  });

  test("does not look behind links to folders, and takes no version there for lost", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "vacuum-"));
    try {
      const [table, elsewhere] = [path.join(folder, "table"), path.join(folder, "elsewhere")];
      await Promise.all([mkdir(table), mkdir(elsewhere)]);
      await symlink(elsewhere, path.join(table, "p"));
      const engine = { ...testEngine(), store: localStore(table) };
      for (const key of ["first", "p/live", "p/orphan", "old"]) await put(engine, key);
      let state = await newTable(engine);
      const adds = [addFile("p/live"), addFile("old")];
      state = await mustCommit(engine, state, { ...appendDraft("x"), adds });
      const draft = { ...appendDraft("x"), adds: [], removes: [removeFile("old")] };
      await mustCommit(engine, state, { ...draft, reads: { kind: "whole-table" } });
      const later = { ...engine, clock: { ...engine.clock, nowMs: () => Date.now() + 8 * day } };
      for (const mode of ["full", "lite"] as const) {
        const plan = await planVacuum(later, { ...own, mode });
        const keys: string[] = [];
        for await (const { key } of plan.candidates()) keys.push(key);
        expect([keys, lostOf(plan)]).toEqual([["old"], [[1, 1]]]);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });

  test("takes what a killed local writer left behind", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "vacuum-"));
    try {
      const engine = { ...testEngine(), store: localStore(folder) };
      const state = await newTable(engine);
      const left = ".tmp-3f2504e0-4f89-41d3-9a0c-0305e82c3301";
      for (const name of [left, ".tmp-mine", `_delta_log/${left}`]) {
        await writeFile(path.join(folder, name), "x");
      }
      const later = { ...engine, clock: { ...engine.clock, nowMs: () => Date.now() + 8 * day } };
      expect(state.version).toBe(0);
      const plan = await planVacuum(later, own);
      const keys: string[] = [];
      for await (const { key } of plan.candidates()) keys.push(key);
      expect(keys).toEqual([left, `_delta_log/${left}`]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

test.each([
  ["part-1.parquet", true],
  ["p=1/part-1.parquet", true],
  ["_change_data/cdc-1.parquet", true],
  ["_p=1/part-1.parquet", true],
  ["_q=1/part-1.parquet", false],
  ["p=1/_x/part-1.parquet", false],
  [".hidden/part-1.parquet", false],
  ["_delta_log/00000000000000000000.json", false],
  ["_delta_log/_sidecars/x.parquet", false],
  ["p=1/.part-1.parquet.crc", false],
  ["_SUCCESS", false],
  ["other/part-1.parquet", false],
  ["other/p=1/part-1.parquet", false],
  ["others/part-1.parquet", true],
  ["metadata/v1.metadata.json", false],
])("vacuum may look at %p: %p", (key, may) => {
  const foreign = new Map([["other/", "delta"], ["metadata/", "iceberg"]] as const);
  expect(isVacuumable(key, { partitionColumns: ["p", "_p"], foreign })).toBe(may);
});

test("a key set has what was added, and hardly anything else", () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string(), { minLength: 1, maxLength: 5000 }), (keys) => {
      const half = keys.slice(0, Math.ceil(keys.length / 2));
      const set = createKeySet();
      for (const key of [...half, ...half]) set.add(key);
      expect(set.size).toBe(half.length);
      expect(keys.filter((key) => set.has(key))).toEqual(half);
    }),
    { numRuns: 30 },
  );
});
