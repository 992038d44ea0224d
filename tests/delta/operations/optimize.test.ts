import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { batchFromRows } from "../../../src/delta/columns/column-builder.ts";
import { rowsOfBatch } from "../../../src/delta/columns/column-value.ts";
import type { Engine } from "../../../src/delta/engine.ts";
import type { AddFile } from "../../../src/delta/log/actions.ts";
import { commit } from "../../../src/delta/log/committer.ts";
import { loadHistory } from "../../../src/delta/log/history.ts";
import { readCommit } from "../../../src/delta/log/log-reader.ts";
import { loadSnapshot } from "../../../src/delta/log/snapshot.ts";
import { loadTableState, type TableState } from "../../../src/delta/log/table-state.ts";
import { writeDataFile } from "../../../src/delta/operations/append.ts";
import { newTableActions } from "../../../src/delta/operations/create-table.ts";
import {
  optimize,
  type OptimizeSummary,
  planOptimize,
} from "../../../src/delta/operations/optimize.ts";
import { binSorter } from "../../../src/delta/operations/optimize-plan.ts";
import { removalOf } from "../../../src/delta/operations/rewrite-file.ts";
import { scanSnapshot } from "../../../src/delta/operations/scan.ts";
import { encodeWithStatistics } from "../../../src/delta/parquet/writer.ts";
import { field, struct } from "../../../src/delta/schema/data-type.ts";
import { typeToJson } from "../../../src/delta/schema/schema-json.ts";
import type { ObjectStore } from "../../../src/delta/storage/object-store.ts";
import { addFile, signal, testEngine } from "../../support/delta-table.ts";
import type { Row } from "../parquet/arbitrary-rows.ts";

const schema = struct([
  field("day", { kind: "string" }),
  field("n", { kind: "long" }),
  field("text", { kind: "string" }),
  field(
    "deep",
    struct([field("list", {
      kind: "array",
      elementType: { kind: "double" },
      containsNull: true,
    })]),
  ),
]);
const inFile = struct(schema.fields.slice(1));

const rowsFrom = (day: string, from: number, count: number): Row[] =>
  Array.from({ length: count }, (_, i) => ({
    day,
    n: BigInt(from + i),
    text: i % 3 === 0 ? null : `${from + i}`,
    deep: i % 4 === 0 ? null : { list: i % 5 === 0 ? null : [i, null] },
  }));

async function append(engine: Engine, state: TableState | null, rows: Row[]): Promise<TableState> {
  const add = await writeDataFile(engine, {
    schema: inFile,
    partitionValues: { day: rows[0]!["day"] as string },
    ...encoded(rows),
  }, { signal });
  const created = state !== null ? {} : newTableActions({
    schema,
    partitionColumns: ["day"],
    configuration: {},
    id: "t",
    createdTime: 1,
  });
  const outcome = await commit(engine, state, {
    operation: "WRITE",
    operationParameters: {},
    reads: { kind: "blind-append" },
    dataChange: true,
    adds: [add],
    ...created,
  }, { signal });
  if (outcome.kind !== "committed") throw new Error(outcome.kind);
  return outcome.state;
}

function encoded(rows: Row[]) {
  const { rowGroup, statistics } = encodeWithStatistics(batchFromRows(inFile, rows), inFile);
  return { rowGroups: [rowGroup], statistics };
}

async function tableOf(engine: Engine, files: readonly (readonly [string, number])[]) {
  let state: TableState | null = null;
  let from = 0;
  for (const [day, count] of files) {
    state = await append(engine, state, rowsFrom(day, from, count));
    from += count;
  }
  return state!;
}

async function rowsOf(engine: Engine): Promise<Row[]> {
  const snapshot = await loadSnapshot(engine, { signal });
  const rows: Row[] = [];
  for await (const batch of scanSnapshot(engine, snapshot, { signal })) {
    rows.push(...rowsOfBatch(batch, snapshot.schema));
  }
  return rows.sort((a, b) => Number(a["n"]) - Number(b["n"]));
}

const rules = { targetBytes: 1 << 20, where: () => true } as const;

async function run(engine: Engine, targetBytes = rules.targetBytes): Promise<OptimizeSummary> {
  return await optimize(engine, { ...rules, targetBytes, predicate: [], signal });
}

