import { describe, expect, test } from "bun:test";
import { CdcDeltaError } from "../../../src/errors.ts";
import type { Action } from "../../../src/delta/log/actions.ts";
import { baseAgeMaxMs, commit, type CommitEvent } from "../../../src/delta/log/committer.ts";
import { writeCheckpoint } from "../../../src/delta/log/checkpoint-writer.ts";
import { commitKey, lastCheckpointKey, logFolder } from "../../../src/delta/log/log-path.ts";
import {
  loadTableState,
  refreshTableState,
  type TableState,
} from "../../../src/delta/log/table-state.ts";
import type { TransactionDraft } from "../../../src/delta/log/transaction.ts";
import { schemaToJson } from "../../../src/delta/schema/schema-json.ts";
import { field, struct } from "../../../src/delta/schema/data-type.ts";
import type { ObjectStore } from "../../../src/delta/storage/object-store.ts";
import {
  addFile,
  appendDraft,
  creationDraft,
  livePaths,
  mustCommit,
  newTable,
  removeFile,
  rivalCommit,
  signal,
  type TestEngine,
  testEngine,
} from "../../support/delta-table.ts";

type Wrap = (store: ObjectStore) => ObjectStore;

/** Runs `action` just before the first conditional PUT of `version` reaches the store. */
function beforePut(version: number, action: (store: ObjectStore) => Promise<void>): Wrap {
  let done = false;
  return (store) => ({
    ...store,
    putIfAbsent: async (key, bytes, options) => {
      if (key === commitKey(version) && !done) {
        done = true;
        await action(store);
      }
      return await store.putIfAbsent(key, bytes, options);
    },
  });
}

function plant(version: number, actions: readonly Action[]): Wrap {
  return beforePut(version, async (store) => {
    await store.putIfAbsent(commitKey(version), rivalCommit(actions), { signal });
  });
}

const unavailable = (): CdcDeltaError =>
  new CdcDeltaError("store", "503 slow down", { retryable: true });

const add = (path: string): Action => ({ kind: "add", add: addFile(path) });
const remove = (path: string): Action => ({ kind: "remove", remove: removeFile(path) });

describe("commit", () => {
  test("creates a table at version 0 and appends to it", async () => {
    const engine = testEngine();
    const created = await newTable(engine);
    expect(created.version).toBe(0);
    const outcome = await commit(engine, created, appendDraft("second", 7n), { signal });
    expect(outcome).toMatchObject({ kind: "committed", attempts: 1, state: { version: 1 } });
    expect(await livePaths(engine)).toEqual(["first", "second"]);
    const loaded = await loadTableState(engine, { signal });
    expect<unknown>(loaded).toEqual(outcome.state);
    expect(loaded?.transactions.get("app")?.version).toBe(7n);
  });

  test("returns a state that the next commit can build on without loading", async () => {
    const engine = testEngine();
    let state = await newTable(engine);
    for (let i = 1; i <= 5; i++) state = await mustCommit(engine, state, appendDraft(`f${i}`));
    expect(state.version).toBe(5);
    expect(await livePaths(engine)).toHaveLength(6);
  });

  test("follows a rival's append: only the version changes", async () => {
    const engine = testEngine(plant(1, [add("rival")]));
    const base = await newTable(engine);
    const events: CommitEvent[] = [];
    const onEvent = (event: CommitEvent): void => void events.push(event);
    const outcome = await commit(engine, base, appendDraft("ours"), { signal, onEvent });
    expect(outcome).toMatchObject({ kind: "committed", attempts: 2, state: { version: 2 } });
    expect(await livePaths(engine)).toEqual(["first", "rival", "ours"]);
    expect(events).toEqual([{ kind: "lost-race", version: 1, winners: 1 }]);
    const info = JSON.parse(
      new TextDecoder().decode(
        (await engine.store.get(commitKey(2), { signal })).slice(),
      ).split("\n")[0] ?? "",
    );
    expect(info.commitInfo.readVersion).toBe(1);
  });

  test("is conflicted when somebody else creates it first", async () => {
    const { protocol, metadata } = creationDraft("x");
    const rival: Action[] = [
      { kind: "protocol", protocol: protocol! },
      { kind: "metaData", metaData: metadata! },
      add("rival"),
    ];
    const engine = testEngine(plant(0, rival));
    const outcome = await commit(engine, null, creationDraft("ours"), { signal });
    expect(outcome).toMatchObject({
      kind: "conflicted",
      reason: "created",
      winnerVersion: 0,
      state: { version: 0 },
    });
    expect(await livePaths(engine)).toEqual(["rival"]);
  });

  test("never writes version 0 into a log that clean-up has shortened", async () => {
    const engine = testEngine();
    await mustCommit(engine, await newTable(engine), appendDraft("a"));
    await engine.store.delete([commitKey(0)], { signal });
    const failure = commit(engine, null, creationDraft("ours"), { signal });
    await expect(failure).rejects.toMatchObject({ code: "log-corrupt" });
    expect(await engine.store.head(commitKey(0), { signal })).toBeNull();
  });

  test("recognises its own PUT that was reported as failed", async () => {
    const engine = testEngine((store) => ({
      ...store,
      putIfAbsent: async (...call) => {
        await store.putIfAbsent(...call);
        throw unavailable();
      },
    }));
    const outcome = await commit(engine, null, creationDraft("ours"), { signal });
    expect(outcome).toMatchObject({ kind: "committed", state: { version: 0 } });
    expect(await livePaths(engine)).toEqual(["ours"]);
  });
});

