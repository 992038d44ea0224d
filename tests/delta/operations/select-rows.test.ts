import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { batchFromRows, type Value } from "../../../src/delta/columns/column-builder.ts";
import { rowsOfBatch } from "../../../src/delta/columns/column-value.ts";
import { compareValues } from "../../../src/delta/columns/compare-values.ts";
import type { Engine } from "../../../src/delta/engine.ts";
import type { AddFile } from "../../../src/delta/log/actions.ts";
import { serializePartitionValue } from "../../../src/delta/log/partition-value.ts";
import { writeDataFile } from "../../../src/delta/operations/append.ts";
import {
  parseRowCondition,
  type RowCondition,
} from "../../../src/delta/operations/row-condition.ts";
import {
  bindSelection,
  type RowSelection,
  selectRows,
} from "../../../src/delta/operations/select-rows.ts";
import { mergeStatistics } from "../../../src/delta/parquet/statistics.ts";
import { encodeWithStatistics } from "../../../src/delta/parquet/writer.ts";
import { type ColumnPath, readColumnPath } from "../../../src/delta/schema/column-path.ts";
import {
  type DataType,
  field,
  struct,
  type StructType,
} from "../../../src/delta/schema/data-type.ts";
import { CdcDeltaError } from "../../../src/errors.ts";
import { signal, testEngine } from "../../support/delta-table.ts";
import { normalRows } from "../../support/normal-form.ts";
import { arbitraryTable, arbitraryValue, type Row } from "../parquet/arbitrary-rows.ts";

const unmapped = { partitionColumns: [], columnMapping: "none" } as const;

async function writeFile(
  engine: Engine,
  schema: StructType,
  groups: readonly (readonly Row[])[],
): Promise<AddFile> {
  const encoded = groups.map((rows) => encodeWithStatistics(batchFromRows(schema, rows), schema));
  return await writeDataFile(engine, {
    schema,
    partitionValues: {},
    rowGroups: encoded.map(({ rowGroup }) => rowGroup),
    statistics: mergeStatistics(encoded.map(({ statistics }) => statistics)),
  }, { signal });
}

function conditionOf(text: string): RowCondition {
  const parsed = parseRowCondition(text);
  if (parsed.kind === "wrong") throw new Error(`${text}: ${parsed.message}`);
  return parsed.condition;
}

function pathOf(text: string): ColumnPath {
  const path = readColumnPath(text);
  if (path === null) throw new Error(text);
  return path;
}

type Selected = {
  readonly rows: unknown;
  readonly counts: {
    readonly files: number;
    readonly filesRead: number;
    readonly rowGroups: number;
    readonly rowGroupsRead: number;
  };
};

async function selected(
  engine: Engine,
  schema: StructType,
  files: readonly AddFile[],
  wanted: Partial<RowSelection>,
): Promise<Selected> {
  const selection = bindSelection({ columns: null, where: null, ...wanted }, schema, "mem");
  const counts = { files: 0, filesRead: 0, rowGroups: 0, rowGroupsRead: 0 };
  const rows: unknown[] = [];
  const batches = selectRows(engine, unmapped, files, { selection, counts, signal });
  for await (const batch of batches) {
    rows.push(...normalRows(rowsOfBatch(batch, selection.schema), selection.schema));
  }
  return { rows, counts };
}

/** A condition as text with what it should say of a row: true, false, or null for unknown. */
type Judged = { readonly text: string; readonly judge: (row: Row) => boolean | null };

type Leaf = { readonly path: readonly string[]; readonly type: DataType };

function leavesOf(type: StructType, above: readonly string[] = []): Leaf[] {
  return type.fields.flatMap((f): Leaf[] => {
    const path = [...above, f.name];
    return f.type.kind === "struct" ? leavesOf(f.type, path) : [{ path, type: f.type }];
  });
}

function valueOf(row: Row, path: readonly string[]): Value {
  let value: Value = row;
  for (const name of path) value = (value as Row | null)?.[name] ?? null;
  return value;
}

const hasOrder = (type: DataType): boolean =>
  !["array", "map", "struct", "binary", "void", "variant"].includes(type.kind);

/** Text that reads back as the value, null where there is none (years of six digits). */
function literalOf(value: Value, type: DataType): string | null {
  const text = type.kind === "string" ? value as string : serializePartitionValue(value, type);
  if (text === null || /^[+-]?\d{6,}-/.test(text)) return null;
  return `'${text.replaceAll("'", "''")}'`;
}

