import { describe, expect, test } from "bun:test";
import { CdcDeltaError } from "../../../src/errors.ts";
import { writeCheckpoint } from "../../../src/delta/log/checkpoint-writer.ts";
import { readLastCheckpoint } from "../../../src/delta/log/last-checkpoint.ts";
import { commit } from "../../../src/delta/log/committer.ts";
import {
  classicCheckpointKey,
  commitKey,
  lastCheckpointKey,
} from "../../../src/delta/log/log-path.ts";
import { maintainTable } from "../../../src/delta/log/maintenance.ts";
import { loadSnapshot } from "../../../src/delta/log/snapshot.ts";
import { loadTableState, refreshTableState } from "../../../src/delta/log/table-state.ts";
import type { TableState } from "../../../src/delta/log/table-state.ts";
import type { ObjectStore } from "../../../src/delta/storage/object-store.ts";
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

const dayMs = 86_400_000;

/** Appends up to a version, with maintenance after each commit. */
async function grow(engine: TestEngine, state: TableState, version: number): Promise<TableState> {
  for (let next = state.version + 1; next <= version; next++) {
    engine.nowMs += 1000;
    state = await mustCommit(engine, state, appendDraft(`f${next}`, BigInt(next)));
    const outcome = await maintainTable(engine, state, { signal });
    if (outcome.kind === "failed") throw new Error(outcome.why);
  }
  return state;
}

async function commitsLeft(store: ObjectStore): Promise<number[]> {
  const versions: number[] = [];
  for await (const { key } of store.list("_delta_log/", { signal })) {
    const version = /(\d{20})\.json$/.exec(key)?.[1];
    if (version !== undefined) versions.push(Number(version));
  }
  return versions;
}

/** A checkpoint does not tell whose commit it stands for. */
const strip = (state: TableState): unknown => ({ ...state, loadedMs: 0, commitId: null });

describe("maintainTable", () => {
  test("writes a checkpoint at every tenth version, which loads as the commits do", async () => {
    const engine = testEngine();
    const state = await grow(engine, await newTable(engine), 12);
    const before = await loadSnapshot(engine, { signal });
    expect(await readLastCheckpoint(engine, { signal })).toMatchObject({
      version: 10,
      size: 14,
      numOfAddFiles: 11,
    });
    await engine.store.delete(Array.from({ length: 11 }, (_, v) => commitKey(v)), { signal });
    expect(strip(await loadSnapshot(engine, { signal }))).toEqual(strip(before));
    expect(strip((await loadTableState(engine, { signal }))!)).toEqual(strip(state));
  });

  test("obeys delta.checkpointInterval", async () => {
    const engine = testEngine();
    await grow(engine, await newTable(engine, { "delta.checkpointInterval": "3" }), 7);
    for (let version = 0; version <= 7; version++) {
      const there = await engine.store.head(classicCheckpointKey(version), { signal }) !== null;
      expect([version, there]).toEqual([version, version === 3 || version === 6]);
    }
  });

  test("reports a failure and makes up for it at the next interval", async () => {
    let broken = true;
    const engine = testEngine((store) => ({
      ...store,
      put: (key, chunks, options) =>
        broken
          ? Promise.reject(new CdcDeltaError("store", "disk full"))
          : store.put(key, chunks, options),
    }));
    let state = await newTable(engine, { "delta.checkpointInterval": "2" });
    state = await mustCommit(engine, state, appendDraft("a"));
    state = await mustCommit(engine, state, appendDraft("b"));
    expect(await maintainTable(engine, state, { signal })).toEqual({
      kind: "failed",
      why: "disk full",
    });
    broken = false;
    state = await mustCommit(engine, state, appendDraft("c"));
    expect((await maintainTable(engine, state, { signal })).kind).toBe("not-due");
    state = await mustCommit(engine, state, appendDraft("d"));
    expect((await maintainTable(engine, state, { signal })).kind).toBe("checkpointed");
  });

  test("cleans up what is older than the retention, hourly, and keeps a way in", async () => {
    const engine = testEngine();
    const configuration = { "delta.logRetentionDuration": "interval 1 second" };
    let state = await grow(engine, await newTable(engine, configuration), 20);
    expect((await commitsLeft(engine.store))[0]).toBe(0);
    engine.nowMs += 2 * dayMs;
    state = await grow(engine, state, 30);
    expect((await commitsLeft(engine.store))[0]).toBe(20);
    expect(await engine.store.head(classicCheckpointKey(10), { signal })).toBeNull();
    expect((await loadSnapshot(engine, { signal })).files).toHaveLength(31);
    const at = { kind: "version", version: 25 } as const;
    expect((await loadSnapshot(engine, { at, signal })).files).toHaveLength(26);
    const gone = loadSnapshot(engine, { at: { kind: "version", version: 19 }, signal });
    await expect(gone).rejects.toThrow("the versions there are range from 20 to 30");
  });

  test("keeps a day whatever the table says, and everything when switched off", async () => {
    for (
      const [configuration, hours] of [
        [{ "delta.logRetentionDuration": "interval 0 seconds" }, 12],
        [{ "delta.enableExpiredLogCleanup": "false" }, 24 * 365],
      ] as const
    ) {
      const engine = testEngine();
      const state = await grow(engine, await newTable(engine, configuration), 10);
      engine.nowMs += hours * 3_600_000;
      await grow(engine, state, 20);
      expect((await commitsLeft(engine.store))[0]).toBe(0);
    }
  });
});

