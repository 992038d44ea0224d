import { spawnSync } from "node:child_process";
import path from "node:path";
import process from "node:process";
import type { NormalRow, NormalValue } from "../support/normal-form.ts";
import { projectRoot } from "../support/project-root.ts";

/** A Debezium event as one NDJSON line, and what its row must be in the columns compared. */
export type EventWithRow = { readonly line: string; readonly row: NormalRow };

/** Values that MongoDB has, as Debezium writes them, with their normal form in Delta. */
const values: Readonly<Record<string, readonly [json: unknown, normal: NormalValue]>> = {
  text: ['né 日本 🎉 "quoted"', 's:né 日本 🎉 "quoted"'],
  empty: ["", "s:"],
  int32_min: [-2147483648, "i:-2147483648"],
  int64_max: [{ $numberLong: "9223372036854775807" }, "i:9223372036854775807"],
  int64_odd: [{ $numberLong: "9007199254740993" }, "i:9007199254740993"],
  double: [0.1, "f:3fb999999999999a"],
  decimal: [
    { $numberDecimal: "-12345678901234567890.123456789012345678" },
    "d:-12345678901234567890.123456789012345678",
  ],
  yes: [true, "b:true"],
  object_id: [{ $oid: "65a1b2c3d4e5f60718293a4b" }, "s:65a1b2c3d4e5f60718293a4b"],
  date: [{ $date: 1700000000123 }, "t:1700000000123000Z"],
  old_date: [{ $date: -62135596800000 }, "t:-62135596800000000Z"],
  clock: [{ $timestamp: { t: 4294967295, i: 7 } }, { t: "i:4294967295", i: "i:7" }],
  bytes: [{ $binary: "AP8Q", $type: "00" }, "x:00ff10"],
  uuid: [
    { $binary: "ASNFZ4mrze8BI0VniavN7w==", $type: "04" },
    "s:01234567-89ab-cdef-0123-456789abcdef",
  ],
  tags: [["a", null, ""], ["s:a", null, "s:"]],
  matrix: [[[1, 2], []], [["i:1", "i:2"], []]],
  items: [[{ sku: "x", n: 1 }, { sku: null, n: 2 }], [
    { sku: "s:x", n: "i:1" },
    { sku: null, n: "i:2" },
  ]],
  deep: [{ a: { b: { c: [{ d: 1.5 }] } } }, { a: { b: { c: [{ d: "f:3ff8000000000000" }] } } }],
};

const regions = ["plain", "with space", "a/b\\c", "k=v", "100%", "né 日本 🎉", "'q' \"d\"", null];

/** Events of one collection: every type, odd partition values, nulls, and all four operations. */
export function firstEvents(): EventWithRow[] {
  const names = Object.keys(values);
  const documents = regions.map((region, i) => ({
    key: `first ${i}`,
    n: i,
    region,
    // Every other document has all fields, the others one each.
    fields: i % 2 === 0 ? names : [names[i % names.length] ?? ""],
  }));
  const events = documents.map(({ key, n, region, fields }, i): EventWithRow => {
    const document = Object.fromEntries(fields.map((name) => [name, values[name]?.[0] ?? null]));
    const normal = Object.fromEntries(
      names.map((name) => [name, fields.includes(name) ? values[name]?.[1] ?? null : null]),
    );
    return {
      line: envelope(i === 0 ? "r" : i === 1 ? "u" : "c", key, { n, region, ...document }),
      row: {
        _id: `s:${key}`,
        _cdc_operation: `s:${i === 0 ? "read" : i === 1 ? "update" : "insert"}`,
        n: `i:${n}`,
        region: region === null ? null : `s:${region}`,
        ...normal,
      },
    };
  });
  const nulls = Object.fromEntries(names.map((name) => [name, null]));
  events.push({
    line: envelope("d", "first 2", null),
    row: { _id: "s:first 2", _cdc_operation: "s:delete", n: null, region: null, ...nulls },
  });
  return events;
}

/** Later events: `n` needs a long, and there are new columns, one of them inside a struct. */
export function laterEvents(): EventWithRow[] {
  const nulls = Object.fromEntries(Object.keys(values).map((name) => [name, null]));
  return [0, 1].map((i): EventWithRow => {
    const wide = { $numberLong: String(2n ** 60n + BigInt(i)) };
    const added = { list: [{ $numberLong: "1" }], note: "new" };
    return {
      line: envelope("c", `later ${i}`, { n: wide, added, deep: { extra: "e" } }),
      row: {
        ...nulls,
        _id: `s:later ${i}`,
        _cdc_operation: "s:insert",
        n: `i:${2n ** 60n + BigInt(i)}`,
        region: null,
        added: { list: ["i:1"], note: "s:new" },
        deep: { a: null, extra: "s:e" },
      },
    };
  });
}

/** How rows written before the later events look once the new columns are there. */
export function afterGrowth(rows: readonly NormalRow[]): NormalRow[] {
  return rows.map((row) => {
    const deep = row["deep"] as { readonly [name: string]: NormalValue } | null | undefined;
    return {
      ...row,
      added: null,
      deep: deep === null || deep === undefined ? null : { ...deep, extra: null },
    };
  });
}

/** The columns of `like` only: our own metadata columns have tests of their own. */
export function project(rows: readonly NormalRow[], like: NormalRow): NormalRow[] {
  const names = Object.keys(like);
  return rows.map((row) =>
    Object.fromEntries(names.filter((name) => name in row).map((name) => [name, row[name] ?? null]))
  );
}

function envelope(op: string, id: string, document: object | null): string {
  const after = document === null ? null : JSON.stringify({ _id: id, ...document });
  const source = { connector: "mongodb", name: "shop", db: "shop", collection: "orders" };
  const ts_ms = 1700000000000;
  return JSON.stringify({
    key: { id: JSON.stringify(id) },
    value: {
      before: null,
      after,
      updateDescription: null,
      source: { ...source, ts_ms },
      op,
      ts_ms,
    },
  });
}

/** Runs cdcdelta from its sources; throws with what it said when it fails. */
export function cdcdelta(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): string {
  const main = path.join(projectRoot, "src", "cli", "main.ts");
  const { HOME = "", PATH = "" } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    encoding: "utf8",
    env: { HOME, PATH, ...env },
    timeout: 120_000,
  });
  if (status !== 0) throw new Error(`cdcdelta ${args.join(" ")} ended with ${status}:\n${stderr}`);
  return stdout;
}
