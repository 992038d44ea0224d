import { describe, expect, test } from "bun:test";
import type { Protocol } from "../../../src/delta/log/actions.ts";
import { writeCheckpoint } from "../../../src/delta/log/checkpoint-writer.ts";
import { cleanUpLog } from "../../../src/delta/log/log-cleanup.ts";
import { classicCheckpointKey, commitKey } from "../../../src/delta/log/log-path.ts";
import { loadSnapshot } from "../../../src/delta/log/snapshot.ts";
import type { TableState } from "../../../src/delta/log/table-state.ts";
import {
  appendDraft,
  creationDraft,
  mustCommit,
  signal,
  type TestEngine,
  testEngine,
} from "../../support/delta-table.ts";

const dayMs = 86_400_000;
const retention = { "delta.logRetentionDuration": "interval 1 day" };

async function tableWith(
  engine: TestEngine,
  features: readonly string[],
  configuration: Readonly<Record<string, string>>,
): Promise<TableState> {
  const v2 = features.includes("v2Checkpoint");
  const protocol: Protocol = {
    minReaderVersion: v2 ? 3 : 1,
    minWriterVersion: 7,
    ...(v2 ? { readerFeatures: ["v2Checkpoint"] } : {}),
    writerFeatures: features,
  };
  const draft = creationDraft("f0");
  const metadata = { ...draft.metadata!, configuration: { ...retention, ...configuration } };
  return await mustCommit(engine, null, { ...draft, protocol, metadata });
}

/** One commit a day, with checkpoints at some of them. */
async function grow(
  engine: TestEngine,
  state: TableState,
  { to, checkpoints }: { readonly to: number; readonly checkpoints: readonly number[] },
): Promise<TableState> {
  for (let version = state.version + 1; version <= to; version++) {
    engine.nowMs += dayMs;
    state = await mustCommit(engine, state, appendDraft(`f${version}`));
    if (checkpoints.includes(version)) await writeCheckpoint(engine, version, { signal });
  }
  return state;
}

async function keysOf(engine: TestEngine, pattern: RegExp): Promise<string[]> {
  const keys: string[] = [];
  for await (const { key } of engine.store.list("_delta_log/", { signal })) {
    if (pattern.test(key)) keys.push(key);
  }
  return keys;
}
const commits = /\/\d{20}\.json$/;
const sidecars = /\/_sidecars\//;

