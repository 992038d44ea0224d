import { describe, expect, test } from "bun:test";
import { parsePartitionCondition } from "../../../src/delta/operations/partition-condition.ts";
import { partitionFilter } from "../../../src/delta/operations/partition-filter.ts";
import { field, struct } from "../../../src/delta/schema/data-type.ts";

const table = {
  schema: struct([
    field("day", { kind: "date" }),
    field("n", { kind: "long" }),
    field("name", { kind: "string" }),
    field("ratio", { kind: "double" }),
    field("price", { kind: "decimal", precision: 5, scale: 2 }),
    field("odd =name", { kind: "string" }),
    field("plain", { kind: "string" }),
  ]),
  partitionColumns: ["day", "n", "name", "ratio", "price", "odd =name"],
  columnMapping: "none" as const,
};

function meets(text: string, values: Readonly<Record<string, string | null>>): boolean {
  const condition = parsePartitionCondition(text);
  if (condition === null) throw new Error(`no condition: ${text}`);
  return partitionFilter([condition], table, "memory")(values);
}

describe("conditions on partition columns", () => {
  const cases: readonly (readonly [string, Readonly<Record<string, string | null>>, boolean])[] = [
    ["day=2026-01-31", { day: "2026-01-31" }, true],
    ["day=2026-01-31", { day: "2026-02-01" }, false],
    ["day >= '2026-01-31'", { day: "2026-02-01" }, true],
    ["day < 2026-01-31", { day: "0999-01-01" }, true],
    ["day is null", { day: null }, true],
    ["day IS NOT NULL", { day: null }, false],
    ["day != 2026-01-31", { day: null }, false],
    ["day != 2026-01-31", { day: "2026-02-01" }, true],
    // Typed by the column: as text 10 would come before 9.
    ["n > 9", { n: "10" }, true],
    ["n == 9223372036854775807", { n: "9223372036854775806" }, false],
    ["n in (1, 2,3)", { n: "3" }, true],
    ["n IN(1,2)", { n: "12" }, false],
    ["ratio > 1e3", { ratio: "NaN" }, true],
    ["ratio = inf", { ratio: "Infinity" }, true],
    ["ratio < 0", { ratio: "-Infinity" }, true],
    ["price = 1.5", { price: "1.50" }, true],
    ["name in ('a, b', \"it's\")", { name: "a, b" }, true],
    ["name in ('a, b', \"it's\")", { name: "it's" }, true],
    ["name in ('a, b', \"it's\")", { name: "a" }, false],
    ["name = 'it''s'", { name: "it's" }, true],
    ["name <> a=b", { name: "a=b" }, false],
    ["name > z", { name: "é" }, true],
    ["`odd =name` = x", { "odd =name": "x" }, true],
  ];
  for (const [text, values, wanted] of cases) {
    test(`${text} on ${JSON.stringify(values)} is ${wanted}`, () => {
      expect(meets(text, values)).toBe(wanted);
    });
  }

  for (const text of ["", "day", "day=", "=x", "day in 1", "day in (1,)", "a = = b", "day is x"]) {
    test(`"${text}" is none`, () => expect(parsePartitionCondition(text)).toBeNull());
  }

  test("all of several have to be met", () => {
    const conditions = ["n >= 1", "n < 3"].map((text) => parsePartitionCondition(text)!);
    const filter = partitionFilter(conditions, table, "memory");
    expect(["0", "1", "2", "3"].map((n) => filter({ n }))).toEqual([false, true, true, false]);
  });

  const refused: readonly (readonly [string, RegExp])[] = [
    ["plain=x", /not partitioned by "plain", it is by day, n, name/],
    ["x=1", /not partitioned by "x"/],
    ["n=ten", /"ten" is no bigint|"ten" is no long/],
    ["day=2026-02-30", /"2026-02-30" is no date/],
    ["name=''", /"" is no string/],
  ];
  for (const [text, said] of refused) {
    test(`${text} is refused`, () => expect(() => meets(text, {})).toThrow(said));
  }

  test("a table without partitions says so", () => {
    const condition = parsePartitionCondition("n=1")!;
    expect(() => partitionFilter([condition], { ...table, partitionColumns: [] }, "memory"))
      .toThrow(/it has no partitions/);
  });
});