describe("commit in doubt", () => {
  type Fault = { readonly landed: boolean; readonly times: number };

  /** The first PUTs of version 1 fail, after landing or before. */
  function failing({ landed, times }: Fault): Wrap {
    let left = times;
    return (store) => ({
      ...store,
      putIfAbsent: async (key, bytes, options) => {
        if (key !== commitKey(1) || left === 0) return await store.putIfAbsent(key, bytes, options);
        left -= 1;
        if (landed) await store.putIfAbsent(key, bytes, options);
        throw unavailable();
      },
    });
  }

  for (
    const { landed, times, attempts } of [
      { landed: true, times: 1, attempts: 1 },
      { landed: true, times: 9, attempts: 1 },
      { landed: false, times: 1, attempts: 2 },
      { landed: false, times: 5, attempts: 6 },
    ]
  ) {
    test(`${times} failures, landed ${landed}: committed once in ${attempts} attempts`, async () => {
      const engine = testEngine(failing({ landed, times }));
      const base = await newTable(engine);
      const outcome = await commit(engine, base, appendDraft("ours", 1n), { signal });
      expect(outcome).toMatchObject({ kind: "committed", attempts, state: { version: 1 } });
      expect(await livePaths(engine)).toEqual(["first", "ours"]);
    });
  }

  test("a rival in its place is recognised as one, whatever the store said", async () => {
    const engine = testEngine((store) => ({
      ...plant(1, [add("rival")])(store),
      putIfAbsent: async (key, bytes, options) => {
        const rival = rivalCommit([add("rival")]);
        if (key === commitKey(1)) {
          if (await store.putIfAbsent(key, rival, options) === "created") throw unavailable();
        }
        return await store.putIfAbsent(key, bytes, options);
      },
    }));
    const base = await newTable(engine);
    const outcome = await commit(engine, base, appendDraft("ours"), { signal });
    expect(outcome).toMatchObject({ kind: "committed", attempts: 2, state: { version: 2 } });
    expect(await livePaths(engine)).toEqual(["first", "rival", "ours"]);
  });

  test("survives a read-back that fails as well", async () => {
    let broken = 3;
    const engine = testEngine((store) => ({
      ...failing({ landed: true, times: 1 })(store),
      get: async (key, options) => {
        if (key === commitKey(1) && broken-- > 0) throw unavailable();
        return await store.get(key, options);
      },
    }));
    const base = await newTable(engine);
    const outcome = await commit(engine, base, appendDraft("ours"), { signal });
    expect(outcome).toMatchObject({ kind: "committed", state: { version: 1 } });
    expect(await livePaths(engine)).toEqual(["first", "ours"]);
  });

  test("gives up after its attempts, waiting longer each time up to a limit", async () => {
    const engine = testEngine(failing({ landed: false, times: Infinity }));
    const base = await newTable(engine);
    const failure = commit(engine, base, appendDraft("ours"), { signal, attemptsMax: 12 });
    await expect(failure).rejects.toMatchObject({ code: "store", retryable: true });
    expect(engine.slept).toHaveLength(11);
    expect(engine.slept.slice(0, 4)).toEqual([75, 150, 300, 600]);
    expect(Math.max(...engine.slept)).toBe(7500);
  });

  test.each([
    ["not landed: it is thrown, nothing is repeated", false],
    ["landed all the same: it is committed", true],
  ])("a failure that will not pass, %s", async (_, landed) => {
    const full = new CdcDeltaError("store", "the disk is full");
    const engine = testEngine((store) => ({
      ...store,
      async putIfAbsent(key, bytes, options) {
        if (key !== commitKey(1)) return await store.putIfAbsent(key, bytes, options);
        if (landed) await store.putIfAbsent(key, bytes, options);
        throw full;
      },
    }));
    const base = await newTable(engine);
    const outcome = await commit(engine, base, appendDraft("ours"), { signal })
      .catch((error: unknown) => error);
    if (landed) expect(outcome).toMatchObject({ kind: "committed", state: { version: 1 } });
    else expect(outcome).toBe(full);
    expect(engine.slept).toEqual([]);
  });

  test("an error that is no doubt is thrown at once", async () => {
    const engine = testEngine((store) => ({
      ...store,
      putIfAbsent: (key, bytes, options) =>
        key === commitKey(1)
          ? Promise.reject(new CdcDeltaError("permission", "403"))
          : store.putIfAbsent(key, bytes, options),
    }));
    const base = await newTable(engine);
    const failure = commit(engine, base, appendDraft("ours"), { signal });
    await expect(failure).rejects.toMatchObject({ code: "permission" });
    expect(engine.slept).toEqual([]);
  });
});

