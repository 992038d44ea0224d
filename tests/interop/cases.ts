import { Buffer } from "node:buffer";
import type { Value } from "../../src/delta/columns/column-builder.ts";
import type { DataType, StructType } from "../../src/delta/schema/data-type.ts";
import { field, struct } from "../../src/delta/schema/data-type.ts";
import type { Reader } from "../support/readers.ts";
import type { Row, TableToMake } from "./table-maker.ts";

/** A table to write, and the rows that every reader must find in it. */
export type InteropCase = TableToMake & {
  readonly name: string;
  readonly truth: readonly Row[];
  readonly schema: StructType;
  /** True: commits before the newest checkpoint are deleted before the table is read. */
  readonly checkpointOnly?: boolean;
  /** Readers that lack a feature of the table, and say so. */
  readonly refusedBy?: readonly Reader[];
};

const decimal = (precision: number, scale: number): DataType => ({
  kind: "decimal",
  precision,
  scale,
});
const list = (elementType: DataType): DataType => ({
  kind: "array",
  elementType,
  containsNull: true,
});
const map = (keyType: DataType, valueType: DataType): DataType => ({
  kind: "map",
  keyType,
  valueType,
  valueContainsNull: true,
});
const primitive = (kind: Exclude<DataType["kind"], "decimal" | "array" | "map" | "struct">) =>
  ({ kind }) satisfies DataType;
const [integer, long, double, string, boolean, date, timestamp, binary] = [
  primitive("integer"),
  primitive("long"),
  primitive("double"),
  primitive("string"),
  primitive("boolean"),
  primitive("date"),
  primitive("timestamp"),
  primitive("binary"),
];

const micros = (text: string): bigint => BigInt(Date.parse(text)) * 1000n;
const days = (text: string): number => Date.parse(text) / 86_400_000;
const bytes = (...values: readonly number[]): Uint8Array => Uint8Array.from(values);

/** Values of each type, the extremes first; every table has a row for each and one of nulls. */
const extremes: readonly (readonly [name: string, type: DataType, values: readonly Value[]])[] = [
  ["c_boolean", boolean, [true, false]],
  ["c_byte", primitive("byte"), [-128, 127, 0]],
  ["c_short", primitive("short"), [-32768, 32767, 0]],
  ["c_integer", integer, [-2147483648, 2147483647, 0]],
  ["c_long", long, [-(2n ** 63n), 2n ** 63n - 1n, 2n ** 53n + 1n, -(2n ** 53n) - 1n, 0n]],
  ["c_float", primitive("float"), [
    Math.fround(3.4028234663852886e38),
    Math.fround(1.401298464324817e-45),
    Math.fround(-0.1),
    Infinity,
    -Infinity,
    NaN,
  ]],
  ["c_double", double, [
    Number.MAX_VALUE,
    -Number.MAX_VALUE,
    Number.MIN_VALUE,
    Infinity,
    -Infinity,
    NaN,
    0.1 + 0.2,
    2 ** 53,
  ]],
  ["c_decimal_9_2", decimal(9, 2), [999999999n, -999999999n, 1n, 0n]],
  ["c_decimal_18_0", decimal(18, 0), [10n ** 18n - 1n, -(10n ** 18n) + 1n, 1n]],
  ["c_decimal_20_5", decimal(20, 5), [10n ** 20n - 1n, -(10n ** 20n) + 1n, -1n]],
  ["c_decimal_38_18", decimal(38, 18), [10n ** 38n - 1n, -(10n ** 38n) + 1n, 1n, -1n, 0n]],
  ["c_decimal_38_38", decimal(38, 38), [10n ** 38n - 1n, -1n]],
  ["c_string", string, ["", " ", "a\u0000b", "né 日本 🎉", '"quoted"\n\tline', "x".repeat(70_000)]],
  ["c_binary", binary, [bytes(), bytes(0), bytes(0xff, 0xfe, 0x00), Buffer.alloc(40_000, 7)]],
  ["c_date", date, [
    days("0001-01-01"),
    days("9999-12-31"),
    days("1970-01-01"),
    days("1969-12-31"),
    days("1582-10-04"),
  ]],
  ["c_timestamp", timestamp, [
    micros("0001-01-01T00:00:00Z"),
    micros("9999-12-31T23:59:59.999Z") + 999n,
    0n,
    -1n,
    micros("2026-01-31T12:00:00.123Z") + 456n,
  ]],
];

