import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { batchFromRows } from "../../../src/delta/columns/column-builder.ts";
import { rowsOfBatch } from "../../../src/delta/columns/column-value.ts";
import type { Engine } from "../../../src/delta/engine.ts";
import type { Action, AddFile } from "../../../src/delta/log/actions.ts";
import { commitKey } from "../../../src/delta/log/log-path.ts";
import { writeDataFile } from "../../../src/delta/operations/append.ts";
import { type ChangeFeed, openChangeFeed } from "../../../src/delta/operations/change-feed.ts";
import type { ChangeRange } from "../../../src/delta/operations/change-range.ts";
import { newTableActions } from "../../../src/delta/operations/create-table.ts";
import { parseRowCondition } from "../../../src/delta/operations/row-condition.ts";
import { bindSelection } from "../../../src/delta/operations/select-rows.ts";
import { encodeWithStatistics } from "../../../src/delta/parquet/writer.ts";
import { field, struct, type StructType } from "../../../src/delta/schema/data-type.ts";
import { schemaToJson } from "../../../src/delta/schema/schema-json.ts";
import { CdcDeltaError } from "../../../src/errors.ts";
import { inlineVector } from "../../support/deletion-vectors.ts";
import {
  removeFile,
  rivalCommit,
  signal,
  type TestEngine,
  testEngine,
} from "../../support/delta-table.ts";

const schema = struct([field("id", { kind: "long" }), field("day", { kind: "string" })]);
const fileSchema = struct([field("id", { kind: "long" })]);
const hour = 3_600_000;

/** Commits what a test says, whether a writer of ours would or not. */
async function commit(
  engine: TestEngine,
  version: number,
  actions: readonly Action[],
): Promise<void> {
  engine.nowMs += hour;
  await engine.store.putIfAbsent(commitKey(version), rivalCommit(actions), { signal });
}

function creation(
  columns: StructType = schema,
  configuration: Readonly<Record<string, string>> = {},
): Action[] {
  const { protocol, metadata } = newTableActions({
    schema: columns,
    partitionColumns: ["day"],
    configuration: {},
    id: "t",
    createdTime: 1,
  });
  if (protocol === undefined || metadata === undefined) throw new Error("a table has both");
  return [{ kind: "protocol", protocol }, {
    kind: "metaData",
    metaData: { ...metadata, configuration },
  }];
}

async function written(engine: Engine, ids: readonly number[], day = "a"): Promise<AddFile> {
  const batch = batchFromRows(fileSchema, ids.map((id) => ({ id: BigInt(id) })));
  const { rowGroup, statistics } = encodeWithStatistics(batch, fileSchema);
  const file = { schema: fileSchema, partitionValues: { day }, rowGroups: [rowGroup], statistics };
  return await writeDataFile(engine, file, { signal });
}

const add = (file: AddFile): Action => ({ kind: "add", add: file });

/** As a writer takes a file out: with all that it knows of it, or with its path alone. */
function removal(file: AddFile, isTerse = false): Action {
  const { path, size, partitionValues, deletionVector } = file;
  const vector = deletionVector === undefined ? {} : { deletionVector };
  return {
    kind: "remove",
    remove: removeFile(path, isTerse ? vector : { size, partitionValues, ...vector }),
  };
}

const all: ChangeRange = { from: null, to: null };
const version = (number: number) => ({ kind: "version", version: number }) as const;

async function textsOf(feed: ChangeFeed, where: string | null = null): Promise<string[]> {
  const parsed = where === null ? null : parseRowCondition(where);
  if (parsed?.kind === "wrong") throw new Error(parsed.message);
  const selection = bindSelection(
    { columns: null, where: parsed?.condition ?? null },
    feed.schema,
    "mem",
  );
  const counts = { files: 0, filesRead: 0, rowGroups: 0, rowGroupsRead: 0 };
  const texts: string[] = [];
  for await (const batch of feed.batches({ selection, counts, signal })) {
    for (const row of rowsOfBatch(batch, feed.schema)) {
      texts.push(
        `${row["_commit_version"]} ${row["_change_type"]} ${row["id"]}${row["day"] ?? "-"}`,
      );
    }
  }
  return texts;
}

async function changes(engine: Engine, range: ChangeRange = all): Promise<string[]> {
  return await textsOf(await openChangeFeed(engine, range, { signal }));
}