describe("commit against winners", () => {
  const other = schemaToJson(struct([field("other", { kind: "string" })]));
  const { metadata, protocol } = creationDraft("x");
  const removal: TransactionDraft = {
    operation: "OPTIMIZE",
    operationParameters: {},
    reads: { kind: "files", paths: new Set(["first"]) },
    dataChange: false,
    adds: [addFile("compacted")],
    removes: [removeFile("first")],
  };

  const cases: readonly (readonly [string, TransactionDraft, Action[], string | null])[] = [
    ["append, append", appendDraft("ours"), [add("r")], null],
    ["append, removal", appendDraft("ours"), [remove("first")], null],
    [
      "append, schema change",
      appendDraft("ours"),
      [{ kind: "metaData", metaData: { ...metadata!, schemaString: other } }],
      "metadata",
    ],
    [
      "append, protocol",
      appendDraft("ours"),
      [{ kind: "protocol", protocol: protocol! }],
      "protocol",
    ],
    [
      "txn, same appId",
      appendDraft("ours", 2n),
      [{ kind: "txn", txn: { appId: "app", version: 1n } }],
      "txn",
    ],
    [
      "txn, other appId",
      appendDraft("ours", 2n),
      [{ kind: "txn", txn: { appId: "b", version: 9n } }],
      null,
    ],
    [
      "appId only read",
      { ...appendDraft("ours"), readAppIds: ["b"] },
      [{ kind: "txn", txn: { appId: "b", version: 9n } }],
      "txn",
    ],
    ["compaction, append", removal, [add("r")], null],
    ["compaction, same file removed", removal, [remove("first")], "delete-read"],
    ["compaction, other file removed", removal, [remove("elsewhere")], null],
  ];

  for (const [name, draft, winner, reason] of cases) {
    test(`${name}: ${reason ?? "follows"}`, async () => {
      const engine = testEngine(plant(1, winner));
      const base = await newTable(engine);
      const outcome = await commit(engine, base, draft, { signal });
      if (reason === null) {
        expect(outcome).toMatchObject({ kind: "committed", state: { version: 2 } });
      } else {
        expect(outcome).toMatchObject({
          kind: "conflicted",
          reason,
          winnerVersion: 1,
          state: { version: 1 },
        });
        expect(await engine.store.head(commitKey(2), { signal })).toBeNull();
      }
    });
  }

  test("hands back the newest state, past the winner that forbids it", async () => {
    const engine = testEngine(beforePut(1, async (store) => {
      const changed: Action = { kind: "metaData", metaData: { ...metadata!, schemaString: other } };
      await store.putIfAbsent(commitKey(1), rivalCommit([changed]), { signal });
      await store.putIfAbsent(commitKey(2), rivalCommit([add("r")]), { signal });
    }));
    const base = await newTable(engine);
    const outcome = await commit(engine, base, appendDraft("ours"), { signal });
    expect(outcome).toMatchObject({ kind: "conflicted", winnerVersion: 1, state: { version: 2 } });
    if (outcome.kind === "conflicted") expect(schemaToJson(outcome.state.schema)).toBe(other);
  });
});