describe("optimize", () => {
  test("keeps every row of any table, changes none, and finds nothing the second time", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom("a", "b", "c"), fc.integer({ min: 1, max: 60 })), {
          minLength: 1,
          maxLength: 12,
        }),
        fc.constantFrom(2_000, 8_000, 1 << 20),
        async (files, targetBytes) => {
          const engine = testEngine();
          await tableOf(engine, files);
          const before = await rowsOf(engine);
          await run(engine, targetBytes);
          expect(await rowsOf(engine)).toEqual(before);
          const { version, files: left } = await loadSnapshot(engine, { signal });
          expect(left.length).toBeLessThanOrEqual(files.length);
          expect(await run(engine, targetBytes)).toEqual({
            version,
            removedFiles: 0,
            removedBytes: 0,
            addedFiles: 0,
            addedBytes: 0,
            lostBins: 0,
            stopped: false,
          });
        },
      ),
      { numRuns: 15 },
    );
  });

  test("makes one file of a partition's small ones and says so as Spark does", async () => {
    const engine = testEngine();
    await tableOf(engine, [["a", 10], ["b", 10], ["a", 20], ["a", 5]]);
    const summary = await run(engine);
    expect(summary).toMatchObject({ version: 4, removedFiles: 3, addedFiles: 1, lostBins: 0 });
    const [entry] = await loadHistory(engine, { limit: 1, signal });
    expect(entry).toMatchObject({
      operation: "OPTIMIZE",
      isolationLevel: "SnapshotIsolation",
      operationParameters: { predicate: "[]", zOrderBy: "[]" },
      operationMetrics: { numAddedFiles: "1", numRemovedFiles: "3" },
    });
    const actions = await readCommit(engine, 4, { signal, files: true }) ?? [];
    const changes = actions.flatMap((action) => {
      if (action.kind === "add") return [action.add.dataChange];
      return action.kind === "remove" ? [action.remove.dataChange] : [];
    });
    expect(changes).toEqual([false, false, false, false]);
    const { files } = await loadSnapshot(engine, { signal });
    const merged = files.find((file) => file.partitionValues["day"] === "a")!;
    expect(JSON.parse(merged.stats!)).toMatchObject({
      numRecords: 35,
      minValues: { n: 0 },
      maxValues: { n: 44 },
    });
  });

  test("looks only at the partitions that are asked for", async () => {
    const engine = testEngine();
    await tableOf(engine, [["a", 10], ["b", 10], ["a", 20], ["b", 5]]);
    const where = (values: AddFile["partitionValues"]) => values["day"] === "b";
    const { bins } = await planOptimize(engine, { ...rules, where, signal });
    expect(bins.map((bin) => [bin.partitionValues, bin.files])).toEqual([[{ day: "b" }, 2]]);
  });

  test("an append of another writer does not matter, a replaced file loses its bin", async () => {
    const plants: (() => Promise<void>)[] = [];
    const engine = testEngine(planting(plants));
    const state = await tableOf(engine, [["a", 10], ["a", 10], ["b", 10], ["b", 10]]);
    const before = await loadSnapshot(engine, { signal });
    const replaced = before.files.find((file) => file.partitionValues["day"] === "b")!;
    plants.push(async () => void await append(engine, state, rowsFrom("a", 100, 3)));
    plants.push(async () => {
      const newest = (await loadTableState(engine, { signal }))!;
      const outcome = await commit(engine, newest, {
        operation: "DELETE",
        operationParameters: {},
        reads: { kind: "whole-table" },
        dataChange: true,
        removes: [removalOf(replaced, 1)],
      }, { signal });
      expect(outcome.kind).toBe("committed");
    });
    const summary = await run(engine);
    expect(summary.lostBins).toBe(1);
    const numbers = (await rowsOf(engine)).map((row) => Number(row["n"]));
    const range = (from: number, count: number) =>
      Array.from({ length: count }, (_, i) => from + i);
    expect(numbers).toEqual([...range(0, 20), ...range(30, 10), ...range(100, 3)]);
  });

  test("goes on when another writer adds a column meanwhile", async () => {
    const plants: (() => Promise<void>)[] = [];
    const engine = testEngine(planting(plants));
    const state = await tableOf(engine, [["a", 10], ["a", 10], ["b", 10], ["b", 10]]);
    const wider = struct([...schema.fields, field("later", { kind: "string" })]);
    plants.push(async () => {
      const metadata = { ...state.metadata, schemaString: JSON.stringify(typeToJson(wider)) };
      const outcome = await commit(engine, (await loadTableState(engine, { signal }))!, {
        operation: "ADD COLUMNS",
        operationParameters: {},
        reads: { kind: "blind-append" },
        dataChange: false,
        metadata,
      }, { signal });
      expect(outcome.kind).toBe("committed");
    });
    expect(await run(engine)).toMatchObject({ removedFiles: 4, addedFiles: 2, lostBins: 0 });
    expect((await rowsOf(engine)).map((row) => Number(row["n"])))
      .toEqual(Array.from({ length: 40 }, (_, i) => i));
  });

  test("ends after the group under way when told to stop; what is done stands", async () => {
    const engine = testEngine();
    await tableOf(engine, [["a", 10], ["a", 10], ["b", 10], ["b", 10]]);
    const stop = new AbortController();
    const onBin = (): void => stop.abort();
    const options = { ...rules, predicate: [], signal, stop: stop.signal, onBin };
    expect(await optimize(engine, options))
      .toMatchObject({ removedFiles: 2, addedFiles: 1, stopped: true });
    expect((await loadSnapshot(engine, { signal })).files.length).toBe(3);
    expect(await run(engine)).toMatchObject({ removedFiles: 2, addedFiles: 1, stopped: false });
  });

  test("purges deleted rows, also of a file alone", async () => {
    const engine = testEngine();
    const state = await tableOf(engine, [["a", 20]]);
    const [add] = (await loadSnapshot(engine, { signal })).files;
    const deletionVector = {
      storageType: "i",
      pathOrInlineDv: "^Bg9^0rr910000000000iXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L",
      sizeInBytes: 44,
      cardinality: 6n,
    };
    await commit(engine, state, {
      operation: "DELETE",
      operationParameters: {},
      reads: { kind: "whole-table" },
      dataChange: true,
      removes: [removalOf(add!, 1)],
      adds: [{ ...add!, deletionVector }],
    }, { signal });
    await run(engine);
    const { files } = await loadSnapshot(engine, { signal });
    expect(files.map((file) => file.deletionVector)).toEqual([undefined]);
    const gone = new Set([3, 4, 7, 11, 18]);
    expect((await rowsOf(engine)).map((row) => Number(row["n"])))
      .toEqual(Array.from({ length: 20 }, (_, i) => i).filter((i) => !gone.has(i)));
  });
});