function allTypes(): InteropCase {
  const schema = struct([
    field("id", integer),
    ...extremes.map(([name, type]) => field(name, type)),
  ]);
  const rows: Row[] = [{ id: 0 }];
  for (const [name, , values] of extremes) {
    for (const value of values) rows.push({ id: rows.length, [name]: value });
  }
  return { name: "all-types", schema, truth: rows, commits: [{ schema, rows }] };
}

function nested(): InteropCase {
  const schema = struct([
    field("id", integer),
    field("point", struct([field("x", double), field("label", string)])),
    field("tags", list(string)),
    field("matrix", list(list(long))),
    field("counts", map(string, long)),
    field("by_number", map(integer, struct([field("v", timestamp)]))),
    field(
      "deep",
      struct([
        field("a", struct([field("b", list(struct([field("c", map(string, list(double)))])))])),
      ]),
    ),
    field("items", list(struct([field("sku", string), field("price", decimal(38, 18))]))),
  ]);
  const rows: Row[] = [
    { id: 1 },
    { id: 2, point: {}, tags: [], matrix: [], counts: new Map(), deep: {}, items: [] },
    {
      id: 3,
      point: { x: NaN, label: "" },
      tags: ["a", null, ""],
      matrix: [[1n, null], [], null, [2n ** 63n - 1n]],
      counts: new Map<Value, Value>([["b", 1n], ["a", null], ["", -1n]]),
      by_number: new Map<Value, Value>([[2, { v: 1n }], [-1, null], [0, { v: null }]]),
      deep: {
        a: { b: [{ c: new Map<Value, Value>([["k", [1, null, -Infinity]], ["l", null]]) }] },
      },
      items: [{ sku: "x", price: 10n ** 38n - 1n }, null, { sku: null, price: null }],
    },
    { id: 4, deep: { a: null }, items: [null], tags: [null], matrix: [null] },
    { id: 5, deep: { a: { b: null } } },
    { id: 6, deep: { a: { b: [] } } },
    { id: 7, deep: { a: { b: [null, { c: null }, { c: new Map() }] } } },
  ];
  return { name: "nested", schema, truth: rows, commits: [{ schema, rows }] };
}

function oddPartitions(): InteropCase {
  const odd = [
    "plain",
    "with space",
    " leading",
    "a/b\\c",
    "k=v",
    "100%",
    "%20",
    "a:b?c#d&e+f",
    "'single' \"double\"",
    "né 日本 🎉",
    "{x}[y]^*",
    "tab\tline\nend",
    "__HIVE_DEFAULT_PARTITION__x",
    ".",
    "..",
    null,
  ];
  const schema = struct([field("id", integer), field("p", string), field("day", date)]);
  const rows = odd.map((p, id): Row => ({ id, p, day: id % 3 === 0 ? null : days("2024-02-29") }));
  // An empty partition value is read back differently by different readers: it is written as null.
  const empty: Row = { id: rows.length, p: "", day: days("0001-01-01") };
  const written = [...rows, empty];
  const truth = [...rows, { ...empty, p: null }];
  return {
    name: "odd-partitions",
    schema,
    partitionBy: ["p", "day"],
    truth,
    commits: [{ schema, rows: written.slice(0, 9) }, { schema, rows: written.slice(9) }],
  };
}

