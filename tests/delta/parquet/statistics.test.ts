import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { batchFromRows, type Value } from "../../../src/delta/columns/column-builder.ts";
import { statisticsJson } from "../../../src/delta/parquet/statistics-json.ts";
import {
  collectStatistics,
  mergeStatistics,
  type StatisticsOptions,
} from "../../../src/delta/parquet/statistics.ts";
import { compareText } from "../../../src/delta/parquet/text-bounds.ts";
import { encodeWithStatistics } from "../../../src/delta/parquet/writer.ts";
import { type DataType, field, struct } from "../../../src/delta/schema/data-type.ts";
import { arbitraryTable } from "./arbitrary-rows.ts";

/** `add.stats` of one column `v`. */
function statsText(
  type: DataType,
  values: readonly Value[],
  options: StatisticsOptions = {},
): string {
  const schema = struct([field("v", type)]);
  const batch = batchFromRows(schema, values.map((v) => ({ v })));
  return statisticsJson(collectStatistics(batch, schema, options), schema);
}

/** The texts of its bounds as they stand in the JSON. */
function boundTexts(type: DataType, values: readonly Value[]): [string | null, string | null] {
  const text = statsText(type, values);
  const found = (name: string): string | null =>
    new RegExp(`"${name}":\\{"v":((?:"(?:[^"\\\\]|\\\\.)*"|[^,}])+)`).exec(text)?.[1] ?? null;
  return [found("minValues"), found("maxValues")];
}

const micros = (text: string): bigint => BigInt(Date.parse(text)) * 1000n;

describe("bounds", () => {
  const long = "x".repeat(31);
  const cases: [string, DataType, Value[], [string | null, string | null]][] = [
    ["integers", { kind: "integer" }, [3, null, -7], ["-7", "3"]],
    ["longs keep all digits", { kind: "long" }, [2n ** 63n - 1n, -(2n ** 63n)], [
      "-9223372036854775808",
      "9223372036854775807",
    ]],
    ["longs of equal high halves", { kind: "long" }, [2n ** 31n, 2n ** 31n - 1n], [
      "2147483647",
      "2147483648",
    ]],
    [
      "decimals keep all digits",
      { kind: "decimal", precision: 38, scale: 18 },
      [10n ** 38n - 1n, -1n],
      ["-0.000000000000000001", "99999999999999999999.999999999999999999"],
    ],
    ["small decimals", { kind: "decimal", precision: 9, scale: 2 }, [-5n, 12340n], [
      "-0.05",
      "123.40",
    ]],
    ["doubles", { kind: "double" }, [1.5, -2.25], ["-2.25", "1.5"]],
    ["zeros have both signs", { kind: "double" }, [0], ["-0.0", "0"]],
    ["infinities are strings", { kind: "double" }, [Infinity, -Infinity], [
      '"-Infinity"',
      '"Infinity"',
    ]],
    ["a NaN leaves no bounds", { kind: "double" }, [1, NaN], [null, null]],
    ["a NaN among floats as well", { kind: "float" }, [NaN, 1], [null, null]],
    ["dates", { kind: "date" }, [0, -719162, 2932896], ['"0001-01-01"', '"9999-12-31"']],
    ["dates beyond four digits", { kind: "date" }, [-719163, 2932897], [null, null]],
    [
      "timestamps are cut down to ms",
      { kind: "timestamp" },
      [-1n, micros("2020-01-01T08:09:10.123Z") + 999n],
      ['"1969-12-31T23:59:59.999Z"', '"2020-01-01T08:09:10.123Z"'],
    ],
    ["timestamp_ntz has no zone", { kind: "timestamp_ntz" }, [0n], [
      '"1970-01-01T00:00:00.000"',
      '"1970-01-01T00:00:00.000"',
    ]],
    ["strings", { kind: "string" }, ["b", "", "a"], ['""', '"b"']],
    ["strings by code point, not UTF-16", { kind: "string" }, ["\uffee", "😀"], [
      '"\uffee"',
      '"😀"',
    ]],
    ["strings of 32 units are whole", { kind: "string" }, [`${long}z`], [
      `"${long}z"`,
      `"${long}z"`,
    ]],
    ["long strings, ASCII behind the cut", { kind: "string" }, [`${long}zz`], [
      `"${long}z"`,
      `"${long}z\x7f"`,
    ]],
    ["long strings, more than ASCII behind the cut", { kind: "string" }, [`${long}z\x7f`], [
      `"${long}z"`,
      `"${long}z\u{10ffff}"`,
    ]],
    ["no surrogate pair is parted", { kind: "string" }, [`${long}😀`], [
      `"${long}"`,
      `"${long}\u{10ffff}"`,
    ]],
    ["the last code point behind the cut is kept", { kind: "string" }, [`${long}z\u{10ffff}a`], [
      `"${long}z"`,
      `"${long}z\u{10ffff}\x7f"`,
    ]],
    ["nothing sorts behind", { kind: "string" }, [`${long}z${"\u{10ffff}".repeat(40)}`], [
      `"${long}z"`,
      null,
    ]],
    ["a very long string", { kind: "string" }, ["é".repeat(500)], [
      `"${"é".repeat(32)}"`,
      `"${"é".repeat(32)}\u{10ffff}"`,
    ]],
    ["booleans have none", { kind: "boolean" }, [true], [null, null]],
    ["binary has none", { kind: "binary" }, [Uint8Array.of(1)], [null, null]],
    ["all null", { kind: "integer" }, [null], [null, null]],
  ];
  test.each(cases)("%s", (_what, type, values, expected) => {
    expect(boundTexts(type, values)).toEqual(expected);
  });
});

