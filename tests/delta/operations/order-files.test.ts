import { describe, expect, test } from "bun:test";
import { tmpdir } from "node:os";
import fc from "fast-check";
import { rowsOfBatch } from "../../../src/delta/columns/column-value.ts";
import { compareValues } from "../../../src/delta/columns/compare-values.ts";
import type { Value } from "../../../src/delta/columns/column-builder.ts";
import type { Engine } from "../../../src/delta/engine.ts";
import type { AddFile } from "../../../src/delta/log/actions.ts";
import { loadHistory } from "../../../src/delta/log/history.ts";
import { loadSnapshot } from "../../../src/delta/log/snapshot.ts";
import { optimize, type OrderRequest } from "../../../src/delta/operations/optimize.ts";
import { removalOf } from "../../../src/delta/operations/rewrite-file.ts";
import { scanFile, scanSnapshot } from "../../../src/delta/operations/scan.ts";
import { field, struct, type StructType } from "../../../src/delta/schema/data-type.ts";
import { mustCommit, signal, testEngine } from "../../support/delta-table.ts";
import { foreignTable } from "../../support/foreign-table.ts";
import { lintTable } from "../../support/log-linter.ts";
import { appendRows } from "../../support/written-table.ts";

const schema = struct([
  field("day", { kind: "string" }),
  field("n", { kind: "integer" }),
  field("text", { kind: "string" }),
  field("big", { kind: "long" }),
  field("ratio", { kind: "double" }),
  field("exact", { kind: "decimal", precision: 30, scale: 2 }),
  field("deep", struct([field("at", { kind: "timestamp" }), field("flag", { kind: "boolean" })])),
  field("list", { kind: "array", elementType: { kind: "long" }, containsNull: true }),
]);

/** Rows 3, 4, 7, 11, 18 and 29. */
const sixDeleted = {
  storageType: "i",
  pathOrInlineDv: "^Bg9^0rr910000000000iXQKl0rr91000f55c8Xg0@@D72lkbi5=-{L",
  sizeInBytes: 44,
  cardinality: 6n,
};

type Row = Readonly<Record<string, Value>>;

const nullable = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value);

