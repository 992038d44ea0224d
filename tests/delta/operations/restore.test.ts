import { describe, expect, test } from "bun:test";
import type { Engine } from "../../../src/delta/engine.ts";
import type { Protocol } from "../../../src/delta/log/actions.ts";
import { commitKey } from "../../../src/delta/log/log-path.ts";
import { loadHistory } from "../../../src/delta/log/history.ts";
import { loadSnapshot } from "../../../src/delta/log/snapshot.ts";
import { loadTableState, type TableState } from "../../../src/delta/log/table-state.ts";
import { planRestore, restore } from "../../../src/delta/operations/restore.ts";
import { restoredState } from "../../../src/delta/operations/restored-state.ts";
import {
  addFile,
  appendDraft,
  livePaths,
  mustCommit,
  newTable,
  removeFile,
  signal,
  type TestEngine,
  testEngine,
} from "../../support/delta-table.ts";

/** Versions: 0 has `first`; 1 adds `b` as transaction 7; 2 takes `first` out, adds `c`. */
async function threeVersions(
  engine: Engine = testEngine(),
): Promise<[Engine, TableState]> {
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

const base = await newTable(testEngine());

const to = (version: number) => ({ at: { kind: "version", version }, signal }) as const;

describe("restore", () => {
  test("has the files of the earlier version again, in one commit", async () => {
    const [engine] = await threeVersions();
    const { version, diff } = await restore(engine, to(1));
    expect({ version, returning: diff.returning.files, leaving: diff.leaving.files })
      .toEqual({ version: 3, returning: 1, leaving: 1 });
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
    await expect(restore(engine, to(1))).rejects.toThrow("1 of its files is gone");
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

  test("wins against a sink that gets in between thirty times, and reads only its commits", async () => {
    const [engine, newest] = await threeVersions();
    let state = newest;
    let lost = 0;
    let listedBefore: number | null = null;
    let listed = 0;
    const store: Engine["store"] = {
      ...engine.store,
      list: (prefix, io) => {
        listed += 1;
        return engine.store.list(prefix, io);
      },
      async putIfAbsent(key, bytes, io) {
        listedBefore ??= listed;
        if (lost < 30) {
          lost += 1;
          state = await mustCommit(engine, state, appendDraft(`late-${lost}`, BigInt(lost + 20)));
        }
        return await engine.store.putIfAbsent(key, bytes, io);
      },
    };
    const restored = await restore({ ...engine, store }, to(1));
    expect(restored.version).toBe(33);
    expect(listed).toBe(listedBefore ?? -1);
    expect(await livePaths(engine)).toEqual(["b", "first"]);
    expect(restored.diff).toMatchObject({ leaving: { files: 31 }, before: { files: 32 } });
    const [entry] = await loadHistory(engine, { limit: 1, signal });
    expect(entry?.operationMetrics).toMatchObject({ numRemovedFiles: "31" });
    const { transactions } = await loadSnapshot(engine, { signal });
    expect([...transactions.values()].map(({ version }) => version)).toEqual([50n]);
    const before = { kind: "version", version: 32 } as const;
    expect((await loadSnapshot(engine, { at: before, signal })).files).toHaveLength(32);
  });

  test("plans anew when more happened than an append", async () => {
    const [engine, newest] = await threeVersions();
    let rivals = 0;
    const store: Engine["store"] = {
      ...engine.store,
      async putIfAbsent(key, bytes, io) {
        if (rivals === 0) {
          rivals += 1;
          const removes = [removeFile("b")];
          const reads = { kind: "whole-table" } as const;
          await mustCommit(engine, newest, { ...appendDraft("late"), removes, reads });
        }
        return await engine.store.putIfAbsent(key, bytes, io);
      },
    };
    const restored = await restore({ ...engine, store }, to(1));
    expect(restored.diff.returning.files).toBe(2);
    expect(await livePaths(engine)).toEqual(["b", "first"]);
  });

  test("is refused where rows may not leave the table, before anything is done", async () => {
    const [engine, state] = await threeVersions();
    const configuration = { "delta.appendOnly": "true" };
    const metadata = { ...state.metadata, configuration };
    await mustCommit(engine, state, { ...appendDraft("d"), metadata });
    await expect(planRestore(engine, to(1))).rejects.toThrow("delta.appendOnly is true. Set it");
    await mustCommit(engine, { ...state, version: 3, commitId: null }, {
      ...appendDraft("e"),
      metadata: state.metadata,
    });
    const again = planRestore(engine, to(3));
    await expect(again).rejects.toThrow("delta.appendOnly is true in version 3. Set it");
  });

  test("tells files with another deletion vector apart", async () => {
    const [engine, state] = await threeVersions();
    const deletionVector = {
      storageType: "i",
      pathOrInlineDv: "wi5b=000010000siXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L",
      sizeInBytes: 40,
      cardinality: 6n,
    };
    const reads = { kind: "whole-table" } as const;
    const adds = [addFile("b", { deletionVector })];
    await mustCommit(engine, state, {
      ...appendDraft("x"),
      adds,
      removes: [removeFile("b")],
      reads,
    });
    const { diff } = await restore(engine, to(2));
    expect([diff.returning.files, diff.leaving.files]).toEqual([1, 1]);
    const { files } = await loadSnapshot(engine, { signal });
    expect(files.map((file) => [file.path, file.deletionVector])).toEqual([
      ["c", undefined],
      ["b", undefined],
    ]);
  });

  test("lists the table when many files would come back, and names some that are gone", async () => {
    const engine = testEngine();
    const names = Array.from({ length: 1100 }, (_, i) => `f${String(i).padStart(4, "0")}`);
    for (const name of ["first", ...names]) {
      await engine.store.put(name, [new Uint8Array(1)], { signal });
    }
    let state = await newTable(engine);
    const adds = names.map((name) => addFile(name));
    state = await mustCommit(engine, state, { ...appendDraft("x"), adds });
    const removes = names.map((name) => removeFile(name));
    const reads = { kind: "whole-table" } as const;
    await mustCommit(engine, state, { ...appendDraft("x"), adds: [], removes, reads });
    expect((await planRestore(engine, to(1))).diff.returning.files).toBe(1100);
    await engine.store.delete(names.slice(7, 14), { signal });
    await expect(planRestore(engine, to(1))).rejects.toThrow(
      "7 of its files are gone, deleted by a vacuum: f0007, f0008, f0009, f0010, f0011 and 2 more.",
    );
  });
});

/** Does something right before or after the commit of version `version` is put. */
function aroundCommit(
  version: number,
  when: "before" | "after",
  what: () => Promise<void>,
): TestEngine {
  return testEngine((store) => ({
    ...store,
    putIfAbsent: async (key, bytes, options) => {
      const isIt = key === commitKey(version);
      if (isIt && when === "before") await what();
      const outcome = await store.putIfAbsent(key, bytes, options);
      if (isIt && when === "after") await what();
      return outcome;
    },
  }));
}

describe("a vacuum that deletes while a restore commits", () => {
  const txns = [{ appId: "app", version: 7n }];

  test("makes the restore take itself back, what others appended stays", async () => {
    const [engine, before] = await threeVersions(aroundCommit(3, "after", async () => {
      await engine.store.delete(["first"], { signal });
      await mustCommit(engine, { ...before, version: 3, commitId: null }, appendDraft("late"));
    }));
    const failed = restore(engine, { ...to(1), txns });
    await expect(failed).rejects.toThrow(
      /1 of the files of version 1 were deleted .*: first\. The restore \(version 3\) was taken back by version 5: the table is as it was in version 2/,
    );
    expect((await livePaths(engine)).sort()).toEqual(["b", "c", "late"]);
    const state = await loadTableState(engine, { signal });
    expect(state?.transactions.get("app")?.version).toBe(9n);
  });

  test("is told with the command when the table cannot be put back", async () => {
    const [engine, before] = await threeVersions(aroundCommit(3, "after", async () => {
      await engine.store.delete(["first"], { signal });
      const committed = { ...before, version: 3, commitId: null };
      const reads = { kind: "whole-table" } as const;
      const removes = [removeFile("first")];
      await mustCommit(engine, committed, { ...appendDraft("late"), removes, reads });
    }));
    await expect(restore(engine, to(1))).rejects.toThrow(
      /version 3, refers to them and could not be taken back \(version 4 got in between: delete-read\).*cdcdelta restore memory: --version 2/,
    );
  });

  test("before the commit: the restore is taken back too", async () => {
    const [engine] = await threeVersions(aroundCommit(3, "before", async () => {
      await engine.store.delete(["first"], { signal });
    }));
    await expect(restore(engine, to(1))).rejects.toThrow("taken back by version 4");
    expect(await livePaths(engine)).toEqual(["b", "c"]);
  });
});

test("a restore whose commit is under way is brought to its end", async () => {
  const stop = new AbortController();
  const [engine] = await threeVersions(aroundCommit(3, "before", () => {
    stop.abort();
    return Promise.resolve();
  }));
  expect((await restore(engine, { ...to(1), signal: stop.signal })).version).toBe(3);
});

describe("what goes on while a table goes back", () => {
  const stateWith = (more: Partial<TableState>, configuration = {}): TableState => ({
    ...base,
    metadata: { ...base.metadata, configuration },
    ...more,
  });
  const domain = (name: string, configuration: string) =>
    [name, { domain: name, configuration, removed: false }] as const;

  test.each([
    [{}, { "delta.enableInCommitTimestamps": "true" }, {
      "delta.enableInCommitTimestamps": "true",
    }],
    [{ "delta.enableInCommitTimestamps": "true" }, {}, {}],
    [
      { "delta.inCommitTimestampEnablementVersion": "1" },
      { "delta.inCommitTimestampEnablementVersion": "5" },
      { "delta.inCommitTimestampEnablementVersion": "5" },
    ],
    [
      { "delta.columnMapping.maxColumnId": "9" },
      { "delta.columnMapping.maxColumnId": "12" },
      { "delta.columnMapping.maxColumnId": "12" },
    ],
    [{}, { "delta.columnMapping.maxColumnId": "3" }, { "delta.columnMapping.maxColumnId": "3" }],
    [
      {},
      { "delta.rowTracking.materializedRowIdColumnName": "_r" },
      { "delta.rowTracking.materializedRowIdColumnName": "_r" },
    ],
    [{ "delta.checkpointInterval": "5" }, { "delta.appendOnly": "false" }, {
      "delta.checkpointInterval": "5",
    }],
  ])("properties %p over %p are %p", (target, newest, expected) => {
    const { metadata, changesMetadata } = restoredState(
      stateWith({}, target),
      stateWith({}, newest),
    );
    expect(metadata.configuration).toEqual(expected);
    expect(changesMetadata).toBe(JSON.stringify(newest) !== JSON.stringify(expected));
  });

  test("only the clustering goes back of the domains: row ids are never given twice", () => {
    const target = new Map([domain("delta.rowTracking", "3"), domain("delta.clustering", "a")]);
    const newest = new Map([domain("delta.rowTracking", "9"), domain("delta.clustering", "b")]);
    expect(
      restoredState(
        stateWith({ domainMetadata: target }),
        stateWith({ domainMetadata: newest }),
      ).domainMetadata,
    ).toEqual([domain("delta.clustering", "a")[1]]);
    const none = stateWith({ domainMetadata: new Map() });
    expect(restoredState(none, stateWith({ domainMetadata: newest })).domainMetadata)
      .toEqual([{ ...domain("delta.clustering", "b")[1], removed: true }]);
  });

  test("a protocol that implies column mapping lists it once it lists features", () => {
    const old = stateWith({ protocol: { minReaderVersion: 2, minWriterVersion: 5 } });
    const listed = {
      minReaderVersion: 3,
      minWriterVersion: 7,
      readerFeatures: ["deletionVectors"],
      writerFeatures: ["deletionVectors"],
    };
    const { protocol } = restoredState(old, stateWith({ protocol: listed }));
    expect(protocol.readerFeatures).toEqual(["columnMapping", "deletionVectors"]);
    expect(restoredState(stateWith({ protocol: listed }), old).protocol).toEqual(protocol);
    const legacy = stateWith({ protocol: { minReaderVersion: 1, minWriterVersion: 2 } });
    expect(restoredState(legacy, old).protocol).toBe(old.protocol);
  });
});