function typedPartitions(): InteropCase {
  const schema = struct([
    field("id", integer),
    field("p_long", long),
    field("p_boolean", boolean),
    field("p_timestamp", timestamp),
    field("p_decimal", decimal(10, 2)),
    field("p_double", double),
  ]);
  const rows: Row[] = [
    {
      id: 1,
      p_long: 2n ** 63n - 1n,
      p_boolean: true,
      p_timestamp: micros("2024-02-29T12:34:56.789Z") + 123n,
      p_decimal: 1230n,
      p_double: 1.5,
    },
    {
      id: 2,
      p_long: -(2n ** 63n),
      p_boolean: false,
      p_timestamp: micros("1969-12-31T23:59:59.999Z"),
      p_decimal: -1230n,
      p_double: -1e300,
    },
    { id: 3 },
  ];
  return {
    name: "typed-partitions",
    schema,
    partitionBy: schema.fields.slice(1).map(({ name }) => name),
    truth: rows,
    commits: [{ schema, rows }],
  };
}

function grownSchema(): InteropCase {
  const first = struct([field("id", integer), field("doc", struct([field("a", string)]))]);
  const second = struct([
    field("id", integer),
    field("doc", struct([field("a", string), field("b", long)])),
    field("added", list(string)),
  ]);
  const third = struct([
    ...second.fields,
    field("later", struct([field("t", timestamp), field("d", decimal(38, 18))])),
  ]);
  const commits = [
    { schema: first, rows: [{ id: 1, doc: { a: "one" } }, { id: 2, doc: null }] },
    { schema: second, rows: [{ id: 3, doc: { a: null, b: 2n ** 60n }, added: ["x", null] }] },
    { schema: third, rows: [{ id: 4, doc: { a: "four", b: null }, later: { t: 1n, d: -1n } }] },
    { schema: third, rows: [{ id: 5, added: [] }] },
  ];
  return {
    name: "grown-schema",
    schema: third,
    truth: commits.flatMap(({ rows }) => rows as readonly Row[]),
    commits,
  };
}

/** Enough rows for several pages, dictionaries that are given up, and two row groups. */
function manyRows(
  name: string,
  encode: NonNullable<TableToMake["commits"][number]["encode"]>,
): InteropCase {
  const schema = struct([
    field("id", long),
    field("few", string),
    field("many", string),
    field("number", integer),
    field("at", timestamp),
    field("price", double),
    field("flag", boolean),
    field("list", list(integer)),
  ]);
  const rows = Array.from({ length: 6_000 }, (_, i): Row => ({
    id: BigInt(i) * 1_000_003n,
    few: i % 7 === 0 ? null : `value ${i % 5}`,
    many: `${i} ${"é".repeat(i % 40)}`,
    number: (i * 7919) % 2_000_003 - 1_000_000,
    at: BigInt(i) * 1_234_567n - 10n ** 15n,
    price: i % 11 === 0 ? null : i / 7,
    flag: i % 3 === 0 ? null : i % 2 === 0,
    list: i % 13 === 0 ? null : Array.from({ length: i % 4 }, (__, j) => j === 2 ? null : i + j),
  }));
  return { name, schema, truth: rows, commits: [{ schema, rows, encode }] };
}

function oddNames(): InteropCase {
  const names = [
    "a.b",
    "$top",
    "Upper",
    "sp-ace",
    "né",
    "日本",
    "🎉",
    "select",
    "a`b",
    "0",
    "__proto__x",
  ];
  const schema = struct([
    field("id", integer),
    ...names.map((name) => field(name, string)),
    field("nested", struct(names.map((name) => field(name, long)))),
  ]);
  const rows: Row[] = [1, 2].map((id) => ({
    id,
    ...Object.fromEntries(names.map((name) => [name, `${name} ${id}`])),
    nested: Object.fromEntries(names.map((name, i) => [name, BigInt(i * id)])),
  }));
  return { name: "odd-names", schema, truth: rows, commits: [{ schema, rows }] };
}