describe("the change feed of a table that records no changes", () => {
  test("follows from files that come and go, and from their deletion vectors", async () => {
    type File = { readonly add: AddFile; readonly ids: readonly number[]; deleted: number[] };
    const step = fc.record({
      append: fc.integer({ min: 0, max: 2 }),
      size: fc.integer({ min: 1, max: 5 }),
      change: fc.constantFrom("vector", "restore", "remove", "rewrite", "none"),
      pick: fc.nat(20),
      rows: fc.array(fc.nat(4), { maxLength: 4 }),
      isTerse: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 6 }), async (steps) => {
        const engine = testEngine();
        await commit(engine, 0, creation());
        const files: File[] = [];
        const wanted: string[] = [];
        let next = 0;
        for (const [at, { append, size, change, pick, rows, isTerse }] of steps.entries()) {
          const number = at + 1;
          const actions: Action[] = [];
          const tell = (kind: string, ids: readonly number[]): void => {
            wanted.push(...ids.map((id) => `${number} ${kind} ${id}a`));
          };
          const file = files[pick % Math.max(1, files.length)];
          const live = (one: File): number[] =>
            one.ids.filter((_, row) => !one.deleted.includes(row));
          if (file !== undefined && change !== "none") {
            files.splice(files.indexOf(file), 1);
            const { deletionVector: _, ...plain } = file.add;
            const before = live(file);
            actions.push(removal(file.add, isTerse));
            if (change === "remove") tell("delete", before);
            else if (change === "rewrite") {
              const moved = await written(engine, before);
              actions.pop();
              actions.push(
                { kind: "remove", remove: removeFile(file.add.path, { dataChange: false }) },
                add({ ...moved, dataChange: false }),
              );
              files.push({ add: moved, ids: before, deleted: [] });
            } else {
              const chosen = rows.filter((row) => row < file.ids.length);
              const deleted = change === "restore"
                ? file.deleted.filter((row) => !chosen.includes(row))
                : [...new Set([...file.deleted, ...chosen])].sort((a, b) => a - b);
              const vector = deleted.length === 0 ? {} : { deletionVector: inlineVector(deleted) };
              const changed: File = { add: { ...plain, ...vector }, ids: file.ids, deleted };
              actions.push(add(changed.add));
              files.push(changed);
              const after = live(changed);
              tell("delete", before.filter((id) => !after.includes(id)));
              tell("insert", after.filter((id) => !before.includes(id)));
            }
          }
          for (let i = 0; i < append; i++) {
            const ids = Array.from({ length: size }, () => next++);
            const one = await written(engine, ids);
            actions.push(add(one));
            files.push({ add: one, ids, deleted: [] });
            tell("insert", ids);
          }
          await commit(engine, number, actions);
        }
        expect(await changes(engine)).toEqual(wanted);
      }),
      { numRuns: 150 },
    );
  }, 30_000);

  test("is shown up to both ends, by versions and by times", async () => {
    const engine = testEngine();
    await commit(engine, 0, creation());
    const start = engine.nowMs;
    for (const number of [1, 2, 3]) {
      await commit(engine, number, [add(await written(engine, [number]))]);
    }
    const time = (hours: number) =>
      ({ kind: "timestamp", timestampMs: start + hours * hour }) as const;
    const cases: readonly (readonly [ChangeRange, readonly number[]])[] = [
      [all, [1, 2, 3]],
      [{ from: version(2), to: version(2) }, [2]],
      [{ from: version(2), to: null }, [2, 3]],
      [{ from: null, to: version(1) }, [1]],
      [{ from: time(1), to: time(2) }, [1, 2]],
      [{ from: time(1.5), to: time(2.5) }, [2]],
      [{ from: time(1.5), to: time(1.6) }, []],
      [{ from: time(-9), to: time(99) }, [1, 2, 3]],
      [{ from: time(99), to: null }, []],
    ];
    for (const [range, wanted] of cases) {
      expect([range, await changes(engine, range)])
        .toEqual([range, wanted.map((number) => `${number} insert ${number}a`)]);
    }
  });

  test("is filtered by the columns of changes too, reading no more files than needed", async () => {
    const engine = testEngine();
    const gone = await written(engine, [1, 2]);
    await commit(engine, 0, [...creation(), add(gone)]);
    await commit(engine, 1, [removal(gone), add(await written(engine, [3, 4], "b"))]);
    const feed = await openChangeFeed(engine, all, { signal });
    expect(feed.recorded).toBe("never");
    expect(await textsOf(feed, "_change_type = delete and id > 1")).toEqual(["1 delete 2a"]);
    expect(await textsOf(feed, "_commit_version >= 1 and day = b")).toEqual([
      "1 insert 3b",
      "1 insert 4b",
    ]);
    // The file is not needed, and not asked for.
    await engine.store.delete([gone.path], { signal });
    expect(await textsOf(feed, "day = b")).toHaveLength(2);
  });

  test("names the version whose files are gone", async () => {
    const engine = testEngine();
    const gone = await written(engine, [1]);
    await commit(engine, 0, [...creation(), add(gone)]);
    await commit(engine, 1, [removal(gone), add(await written(engine, [2]))]);
    await engine.store.delete([gone.path], { signal });
    const failure = await changes(engine).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(CdcDeltaError);
    expect(failure).toMatchObject({ code: "not-found", context: { version: 0 } });
    expect(String(failure)).toMatch(/changes of version 0 of .*after a vacuum/);
    expect(await changes(engine, { from: version(1), to: null }).catch(String))
      .toMatch(/changes of version 1 of/);
  });
});

