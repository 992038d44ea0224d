import { describe, expect, test } from "bun:test";
import type { Engine } from "../../../src/delta/engine.ts";
import type { Action } from "../../../src/delta/log/actions.ts";
import { loadHistory } from "../../../src/delta/log/history.ts";
import { commitKey } from "../../../src/delta/log/log-path.ts";
import { loadSnapshot } from "../../../src/delta/log/snapshot.ts";
import { vacuum } from "../../../src/delta/operations/vacuum.ts";
import { planVacuum } from "../../../src/delta/operations/vacuum-plan.ts";
import { restore } from "../../../src/delta/operations/restore.ts";
import {
  addFile,
  appendDraft,
  mustCommit,
  newTable,
  removeFile,
  rivalCommit,
  signal,
  type TestEngine,
  testEngine,
} from "../../support/delta-table.ts";

const day = 86_400_000;
const own = { retentionMs: null, force: false, signal } as const;

const put = (engine: Engine, key: string): Promise<void> =>
  engine.store.put(key, [new Uint8Array(3)], { signal });

const isThere = async (engine: Engine, key: string): Promise<boolean> =>
  await engine.store.head(key, { signal }) !== null;

const vectorKey = "ab/deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin";
const vector = {
  storageType: "u",
  pathOrInlineDv: "ab^-aqEH.-t@S}K{vb[*k^",
  offset: 1,
  sizeInBytes: 40,
  cardinality: 1n,
};

/** When the deletes come: what happens before and after each of them. */
type Interleaving = {
  before?: (keys: readonly string[]) => Promise<void>;
  after?: (keys: readonly string[]) => Promise<void>;
};

/** Version 0 has `first`, 1 adds `old` with a deletion vector, 2 takes it out: long ago. */
async function agedTable(): Promise<[TestEngine, Interleaving]> {
  const steps: Interleaving = {};
  const engine = testEngine((store) => ({
    ...store,
    delete: async (keys, options) => {
      await steps.before?.(keys);
      await store.delete(keys, options);
      await steps.after?.(keys);
    },
  }));
  for (const key of ["first", "old", vectorKey]) await put(engine, key);
  let state = await newTable(engine);
  const adds = [addFile("old", { deletionVector: vector })];
  state = await mustCommit(engine, state, { ...appendDraft("x"), adds });
  const removes = [
    removeFile("old", { deletionVector: vector, deletionTimestamp: engine.nowMs }),
  ];
  const reads = { kind: "whole-table" } as const;
  await mustCommit(engine, state, { ...appendDraft("x"), adds: [], removes, reads });
  engine.nowMs += 8 * day;
  return [engine, steps];
}

/** More orphans than one request deletes. */
async function manyOrphans(): Promise<[TestEngine, Interleaving]> {
  const [engine, steps] = await agedTable();
  for (let i = 0; i < 1500; i++) await put(engine, `a/${String(i).padStart(4, "0")}`);
  engine.nowMs += 8 * day;
  return [engine, steps];
}

/** A commit of somebody else as the next version. */
async function rival(engine: Engine, actions: readonly Action[]): Promise<void> {
  const { version } = await loadSnapshot(engine, { signal });
  await engine.store.put(commitKey(version + 1), [rivalCommit(actions)], { signal });
}

describe("a vacuum keeps what comes back after its plan", () => {
  test("a restore between the plan and the deletes", async () => {
    const [engine] = await agedTable();
    const plan = await planVacuum(engine, own);
    expect(plan.files).toBe(2);
    await restore(engine, { at: { kind: "version", version: 1 }, signal });
    expect(await vacuum(engine, plan, { signal })).toEqual({ files: 0, bytes: 0, ended: true });
    expect([await isThere(engine, "old"), await isThere(engine, vectorKey)]).toEqual([true, true]);
  });

  test("an add between two delete requests", async () => {
    const [engine, steps] = await manyOrphans();
    const plan = await planVacuum(engine, own);
    expect(plan.files).toBe(1502);
    const add = addFile("a/1400");
    steps.after = async () => {
      steps.after = () => Promise.resolve();
      await rival(engine, [{ kind: "add", add }]);
    };
    expect(await vacuum(engine, plan, { signal })).toEqual({
      files: 1501,
      bytes: 4503,
      ended: true,
    });
    expect(await isThere(engine, "a/1400")).toBe(true);
    expect(await isThere(engine, "a/1401")).toBe(false);
  });

  test.each(["before", "after"] as const)(
    "an add while the request is under way (%s the store does it) is told",
    async (when) => {
      const [engine, steps] = await agedTable();
      const plan = await planVacuum(engine, own);
      const add = addFile("old", { deletionVector: vector });
      steps[when] = () => rival(engine, [{ kind: "add", add }]);
      const message = new RegExp(
        `Version 4 of memory: brought back files .* 2 that are gone: ${vectorKey}, old.*` +
          "cdcdelta restore memory: --version 3",
      );
      await expect(vacuum(engine, plan, { signal })).rejects.toThrow(message);
    },
  );
});