describe("a writer asleep past log clean-up", () => {
  async function cleanedUp(): Promise<{ engine: TestEngine; asleep: TableState }> {
    const engine = testEngine();
    const configuration = { "delta.logRetentionDuration": "interval 1 day" };
    const asleep = await grow(engine, await newTable(engine, configuration), 5);
    let state = await grow(engine, asleep, 20);
    engine.nowMs += 3 * dayMs;
    state = await grow(engine, state, 30);
    expect((await commitsLeft(engine.store))[0]).toBe(20);
    return { engine, asleep };
  }

  for (const fresh of [true, false]) {
    test(`is conflicted, with the newest state (base counted as fresh: ${fresh})`, async () => {
      const { engine, asleep } = await cleanedUp();
      const base = fresh ? { ...asleep, loadedMs: engine.nowMs } : asleep;
      const outcome = await commit(engine, base, appendDraft("ours"), { signal });
      expect(outcome).toMatchObject({
        kind: "conflicted",
        reason: "log-truncated",
        winnerVersion: 6,
        state: { version: 30 },
      });
      expect(await engine.store.head(commitKey(6), { signal })).toBeNull();
    });
  }

  test("refreshes by loading anew", async () => {
    const { engine, asleep } = await cleanedUp();
    expect((await refreshTableState(engine, asleep, { signal })).version).toBe(30);
  });
});

