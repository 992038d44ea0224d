import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { serializeCommit } from "../../../src/delta/log/action-json.ts";
import type { Action } from "../../../src/delta/log/actions.ts";
import { writeCheckpoint } from "../../../src/delta/log/checkpoint-writer.ts";
import { fileKey } from "../../../src/delta/log/file-key.ts";
import { commitKey, logFolder, versionPrefix } from "../../../src/delta/log/log-path.ts";
import { readCommit } from "../../../src/delta/log/log-reader.ts";
import { loadSnapshot, type SnapshotAt } from "../../../src/delta/log/snapshot.ts";
import { loadTableState } from "../../../src/delta/log/table-state.ts";
import {
  addFile,
  mustCommit,
  newTable,
  removeFile,
  signal,
  type TestEngine,
  testEngine,
} from "../../support/delta-table.ts";

/** An engine that tells which of the log's files were read. */
function watched(): { readonly engine: TestEngine; readonly read: () => string[] } {
  let keys: string[] = [];
  const engine = testEngine((store) => ({
    ...store,
    get: (key, options) => {
      keys.push(key.slice(logFolder.length).replace(/\b0+(?=\d)/g, ""));
      return store.get(key, options);
    },
  }));
  const read = (): string[] => {
    const found = [...new Set(keys)].filter((key) => key.endsWith("json")).sort();
    keys = [];
    return found;
  };
  return { engine, read };
}

const compactionKey = (from: number, to: number): string =>
  `${versionPrefix(from)}.${String(to).padStart(20, "0")}.compacted.json`;

/** What commits come to, by the definition: the newest action of each kind and key. */
async function compact(engine: TestEngine, from: number, to: number): Promise<void> {
  const newest = new Map<string, Action>();
  for (let version = from; version <= to; version++) {
    const actions = await readCommit(engine, version, { signal, files: true });
    for (const action of actions ?? []) {
      const key = keyOf(action, engine.store.uri);
      if (key === null) continue;
      // A map keeps the place of a key, which must not matter.
      newest.set(key, action);
    }
  }
  await engine.store.put(compactionKey(from, to), [serializeCommit([...newest.values()])], {
    signal,
  });
}

function keyOf(action: Action, uri: string): string | null {
  switch (action.kind) {
    case "add":
      return `file ${fileKey(action.add, uri)}`;
    case "remove":
      return `file ${fileKey(action.remove, uri)}`;
    case "txn":
      return `txn ${action.txn.appId}`;
    case "domainMetadata":
      return `domain ${action.domainMetadata.domain}`;
    case "protocol":
    case "metaData":
      return action.kind;
    case "cdc":
    case "commitInfo":
      return null;
  }
}

/** Each version adds a file and a transaction; from the second on it removes the file before. */
async function grow(engine: TestEngine, versions: number): Promise<void> {
  let state = await newTable(engine);
  for (let version = 1; version <= versions; version++) {
    state = await mustCommit(engine, state, {
      operation: "WRITE",
      operationParameters: {},
      reads: { kind: "blind-append" },
      dataChange: true,
      adds: [addFile(`f${version}`)],
      txns: [{ appId: "app", version: BigInt(version) }],
      ...(version > 1 ? { removes: [removeFile(`f${version - 1}`)] } : {}),
    });
  }
}

async function summary(engine: TestEngine, at?: SnapshotAt): Promise<unknown> {
  const { files, tombstones, transactions, commitId, version, domainMetadata } = await loadSnapshot(
    engine,
    at === undefined ? { signal } : { at, signal },
  );
  const paths = (list: readonly { readonly path: string }[]): string[] =>
    list.map((file) => file.path).sort();
  return {
    version,
    commitId,
    files: paths(files),
    tombstones: paths(tombstones),
    transactions: [...transactions],
    domains: [...domainMetadata].sort(),
  };
}

