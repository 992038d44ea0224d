import { describe, expect, test } from "bun:test";
import { field, struct } from "../../src/delta/schema/data-type.ts";
import { firstDifference } from "../support/compare-rows.ts";
import { type NormalRow, normalRows, normalValue } from "../support/normal-form.ts";
import { interopCases } from "./cases.ts";

describe("normalValue()", () => {
  const decimal = { kind: "decimal", precision: 38, scale: 3 } as const;

  test.each(
    [
      [-5n, { kind: "long" }, "i:-5"],
      [-(2n ** 63n), { kind: "long" }, "i:-9223372036854775808"],
      [-1n, decimal, "d:-0.001"],
      [1230n, decimal, "d:1.230"],
      [7n, { ...decimal, scale: 0 }, "d:7"],
      [NaN, { kind: "double" }, "f:NaN"],
      [1, { kind: "double" }, "f:3ff0000000000000"],
      [-0, { kind: "double" }, "f:8000000000000000"],
      [Uint8Array.of(0, 255), { kind: "binary" }, "x:00ff"],
      ["i:1", { kind: "string" }, "s:i:1"],
      [null, { kind: "string" }, null],
      [-1n, { kind: "timestamp" }, "t:-1Z"],
      [-1n, { kind: "timestamp_ntz" }, "t:-1"],
    ] as const,
  )("case %#", (value, type, expected) => {
    expect(normalValue(value, type)).toEqual(expected);
  });

  test("sorts the entries of a map", () => {
    const type = {
      kind: "map",
      keyType: { kind: "string" },
      valueType: { kind: "long" },
      valueContainsNull: true,
    } as const;
    const ordered = { $map: [["s:a", "i:2"], ["s:b", "i:1"]] };
    expect(normalValue(new Map([["b", 1n], ["a", 2n]]), type)).toEqual(ordered);
  });
});

describe("firstDifference()", () => {
  const rows: readonly NormalRow[] = [
    { id: "i:1", v: "s:a", list: ["i:1", null], s: { x: "f:3ff0000000000000" } },
    { id: "i:2", v: null, list: null, s: null },
  ];
  const [first, second] = rows as readonly [NormalRow, NormalRow];

  test("is null for equal rows in any order, of rows and of fields", () => {
    const turned = Object.fromEntries(Object.entries(first).reverse());
    expect(firstDifference(rows, [second, turned])).toBeNull();
  });

  test.each<[string, readonly NormalRow[]]>([
    ["1 rows instead of 2; for example missing:", [first]],
    ["3 rows instead of 2", [first, second, second]],
    ['row id="i:2": v: "s:" instead of null', [first, { ...second, v: "s:" }]],
    ['row id="i:1": s.x: 2 instead of 1', [{ ...first, s: { x: "f:4000000000000000" } }, second]],
    ['row id="i:1": list: 1 elements instead of 2', [{ ...first, list: ["i:1"] }, second]],
    ["unexpected column w", [{ ...first, w: null }, second]],
    ["no column v", [{ id: "i:1", list: ["i:1", null], s: null }, second]],
  ])(
    "says: %s",
    (words, actual) => {
      expect(firstDifference(rows, actual)).toContain(words);
    },
  );

  test("finds rows that are only doubled and lost", () => {
    const plain = struct([field("v", { kind: "long" })]);
    const of = (...values: readonly bigint[]): NormalRow[] =>
      normalRows(values.map((v) => ({ v })), plain);
    expect(firstDifference(of(1n, 1n, 2n), of(1n, 2n, 2n))).not.toBeNull();
  });
});

test("the cases of interoperability have rows, and a row for each value of a type", () => {
  for (const one of interopCases) expect(one.truth.length).toBeGreaterThan(1);
  const all = interopCases.find(({ name }) => name === "all-types");
  const unused = all?.schema.fields.filter(({ name }) =>
    !all.truth.some((row) => row[name] !== undefined && row[name] !== null)
  );
  expect(unused).toEqual([]);
});
