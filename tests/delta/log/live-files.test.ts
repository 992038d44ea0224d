import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { serializeCommit } from "../../../src/delta/log/action-json.ts";
import type {
  Action,
  AddFile,
  DeletionVectorDescriptor,
  RemoveFile,
} from "../../../src/delta/log/actions.ts";
import { writeCheckpoint } from "../../../src/delta/log/checkpoint-writer.ts";
import { fileKey } from "../../../src/delta/log/file-key.ts";
import { commitKey, versionPrefix } from "../../../src/delta/log/log-path.ts";
import { loadSnapshot, openVersion } from "../../../src/delta/log/snapshot.ts";
import { newTableActions } from "../../../src/delta/operations/create-table.ts";
import {
  addFile,
  idSchema,
  removeFile,
  signal,
  type TestEngine,
  testEngine,
} from "../../support/delta-table.ts";
import { replayFiles } from "../../support/replay-model.ts";

const add = (path: string, more: Partial<AddFile> = {}): Action => ({
  kind: "add",
  add: addFile(path, more),
});
const remove = (path: string, more: Partial<RemoveFile> = {}): Action => ({
  kind: "remove",
  // So late that no checkpoint leaves it out.
  remove: removeFile(path, { deletionTimestamp: 1_700_000_000_000, ...more }),
});
const vector = (id: string, offset?: number): DeletionVectorDescriptor => ({
  storageType: "u",
  pathOrInlineDv: id,
  sizeInBytes: 1,
  cardinality: 1n,
  ...(offset === undefined ? {} : { offset }),
});

async function logOf(commits: readonly (readonly Action[])[]): Promise<TestEngine> {
  const engine = testEngine();
  const { protocol, metadata } = newTableActions({
    schema: idSchema,
    partitionColumns: [],
    configuration: {},
    id: "table-id",
    createdTime: 1,
  });
  const first: Action[] = [{ kind: "protocol", protocol }, {
    kind: "metaData",
    metaData: metadata,
  }];
  for (const [version, actions] of commits.entries()) {
    const bytes = serializeCommit(version === 0 ? [...first, ...actions] : actions);
    await engine.store.put(commitKey(version), [bytes], { signal });
  }
  return engine;
}

describe("what holds of a log's file actions", () => {
  const live = async (...commits: Action[][]): Promise<string[]> => {
    const { files } = await loadSnapshot(await logOf(commits), { signal });
    return files.map((file) => file.path);
  };

  test("the newest action of a file", async () => {
    expect(await live([add("a"), add("b")], [remove("a")])).toEqual(["b"]);
    expect(await live([add("a")], [remove("a")], [add("a")])).toEqual(["a"]);
    expect(await live([remove("a")], [add("a")])).toEqual(["a"]);
  });

  test("files are in the order of the log", async () => {
    expect(await live([add("a"), add("b")], [add("c"), add("d")])).toEqual(["a", "b", "c", "d"]);
  });

  test("a file is known by its decoded path and its deletion vector", async () => {
    const uri = testEngine().store.uri;
    expect(await live([add("a%20b")], [remove("a b")])).toEqual([]);
    expect(await live([add("/x")], [remove("file:/x")])).toEqual([]);
    const old = { deletionVector: vector("v1") };
    const next = { deletionVector: vector("v1", 1) };
    expect(await live([add("a", old)], [remove("a")])).toEqual(["a"]);
    expect(await live([add("a", old)], [remove("a", next)])).toEqual(["a"]);
    expect(await live([add("a", old)], [remove("a", old)])).toEqual([]);
    expect(await live([add("a")], [add("a", old), remove("a")])).toEqual(["a"]);
    expect(fileKey(addFile("a", old), uri)).not.toBe(fileKey(addFile("a"), uri));
  });
});

const names = fc.constantFrom("a", "b", "c", "d%20e", "d e", "/x", "file:/x", "memory:/a");
const vectors = fc.constantFrom(undefined, vector("v1"), vector("v1", 1), vector("v2"));
const fileAction = fc.record({ isAdd: fc.boolean(), path: names, dv: vectors, size: fc.nat(99) })
  .map(({ isAdd, path, dv, size }): Action => {
    const more = { size, ...(dv === undefined ? {} : { deletionVector: dv }) };
    return isAdd ? add(path, more) : remove(path, more);
  });
const logs = fc.array(fc.array(fileAction, { maxLength: 5 }), { minLength: 1, maxLength: 8 });

/** In any order: what tells one action of a key from another. */
function sorted(files: Iterable<AddFile | RemoveFile>, uri: string): string[] {
  return [...files].map((file) => JSON.stringify([fileKey(file, uri), file.path, file.size]))
    .sort();
}

async function expectModel(
  engine: TestEngine,
  commits: readonly (readonly Action[])[],
): Promise<void> {
  const model = replayFiles(commits, engine.store.uri);
  const opened = await openVersion(engine, { signal });
  for (let round = 0; round < 2; round++) {
    const [adds, removes]: [AddFile[], RemoveFile[]] = [[], []];
    for await (const batch of opened.files({ signal })) {
      adds.push(...batch.adds);
      removes.push(...batch.removes);
    }
    const { uri } = engine.store;
    expect(sorted(adds, uri)).toEqual(sorted(model.adds.values(), uri));
    expect(sorted(removes, uri)).toEqual(sorted(model.removes.values(), uri));
  }
}

describe("any log is reconciled as the plain model does it", () => {
  test("commits only", async () => {
    await fc.assert(fc.asyncProperty(logs, async (commits) => {
      await expectModel(await logOf(commits), commits);
    }));
  });

  test("commits after a checkpoint", async () => {
    await fc.assert(
      fc.asyncProperty(logs, fc.nat(7), async (commits, at) => {
        const engine = await logOf(commits);
        await writeCheckpoint(engine, Math.min(at, commits.length - 1), { signal });
        await expectModel(engine, commits);
      }),
      { numRuns: 60 },
    );
  });

  test("a compaction in the place of commits, readable or not", async () => {
    const cases = fc.record({ commits: logs, from: fc.nat(6), to: fc.nat(7), broken: fc.nat(3) });
    await fc.assert(fc.asyncProperty(cases, async ({ commits, from, to, broken }) => {
      const [start, end] = [from + 1, Math.min(to, commits.length - 1)];
      fc.pre(end > start);
      const engine = await logOf(commits);
      const { adds, removes } = replayFiles(commits.slice(start, end + 1), engine.store.uri);
      const lines = serializeCommit([
        ...[...removes.values()].map((one): Action => ({ kind: "remove", remove: one })),
        ...[...adds.values()].map((one): Action => ({ kind: "add", add: one })),
      ]);
      const cut = broken === 0 ? lines.length - 3 : lines.length;
      const key = `${versionPrefix(start)}.${String(end).padStart(20, "0")}.compacted.json`;
      await engine.store.put(key, [lines.subarray(0, Math.max(cut, 0))], { signal });
      await expectModel(engine, commits);
    }));
  });
});

test("commits of a short log are fetched once, although they are gone through again", async () => {
  const engine = await logOf([[add("a")], [add("b")], [remove("a")]]);
  let commitsRead = 0;
  const counted = {
    ...engine,
    store: {
      ...engine.store,
      get: (key: string, options: Parameters<typeof engine.store.get>[1]) => {
        if (key.endsWith(".json")) commitsRead += 1;
        return engine.store.get(key, options);
      },
    },
  };
  const { files } = await openVersion(counted, { signal });
  for (let round = 0; round < 2; round++) {
    for await (const { adds } of files({ signal })) expect(adds).toHaveLength(1);
  }
  expect(commitsRead).toBe(3);
});