test("mirrors structs and counts nulls of lists and maps as one leaf", () => {
  const ints: DataType = { kind: "array", elementType: { kind: "integer" }, containsNull: true };
  const schema = struct([
    field("s", struct([field("a", { kind: "integer" }), field("b", { kind: "string" })])),
    field("l", ints),
    field("v", { kind: "void" }),
    field("deep", struct([field("l", ints)])),
  ]);
  const batch = batchFromRows(schema, [
    { s: { a: 1, b: null }, l: [null], deep: { l: null } },
    { s: null, l: null, deep: null },
  ]);
  expect(JSON.parse(statisticsJson(collectStatistics(batch, schema), schema))).toEqual({
    numRecords: 2,
    minValues: { s: { a: 1 } },
    maxValues: { s: { a: 1 } },
    nullCount: { s: { a: 1, b: 2 }, l: 1, deep: { l: 2 } },
  });
});

test("takes the first columns, or the named ones", () => {
  const schema = struct([
    field("s", struct([field("a", { kind: "long" }), field("b", { kind: "long" })])),
    field("c", { kind: "long" }),
  ]);
  const batch = batchFromRows(schema, [{ s: { a: 1n, b: 2n }, c: 3n }]);
  const paths = (options: StatisticsOptions): string[] =>
    collectStatistics(batch, schema, options).leaves.map(({ path }) => path.join("."));
  expect(paths({ numIndexedCols: 2 })).toEqual(["s.a", "s.b"]);
  expect(paths({ numIndexedCols: 0 })).toEqual([]);
  expect(paths({ numIndexedCols: -1 })).toEqual(["s.a", "s.b", "c"]);
  expect(paths({ statsColumns: [["s", "b"], ["c"]] })).toEqual(["s.b", "c"]);
  expect(paths({ statsColumns: [["s"]] })).toEqual(["s.a", "s.b"]);
  expect(statsText({ kind: "long" }, [1n], { numIndexedCols: 0 })).toBe('{"numRecords":1}');
});

test("encoding and collecting give the same", () => {
  fc.assert(fc.property(arbitraryTable(), fc.boolean(), ({ schema, rows }, dictionary) => {
    const batch = batchFromRows(schema, rows);
    expect(encodeWithStatistics(batch, schema, { dictionary }).statistics)
      .toEqual(collectStatistics(batch, schema));
  }));
}, 60_000);

test("merged statistics hold what those of all rows hold", () => {
  fc.assert(fc.property(arbitraryTable(), fc.nat(40), ({ schema, rows }, at) => {
    const of = (part: typeof rows) => collectStatistics(batchFromRows(schema, part), schema);
    const cut = Math.min(at, rows.length);
    // Files have rows.
    const parts = [rows.slice(0, cut), rows.slice(cut)].filter((part) => part.length > 0);
    if (parts.length === 0) return;
    expect(mergeStatistics(parts.map(of))).toEqual(of(rows));
  }));
}, 60_000);

test("statistics of different columns merge to those that both have", () => {
  const schema = struct(["a", "b", "c"].map((name) => field(name, { kind: "long" })));
  const of = (n: bigint, numIndexedCols: number) =>
    collectStatistics(batchFromRows(schema, [{ a: n, b: n, c: n }]), schema, { numIndexedCols });
  const merged = mergeStatistics([of(1n, 3), of(2n, 2), of(3n, 3)]);
  expect(merged).toEqual({
    numRecords: 3,
    leaves: ["a", "b"].map((name) => ({ path: [name], nullCount: 0, min: 1n, max: 3n })),
  });
});

test("bounds hold every string", () => {
  const text = fc.string({ unit: "binary", maxLength: 120 })
    .map((value) => new TextDecoder().decode(new TextEncoder().encode(value)));
  fc.assert(fc.property(fc.array(text, { minLength: 1 }), fc.integer({ min: 1, max: 40 }), (
    values,
    stringPrefixLength,
  ) => {
    const schema = struct([field("v", { kind: "string" })]);
    const batch = batchFromRows(schema, values.map((v) => ({ v })));
    const [leaf] = collectStatistics(batch, schema, { stringPrefixLength }).leaves;
    for (const value of values) {
      if (typeof leaf?.min === "string") {
        expect(compareText(leaf.min, value)).toBeLessThanOrEqual(0);
        expect(leaf.min.length).toBeLessThanOrEqual(stringPrefixLength);
      }
      if (typeof leaf?.max === "string") {
        expect(compareText(leaf.max, value)).toBeGreaterThanOrEqual(0);
      }
    }
  }));
}, 60_000);