describe("commit after a long sleep", () => {
  test("refreshes an old base before the PUT, with the conflict check", async () => {
    const engine = testEngine();
    const base = await newTable(engine);
    await mustCommit(engine, base, appendDraft("theirs", 3n));
    engine.nowMs += baseAgeMaxMs + 1;
    const puts: string[] = [];
    const watched = {
      ...engine,
      store: {
        ...engine.store,
        putIfAbsent: (...call: Parameters<ObjectStore["putIfAbsent"]>) => {
          puts.push(call[0]);
          return engine.store.putIfAbsent(...call);
        },
      },
    };
    const conflicted = await commit(watched, base, appendDraft("ours", 4n), { signal });
    expect(conflicted).toMatchObject({ kind: "conflicted", reason: "txn", winnerVersion: 1 });
    expect(puts).toEqual([]);
    const followed = await commit(watched, base, appendDraft("ours"), { signal });
    expect(followed).toMatchObject({ kind: "committed", attempts: 1, state: { version: 2 } });
    expect(puts).toEqual([commitKey(2)]);
  });

  test("never writes a version that clean-up removed", async () => {
    const engine = testEngine();
    const base = await newTable(engine);
    let state = base;
    for (let i = 1; i <= 3; i++) state = await mustCommit(engine, state, appendDraft(`f${i}`));
    // What another writer's clean-up leaves when it starts from a state that we cannot follow.
    await engine.store.delete([commitKey(0), commitKey(1)], { signal });
    const failure = commit(engine, base, appendDraft("ours"), { signal });
    await expect(failure).rejects.toMatchObject({ code: "log-corrupt" });
    expect(await engine.store.head(commitKey(1), { signal })).toBeNull();
  });

  test("does not count a commit that it put behind the log's back", async () => {
    let asleep: () => Promise<void> = () => Promise.resolve();
    const engine = testEngine((store) => ({
      ...store,
      putIfAbsent: async (key, bytes, options) => {
        if (key === commitKey(2)) await asleep();
        return await store.putIfAbsent(key, bytes, options);
      },
    }));
    const base = await mustCommit(engine, await newTable(engine), appendDraft("a"));
    asleep = async () => {
      asleep = () => Promise.resolve();
      engine.nowMs += baseAgeMaxMs + 1;
      let state = base;
      for (const path of ["b", "c"]) state = await mustCommit(engine, state, appendDraft(path));
      await writeCheckpoint(engine, state.version, { signal });
      await engine.store.delete([0, 1, 2].map(commitKey), { signal });
    };
    const outcome = await commit(engine, base, appendDraft("ours"), { signal });
    expect(outcome).toMatchObject({ kind: "conflicted", reason: "log-truncated" });
    expect(await livePaths(engine)).toEqual(["first", "a", "b", "c"]);
  });

  test("fails when the table was deleted, and does not create it again", async () => {
    const engine = testEngine();
    const base = await newTable(engine);
    const keys: string[] = [];
    for await (const meta of engine.store.list("", { signal })) keys.push(meta.key);
    await engine.store.delete(keys, { signal });
    for (const state of [base, { ...base, loadedMs: 0 }]) {
      const failure = commit(engine, state, appendDraft("ours"), { signal });
      await expect(failure).rejects.toMatchObject({ code: "not-found" });
    }
    await expect(refreshTableState(engine, base, { signal })).rejects.toMatchObject({
      code: "not-found",
    });
    for await (const meta of engine.store.list("", { signal })) throw new Error(meta.key);
  });

  test("fails when the table went back to an older version", async () => {
    const engine = testEngine();
    const base = await mustCommit(engine, await newTable(engine), appendDraft("a"));
    await engine.store.delete([commitKey(1)], { signal });
    const failure = commit(engine, base, appendDraft("ours"), { signal });
    await expect(failure).rejects.toMatchObject({ code: "log-corrupt" });
    expect(await engine.store.head(commitKey(2), { signal })).toBeNull();
  });
});

