import { describe, expect, test } from "bun:test";
import { CdcDeltaError } from "../../../src/errors.ts";
import type { Engine } from "../../../src/delta/engine.ts";
import { serializeCommit } from "../../../src/delta/log/action-json.ts";
import type { Action, AddFile } from "../../../src/delta/log/actions.ts";
import { commit, type CommitEvent } from "../../../src/delta/log/committer.ts";
import { commitKey } from "../../../src/delta/log/log-path.ts";
import { loadSnapshot } from "../../../src/delta/log/snapshot.ts";
import {
  loadTableState,
  refreshTableState,
  type TableState,
} from "../../../src/delta/log/table-state.ts";
import type { TransactionDraft } from "../../../src/delta/log/transaction.ts";
import { newTableActions } from "../../../src/delta/operations/create-table.ts";
import { field, struct } from "../../../src/delta/schema/data-type.ts";
import { memoryStore } from "../../../src/delta/storage/memory-store.ts";
import type { ObjectStore } from "../../../src/delta/storage/object-store.ts";

const signal = new AbortController().signal;
const schema = struct([field("id", { kind: "long" })]);

type TestEngine = Engine & { nowMs: number; slept: number[] };

function testEngine(wrap: (store: ObjectStore) => ObjectStore = (store) => store): TestEngine {
  let uuids = 0;
  const engine: TestEngine = {
    nowMs: 1_700_000_000_000,
    slept: [],
    store: wrap(memoryStore()),
    clock: {
      nowMs: () => engine.nowMs,
      sleep: (ms) => {
        engine.slept.push(ms);
        engine.nowMs += ms;
        return Promise.resolve();
      },
    },
    random: { uuid: () => `uuid-${++uuids}`, next: () => 0.5 },
  };
  return engine;
}

function add(path: string): AddFile {
  return { path, partitionValues: {}, size: 1, modificationTime: 1, dataChange: true };
}

function append(path: string, version?: bigint): TransactionDraft {
  return {
    operation: "STREAMING UPDATE",
    operationParameters: { outputMode: "Append" },
    reads: { kind: "blind-append" },
    dataChange: true,
    adds: [add(path)],
    ...(version === undefined ? {} : { txns: [{ appId: "app", version }] }),
  };
}

function creation(path: string): TransactionDraft {
  const created = newTableActions({
    schema,
    partitionColumns: [],
    configuration: {},
    id: "table-id",
    createdTime: 1,
  });
  return { ...append(path), ...created };
}

async function newTable(engine: Engine): Promise<TableState> {
  const outcome = await commit(engine, null, creation("first"), { signal });
  if (outcome.kind !== "committed") throw new Error(outcome.kind);
  return outcome.state;
}

async function paths(engine: Engine): Promise<string[]> {
  return (await loadSnapshot(engine, { signal })).files.map((file) => file.path);
}

function rival(actions: readonly Action[]): Uint8Array {
  const commitInfo = { operation: "WRITE", txnId: "rival" };
  return serializeCommit([{ kind: "commitInfo", commitInfo }, ...actions]);
}

/** What happens just before the first conditional PUT of a version reaches the store. */
function before(
  version: number,
  action: (store: ObjectStore) => Promise<void>,
): (store: ObjectStore) => ObjectStore {
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

const storeError = (): CdcDeltaError => new CdcDeltaError("store", "503 slow down");

describe("commit", () => {
  test("creates a table at version 0 and appends to it", async () => {
    const engine = testEngine();
    const created = await newTable(engine);
    expect(created.version).toBe(0);
    const outcome = await commit(engine, created, append("second", 7n), { signal });
    expect(outcome).toMatchObject({ kind: "committed", attempts: 1, state: { version: 1 } });
    expect(await paths(engine)).toEqual(["first", "second"]);
    const loaded = await loadTableState(engine, { signal });
    expect(loaded).toEqual(outcome.state);
    expect(loaded?.transactions.get("app")?.version).toBe(7n);
  });

  test("is conflicted when somebody else creates the table first", async () => {
    const engine = testEngine(before(0, async (store) => {
      const { protocol, metadata } = creation("x");
      const actions: Action[] = [
        { kind: "protocol", protocol: protocol! },
        { kind: "metaData", metaData: metadata! },
        { kind: "add", add: add("rival") },
      ];
      await store.putIfAbsent(commitKey(0), rival(actions), { signal });
    }));
    const outcome = await commit(engine, null, creation("ours"), { signal });
    expect(outcome).toMatchObject({ kind: "conflicted", reason: "created", winnerVersion: 0 });
    expect(await paths(engine)).toEqual(["rival"]);
  });

  test("follows a rival's append: only the version changes", async () => {
    const engine = testEngine(before(1, async (store) => {
      await store.putIfAbsent(commitKey(1), rival([{ kind: "add", add: add("rival") }]), {
        signal,
      });
    }));
    const base = await newTable(engine);
    const events: CommitEvent[] = [];
    const outcome = await commit(engine, base, append("ours"), {
      signal,
      onEvent: (event) => events.push(event),
    });
    expect(outcome).toMatchObject({ kind: "committed", attempts: 2, state: { version: 2 } });
    expect(await paths(engine)).toEqual(["first", "rival", "ours"]);
    expect(events).toEqual([{ kind: "lost-race", version: 1, winners: 1 }]);
  });
});