const anyRow: fc.Arbitrary<Row> = fc.record({
  n: nullable(fc.integer({ min: -5, max: 5 })),
  text: nullable(fc.string({ unit: "grapheme", maxLength: 5 })),
  big: nullable(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  ratio: nullable(fc.double()),
  exact: nullable(fc.bigInt({ min: -(10n ** 30n) + 1n, max: 10n ** 30n - 1n })),
  deep: nullable(fc.record({
    at: nullable(fc.bigInt({ min: -(2n ** 60n), max: 2n ** 60n })),
    flag: nullable(fc.boolean()),
  })),
  list: nullable(fc.array(nullable(fc.bigInt({ min: -9n, max: 9n })), { maxLength: 3 })),
});

const anyTable = fc.array(
  fc.tuple(fc.constantFrom("a", "b"), fc.array(anyRow, { minLength: 1, maxLength: 40 })),
  { minLength: 1, maxLength: 6 },
);

async function tableOf(
  engine: Engine,
  files: readonly (readonly [day: string, rows: readonly Row[]])[],
  of: StructType = schema,
  configuration: Readonly<Record<string, string>> = {},
): Promise<void> {
  let state = null;
  const table = { schema: of, partitionColumns: ["day"], configuration };
  for (const [day, rows] of files) {
    const whole = rows.map((row) => ({ ...row, day }));
    state = await appendRows(engine, state, table, { partitionValues: { day }, rows: whole });
  }
}

async function rowsOf(engine: Engine): Promise<Row[]> {
  const snapshot = await loadSnapshot(engine, { signal });
  const rows: Row[] = [];
  for await (const batch of scanSnapshot(engine, snapshot, { signal })) {
    rows.push(...rowsOfBatch(batch, snapshot.schema));
  }
  return rows;
}

async function rowsOfFile(engine: Engine, add: AddFile): Promise<Row[]> {
  const snapshot = await loadSnapshot(engine, { signal });
  const rows: Row[] = [];
  for await (const batch of scanFile(engine, snapshot, add, { signal })) {
    rows.push(...rowsOfBatch(batch, snapshot.schema));
  }
  return rows;
}

/** Rows as texts, for comparing them whatever their order. */
function multiset(rows: readonly Row[]): string[] {
  const texts = rows.map((row) =>
    JSON.stringify(row, (_, value: unknown) => {
      if (typeof value === "bigint") return `${value}n`;
      return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
    })
  );
  return texts.sort();
}

function valueOf(row: Row, name: string): Value {
  let value: Value = row as Value;
  for (const part of name.split(".")) {
    value = value === null ? null : (value as Row)[part] ?? null;
  }
  return value;
}

function compareRows(a: Row, b: Row, names: readonly string[]): number {
  for (const name of names) {
    const [left, right] = [valueOf(a, name), valueOf(b, name)];
    if (left === null || right === null) {
      if (left !== right) return left === null ? -1 : 1;
      continue;
    }
    const order = compareValues(left, right);
    if (order !== 0) return order;
  }
  return 0;
}

async function run(
  engine: Engine,
  order: Omit<OrderRequest, "spillFolder">,
  targetBytes = 1 << 20,
) {
  return await optimize(engine, {
    targetBytes,
    where: () => true,
    predicate: [],
    signal,
    order: { ...order, spillFolder: tmpdir() },
  });
}

const anyColumns = fc.subarray(["n", "text", "big", "ratio", "exact", "deep.at", "deep.flag"], {
  minLength: 1,
  maxLength: 3,
});

describe("optimize with an order of rows", () => {
  test("keeps every row of any table, in memory or spilled, and finds nothing twice", async () => {
    await fc.assert(
      fc.asyncProperty(
        anyTable,
        anyColumns,
        fc.constantFrom("sort" as const, "z-order" as const),
        fc.constantFrom(500, 3_000, 1 << 20),
        fc.constantFrom(2_000, 1 << 20),
        async (files, columns, kind, runBytes, targetBytes) => {
          const engine = testEngine();
          await tableOf(engine, files);
          const before = multiset(await rowsOf(engine));
          const summary = await run(engine, { kind, columns, runBytes }, targetBytes);
          expect(summary.removedFiles).toBe(files.length);
          expect(multiset(await rowsOf(engine))).toEqual(before);
          expect(await lintTable(engine.store)).toEqual([]);
          const { version } = await loadSnapshot(engine, { signal });
          expect(await run(engine, { kind, columns, runBytes }, targetBytes))
            .toMatchObject({ version, removedFiles: 0, addedFiles: 0 });
        },
      ),
      { numRuns: 25 },
    );
  }, 60_000);

  test(
    "rows are sorted within files and from one to the next, equal ones stay in order",
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.array(anyRow, { minLength: 1, maxLength: 60 }), {
            minLength: 1,
            maxLength: 5,
          }),
          anyColumns,
          fc.constantFrom(300, 2_000, 1 << 20),
          async (files, columns, runBytes) => {
            const engine = testEngine();
            await tableOf(engine, files.map((rows) => ["a", rows] as const));
            await run(engine, { kind: "sort", columns, runBytes }, 4_000);
            const { files: adds } = await loadSnapshot(engine, { signal });
            const rows: Row[] = [];
            for (const add of adds) rows.push(...await rowsOfFile(engine, add));
            const wanted = files.flat().map((row) => ({ day: "a", ...row }))
              .toSorted((a, b) => compareRows(a, b, columns));
            expect(rows.map((row) => columns.map((name) => valueOf(row, name))))
              .toEqual(wanted.map((row) => columns.map((name) => valueOf(row, name))));
            expect(rows).toEqual(wanted);
          },
        ),
        { numRuns: 25 },
      );
    },
    60_000,
  );

  test("more sorted pieces than are merged at once", async () => {
    const engine = testEngine();
    const parts = Array.from(
      { length: 70 },
      (_, i) =>
        Array.from({ length: 5 }, (_, j) => ({ n: (i * 31 + j * 17) % 50, big: BigInt(i) })),
    );
    await tableOf(engine, parts.map((rows) => ["a", rows] as const));
    await run(engine, { kind: "sort", columns: ["n"], runBytes: 1 });
    const wanted = parts.flat().toSorted((a, b) => a.n - b.n);
    expect((await rowsOf(engine)).map(({ n, big }) => ({ n, big }))).toEqual(wanted);
  });

  test("deleted rows are left out, and files with many of them are put into order again", async () => {
    const engine = testEngine();
    await tableOf(engine, [["a", Array.from({ length: 20 }, (_, i) => ({ n: 19 - i }))]]);
    await run(engine, { kind: "sort", columns: ["n"] });
    const { files, ...state } = await loadSnapshot(engine, { signal });
    const [add] = files;
    await mustCommit(engine, state, {
      operation: "DELETE",
      operationParameters: {},
      reads: { kind: "whole-table" },
      dataChange: true,
      removes: [removalOf(add!, 1)],
      adds: [{ ...add!, deletionVector: sixDeleted }],
    });
    expect(await run(engine, { kind: "sort", columns: ["n"] })).toMatchObject({ removedFiles: 1 });
    const gone = new Set([3, 4, 7, 11, 18]);
    expect((await rowsOf(engine)).map((row) => row["n"]))
      .toEqual(Array.from({ length: 20 }, (_, i) => i).filter((i) => !gone.has(i)));
  });

  test("a filter on either Z-ordered column needs few of the files", async () => {
    const engine = testEngine();
    const side = 300;
    const cells = Array.from({ length: side * side }, (_, i) => {
      const at = i * 1_667 % (side * side);
      return { n: at % side, big: BigInt(Math.floor(at / side)) };
    });
    const size = side * side / 9;
    const parts = Array.from({ length: 9 }, (_, i) => cells.slice(i * size, (i + 1) * size));
    await tableOf(engine, parts.map((rows) => ["a", rows] as const));
    const wanted = [["n", 7], ["n", 299], ["big", 150], ["big", 0]] as const;
    for (const [name, value] of wanted) expect(await filesWith(engine, name, value)).toBe(9);
    await run(engine, { kind: "z-order", columns: ["n", "big"], runBytes: 1 << 20 }, 1);
    const { files } = await loadSnapshot(engine, { signal });
    expect(files.length).toBeGreaterThanOrEqual(9);
    for (const [name, value] of wanted) {
      expect(await filesWith(engine, name, value)).toBeLessThanOrEqual(files.length / 2);
    }
  });

  test("says in the log what was done, as Spark does", async () => {
    const engine = testEngine();
    await tableOf(engine, [["a", [{ n: 2 }, { n: 1 }]], ["a", [{ n: 0 }]]]);
    await run(engine, { kind: "z-order", columns: ["N", "deep.at"] });
    const [entry] = await loadHistory(engine, { limit: 1, signal });
    expect(entry).toMatchObject({
      operation: "OPTIMIZE",
      operationParameters: { zOrderBy: '["n","deep.at"]', clusterBy: "[]" },
      operationMetrics: { numAddedFiles: "1", numRemovedFiles: "2" },
    });
    const [add] = (await loadSnapshot(engine, { signal })).files;
    expect(add?.tags).toMatchObject({
      ZCUBE_ZORDER_BY: '["n","deep.at"]',
      ZCUBE_ZORDER_CURVE: "zorder",
      ZCUBE_ID: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    await run(engine, { kind: "sort", columns: ["n"] });
    const [sorted] = await loadHistory(engine, { limit: 1, signal });
    expect(sorted?.operationParameters).toMatchObject({ zOrderBy: "[]", sortBy: '["n"]' });
    expect((await rowsOf(engine)).map((row) => row["n"])).toEqual([0, 1, 2]);
  });

  test("new files are put into order alone until they are a tenth of what is", async () => {
    const engine = testEngine();
    const rows = (from: number, count: number) =>
      Array.from({ length: count }, (_, i) => ({
        big: BigInt(from + i * 7919 % 100_000),
        text: `${Math.imul(from + i, 0x9e3779b1)}`,
      }));
    await tableOf(engine, [["a", rows(0, 20_000)]]);
    const order = { kind: "sort", columns: ["big"] } as const;
    await run(engine, order);
    const append = async (count: number) => {
      const { files: _, ...state } = await loadSnapshot(engine, { signal });
      const table = { schema, partitionColumns: ["day"] };
      const whole = rows(1, count).map((row) => ({ ...row, day: "a" }));
      await appendRows(engine, state, table, { partitionValues: { day: "a" }, rows: whole });
    };
    await append(10);
    expect(await run(engine, order)).toMatchObject({ removedFiles: 1, addedFiles: 1 });
    await append(15_000);
    expect(await run(engine, order)).toMatchObject({ removedFiles: 3, addedFiles: 1 });
    expect(await run(engine, order)).toMatchObject({ removedFiles: 0 });
  });

  const wrong: readonly (readonly [name: string, said: RegExp])[] = [
    ["day", /by "day" \(--z-order\): the table is partitioned by it/],
    ["nothing", /by "nothing" .* no such column, it has day, n, text/],
    ["deep", /by "deep" .*: values of type struct.* have no order\. Name one of its fields/],
    ["list", /by "list" .*: values of type array<.* have no order/],
    ["deep.nothing", /by "deep.nothing" .* no such column/],
    ["exact", /by "exact" .*: it has no statistics.*delta\.dataSkippingStatsColumns/],
  ];
  for (const [name, said] of wrong) {
    test(`refuses to order by ${name}`, async () => {
      const engine = testEngine();
      const few = { "delta.dataSkippingNumIndexedCols": "4" };
      await tableOf(engine, [["a", [{ n: 1 }]]], schema, few);
      await expect(run(engine, { kind: "z-order", columns: ["n", name] })).rejects.toThrow(said);
    });
  }

  test("refuses to order a clustered table, whose own columns decide", async () => {
    const engine = testEngine();
    const writerFeatures = ["domainMetadata", "clustering"];
    const domains = { "delta.clustering": '{"clusteringColumns":[["n"]]}' };
    await foreignTable(engine, { schema, writerFeatures, domains });
    await expect(run(engine, { kind: "sort", columns: ["n"] }))
      .rejects.toThrow("it is a clustered table");
  });

  test("a column is named once", async () => {
    const engine = testEngine();
    await tableOf(engine, [["a", [{ n: 1 }]]]);
    await expect(run(engine, { kind: "sort", columns: ["n", "N"] })).rejects.toThrow("named twice");
  });

  test("a spill folder that is not there is told of; the table is as it was", async () => {
    const engine = testEngine();
    await tableOf(engine, [["a", [{ n: 1 }, { n: 2 }]], ["a", [{ n: 3 }, { n: 2 }]]]);
    const order = { kind: "sort", columns: ["n"], runBytes: 1 } as const;
    const failed = optimize(engine, {
      targetBytes: 1 << 20,
      where: () => true,
      predicate: [],
      signal,
      order: { ...order, spillFolder: "/nowhere/at/all" },
    });
    await expect(failed).rejects.toThrow("there is no folder /nowhere/at/all");
    expect((await loadSnapshot(engine, { signal })).version).toBe(1);
  });
});

/** Files whose statistics do not tell that they have no row with the value. */
async function filesWith(engine: Engine, name: string, value: number): Promise<number> {
  const { files } = await loadSnapshot(engine, { signal });
  return files.filter(({ stats }) => {
    const { minValues, maxValues } = JSON.parse(stats ?? "{}") as {
      minValues: Record<string, number>;
      maxValues: Record<string, number>;
    };
    return minValues[name]! <= value && value <= maxValues[name]!;
  }).length;
}