describe("a table that was deleted and created again", () => {
  /** Another table with as many versions as ours had, and one more. */
  async function replaced(): Promise<{ engine: TestEngine; base: TableState }> {
    const engine = testEngine();
    const base = await mustCommit(engine, await newTable(engine), appendDraft("a"));
    const keys: string[] = [];
    for await (const meta of engine.store.list("", { signal })) keys.push(meta.key);
    await engine.store.delete(keys, { signal });
    let other = await newTable(engine);
    for (const path of ["x", "y"]) other = await mustCommit(engine, other, appendDraft(path));
    return { engine, base };
  }

  test("is not written to as if it were the old one", async () => {
    const { engine, base } = await replaced();
    for (const state of [base, { ...base, loadedMs: 0 }]) {
      const failure = commit(engine, state, appendDraft("ours"), { signal });
      await expect(failure).rejects.toThrow("version 1 is another commit now");
    }
    expect(await engine.store.head(commitKey(3), { signal })).toBeNull();
  });

  test("is not taken for the old one's newest version", async () => {
    const { engine, base } = await replaced();
    await expect(refreshTableState(engine, base, { signal })).rejects.toMatchObject({
      code: "log-corrupt",
    });
  });
});

describe("refreshTableState", () => {
  test("finds all newer versions, however many, and takes over what they say", async () => {
    const engine = testEngine();
    const base = await newTable(engine);
    let state = base;
    for (let i = 1; i <= 60; i++) {
      state = await mustCommit(engine, state, appendDraft(`f${i}`, BigInt(i)));
    }
    engine.nowMs += 5;
    const refreshed = await refreshTableState(engine, base, { signal });
    expect(refreshed.version).toBe(60);
    expect(refreshed.transactions.get("app")?.version).toBe(60n);
    expect(refreshed.loadedMs).toBe(engine.nowMs);
    expect(await refreshTableState(engine, refreshed, { signal })).toEqual(refreshed);
  });

  test("looks at its own version and the next one, and no further", async () => {
    const engine = testEngine();
    const base = await newTable(engine);
    const asked: string[] = [];
    const store: ObjectStore = {
      ...engine.store,
      get: (key, options) => (asked.push(`get ${key}`), engine.store.get(key, options)),
      head: (key, options) => (asked.push(`head ${key}`), engine.store.head(key, options)),
      list: (prefix, options) => (asked.push(`list ${prefix}`), engine.store.list(prefix, options)),
    };
    await refreshTableState({ ...engine, store }, base, { signal });
    expect(asked).toEqual([`get ${commitKey(0)}`, `get ${commitKey(1)}`]);
  });
});

test("a broken hint does not keep a table from loading", async () => {
  for (
    const text of ["", "{", `{"version":99,"size":1}`, `{"version":0,"size":1,"checksum":"0"}`]
  ) {
    const engine = testEngine();
    await mustCommit(engine, await newTable(engine), appendDraft("a"));
    await engine.store.put(lastCheckpointKey, [new TextEncoder().encode(text)], { signal });
    expect((await loadTableState(engine, { signal }))?.version).toBe(1);
  }
});

test("files that are not the log's own are no versions", async () => {
  const engine = testEngine();
  await newTable(engine);
  const junk = [
    ".00000000000000000001.json.crc",
    ".tmp/00000000000000000001.json",
    "_staged_commits/00000000000000000001.b2f2f5b4-1b9d-4d5c-8a7c-3f0f5a1f6d11.json",
    "_trino_meta/extended_stats.json",
    "00000000000000000000.crc",
    "info.txt",
  ];
  for (const name of junk) await engine.store.put(`${logFolder}${name}`, [], { signal });
  expect((await loadTableState(engine, { signal }))?.version).toBe(0);
});