const operators: Readonly<Record<string, (order: number) => boolean>> = {
  "=": (order) => order === 0,
  "!=": (order) => order !== 0,
  "<": (order) => order < 0,
  "<=": (order) => order <= 0,
  ">": (order) => order > 0,
  ">=": (order) => order >= 0,
};

function comparisons(leaf: Leaf, rows: readonly Row[]): fc.Arbitrary<Judged> {
  const name = leaf.path.map((part) => `\`${part}\``).join(".");
  const isNull: fc.Arbitrary<Judged> = fc.boolean().map((negated) => ({
    text: `${name} is ${negated ? "not " : ""}null`,
    judge: (row) => (valueOf(row, leaf.path) === null) !== negated,
  }));
  if (!hasOrder(leaf.type)) return isNull;
  const seen = rows.map((row) => valueOf(row, leaf.path)).filter((value) => value !== null);
  const values = fc.oneof(
    arbitraryValue(leaf.type).filter((value) => value !== null),
    ...seen.length === 0 ? [] : [fc.constantFrom(...seen)],
  ).filter((value) => literalOf(value, leaf.type) !== null);
  const compared = fc.record({
    value: values,
    operator: fc.constantFrom(...Object.keys(operators)),
  })
    .map(({ value, operator }): Judged => ({
      text: `${name} ${operator} ${literalOf(value, leaf.type)}`,
      judge(row) {
        const found = valueOf(row, leaf.path);
        return found === null ? null : operators[operator]!(compareValues(found, value));
      },
    }));
  const within = fc.array(values, { minLength: 1, maxLength: 3 }).map((list): Judged => ({
    text: `${name} in (${list.map((value) => literalOf(value, leaf.type)).join(", ")})`,
    judge(row) {
      const found = valueOf(row, leaf.path);
      return found === null ? null : list.some((value) => compareValues(found, value) === 0);
    },
  }));
  return fc.oneof(isNull, compared, within);
}

function conditions(schema: StructType, rows: readonly Row[]): fc.Arbitrary<Judged> {
  const one = fc.oneof(...leavesOf(schema).map((leaf) => comparisons(leaf, rows)));
  const { condition } = fc.letrec<{ condition: Judged }>((tie) => ({
    condition: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      one,
      tie("condition").map(({ text, judge }): Judged => ({
        text: `not (${text})`,
        judge: (row) => negated(judge(row)),
      })),
      fc.tuple(tie("condition"), tie("condition")).map(([a, b]): Judged => ({
        text: `(${a.text}) and (${b.text})`,
        judge: (row) => negated(either(negated(a.judge(row)), negated(b.judge(row)))),
      })),
      fc.tuple(tie("condition"), tie("condition")).map(([a, b]): Judged => ({
        text: `(${a.text}) or (${b.text})`,
        judge: (row) => either(a.judge(row), b.judge(row)),
      })),
    ),
  }));
  return condition;
}

const negated = (truth: boolean | null): boolean | null => truth === null ? null : !truth;
const either = (a: boolean | null, b: boolean | null): boolean | null =>
  a === true || b === true ? true : a === null || b === null ? null : false;

