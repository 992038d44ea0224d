import { describe, expect, test } from "bun:test";
import { createEncoder } from "../../../src/core/encode/run-encode-job.ts";
import type { CollectionRules } from "../../../src/core/encode/encode-job.ts";
import type { Value } from "../../../src/delta/columns/column-builder.ts";
import type { DataType } from "../../../src/delta/schema/data-type.ts";
import { mappingRules } from "../../support/mapping-rules.ts";
import {
  documentPart,
  envelope,
  onlyTable,
  rescuedOf,
  rowsOf,
  runJob,
  viewAfter,
} from "./encode-harness.ts";

/** Runs documents that each have one field `v`; tells the column's type, its values, the rescued. */
async function column(
  texts: readonly string[],
  changes: Partial<CollectionRules> = {},
): Promise<{ type: DataType | undefined; values: (Value | undefined)[]; rescued: unknown[] }> {
  const lines = texts.map((text) => envelope(`{"v": ${text}}`));
  const table = onlyTable(runJob(lines, { rules: mappingRules(changes) }));
  const rows = await rowsOf(table);
  return {
    type: table.schema.fields.find(({ name }) => name === "v")?.type,
    values: rows.map((row) => row["v"]),
    rescued: rows.map((row) => rescuedOf(row)["/v"]),
  };
}

const long = (v: bigint | number) => `{"$numberLong": "${v}"}`;
const dec = (v: string) => `{"$numberDecimal": "${v}"}`;
const e18 = 10n ** 18n;
const none = undefined;
const decimal: DataType = { kind: "decimal", precision: 38, scale: 18 };

type Case = readonly [
  name: string,
  texts: readonly string[],
  type: DataType["kind"],
  values: readonly unknown[],
  rescued: readonly unknown[],
];

const cases: readonly Case[] = [
  ["an integer fits a double", ["1.5", "3"], "double", [1.5, 3], [none, none]],
  ["an integral double fits an integer", ["1", "3.0"], "integer", [1, 3], [none, none]],
  ["an integral double fits a long", [long(1), "3.0"], "long", [1n, 3n], [none, none]],
  ["a long that is small fits an integer", ["1", long(7)], "integer", [1, 7], [none, none]],
  ["integer and long", ["1", "2147483648"], "long", [1n, 2147483648n], [none, none]],
  ["long and integer", [long(1), "2"], "long", [1n, 2n], [none, none]],
  ["integer and double", ["-1", "0.5"], "double", [-1, 0.5], [none, none]],
  ["integer and large double", ["1", "1.0E10"], "double", [1, 1e10], [none, none]],
  ["integer and decimal", ["1", dec("2.5")], "decimal", [e18, 25n * 10n ** 17n], [none, none]],
  ["integer and integral decimal", ["1", dec("2.0")], "integer", [1, 2], [none, none]],
  ["long and decimal", [long(-1), dec("0.5")], "decimal", [-e18, 5n * 10n ** 17n], [none, none]],
  ["decimal and integer", [dec("0.5"), "2"], "decimal", [5n * 10n ** 17n, 2n * e18], [none, none]],
  ["decimal and integral double", [dec("0.5"), "2.0"], "decimal", [5n * 10n ** 17n, 2n * e18], [
    none,
    none,
  ]],
  ["integer, long, decimal", ["1", long(2n ** 40n), dec("0.1")], "decimal", [
    e18,
    2n ** 40n * e18,
    10n ** 17n,
  ], [none, none, none]],
  ["long and double", [long(1), "0.5"], "long", [1n, null], [none, { $numberDouble: "0.5" }]],
  ["double and large long", ["0.5", long(9007199254740993n)], "double", [0.5, null], [
    none,
    { $numberLong: "9007199254740993" },
  ]],
  ["double and large even long", ["0.5", long(2n ** 60n)], "double", [0.5, 2 ** 60], [none, none]],
  ["decimal and double", [dec("1"), "0.5"], "decimal", [e18, null], [none, {
    $numberDouble: "0.5",
  }]],
  ["string and number", ['"a"', "1"], "string", ["a", null], [none, { $numberInt: "1" }]],
  ["number and string", ["1", '"a"'], "integer", [1, null], [none, "a"]],
  ["boolean and number", ["true", "1"], "boolean", [true, null], [none, { $numberInt: "1" }]],
  ["integer and NaN", ["1", "NaN"], "double", [1, NaN], [none, none]],
  ["long and NaN", [long(1), "NaN"], "long", [1n, null], [none, { $numberDouble: "NaN" }]],
  ["scalar and document", ["1", '{"a": 1}'], "integer", [1, null], [none, {
    a: { $numberInt: "1" },
  }]],
  ["document and scalar", ['{"a": 1}', "1"], "struct", [{ a: 1 }, null], [none, {
    $numberInt: "1",
  }]],
  ["array and scalar", ["[1]", "1"], "array", [[1], null], [none, { $numberInt: "1" }]],
  ["an empty document before its type", ["{}", '{"a": 1}', "{}"], "struct", [null, { a: 1 }, {
    a: null,
  }], [{}, none, none]],
  ["an empty array before its type", ["[]", "[1]", "[]"], "array", [null, [1], []], [
    [],
    none,
    none,
  ]],
  ["an array of nulls before its type", ["[null]", "[null, 1]"], "array", [null, [null, 1]], [
    [null],
    none,
  ]],
  [
    "a date and its neighbours",
    [
      '{"$date": 253402300799999}',
      '{"$date": 253402300800000}',
      '{"$date": -62135596800000}',
      '{"$date": -62135596800001}',
    ],
    "timestamp",
    [253402300799999000n, null, -62135596800000000n, null],
    [
      none,
      { $date: { $numberLong: "253402300800000" } },
      none,
      { $date: { $numberLong: "-62135596800001" } },
    ],
  ],
  [
    "decimals that fit by their digits",
    [
      dec("99999999999999999999.999999999999999999"),
      dec("100000000000000000000"),
      dec("0.0000000000000000001"),
      dec("1E+3"),
      dec("-12.50"),
    ],
    "decimal",
    [10n ** 38n - 1n, null, null, 1000n * e18, -125n * 10n ** 17n],
    [
      none,
      { $numberDecimal: "100000000000000000000" },
      { $numberDecimal: "0.0000000000000000001" },
      none,
      none,
    ],
  ],
  [
    "UUIDs, strings and ObjectIds",
    [
      '{"$binary": "AAECAwQFBgcICQoLDA0ODw==","$type": "04"}',
      '{"$binary": {"base64": "AAECAwQFBgcICQoLDA0ODw==","subType": "3"}}',
      '{"$oid": "596e275826f08b2730779e1f"}',
      '{"$binary": "AAEC","$type": "00"}',
    ],
    "string",
    [
      "00010203-0405-0607-0809-0a0b0c0d0e0f",
      "00010203-0405-0607-0809-0a0b0c0d0e0f",
      "596e275826f08b2730779e1f",
      null,
    ],
    [
      none,
      none,
      none,
      { $binary: { base64: "AAEC", subType: "00" } },
    ],
  ],
];