describe("a log compaction", () => {
  test("is read instead of its commits", async () => {
    const { engine, read } = watched();
    await grow(engine, 5);
    const before = await summary(engine);
    await compact(engine, 1, 4);
    read();
    expect(await summary(engine)).toEqual(before);
    expect(read()).toEqual(["0.json", "1.4.compacted.json", "5.json"]);
    const state = await loadTableState(engine, { signal });
    expect(state?.transactions.get("app")?.version).toBe(5n);
    expect(read()).toEqual(["0.json", "1.4.compacted.json", "5.json"]);
  });

  test("at the end keeps the id of its last commit, by which the table is recognised", async () => {
    const { engine, read } = watched();
    await grow(engine, 3);
    const before = await summary(engine);
    await compact(engine, 0, 3);
    read();
    expect(await summary(engine)).toEqual(before);
    expect(read()).toEqual(["0.3.compacted.json", "3.json"]);
    expect((await loadTableState(engine, { signal }))?.commitId).not.toBeNull();
  });

  test("that reaches beyond the version wanted is left alone", async () => {
    const { engine, read } = watched();
    await grow(engine, 4);
    const at = { kind: "version", version: 3 } as const;
    const before = await summary(engine, at);
    await compact(engine, 1, 4);
    read();
    expect(await summary(engine, at)).toEqual(before);
    expect(read()).toEqual(["0.json", "1.json", "2.json", "3.json"]);
  });

  test("that overlaps a checkpoint is left alone, one behind it is read", async () => {
    const { engine, read } = watched();
    await grow(engine, 7);
    await writeCheckpoint(engine, 3, { signal });
    const before = await summary(engine);
    await compact(engine, 2, 5);
    await compact(engine, 3, 4);
    read();
    expect(await summary(engine)).toEqual(before);
    expect(read()).toEqual(["4.json", "5.json", "6.json", "7.json"]);
    await compact(engine, 4, 6);
    read();
    expect(await summary(engine)).toEqual(before);
    expect(read()).toEqual(["4.6.compacted.json", "7.json"]);
  });

  test("that is damaged or gone is done without", async () => {
    const { engine } = watched();
    await grow(engine, 3);
    const before = await summary(engine);
    await engine.store.put(compactionKey(1, 2), [new TextEncoder().encode('{"add":{"pa')], {
      signal,
    });
    expect(await summary(engine)).toEqual(before);
    await compact(engine, 1, 2);
    const { get } = engine.store;
    const vanished: TestEngine = {
      ...engine,
      store: {
        ...engine.store,
        get: (key, options) => get(key.endsWith("compacted.json") ? `${key}.gone` : key, options),
      },
    };
    expect(await summary(vanished)).toEqual(before);
  });

  test("without its commits is a hole in the log", async () => {
    const { engine } = watched();
    await grow(engine, 3);
    await compact(engine, 1, 2);
    await engine.store.delete([commitKey(2)], { signal });
    await expect(loadSnapshot(engine, { signal })).rejects.toThrow(/commit 2 is missing/);
  });
});

test("any compactions of any log change nothing", async () => {
  const path = fc.constantFrom("a", "b", "c");
  const action = fc.oneof(
    path.map((name): Action => ({ kind: "add", add: addFile(name) })),
    path.map((name): Action => ({ kind: "remove", remove: removeFile(name) })),
    fc.nat(9).map((n): Action => ({
      kind: "txn",
      txn: { appId: `app${n % 2}`, version: BigInt(n) },
    })),
    fc.boolean().map((removed): Action => ({
      kind: "domainMetadata",
      domainMetadata: { domain: "d", configuration: "{}", removed },
    })),
  );
  /** A commit names each file once, as the protocol asks. */
  const commit = fc.uniqueArray(action, { maxLength: 3, selector: (one) => keyOf(one, "memory:") });
  const range = fc.tuple(fc.nat(6), fc.integer({ min: 1, max: 4 }));
  await fc.assert(
    fc.asyncProperty(
      fc.array(commit, { minLength: 1, maxLength: 6 }),
      fc.array(range, { minLength: 1, maxLength: 3 }),
      fc.option(fc.nat(5), { nil: null }),
      async (commits, ranges, checkpoint) => {
        const engine = testEngine();
        await newTable(engine);
        for (const [i, actions] of commits.entries()) {
          const bytes = serializeCommit([{ kind: "commitInfo", commitInfo: {} }, ...actions]);
          await engine.store.put(commitKey(i + 1), [bytes], { signal });
        }
        if (checkpoint !== null && checkpoint <= commits.length) {
          await writeCheckpoint(engine, checkpoint, { signal });
        }
        const before = await summary(engine);
        for (const [from, length] of ranges) {
          if (from + length <= commits.length) await compact(engine, from, from + length);
        }
        expect(await summary(engine)).toEqual(before);
      },
    ),
    { numRuns: 150 },
  );
});