describe("writeCheckpoint", () => {
  test("keeps tombstones for as long as the table says, and no longer", async () => {
    const engine = testEngine();
    let state = await newTable(engine, {
      "delta.deletedFileRetentionDuration": "interval 2 days",
    });
    const now = engine.nowMs;
    const ages = { old: 3 * dayMs, recent: dayMs, untimed: null };
    for (const [path, age] of Object.entries(ages)) {
      state = await mustCommit(engine, state, appendDraft(path));
      const removed = removeFile(path);
      const { deletionTimestamp: _, ...untimed } = removed;
      state = await mustCommit(engine, state, {
        ...appendDraft("x"),
        reads: { kind: "whole-table" },
        adds: [],
        removes: [age === null ? untimed : { ...removed, deletionTimestamp: now - age }],
      });
    }
    await writeCheckpoint(engine, state.version, { signal });
    await engine.store.delete(Array.from({ length: 7 }, (_, v) => commitKey(v)), { signal });
    const snapshot = await loadSnapshot(engine, { signal });
    expect(snapshot.files.map((file) => file.path)).toEqual(["first"]);
    expect(snapshot.tombstones.map((file) => file.path)).toEqual(["recent"]);
  });

  test("is built on the checkpoint before, without losing or reviving a file", async () => {
    const engine = testEngine();
    let state = await newTable(engine, { "delta.checkpointInterval": "2" });
    state = await grow(engine, state, 2);
    state = await mustCommit(engine, state, {
      ...appendDraft("merged"),
      reads: { kind: "whole-table" },
      removes: [removeFile("f1", { deletionTimestamp: engine.nowMs })],
    });
    state = await grow(engine, state, 4);
    await engine.store.delete([0, 1, 2, 3, 4].map(commitKey), { signal });
    const snapshot = await loadSnapshot(engine, { signal });
    expect(snapshot.files.map((file) => file.path)).toEqual(["first", "f2", "merged", "f4"]);
    expect(snapshot.tombstones.map((file) => file.path)).toEqual(["f1"]);
  });

  test("keeps every member of an action", async () => {
    const engine = testEngine();
    let state = await newTable(engine);
    const add = addFile("full", {
      size: 2 ** 40,
      stats: `{"numRecords":1,"maxValues":{"id":9223372036854775807}}`,
      tags: { a: "b", c: null },
      baseRowId: 9223372036854775806n,
      defaultRowCommitVersion: 9007199254740993n,
      clusteringProvider: "liquid",
      deletionVector: {
        storageType: "u",
        pathOrInlineDv: "ab^-aqEH.-t@S}K{vb[*k^",
        offset: 1,
        sizeInBytes: 40,
        cardinality: 9007199254740993n,
      },
    });
    const txns = [{ appId: "max", version: 9223372036854775807n, lastUpdated: 5 }];
    state = await mustCommit(engine, state, { ...appendDraft("x"), adds: [add], txns });
    await writeCheckpoint(engine, 1, { signal });
    await engine.store.delete([0, 1].map(commitKey), { signal });
    expect(strip((await loadTableState(engine, { signal }))!)).toEqual(strip(state));
    const { files } = await loadSnapshot(engine, { signal });
    expect(files).toContainEqual({ ...add, dataChange: false });
  });

  test("does not move the hint backwards", async () => {
    const engine = testEngine();
    await grow(engine, await newTable(engine), 10);
    await writeCheckpoint(engine, 5, { signal });
    expect((await readLastCheckpoint(engine, { signal }))?.version).toBe(10);
    await engine.store.delete([lastCheckpointKey], { signal });
    await writeCheckpoint(engine, 5, { signal });
    expect((await readLastCheckpoint(engine, { signal }))?.version).toBe(5);
    expect((await loadTableState(engine, { signal }))?.version).toBe(10);
  });
});

describe("a clean-up while the log is read", () => {
  for (const [what, key] of [["commit", commitKey(9)], ["checkpoint", classicCheckpointKey(10)]]) {
    test(`a ${what} that vanishes after the listing makes it list again`, async () => {
      let vanish: string | null = null;
      const engine = testEngine((store) => ({
        ...store,
        get: async (asked, options) => {
          if (asked !== vanish) return await store.get(asked, options);
          vanish = null;
          // By then a newer checkpoint is there, as clean-up only runs after one.
          await writeCheckpoint(engine, 20, { signal });
          await store.delete([asked], { signal });
          return await store.get(asked, options);
        },
      }));
      await grow(engine, await newTable(engine), 12);
      let state = (await loadTableState(engine, { signal }))!;
      for (let i = 13; i <= 21; i++) state = await mustCommit(engine, state, appendDraft(`f${i}`));
      if (what === "commit") await engine.store.delete([lastCheckpointKey], { signal });
      if (what === "commit") {
        await engine.store.delete([classicCheckpointKey(10)], { signal });
      }
      vanish = key ?? null;
      expect((await loadSnapshot(engine, { signal })).files).toHaveLength(22);
      expect(vanish).toBeNull();
    });
  }
});