describe("cleanUpLog", () => {
  test("goes by the log's own timestamps where it has them", async () => {
    const engine = testEngine();
    const base = await tableWith(engine, ["inCommitTimestamp"], {
      "delta.enableInCommitTimestamps": "true",
    });
    const state = await grow(engine, base, { to: 9, checkpoints: [3, 6] });
    // The files were copied: by their times everything is as old as can be.
    const copied: TestEngine = {
      ...engine,
      nowMs: engine.nowMs,
      store: {
        ...engine.store,
        async *list(prefix, options) {
          for await (const meta of engine.store.list(prefix, options)) {
            yield { ...meta, modifiedMs: 0 };
          }
        },
      },
      clock: { ...engine.clock, nowMs: () => engine.nowMs - 4 * dayMs },
    };
    expect(await cleanUpLog(copied, state, { signal })).toBeGreaterThan(0);
    // Five days in, a day kept: version 3 is the newest checkpoint that has expired.
    expect(await keysOf(engine, commits)).toHaveLength(7);
    expect((await loadSnapshot(engine, { signal })).files).toHaveLength(10);
  });

  const protections: readonly (readonly [string, string, boolean])[] = [
    ["all of it goes", "6", true],
    ["a part would stay", "7", false],
    ["nothing is protected", "0", true],
    ["the property is no number", "soon", false],
  ];
  for (const [what, before, cleans] of protections) {
    test(`of a protected history, of which ${what}`, async () => {
      const engine = testEngine();
      const base = await tableWith(engine, ["checkpointProtection"], {
        "delta.requireCheckpointProtectionBeforeVersion": before,
      });
      const state = await grow(engine, base, { to: 9, checkpoints: [3, 6] });
      expect(await cleanUpLog(engine, state, { signal }) > 0).toBe(cleans);
      expect(await keysOf(engine, commits)).toHaveLength(cleans ? 4 : 10);
    });
  }

  test("keeps a commit whose file is empty, what follows it and the version before it", async () => {
    const engine = testEngine();
    const base = await tableWith(engine, [], {});
    const state = await grow(engine, base, { to: 9, checkpoints: [3, 4, 6, 7] });
    await engine.store.put(commitKey(5), [new Uint8Array(0)], { signal });
    expect(await cleanUpLog(engine, state, { signal })).toBeGreaterThan(0);
    const kept = await keysOf(engine, commits);
    expect(kept).toEqual([4, 5, 6, 7, 8, 9].map(commitKey));
    const at = { kind: "version", version: 4 } as const;
    expect((await loadSnapshot(engine, { at, signal })).files).toHaveLength(5);
    expect(await cleanUpLog(engine, state, { signal })).toBe(0);
  });

  test("a protected history goes in one run, however long it is", async () => {
    const engine = testEngine();
    const state = await tableWith(engine, ["checkpointProtection"], {
      "delta.requireCheckpointProtectionBeforeVersion": "20300",
    });
    for (let version = 1; version <= 20_500; version++) {
      await engine.store.put(commitKey(version), [new Uint8Array(1)], { signal });
    }
    await engine.store.put(classicCheckpointKey(20_400), [new Uint8Array(1)], { signal });
    engine.nowMs += 3 * dayMs;
    expect(await cleanUpLog(engine, state, { signal })).toBeGreaterThanOrEqual(20_400);
    expect((await keysOf(engine, commits))[0]).toBe(commitKey(20_400));
  });

  test("takes the sidecars of checkpoints that are gone, and no others", async () => {
    const engine = testEngine();
    const base = await tableWith(engine, ["v2Checkpoint"], { "delta.checkpointPolicy": "v2" });
    const state = await grow(engine, base, { to: 9, checkpoints: [3, 6, 9] });
    const orphan = "_delta_log/_sidecars/orphan.parquet";
    const fresh = "_delta_log/_sidecars/fresh.parquet";
    await engine.store.put(orphan, [new Uint8Array(1)], { signal });
    engine.nowMs += 2 * dayMs;
    await engine.store.put(fresh, [new Uint8Array(1)], { signal });
    const before = await keysOf(engine, sidecars);
    expect(before).toHaveLength(5);
    await cleanUpLog(engine, state, { signal });
    const after = await keysOf(engine, sidecars);
    expect(after).not.toContain(orphan);
    expect(after).toContain(fresh);
    expect(after).toHaveLength(2);
    expect((await loadSnapshot(engine, { signal })).files).toHaveLength(10);
    expect(await cleanUpLog(engine, state, { signal })).toBe(0);
  });

  test("finds the first checkpoint however late it comes, and deletes so many files at once", async () => {
    const engine = testEngine();
    const state = await tableWith(engine, [], {});
    for (let version = 1; version <= 20_500; version++) {
      await engine.store.put(commitKey(version), [new Uint8Array(1)], { signal });
    }
    await engine.store.put(classicCheckpointKey(20_400), [new Uint8Array(1)], { signal });
    engine.nowMs += 3 * dayMs;
    expect(await cleanUpLog(engine, state, { signal })).toBe(20_000);
    expect((await keysOf(engine, commits))[0]).toBe(commitKey(20_000));
    expect(await cleanUpLog(engine, state, { signal })).toBe(400);
    expect(await cleanUpLog(engine, state, { signal })).toBe(0);
  });

  test("keeps all sidecars when a checkpoint cannot be read", async () => {
    const engine = testEngine();
    const base = await tableWith(engine, ["v2Checkpoint"], { "delta.checkpointPolicy": "v2" });
    const state = await grow(engine, base, { to: 3, checkpoints: [3] });
    const broken = "_delta_log/00000000000000000003.checkpoint.parquet";
    await engine.store.put(broken, [new Uint8Array(40)], { signal });
    engine.nowMs += dayMs / 4 * 5;
    const before = await keysOf(engine, sidecars);
    await expect(cleanUpLog(engine, state, { signal })).rejects.toMatchObject({
      code: "log-corrupt",
    });
    expect(await keysOf(engine, sidecars)).toEqual(before);
  });
});
