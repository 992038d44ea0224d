import { describe, expect, test } from "bun:test";
import { Buffer } from "node:buffer";
import type { Engine } from "../../../src/delta/engine.ts";
import type { Action } from "../../../src/delta/log/actions.ts";
import { writeCheckpoint } from "../../../src/delta/log/checkpoint-writer.ts";
import { commitKey } from "../../../src/delta/log/log-path.ts";
import { loadSnapshot } from "../../../src/delta/log/snapshot.ts";
import { vacuum } from "../../../src/delta/operations/vacuum.ts";
import { planVacuum, type VacuumPlan } from "../../../src/delta/operations/vacuum-plan.ts";
import {
  addFile,
  livePaths,
  newTable,
  removeFile,
  rivalCommit,
  signal,
  type TestEngine,
  testEngine,
} from "../../support/delta-table.ts";

const day = 86_400_000;
const lite = { mode: "lite", retentionMs: null, force: false, signal } as const;
const infoKey = "_delta_log/_last_vacuum_info";

const put = (engine: Engine, key: string, text = "xyz"): Promise<void> =>
  engine.store.put(key, [Buffer.from(text)], { signal });

async function keysOf(plan: VacuumPlan): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of plan.candidates()) keys.push(key);
  return keys;
}

async function infoOf(engine: Engine): Promise<string> {
  return Buffer.from(await engine.store.get(infoKey, { signal })).toString();
}

const vectorKey = "ab/deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin";
const deletionVector = {
  storageType: "u",
  pathOrInlineDv: "ab^-aqEH.-t@S}K{vb[*k^",
  offset: 1,
  sizeInBytes: 40,
  cardinality: 1n,
};

/** Commits actions as the next version. */
async function commitNext(engine: TestEngine, actions: readonly Action[]): Promise<void> {
  const { version } = await loadSnapshot(engine, { signal });
  await engine.store.put(commitKey(version + 1), [rivalCommit(actions)], { signal });
}

const add = (path: string, more = {}): Action => ({ kind: "add", add: addFile(path, more) });
const remove = (engine: TestEngine, path: string, more = {}): Action => ({
  kind: "remove",
  remove: removeFile(path, { deletionTimestamp: engine.nowMs, size: 3, ...more }),
});
const cdc = (path: string): Action => ({
  kind: "cdc",
  cdc: { path, partitionValues: {}, size: 5, dataChange: false },
});

/**
 * 0: `first`; 1: adds `a%20b`, `dv`, `back`; 2: `dv` gets a vector; 3 removes all of them and has
 * change data; 4: brings `back` back; eight days pass; 5: removes `first`.
 */
async function usedTable(): Promise<TestEngine> {
  const engine = testEngine();
  for (const key of ["first", "a b", "dv", "back", vectorKey, "_change_data/c", "orphan"]) {
    await put(engine, key);
  }
  await newTable(engine);
  await commitNext(engine, [add("a%20b"), add("dv"), add("back")]);
  engine.nowMs += 1000;
  await commitNext(engine, [remove(engine, "dv"), add("dv", { deletionVector })]);
  await commitNext(engine, [
    ...["a%20b", "back", "s3://elsewhere/x"].map((path) => remove(engine, path)),
    remove(engine, "dv", { deletionVector }),
    cdc("_change_data/c"),
    remove(engine, "_hidden/x"),
  ]);
  await commitNext(engine, [add("back")]);
  engine.nowMs += 8 * day;
  await commitNext(engine, [remove(engine, "first"), cdc("_change_data/young")]);
  return engine;
}