/** A table whose checkpoint holds statistics as structs, beside their text or alone. */
function structCheckpoints(asJson: boolean): InteropCase {
  const scalars: readonly (readonly [name: string, type: DataType, low: Value, high: Value])[] = [
    ["b", { kind: "byte" }, -128, 127],
    ["s", { kind: "short" }, -1, 1],
    ["l", long, -(2n ** 63n), 2n ** 63n - 1n],
    ["f", { kind: "float" }, 0.5, 1.5],
    ["d", { kind: "double" }, -0.25, 1e300],
    ["dec", { kind: "decimal", precision: 38, scale: 2 }, -(10n ** 37n), 10n ** 37n],
    ["day", { kind: "date" }, -1, 20_000],
    ["at", { kind: "timestamp" }, -1n, 1_700_000_000_123_456n],
    ["text", string, "", "né"],
    ["flag", { kind: "boolean" }, false, true],
  ];
  const schema = struct([
    field("p", { kind: "date" }),
    field("q", string),
    ...scalars.map(([name, type]) => field(name, type)),
    field("inner", struct(scalars.map(([name, type]) => field(name, type)))),
    field("items", list(string)),
  ]);
  const rowOf = (pick: 2 | 3, p: Value): Row => {
    const values = Object.fromEntries(scalars.map((one) => [one[0], one[pick]]));
    return { p, q: p === null ? null : "x=/ %", ...values, inner: values, items: ["x"] };
  };
  const rows = [[rowOf(2, 1), rowOf(3, 1)], [rowOf(3, null)], [{ p: 2, q: "y" }]];
  return {
    name: asJson ? "struct-checkpoints" : "struct-checkpoints-alone",
    schema,
    partitionBy: ["p", "q"],
    configuration: {
      "delta.checkpointInterval": "2",
      "delta.checkpoint.writeStatsAsStruct": "true",
      "delta.checkpoint.writeStatsAsJson": String(asJson),
    },
    checkpointOnly: true,
    truth: rows.flat(),
    commits: rows.map((rows) => ({ schema, rows })),
  };
}

/** V2 checkpoints, in a table whose commits are timestamped and whose rows are numbered. */
function v2Checkpoints(): InteropCase {
  const writers = ["appendOnly", "domainMetadata", "inCommitTimestamp", "invariants"];
  return {
    ...checkpoints(),
    name: "v2-checkpoints",
    protocol: {
      minReaderVersion: 3,
      minWriterVersion: 7,
      readerFeatures: ["v2Checkpoint"],
      writerFeatures: [...writers, "rowTracking", "v2Checkpoint"],
    },
    properties: {
      "delta.checkpointPolicy": "v2",
      "delta.enableInCommitTimestamps": "true",
      "delta.enableRowTracking": "true",
      "delta.rowTracking.materializedRowIdColumnName": "_row-id-1",
      "delta.rowTracking.materializedRowCommitVersionColumnName": "_row-version-1",
    },
    refusedBy: ["polars"],
  };
}

function checkpoints(): InteropCase {
  const base = struct([field("id", integer), field("p", string), field("v", long)]);
  const grown = struct([...base.fields, field("w", list(string))]);
  const commits = Array.from({ length: 10 }, (_, i) => ({
    schema: i < 4 ? base : grown,
    rows: [
      { id: 2 * i, p: i % 2 === 0 ? "né/ %" : null, v: 2n ** 62n + BigInt(i) },
      { id: 2 * i + 1, p: "b", v: null, ...(i < 4 ? {} : { w: ["x"] }) },
    ] as readonly Row[],
  }));
  return {
    name: "checkpoints",
    schema: grown,
    partitionBy: ["p"],
    configuration: { "delta.checkpointInterval": "4" },
    checkpointOnly: true,
    truth: commits.flatMap(({ rows }) => rows),
    commits,
  };
}

/** Every table that is made through the kernel. */
export const interopCases: readonly InteropCase[] = [
  allTypes(),
  nested(),
  oddPartitions(),
  typedPartitions(),
  grownSchema(),
  manyRows("many-rows", {}),
  manyRows("many-rows-plain-snappy", { codec: "snappy", plain: true }),
  manyRows("many-rows-gzip-no-dictionary", { codec: "gzip", dictionary: false }),
  oddNames(),
  checkpoints(),
  structCheckpoints(true),
  structCheckpoints(false),
  v2Checkpoints(),
];