describe("a vacuum stops before the next delete when the table", () => {
  const cases: readonly [string, (engine: TestEngine) => Promise<void>, string][] = [
    ["got a feature that cdcdelta does not know", async (engine) => {
      const protocol = {
        minReaderVersion: 1,
        minWriterVersion: 7,
        writerFeatures: ["appendOnly", "fromTheFuture"],
      };
      await rival(engine, [{ kind: "protocol", protocol }]);
    }, "[fromTheFuture]"],
    ["got a longer retention", async (engine) => {
      const { metadata } = await loadSnapshot(engine, { signal });
      const configuration = { "delta.deletedFileRetentionDuration": "interval 30 days" };
      await rival(engine, [{ kind: "metaData", metaData: { ...metadata, configuration } }]);
    }, "was made longer"],
    ["lost its log", async (engine) => {
      const keys: string[] = [];
      for await (const { key } of engine.store.list("_delta_log/", { signal })) keys.push(key);
      await engine.store.delete(keys, { signal });
    }, "is gone"],
    ["was replaced by another", async (engine) => {
      await engine.store.put(commitKey(3), [rivalCommit([])], { signal });
    }, "was replaced"],
    ["had its log cleaned up past what the plan knew", async (engine) => {
      await engine.store.put(commitKey(9), [rivalCommit([])], { signal });
      await engine.store.delete([0, 1, 2, 3].map(commitKey), { signal });
    }, "cleaned up past version 3"],
  ];
  test.each(cases)("%s", async (_, change, message) => {
    const [engine, steps] = await manyOrphans();
    const plan = await planVacuum(engine, own);
    steps.after = async () => {
      steps.after = () => Promise.resolve();
      await change(engine);
    };
    await expect(vacuum(engine, plan, { signal })).rejects.toThrow(message);
    const left = [await isThere(engine, "a/0999"), await isThere(engine, "a/1000")];
    expect(left).toEqual([false, true]);
  });

  test("but not for a longer retention when a shorter one was forced", async () => {
    const [engine, steps] = await manyOrphans();
    const plan = await planVacuum(engine, { ...own, force: true });
    const [, grow] = cases[1]!;
    steps.after = async () => {
      steps.after = () => Promise.resolve();
      await grow(engine);
    };
    expect((await vacuum(engine, plan, { signal })).files).toBe(1502);
  });
});

test("a vacuum that is told to end finishes its request, and tells how far it came", async () => {
  const [engine, steps] = await manyOrphans();
  const plan = await planVacuum(engine, own);
  const stop = new AbortController();
  steps.before = () => {
    stop.abort();
    return Promise.resolve();
  };
  const { files, ended } = await vacuum(engine, plan, { signal: stop.signal });
  expect([files, ended]).toEqual([1000, false]);
  const [end] = await loadHistory(engine, { limit: 1, signal });
  expect(end).toMatchObject({
    operation: "VACUUM END",
    operationParameters: { status: "FAILED" },
    operationMetrics: { numDeletedFiles: "1000" },
  });
  expect(await isThere(engine, "_delta_log/_last_vacuum_info")).toBe(false);
  steps.before = () => Promise.resolve();
  expect(await vacuum(engine, await planVacuum(engine, own), { signal }))
    .toEqual({ files: 502, bytes: 1506, ended: true });
  expect(await isThere(engine, "_delta_log/_last_vacuum_info")).toBe(true);
});