describe("the ladder", () => {
  for (const [name, texts, type, values, rescued] of cases) {
    test(name, async () => {
      const found = await column(texts);
      expect(found.type?.kind).toBe(type);
      expect(found.values).toEqual([...values] as Value[]);
      expect(found.rescued).toEqual([...rescued]);
    });
  }

  test("reaches into structs and arrays", async () => {
    const lines = [
      envelope('{"a": {"b": [{"c": 1}, {"c": "x"}]}}'),
      envelope('{"a": {"b": [{"c": 0.5, "d": true}, 7]}}'),
    ];
    const table = onlyTable(runJob(lines));
    const rows = await rowsOf(table);
    expect(rows.map((row) => row["a"])).toEqual([
      { b: [{ c: 1, d: null }, { c: null, d: null }] },
      { b: [{ c: 0.5, d: true }, null] },
    ]);
    expect(rows.map(rescuedOf)).toEqual([{ "/a/b/1/c": "x" }, {
      "/a/b/1": { $numberInt: "7" },
    }]);
    expect(table.rescued).toEqual([
      { path: "/a/b/*", reason: "type", count: 1 },
      { path: "/a/b/*/c", reason: "type", count: 1 },
    ]);
  });
});

describe("a table's own types", () => {
  const known = onlyTable(runJob([envelope('{"v": 1, "w": {"x": 1}}')]));

  test("are widened, which the result tells", () => {
    const view = viewAfter(known);
    const lines = [envelope('{"v": 0.5, "w": {"x": 3000000000}, "n": 1}'), envelope('{"n": 0.5}')];
    const table = onlyTable(runJob(lines, { tables: [view] }));
    expect(table.widened).toEqual([
      { path: "v", from: { kind: "integer" }, to: { kind: "double" } },
      { path: "w.x", from: { kind: "integer" }, to: { kind: "long" } },
    ]);
    expect(table.baseEpoch).toBe(view.epoch);
    // An encoder that has the columns already, because it found them, tells the same.
    const encoder = createEncoder(mappingRules());
    runJob([envelope('{"v": 1, "w": {"x": 1}}')], { encoder });
    expect(runJob(lines, { tables: [view], encoder }).tables[0]).toEqual(table);
  });

  test("stay when they may not be widened; new columns are added all the same", async () => {
    const view = viewAfter(known, { mayWiden: false });
    const lines = [envelope('{"v": 0.5, "n": 1}'), envelope('{"v": 2, "n": 0.5}')];
    const table = onlyTable(runJob(lines, { tables: [view] }));
    expect(table.widened).toEqual([]);
    const rows = await rowsOf(table);
    expect(rows.map(({ v, n }) => ({ v, n }))).toEqual([{ v: null, n: 1 }, { v: 2, n: null }]);
    expect(rows.map(rescuedOf)).toEqual([{ "/v": { $numberDouble: "0.5" } }, {
      "/n": { $numberDouble: "0.5" },
    }]);
  });

  test("keep their order, nullability and metadata", () => {
    const fields = known.schema.fields.map((field) =>
      field.name === "v" ? { ...field, metadata: { comment: "kept" } } : field
    );
    const view = viewAfter(known, { schema: { kind: "struct", fields } });
    const table = onlyTable(runJob([envelope('{"n": 1, "v": 0.5}')], { tables: [view] }));
    expect(table.schema.fields.map(({ name }) => name)).toEqual([
      ...fields.map(({ name }) => name),
      "n",
    ]);
    expect(table.schema.fields.find(({ name }) => name === "v")).toEqual({
      name: "v",
      type: { kind: "double" },
      nullable: true,
      metadata: { comment: "kept" },
    });
  });

  test("of other writers take what fits them", async () => {
    const types: readonly [string, DataType][] = [
      ["byte", { kind: "byte" }],
      ["short", { kind: "short" }],
      ["float", { kind: "float" }],
      ["day", { kind: "date" }],
      ["money", { kind: "decimal", precision: 5, scale: 2 }],
      ["ntz", { kind: "timestamp_ntz" }],
    ];
    const added = types.map(([name, type]) => ({ name, type, nullable: true, metadata: {} }));
    const view = viewAfter(known, {
      schema: { kind: "struct", fields: [...known.schema.fields, ...added] },
    });
    const fitting = '{"byte": 127, "short": -32768, "float": 0.5, "day": {"$date": 86400000}, ' +
      '"money": {"$numberDecimal": "999.99"}, "ntz": null}';
    const tooMuch = '{"byte": 128, "short": 40000, "float": 0.1, "day": {"$date": 1}, ' +
      '"money": {"$numberDecimal": "1000"}, "ntz": {"$date": 1}}';
    const table = onlyTable(runJob([envelope(fitting), envelope(tooMuch)], { tables: [view] }));
    expect(table.schema).toEqual(view.schema);
    const [first, second] = await rowsOf(table);
    expect(first).toMatchObject({ byte: 127, short: -32768, float: 0.5, day: 1, money: 99999n });
    expect(second).toMatchObject({ byte: null, short: null, float: null, day: null, money: null });
    expect(Object.keys(rescuedOf(second!))).toEqual(types.map(([name]) => `/${name}`));
  });
});