test("a table that records changes since a version does so for a part of those before", async () => {
  const engine = testEngine();
  const recording = creation(schema, { "delta.enableChangeDataFeed": "true" });
  await commit(engine, 0, [...creation(schema), add(await written(engine, [1]))]);
  await commit(engine, 1, recording.filter(({ kind }) => kind === "metaData"));
  const recorded = async (from: number): Promise<string> =>
    (await openChangeFeed(engine, { from: version(from), to: null }, { signal })).recorded;
  expect([await recorded(0), await recorded(1)]).toEqual(["partly", "always"]);
});

test("change files are all that counts in a commit that has them", async () => {
  const engine = testEngine();
  const configuration = { "delta.enableChangeDataFeed": "true" };
  const first = await written(engine, [1, 2]);
  await commit(engine, 0, [...creation(schema, configuration), add(first)]);
  const inFile = struct([...fileSchema.fields, field("_change_type", { kind: "string" })]);
  const rows = [
    { id: 1n, _change_type: "update_preimage" },
    { id: 9n, _change_type: "update_postimage" },
  ];
  const { rowGroup, statistics } = encodeWithStatistics(batchFromRows(inFile, rows), inFile);
  const { path, size } = await writeDataFile(engine, {
    schema: inFile,
    partitionValues: { day: "a" },
    rowGroups: [rowGroup],
    statistics,
  }, { signal });
  const partitionValues = { day: "b" };
  await commit(engine, 1, [
    removal(first),
    add(await written(engine, [9, 2])),
    { kind: "cdc", cdc: { path, size, partitionValues, dataChange: false } },
  ]);
  const feed = await openChangeFeed(engine, all, { signal });
  expect(feed.recorded).toBe("always");
  expect(await textsOf(feed)).toEqual([
    "0 insert 1a",
    "0 insert 2a",
    "1 update_preimage 1b",
    "1 update_postimage 9b",
  ]);
  expect(await textsOf(feed, "_change_type = update_postimage")).toEqual(["1 update_postimage 9b"]);
});

describe("the columns of a change feed", () => {
  const metaData = (columns: StructType, partitionColumns = ["day"]): Action => ({
    kind: "metaData",
    metaData: {
      id: "t",
      format: { provider: "parquet", options: {} },
      schemaString: schemaToJson(columns),
      partitionColumns,
      configuration: {},
    },
  });
  const wider = struct([...schema.fields, field("more", { kind: "long" })]);

  test("are those of the last version; earlier rows have nulls in new ones", async () => {
    const engine = testEngine();
    await commit(engine, 0, [...creation(), add(await written(engine, [1]))]);
    await commit(engine, 1, [metaData(wider)]);
    const feed = await openChangeFeed(engine, all, { signal });
    expect(feed.schema.fields.map(({ name }) => name)).toEqual([
      "id",
      "day",
      "more",
      "_change_type",
      "_commit_version",
      "_commit_timestamp",
    ]);
    expect(await textsOf(feed, "more is null")).toEqual(["0 insert 1a"]);
  });

  const refused: readonly (readonly [string, Action[][], RegExp])[] = [
    ["a column that is dropped", [[...creation(wider)], [metaData(schema)]], /version 0 .*"more"/],
    [
      "a column that came and went",
      [[...creation()], [metaData(wider)], [metaData(schema)]],
      /version 1 .*column "more" is no longer there/,
    ],
    [
      "a narrower type",
      [[...creation()], [
        metaData(struct([field("id", { kind: "integer" }), field("day", { kind: "string" })])),
      ]],
      /version 0 .*column "id" has another type/,
    ],
    [
      "other partition columns",
      [[...creation()], [metaData(schema, [])]],
      /version 0 .*partitioned by other columns/,
    ],
  ];
  test.each([...refused])("are refused by version: %s", async (_, commits, said) => {
    const engine = testEngine();
    for (const [number, actions] of commits.entries()) await commit(engine, number, actions);
    const failure = await changes(engine).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "unsupported" });
    expect(String(failure)).toMatch(said);
    // One version alone has nothing to fit.
    expect(await changes(engine, { from: version(1), to: version(1) })).toEqual([]);
  });

  test("are refused when the table has one of their names", async () => {
    const engine = testEngine();
    const columns = struct([...schema.fields, field("_Change_Type", { kind: "string" })]);
    await commit(engine, 0, [...creation(), metaData(columns)]);
    expect(await changes(engine).catch(String)).toMatch(/has a column "_Change_Type" of its own/);
  });
});

test("versions that are not there are named", async () => {
  const engine = testEngine();
  await commit(engine, 0, creation());
  await commit(engine, 1, [add(await written(engine, [1]))]);
  const cases: readonly (readonly [ChangeRange, RegExp])[] = [
    [{ from: version(2), to: null }, /version 2 of .*range from 0 to 1/],
    [{ from: null, to: version(7) }, /version 7 of .*range from 0 to 1/],
    [{ from: version(1), to: version(0) }, /the range goes backwards/],
  ];
  for (const [range, said] of cases) {
    expect(await changes(engine, range).catch(String)).toMatch(said);
  }
});
