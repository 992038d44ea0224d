import type { Engine } from "../../src/delta/engine.ts";
import { serializeCommit } from "../../src/delta/log/action-json.ts";
import type { Action, AddFile, RemoveFile } from "../../src/delta/log/actions.ts";
import { commit } from "../../src/delta/log/committer.ts";
import { loadSnapshot } from "../../src/delta/log/snapshot.ts";
import type { TableState } from "../../src/delta/log/table-state.ts";
import type { TransactionDraft } from "../../src/delta/log/transaction.ts";
import { newTableActions } from "../../src/delta/operations/create-table.ts";
import { field, struct, type StructType } from "../../src/delta/schema/data-type.ts";
import { memoryStore } from "../../src/delta/storage/memory-store.ts";
import type { ObjectStore } from "../../src/delta/storage/object-store.ts";

/** Never aborted. */
export const signal = new AbortController().signal;

export const idSchema: StructType = struct([field("id", { kind: "long" })]);

/** An engine whose time is a number, whose sleep passes at once and whose UUIDs count up. */
export type TestEngine = Engine & { nowMs: number; readonly slept: number[] };

/** `wrap` sees the store that objects are kept in, so that a test can plant faults and rivals. */
export function testEngine(
  wrap: (store: ObjectStore) => ObjectStore = (store) => store,
): TestEngine {
  let uuids = 0;
  const engine: TestEngine = {
    nowMs: 1_700_000_000_000,
    slept: [],
    store: wrap(memoryStore({ clock: { nowMs: () => engine.nowMs } })),
    clock: {
      nowMs: () => engine.nowMs,
      sleep: (ms) => {
        engine.slept.push(ms);
        engine.nowMs += ms;
        return Promise.resolve();
      },
    },
    random: {
      uuid: () => `00000000-0000-4000-8000-${String(++uuids).padStart(12, "0")}`,
      next: () => 0.5,
    },
  };
  return engine;
}

export function addFile(path: string, more: Partial<AddFile> = {}): AddFile {
  const add = { path, partitionValues: {}, size: 1, modificationTime: 1, dataChange: true };
  return { ...add, ...more };
}

export function removeFile(path: string, more: Partial<RemoveFile> = {}): RemoveFile {
  return { path, deletionTimestamp: 1, dataChange: true, ...more };
}

/** Appends one file; with `version`, as the transaction of the appId `app`. */
export function appendDraft(path: string, version?: bigint): TransactionDraft {
  return {
    operation: "STREAMING UPDATE",
    operationParameters: { outputMode: "Append" },
    reads: { kind: "blind-append" },
    dataChange: true,
    adds: [addFile(path)],
    ...(version === undefined ? {} : { txns: [{ appId: "app", version }] }),
  };
}

/** Creates a table with one column `id` and one file. */
export function creationDraft(
  path: string,
  configuration: Readonly<Record<string, string>> = {},
): TransactionDraft {
  const created = newTableActions({
    schema: idSchema,
    partitionColumns: [],
    configuration,
    id: "table-id",
    createdTime: 1,
  });
  return { ...appendDraft(path), ...created };
}

export async function newTable(
  engine: Engine,
  configuration: Readonly<Record<string, string>> = {},
): Promise<TableState> {
  return await mustCommit(engine, null, creationDraft("first", configuration));
}

export async function mustCommit(
  engine: Engine,
  base: TableState | null,
  draft: TransactionDraft,
): Promise<TableState> {
  const outcome = await commit(engine, base, draft, { signal });
  if (outcome.kind !== "committed") throw new Error(JSON.stringify(outcome.kind));
  return outcome.state;
}

export async function livePaths(engine: Engine): Promise<string[]> {
  return (await loadSnapshot(engine, { signal })).files.map((file) => file.path);
}

/** The bytes of somebody else's commit. */
export function rivalCommit(actions: readonly Action[]): Uint8Array {
  const commitInfo = { operation: "WRITE", txnId: "rival" };
  return serializeCommit([{ kind: "commitInfo", commitInfo }, ...actions]);
}
