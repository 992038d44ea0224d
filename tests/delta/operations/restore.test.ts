import { describe, expect, test } from "bun:test";
import type { Engine } from "../../../src/delta/engine.ts";
import type { Protocol } from "../../../src/delta/log/actions.ts";
import { loadHistory } from "../../../src/delta/log/history.ts";
import { loadSnapshot } from "../../../src/delta/log/snapshot.ts";
import { loadTableState, type TableState } from "../../../src/delta/log/table-state.ts";
import { planRestore, restore } from "../../../src/delta/operations/restore.ts";
import {
  addFile,
  appendDraft,
  livePaths,
  mustCommit,
  newTable,
  removeFile,
  signal,
  testEngine,
} from "../../support/delta-table.ts";

/** Versions: 0 has `first`; 1 adds `b` as transaction 7; 2 takes `first` out, adds `c`. */
async function threeVersions(engine: Engine = testEngine()): Promise<[Engine, TableState]> {
  for (const key of ["first", "b", "c"]) {
    await engine.store.put(key, [new Uint8Array(1)], { signal });
  }
  let state = await newTable(engine);
  state = await mustCommit(engine, state, appendDraft("b", 7n));
  const removes = [removeFile("first")];
  const reads = { kind: "whole-table" } as const;
  state = await mustCommit(engine, state, { ...appendDraft("c", 9n), removes, reads });
  return [engine, state];
}

const to = (version: number) => ({ at: { kind: "version", version }, signal }) as const;

describe("restore", () => {
  test("has the files of the earlier version again, in one commit", async () => {
    const [engine] = await threeVersions();
    const { version, adds, removes } = await restore(engine, to(1));
    expect({ version, adds: adds.length, removes: removes.length })
      .toEqual({ version: 3, adds: 1, removes: 1 });
    expect(await livePaths(engine)).toEqual(["b", "first"]);
    const [entry] = await loadHistory(engine, { limit: 1, signal });
    expect(entry).toMatchObject({
      operation: "RESTORE",
      operationParameters: { version: "1", timestamp: null },
      operationMetrics: {
        tableSizeAfterRestore: "2",
        numOfFilesAfterRestore: "2",
        numRemovedFiles: "1",
        numRestoredFiles: "1",
        removedFilesSize: "1",
        restoredFilesSize: "1",
      },
    });
  });

  test("leaves the positions of streams alone, unless told", async () => {
    const [engine] = await threeVersions();
    await restore(engine, to(1));
    const positionOf = async () =>
      (await loadTableState(engine, { signal }))?.transactions.get("app")?.version;
    expect(await positionOf()).toBe(9n);
    await restore(engine, { ...to(1), txns: [{ appId: "app", version: 7n }] });
    expect(await positionOf()).toBe(7n);
  });

  test("brings back schema and properties, never the protocol", async () => {
    const [engine, state] = await threeVersions();
    const configuration = { "delta.appendOnly": "false", "delta.checkpointInterval": "50" };
    const protocol: Protocol = {
      minReaderVersion: 3,
      minWriterVersion: 7,
      readerFeatures: ["deletionVectors"],
      writerFeatures: ["appendOnly", "deletionVectors", "invariants"],
    };
    await mustCommit(engine, state, {
      ...appendDraft("d"),
      metadata: { ...state.metadata, configuration },
      protocol,
    });
    const plan = await planRestore(engine, to(2));
    expect(plan.changesMetadata).toBe(true);
    await restore(engine, to(2));
    const restored = await loadSnapshot(engine, { signal });
    expect(restored.metadata.configuration).toEqual({});
    expect(restored.protocol).toEqual(protocol);
  });

  test("names files that are gone, and changes nothing then", async () => {
    const [engine] = await threeVersions();
    await engine.store.delete(["first"], { signal });
    await expect(restore(engine, to(1))).rejects.toThrow("1 of its files are gone");
    await expect(restore(engine, to(1))).rejects.toMatchObject({ code: "not-found" });
    expect((await loadTableState(engine, { signal }))?.version).toBe(2);
  });

  test("has nothing to do at the newest version", async () => {
    const [engine] = await threeVersions();
    await expect(restore(engine, to(2))).rejects.toThrow("Nothing to restore");
  });

  test("starts over when another writer was faster", async () => {
    let rival: (() => Promise<void>) | null = null;
    const [engine, state] = await threeVersions(testEngine((store) => ({
      ...store,
      putIfAbsent: async (key, bytes, options) => {
        const plant = rival;
        rival = null;
        await plant?.();
        return await store.putIfAbsent(key, bytes, options);
      },
    })));
    rival = async () => {
      const adds = [addFile("late")];
      await mustCommit(engine, state, { ...appendDraft("x"), adds });
    };
    expect((await restore(engine, to(0))).version).toBe(4);
    expect(await livePaths(engine)).toEqual(["first"]);
  });
});