/** Runs what was planted, one each time a version is about to be written by the outermost call. */
function planting(plants: (() => Promise<void>)[]) {
  let busy = false;
  return (store: ObjectStore): ObjectStore => ({
    ...store,
    putIfAbsent: async (key, bytes, options) => {
      const merges = !busy && new TextDecoder().decode(bytes).includes('"OPTIMIZE"');
      if (merges) {
        busy = true;
        await plants.shift()?.();
        busy = false;
      }
      return await store.putIfAbsent(key, bytes, options);
    },
  });
}

describe("the bins of files", () => {
  const tag = { OPTIMIZE_TARGET_SIZE: "100" };
  const table: readonly (readonly [string, readonly AddFile[], readonly string[]])[] = [
    ["nothing for one file", [addFile("a", { size: 5 })], []],
    ["large files stay", [addFile("a", { size: 76 }), addFile("b", { size: 5 })], []],
    ["up to the target", sized(30, 30, 40, 10, 20), ["0,1,2", "3,4"]],
    ["in the log's order", sized(60, 60, 30, 30), ["1,2"]],
    ["not an optimize's own work", sized(30, 30).map((file) => ({ ...file, tags: tag })), []],
    [
      "but beside new files",
      [...sized(30, 30).map((file) => ({ ...file, tags: tag })), addFile("new", { size: 1 })],
      ["0,1,new"],
    ],
  ];
  for (const [name, files, wanted] of table) {
    test(name, () => {
      const rules = { targetBytes: 100, where: () => true };
      const sorter = binSorter(rules);
      const numbers = files.map((file) => sorter.binOf(file));
      const bins = sorter.bins().flatMap((bin, number) =>
        bin === null ? [] : [files.filter((_, i) => numbers[i] === number)]
      );
      expect(bins.map((bin) => bin.map((file) => file.path).join())).toEqual([...wanted]);
      const worth = sorter.bins().filter((bin) => bin !== null);
      expect(worth.map((bin) => bin.files)).toEqual(bins.map((bin) => bin.length));
    });
  }

  function sized(...sizes: number[]): AddFile[] {
    return sizes.map((size, i) => addFile(String(i), { size }));
  }
});