describe("selectRows()", () => {
  test("takes exactly the rows that meet any condition, whatever was skipped", async () => {
    let skipped = 0;
    const cases = arbitraryTable(30).chain(({ schema, rows }) =>
      fc.record({
        schema: fc.constant(schema),
        rows: fc.constant(rows),
        condition: conditions(schema, rows),
        groupRows: fc.integer({ min: 1, max: 6 }),
      })
    );
    await fc.assert(
      fc.asyncProperty(cases, async ({ schema, rows, condition, groupRows }) => {
        fc.pre(rows.length > 0);
        const engine = testEngine();
        const groups: Row[][] = [];
        for (let i = 0; i < rows.length; i += groupRows) groups.push(rows.slice(i, i + groupRows));
        const files: AddFile[] = [];
        for (let i = 0; i < groups.length; i += 2) {
          files.push(await writeFile(engine, schema, groups.slice(i, i + 2)));
        }
        const where = conditionOf(condition.text);
        const found = await selected(engine, schema, files, { where });
        const wanted = rows.filter((row) => condition.judge(row) === true);
        expect(found.rows).toEqual(normalRows(wanted, schema));
        skipped += groups.length - found.counts.rowGroupsRead;
      }),
      { numRuns: 400 },
    );
    expect(skipped).toBeGreaterThan(100);
  }, 60_000);

  const nested = struct([
    field("a", { kind: "long" }),
    field("b", struct([field("c", { kind: "string" }), field("d", { kind: "double" })])),
    field("x.y", { kind: "integer" }),
  ]);
  const rows: readonly Row[] = [
    { a: 1n, b: { c: "x", d: 0.5 }, "x.y": 1 },
    { a: 2n, b: null, "x.y": 2 },
    { a: 9_007_199_254_740_993n, b: { c: null, d: -0 }, "x.y": null },
  ];

  test("gives columns in the order asked for, fields of structs as columns", async () => {
    const engine = testEngine();
    const file = await writeFile(engine, nested, [rows]);
    const columns = ["b.c", "`x.y`", "a"].map(pathOf);
    const { rows: found } = await selected(engine, nested, [file], {
      columns,
      where: conditionOf("b.d is null or a > 9007199254740992"),
    });
    expect(found).toEqual([
      { "b.c": null, "x.y": "i:2", a: "i:2" },
      { "b.c": null, "x.y": null, a: "i:9007199254740993" },
    ]);
  });

  test("counts what it read and what it did not", async () => {
    const engine = testEngine();
    const files = [
      await writeFile(engine, nested, [rows.slice(0, 1), rows.slice(1, 2)]),
      await writeFile(engine, nested, [rows.slice(2)]),
    ];
    const { counts } = await selected(engine, nested, files, { where: conditionOf("a = 2") });
    expect(counts).toEqual({ files: 2, filesRead: 1, rowGroups: 2, rowGroupsRead: 1 });
  });

  const wrong: readonly (readonly [condition: string, said: RegExp])[] = [
    ["e = 1", /no column "e" in mem. Its columns are a, b, x\.y/],
    ["b.e = 1", /no column "b.e"/],
    ["a.e = 1", /no column "a.e"/],
    ["a = 1.5", /"1.5" is no long, the type of "a"/],
    ["a = 9223372036854775808", /"9223372036854775808" is no long/],
    ["b = 1", /"b" is of type struct, which only "is null" can be asked of/],
  ];
  for (const [condition, said] of wrong) {
    test(`${condition} is wrong usage`, () => {
      const where = conditionOf(condition);
      const bind = (): unknown => bindSelection({ columns: null, where }, nested, "mem");
      expect(bind).toThrow(said);
      expect(bind).toThrow(CdcDeltaError);
    });
  }
});

describe("parseRowCondition()", () => {
  const a = pathOf("a");
  const one: RowCondition = { kind: "compare", column: a, comparison: "=", value: "1" };
  const right: readonly (readonly [text: string, condition: RowCondition])[] = [
    ["a=1", one],
    [" a == '1' ", one],
    ["a <> 1", { kind: "not", condition: one }],
    ["a is null", { kind: "is-null", column: a }],
    ["a IS NOT NULL", { kind: "not", condition: { kind: "is-null", column: a } }],
    ["a in (1, 'it''s', \"b\")", { kind: "in", column: a, values: ["1", "it's", "b"] }],
    [
      "a = 1 or a = 1 and not a = 1",
      {
        kind: "or",
        conditions: [one, { kind: "and", conditions: [one, { kind: "not", condition: one }] }],
      },
    ],
    [
      "a between 1 and 2",
      {
        kind: "and",
        conditions: [
          { kind: "compare", column: a, comparison: ">=", value: "1" },
          { kind: "compare", column: a, comparison: "<=", value: "2" },
        ],
      },
    ],
    ["`and`.b < 2026-01-31T00:00:00Z", {
      kind: "compare",
      column: { text: "`and`.b", names: ["and", "b"] },
      comparison: "<",
      value: "2026-01-31T00:00:00Z",
    }],
  ];
  for (const [text, condition] of right) {
    test(text, () => expect(parseRowCondition(text)).toEqual({ kind: "condition", condition }));
  }

  const wrong: readonly (readonly [text: string, said: string])[] = [
    ["", "it ends where a column should be"],
    ["a", "it ends where a comparison"],
    ["a = ", "it ends where a value should be"],
    ["a = 1 b", 'it has "b" where and, or, or the end should be'],
    ["(a = 1", "it ends where a closing parenthesis should be"],
    ["a = null", 'nothing compares with null: write "is null"'],
    ["a not 1", "where in or between should be"],
    [`${"(".repeat(200)}a = 1`, "too many parentheses"],
  ];
  for (const [text, said] of wrong) {
    test(`${text.slice(0, 20)} is wrong`, () => {
      const parsed = parseRowCondition(text);
      expect(parsed.kind === "wrong" ? parsed.message : "").toContain(said);
    });
  }
});
