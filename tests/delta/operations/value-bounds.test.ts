import { describe, expect, test } from "bun:test";
import { mayMeet } from "../../../src/delta/operations/file-skipping.ts";
import { parseRowCondition } from "../../../src/delta/operations/row-condition.ts";
import { rowFilter } from "../../../src/delta/operations/row-filter.ts";
import { fileBounds } from "../../../src/delta/operations/value-bounds.ts";
import { field, struct } from "../../../src/delta/schema/data-type.ts";

const schema = struct([
  field("n", { kind: "long" }),
  field("s", { kind: "string" }),
  field("t", { kind: "timestamp" }),
  field("f", { kind: "double" }),
  field("d", { kind: "decimal", precision: 20, scale: 2 }),
  field("b", struct([field("c", { kind: "long" })])),
  {
    ...field("w", { kind: "double" }),
    metadata: { "delta.typeChanges": [{ fromType: "float", toType: "double" }] },
  },
  field("p", { kind: "integer" }),
]);

function may(condition: string, stats: string | undefined, p: string | null = "1"): boolean {
  const parsed = parseRowCondition(condition);
  if (parsed.kind === "wrong") throw new Error(parsed.message);
  const table = { partitionColumns: ["p"], columnMapping: "none" } as const;
  const add = { partitionValues: { p }, ...(stats === undefined ? {} : { stats }) };
  return mayMeet(rowFilter(parsed.condition, schema, "mem"), fileBounds(add, table));
}

const between = (min: string, max: string, more = ""): string =>
  `{"numRecords":3,"minValues":${min},"maxValues":${max}${more}}`;

describe("what statistics of any writer say of a file", () => {
  const x31 = "x".repeat(31);
  const cases: readonly (readonly [condition: string, stats: string | undefined, may: boolean])[] =
    [
      // Nothing is known.
      ["n = 1", undefined, true],
      ["n = 1", "", true],
      ["n = 1", "[]", true],
      ["n = 1", '{"numRecords":3}', true],
      ["n = 1", between('{"n":"x"}', '{"n":1.5}'), true],
      // 64 bits.
      ["n = 9007199254740993", between('{"n":9007199254740994}', '{"n":9007199254740995}'), false],
      ["n = 9007199254740994", between('{"n":9007199254740994}', '{"n":9007199254740995}'), true],
      // Only one bound.
      ["n < 5", '{"minValues":{"n":5}}', false],
      ["n > 5", '{"minValues":{"n":5}}', true],
      // A maximum that was cut off without a mark.
      [`s = ${x31}xy`, between('{"s":"a"}', `{"s":"${x31}x"}`), true],
      [`s > ${x31}xy`, between('{"s":"a"}', `{"s":"${x31}x"}`), true],
      ["s > y", between('{"s":"a"}', `{"s":"${x31}x"}`), false],
      // Surrogates sort after U+E000, whatever UTF-16 says.
      ["s = '\\ue000'", between('{"s":"\\ud83d\\ude00"}', '{"s":"\\ud83d\\ude00"}'), false],
      // Cut down to milliseconds; with offsets; without a zone.
      [
        "t = '2026-01-01T00:00:00.001999Z'",
        between(
          '{"t":"2026-01-01T00:00:00.001Z"}',
          '{"t":"2026-01-01T00:00:00.001Z"}',
        ),
        true,
      ],
      [
        "t >= '2026-01-01T00:00:00.002Z'",
        between(
          '{"t":"2026-01-01T00:00:00.001Z"}',
          '{"t":"2026-01-01T05:30:00.001+05:30"}',
        ),
        false,
      ],
      [
        "t >= '2027-01-01T00:00:00Z'",
        between(
          '{"t":"2026-01-01T00:00:00"}',
          '{"t":"2026-01-01T00:00:00"}',
        ),
        true,
      ],
      // NaN sorts last and is left out of bounds by most.
      ["f > 5", between('{"f":1.0}', '{"f":2.0}'), true],
      ["f = 'NaN'", between('{"f":1.0}', '{"f":2.0}'), true],
      ["f = 5", between('{"f":1.0}', '{"f":2.0}'), false],
      ["f < 1", between('{"f":1.0}', '{"f":"NaN"}'), false],
      ["f = -0.0", between('{"f":0.0}', '{"f":0.0}'), true],
      // Bounds of floats as they were written before the column became double.
      ["w = 0.10000000149011612", between('{"w":0.1}', '{"w":0.1}'), true],
      // Decimals of another scale, and with exponents.
      ["d = 0.15", between('{"d":0.1}', '{"d":2E-1}'), true],
      ["d = 0.21", between('{"d":0.1}', '{"d":2E-1}'), false],
      // Nulls.
      ["n is null", '{"numRecords":3,"nullCount":{"n":0}}', false],
      ["n is not null", '{"numRecords":3,"nullCount":{"n":3}}', false],
      ["n is not null", '{"numRecords":3,"nullCount":{"n":2},"tightBounds":false}', true],
      ["not n = 1", '{"numRecords":3,"nullCount":{"n":3}}', false],
      ["b.c = 4", between('{"b":{"c":1}}', '{"b":{"c":3}}'), false],
      ["b.c = 4", between('{"b":1}', '{"b":3}'), true],
      // Logic.
      [
        "not (n > 1 and s is null)",
        between('{"n":2}', '{"n":9}', ',"nullCount":{"s":3,"n":0}'),
        false,
      ],
      ["n < 2 or p = 2", between('{"n":2}', '{"n":9}'), false],
      ["n < 2 or p = 1", between('{"n":2}', '{"n":9}'), true],
      ["not p in (1, 2)", undefined, false],
      ["p is null", undefined, false],
    ];
  for (const [condition, stats, wanted] of cases) {
    test(`${condition} with ${stats ?? "none"}`, () => {
      expect(may(condition, stats)).toBe(wanted);
    });
  }

  test("a null partition value meets no comparison", () => {
    expect(["p = 1", "not p = 1", "p is null"].map((each) => may(each, undefined, null)))
      .toEqual([false, false, true]);
  });
});
