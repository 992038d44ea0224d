import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { checkAppId, watermarkAppId } from "../../../src/core/position/app-id.ts";
import type { Value } from "../../../src/delta/columns/column-builder.ts";
import { field, struct, type StructType } from "../../../src/delta/schema/data-type.ts";
import { localStore } from "../../../src/delta/storage/local-store.ts";
import { appendDraft, mustCommit, testEngine } from "../../support/delta-table.ts";
import { appendRows } from "../../support/written-table.ts";
import { cli } from "../fake-world.ts";

const schema: StructType = struct([
  field("id", { kind: "long" }),
  field("price", { kind: "decimal", precision: 38, scale: 18 }),
  field("ratio", { kind: "double" }),
  field("at", { kind: "timestamp" }),
  field("on", { kind: "date" }),
  field("raw", { kind: "binary" }),
  field("note", { kind: "string" }),
  field("tags", { kind: "array", elementType: { kind: "string" }, containsNull: true }),
  field("day", { kind: "string" }),
]);

const rows: readonly Readonly<Record<string, Value>>[] = [
  {
    id: 9_223_372_036_854_775_807n,
    price: 12345678901234567890_123456789012345678n,
    ratio: Number.NaN,
    at: 1_769_860_800_123_456n,
    on: 20_484,
    raw: new Uint8Array([0, 255]),
    note: 'a, "b"\nc',
    tags: ["x", null],
  },
  {
    id: -1n,
    price: null,
    ratio: 0.5,
    at: null,
    on: null,
    raw: null,
    note: "",
    tags: [],
  },
  { id: null, price: null, ratio: null, at: null, on: null, raw: null, note: null, tags: null },
];

const position = { topic: "cdc.shop.orders", partition: 3, identity: "" };
let folder = "";
let table = "";

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), "cdcdelta-inspect-"));
  table = path.join(folder, "shop", "orders");
  const engine = testEngine(() => localStore(table));
  const written = {
    schema,
    partitionColumns: ["day"],
    configuration: { "delta.appendOnly": "true" },
  };
  const created = await appendRows(engine, null, written, {
    partitionValues: { day: "2026-01-31" },
    rows,
  });
  const appended = await appendRows(engine, created, written, {
    partitionValues: { day: null },
    rows: [{ ...rows[1], id: 7n }],
    txn: 9_007_199_254_740_993n,
  });
  await mustCommit(engine, appended, {
    ...appendDraft("none"),
    adds: [],
    txns: [
      { appId: watermarkAppId("pipe", position), version: 9_007_199_254_740_995n },
      { appId: checkAppId("pipe", position), version: 5n },
    ],
  });
});

afterAll(() => rmSync(folder, { recursive: true }));

async function inspect(...flags: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await cli(["inspect", table, ...flags]);
  expect([code, stderr]).toEqual([0, ""]);
  return stdout;
}

describe("cdcdelta inspect", () => {
  test("prints one JSON object with the names that scripts rely on, integers exact", async () => {
    const text = await inspect("--format", "json");
    const facts = JSON.parse(text) as Readonly<Record<string, unknown>>;
    expect(facts).toMatchObject({
      table,
      version: 2,
      protocol: { minReaderVersion: 1, minWriterVersion: 2 },
      partitionColumns: ["day"],
      configuration: { "delta.appendOnly": "true" },
      numFiles: 2,
      numRecords: 4,
    });
    expect(Number(facts["sizeInBytes"])).toBeGreaterThan(1000);
    expect(facts["schema"]).toMatchObject({ type: "struct" });
    expect(text).toContain('"appId": "app",\n      "version": 9007199254740993');
    expect(text).toContain('"offset": 9007199254740995');
    expect(text).toContain('"topic": "cdc.shop.orders"');
  });

  test("prints the table at a glance for people", async () => {
    const text = await inspect();
    for (
      const line of [
        /^version {2,}2$/m,
        /^partitioned by {2,}day$/m,
        /^rows {2,}4$/m,
        /^ \|-- price: decimal\(38,18\)$/m,
        /^ \|-- tags: array$/m,
        /^ \| {4}\|-- element: string$/m,
        /^ \|-- day: string \(partition column\)$/m,
        /^ delta\.appendOnly = true$/m,
        /^ +1 +\S+Z +STREAMING UPDATE/m,
        /^pipe +cdc\.shop\.orders +3 +9007199254740995 +-$/m,
        /^app +9007199254740993$/m,
      ]
    ) expect(text).toMatch(line);
    // The hash that goes with a position is no position.
    expect(text).not.toContain("cdcdelta-check");
  });

  test("prints one line of JSON as ndjson", async () => {
    const text = await inspect("--format", "ndjson");
    expect(text.trimEnd().split("\n").length).toBe(1);
    expect(JSON.parse(text)).toMatchObject({ version: 2 });
  });

  test("looks at an earlier version by number and by time", async () => {
    const first = JSON.parse(await inspect("--version", "0", "--format", "json")) as {
      timestamp: string;
    };
    expect(first).toMatchObject({ version: 0, numFiles: 1, transactions: [] });
    const then = await inspect("--timestamp", first.timestamp, "--format", "json");
    expect(JSON.parse(then)).toMatchObject({ version: 0 });
    expect(await inspect("--version", "0")).not.toMatch(/^ +2 +\S+Z/m);
  });

  test("lists the history with Spark's names, newest first", async () => {
    const commits = JSON.parse(await inspect("--history", "--format", "json")) as object[];
    expect(commits.map((commit) => Object.entries(commit)[0])).toEqual([
      ["version", 2],
      ["version", 1],
      ["version", 0],
    ]);
    expect(Object.keys(commits[0] ?? {}).toSorted()).toEqual([
      "clusterId",
      "engineInfo",
      "isBlindAppend",
      "isolationLevel",
      "job",
      "notebook",
      "operation",
      "operationMetrics",
      "operationParameters",
      "readVersion",
      "timestamp",
      "userId",
      "userMetadata",
      "userName",
      "version",
    ]);
    expect(commits[0]).toMatchObject({ operation: "STREAMING UPDATE" });
    expect(JSON.parse(await inspect("--history", "--limit", "1", "--format", "json"))).toHaveLength(
      1,
    );
    const until = await inspect("--history", "--version", "1", "--format", "ndjson");
    expect(until.trimEnd().split("\n")).toHaveLength(2);
    expect(await inspect("--history", "--format", "csv")).toMatch(/^version,timestamp,userId,/);
    expect(await inspect("--history")).toMatch(/^version +timestamp +operation/);
  });

  test("lists files", async () => {
    type File = { readonly numRecords: number; readonly partitionValues: object };
    const files = JSON.parse(await inspect("--files", "--format", "json")) as File[];
    expect(files.toSorted((a, b) => a.numRecords - b.numRecords)).toMatchObject([
      { numRecords: 1, partitionValues: { day: null } },
      { numRecords: 3, partitionValues: { day: "2026-01-31" } },
    ]);
    expect(await inspect("--files")).toContain("day=2026-01-31");
    expect(await inspect("--files", "--format", "csv", "--limit", "1")).toMatch(
      /^path,.*\r\n.*\r\n$/,
    );
  });

  test("fails in one clear line, without a stack trace", async () => {
    const notTable = path.join(folder, "empty");
    mkdirSync(notTable);
    const corrupt = path.join(folder, "corrupt", "_delta_log");
    mkdirSync(corrupt, { recursive: true });
    writeFileSync(path.join(corrupt, `${"0".repeat(20)}.json`), "{not json\n");
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [[path.join(folder, "missing")], /missing/],
      [[notTable], /empty/],
      [[notTable, "--history"], /empty/],
      [[path.dirname(corrupt)], /corrupt/],
      [[table, "--version", "99"], /99/],
      [[table, "--timestamp", "1999-01-01"], /1999/],
    ];
    for (const [args, said] of cases) {
      const { code, stdout, stderr } = await cli(["inspect", ...args]);
      expect([args, code, stdout]).toEqual([args, 1, ""]);
      expect(stderr).toMatch(/^cdcdelta: [^\n]+\n$/);
      expect(stderr).toMatch(said);
    }
    const debug = await cli(["inspect", notTable, "--log-level", "debug"]);
    expect(debug.stderr).toMatch(/\n\s+at /);
  });
});