describe("a user's types", () => {
  const fixed = (type: DataType) => ({ columnTypes: { v: type } });

  test("string takes anything as canonical Extended JSON, strings as they are", async () => {
    const texts = ['"x"', "1", '{"a": [1.5]}', "[]", "true", '{"$date": 5}', "null"];
    const found = await column(texts, fixed({ kind: "string" }));
    expect(found.values).toEqual([
      "x",
      '{"$numberInt":"1"}',
      '{"a":[{"$numberDouble":"1.5"}]}',
      "[]",
      "true",
      '{"$date":{"$numberLong":"5"}}',
      null,
    ]);
    expect(found.rescued.every((one) => one === undefined)).toBe(true);
  });

  test("long is long from the start and never widens", async () => {
    const found = await column(["1", dec("0.5"), long(5)], fixed({ kind: "long" }));
    expect([found.type, found.values]).toEqual([{ kind: "long" }, [1n, null, 5n]]);
  });

  test("decimal takes the digits of a double", async () => {
    const type: DataType = { kind: "decimal", precision: 10, scale: 2 };
    const found = await column(["12.34", "1.005", "7"], fixed(type));
    expect([found.type, found.values]).toEqual([type, [1234n, null, 700n]]);
  });

  test("date takes midnights, binary UUIDs, double integers, timestamp dates", async () => {
    const days = await column(['{"$date": 172800000}', '{"$date": 1}'], fixed({ kind: "date" }));
    expect(days.values).toEqual([2, null]);
    const uuid = '{"$binary": "AAECAwQFBgcICQoLDA0ODw==","$type": "04"}';
    const bytes = await column([uuid], fixed({ kind: "binary" }));
    expect(bytes.values).toEqual([Uint8Array.from({ length: 16 }, (_, i) => i)]);
    expect((await column(["3"], fixed({ kind: "double" }))).values).toEqual([3]);
    expect((await column(['{"$date": 1}'], fixed({ kind: "timestamp" }))).values).toEqual([1000n]);
  });

  test("work by dotted path, within arrays too", async () => {
    const lines = [envelope('{"a": [{"b": 1}], "c": {"d": 2}}')];
    const columnTypes = { "a.b": { kind: "long" }, "c.d": { kind: "double" } } as const;
    const rows = await rowsOf(onlyTable(runJob(lines, { rules: mappingRules({ columnTypes }) })));
    expect(documentPart(rows[0]!)).toEqual({ a: [{ b: 1n }], c: { d: 2 } });
  });

  test("decimals as strings keep their spelling", async () => {
    const found = await column([dec("1.50"), dec("NaN"), '"x"'], { decimalAsString: true });
    expect(found.values).toEqual(["1.50", "NaN", "x"]);
    expect((await column([dec("1")])).type).toEqual(decimal);
  });
});