describe("vacuum in mode lite", () => {
  test("takes from the log what left the table, and lists nothing", async () => {
    const engine = await usedTable();
    const listed: string[] = [];
    const watched = {
      ...engine,
      store: {
        ...engine.store,
        list: (prefix: string, options: Parameters<typeof engine.store.list>[1]) => {
          listed.push(prefix);
          return engine.store.list(prefix, options);
        },
      },
    };
    const plan = await planVacuum(watched, { ...lite, tellLost: true });
    expect(await keysOf(plan)).toEqual(["dv", "a b", vectorKey, "_change_data/c"]);
    expect(plan).toMatchObject({
      mode: "lite",
      files: 4,
      bytes: 3 + 3 + 40 + 5,
      lost: { versions: [{ first: 1, last: 2 }], changes: [{ first: 1, last: 3 }] },
      doneTo: 4,
    });
    expect(await vacuum(watched, plan, { signal })).toEqual({ files: 4, bytes: 51, ended: true });
    expect(new Set(listed)).toEqual(new Set(["_delta_log/"]));
    expect(await livePaths(engine)).toEqual(["back"]);
    expect(await infoOf(engine)).toBe('{"latestCommitVersionOutsideOfRetentionWindow":4}\n');
    for (const key of ["first", "back", "orphan"]) {
      expect(await engine.store.head(key, { signal })).not.toBeNull();
    }
  });

  test("goes on after the last vacuum, whichever mode that had", async () => {
    const engine = await usedTable();
    const full = await planVacuum(engine, { ...lite, mode: "full" });
    expect(await keysOf(full)).toEqual(["_change_data/c", "a b", vectorKey, "dv", "orphan"]);
    await vacuum(engine, full, { signal });
    expect(await infoOf(engine)).toContain(":4}");
    expect((await planVacuum(engine, lite)).files).toBe(0);
    engine.nowMs += 8 * day;
    const plan = await planVacuum(engine, lite);
    expect(await keysOf(plan)).toEqual(["first", "_change_data/young"]);
    await vacuum(engine, plan, { signal });
    // Versions 6 to 9 are the notes of both vacuums; two of them are younger than the retention.
    expect(await infoOf(engine)).toContain(":7}");
  });

  test("an ended vacuum does not tell that it was done", async () => {
    const engine = await usedTable();
    const broken = {
      ...engine,
      store: { ...engine.store, delete: () => Promise.reject(new Error("cut")) },
    };
    await expect(vacuum(broken, await planVacuum(broken, lite), { signal })).rejects.toThrow("cut");
    await expect(infoOf(engine)).rejects.toThrow("no such object");
    expect((await planVacuum(engine, lite)).files).toBe(4);
  });

  test("nothing to delete: no notes in the history, the next one begins later", async () => {
    const engine = testEngine();
    await newTable(engine);
    engine.nowMs += 8 * day;
    const plan = await planVacuum(engine, lite);
    expect(await vacuum(engine, plan, { signal })).toEqual({ files: 0, bytes: 0, ended: true });
    expect(await infoOf(engine)).toContain(":0}");
    expect((await loadSnapshot(engine, { signal })).version).toBe(0);
  });

  test("a removal whose time is still within the retention stops it there", async () => {
    const engine = testEngine();
    await newTable(engine);
    const deletionTimestamp = engine.nowMs + 6 * day;
    await commitNext(engine, [add("skewed"), add("later")]);
    await commitNext(engine, [remove(engine, "skewed", { deletionTimestamp })]);
    await commitNext(engine, [remove(engine, "later")]);
    engine.nowMs += 8 * day;
    const early = await planVacuum(engine, lite);
    expect([await keysOf(early), early.doneTo]).toEqual([[], 1]);
    engine.nowMs += 6 * day;
    expect(await keysOf(await planVacuum(engine, lite))).toEqual(["skewed", "later"]);
  });

  const gates: readonly (readonly [info: string | null, message: string | null])[] = [
    [null, "begins with version 2 and no vacuum told how far it went"],
    ["{}", "no vacuum told"],
    ["damaged", "no vacuum told"],
    ['{"latestCommitVersionOutsideOfRetentionWindow":0}', "went as far as version 0"],
    ['{"latestCommitVersionOutsideOfRetentionWindow":1}', null],
    ['{"latestCommitVersionOutsideOfRetentionWindow":3}', null],
    // Of a table that was in this folder before.
    ['{"latestCommitVersionOutsideOfRetentionWindow":99}', "no vacuum told"],
  ];
  test.each(gates)("a log without its first commits, last vacuum %p: %p", async (info, message) => {
    const engine = await usedTable();
    await writeCheckpoint(engine, 5, { signal });
    await engine.store.delete([0, 1].map(commitKey), { signal });
    if (info !== null) await put(engine, infoKey, info);
    const planned = planVacuum(engine, lite);
    if (message === null) expect((await planned).doneTo === 4).toBe(true);
    else await expect(planned).rejects.toThrow(message);
  });
});