describe("cdcdelta inspect --rows", () => {
  test("prints NDJSON with every digit", async () => {
    const lines = (await inspect("--rows", "all", "--format", "ndjson")).trimEnd().split("\n");
    expect(lines.toSorted()).toEqual([
      '{"id":9223372036854775807,"price":12345678901234567890.123456789012345678,' +
      '"ratio":"NaN","at":"2026-01-31T12:00:00.123456Z","on":"2026-01-31","raw":"AP8=",' +
      '"note":"a, \\"b\\"\\nc","tags":["x",null],"day":"2026-01-31"}',
      '{"id":-1,"price":null,"ratio":0.5,"at":null,"on":null,"raw":null,"note":"","tags":[],' +
      '"day":"2026-01-31"}',
      '{"id":7,"price":null,"ratio":0.5,"at":null,"on":null,"raw":null,"note":"","tags":[],' +
      '"day":null}',
      '{"id":null,"price":null,"ratio":null,"at":null,"on":null,"raw":null,"note":null,' +
      '"tags":null,"day":"2026-01-31"}',
    ].toSorted());
  });

  test("prints a JSON list, also an empty one", async () => {
    expect(JSON.parse(await inspect("--rows", "all", "--format", "json"))).toHaveLength(4);
    expect(JSON.parse(await inspect("--rows", "2", "--format", "json"))).toHaveLength(2);
    expect(await inspect("--rows", "0", "--format", "json")).toBe("[]\n");
    expect(await inspect("--rows", "0", "--format", "ndjson")).toBe("");
  });

  test("prints CSV in which null and the empty text differ", async () => {
    const text = await inspect("--rows", "all", "--format", "csv", "--version", "0");
    expect(text).toBe([
      "id,price,ratio,at,on,raw,note,tags,day",
      "9223372036854775807,12345678901234567890.123456789012345678,NaN," +
      '2026-01-31T12:00:00.123456Z,2026-01-31,AP8=,"a, ""b""\nc","[""x"",null]",2026-01-31',
      '-1,,0.5,,,,"",[],2026-01-31',
      ",,,,,,,,2026-01-31",
      "",
    ].join("\r\n"));
  });

  test("prints a table that control characters cannot break", async () => {
    const text = await inspect("--rows", "1", "--version", "0");
    expect(text.split("\n")).toHaveLength(3);
    expect(text).toContain('a, "b"·c');
  });

  test("ends quietly and with 0 when the reader goes away", async () => {
    const argv = ["inspect", table, "--rows", "all", "--format", "ndjson"];
    const { code, stderr } = await cli(argv, { stdoutCharsMax: 0 });
    expect([code, stderr]).toEqual([0, ""]);
  });
});

describe("cdcdelta inspect --ddl", () => {
  test("of a foreign table registers it without a view", async () => {
    for (const dialect of ["spark", "duckdb"]) {
      const text = await inspect("--ddl", dialect);
      expect(text).toContain(table);
      expect(text).not.toContain("_current");
      expect(text).toContain("No view of the current state");
    }
  });
});
