import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { contentOf } from "../kill/lake.ts";
import { isBinaryBuilt } from "../support/run-binary.ts";
import {
  type BadFolder,
  badFolder,
  event,
  ingest,
  ingestMeasured,
  reasonsOf,
  rowsOf,
} from "./bad-lake.ts";

const good = event({ _id: 1, a: 1 });
const goodRow = { _id: 1, a: 1 };

/** Lines in, rows of shop.orders and reasons of dead letters out. */
type Case = {
  readonly lines: readonly (string | Uint8Array)[];
  readonly rows: readonly object[];
  readonly dead?: readonly RegExp[];
  /** Default a newline after each line. */
};

const cases: Readonly<Record<string, Case>> = {
  "lines that are no JSON, or no event": {
    lines: [good, "{broken", "", "[]", "17", "null", '"text"', "{}", '{"key":1}', '{"a":1}x', good],
    rows: [goodRow, goodRow],
    dead: [
      /no key/,
      /no JSON obj/,
      /no JSON obj/,
      /no JSON obj/,
      /neither/,
      /neither/,
      /text after/,
    ],
  },
  "a line that is cut in the middle of the file": {
    lines: [good, good.slice(0, -1), good],
    rows: [goodRow, goodRow],
    dead: [/ends in the middle|text after|is due/],
  },
  "documents that are no documents": {
    lines: [good, event("{nope"), event("17"), event("[]"), event("null"), event("")],
    rows: [goodRow],
    dead: Array.from({ length: 5 }, () => /the document/),
  },
  "names that come twice: the last one counts": {
    lines: [good, event('{"_id":2,"a":1,"a":2}'), event('{"_id":3,"s":{"x":1,"x":2}}')],
    rows: [{ ...goodRow, s: null }, { _id: 2, a: 2, s: null }, { _id: 3, a: null, s: { x: 2 } }],
  },
  "names that clash in case": {
    lines: [good, event('{"_id":2,"A":5,"s":{"x":1,"X":2}}')],
    rows: [{ ...goodRow, s: null }, {
      _id: 2,
      a: null,
      s: { x: 1 },
      rescued: { "/A": int(5), "/s/X": int(2) },
    }],
  },
  "names that cannot be columns": {
    lines: [
      good,
      event({
        _id: 2,
        ...{ "sp ace": 1, "com,ma": 2, "se;mi": 3, "br{a}ce": 4, "pa(r)en": 5, "e=q": 6 },
        ...{ "": 7, "tab\t": 8, "line\n": 9, "do.t": 10, "é`$": 11, _kafka_offset: 12 },
        in: { "sp ace": 1, "": 2, "do.t": 3 },
      }),
    ],
    rows: [{ ...goodRow, "do.t": null, "é`$": null, in: null }, {
      ...{ _id: 2, a: null, "do.t": 10, "é`$": 11, in: { "do.t": 3 } },
      rescued: {
        ...{ "/sp ace": int(1), "/com,ma": int(2), "/se;mi": int(3), "/br{a}ce": int(4) },
        ...{ "/pa(r)en": int(5), "/e=q": int(6), "/": int(7), "/tab\t": int(8) },
        ...{ "/line\n": int(9), "/_kafka_offset": int(12), "/in/sp ace": int(1), "/in/": int(2) },
      },
    }],
  },
  "bytes that are no UTF-8": {
    lines: [good, latin1(event({ _id: 2, a: "ÿþ" })), latin1("ÿþý"), good],
    rows: [goodRow, goodRow],
    dead: [/UTF-8/, /UTF-8/],
  },
  "a byte order mark": {
    lines: [`\uFEFF${good}`, good],
    rows: [goodRow, goodRow],
  },
  "a lone surrogate": {
    lines: [event('{"_id":1,"a":"\\ud800"}')],
    rows: [{ _id: 1, a: "\uFFFD" }],
  },
  "events whose source makes no sense": {
    lines: [
      good,
      event({ _id: 2 }, { op: "z" }),
      event({ _id: 3 }, { op: 5 }),
      event({ _id: 4 }, { source: 17 }),
      event({ _id: 5 }, { source: { db: 1, collection: 2 } }),
      event({ _id: 6 }, { source: { db: "", collection: "" } }),
      event({ _id: 7 }, { source: { db: "..", collection: "x" } }),
    ],
    rows: [goodRow],
    dead: [/none of c, u/, /none of c, u/, /no `source`/, /no `source`/, /no coll/, /no coll/],
  },
};

function int(value: number): object {
  return { $numberInt: String(value) };
}

function latin1(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}

describe.skipIf(!isBinaryBuilt())("records that are not what they should be", () => {
  let at: BadFolder;

  beforeEach(() => {
    at = badFolder();
  });

  afterEach(() => at.remove());

  function write(lines: readonly (string | Uint8Array)[]): string {
    const file = path.join(at.folder, "events.ndjson");
    const end = Buffer.from("\n");
    const parts = lines.flatMap((line) => [Buffer.from(line as string), end]);
    writeFileSync(file, Buffer.concat(parts));
    return file;
  }

  test.each(Object.entries(cases))("%s", async (_, { lines, rows, dead = [] }: Case) => {
    const file = write(lines);
    const { status, stderr } = await ingest(file, at.lake);
    expect({ status, error: stderr.includes('"level":"error"') }).toEqual({
      status: 0,
      error: false,
    });
    expect(await rowsOf(at.store)).toEqual([...rows]);
    const reasons = await reasonsOf(at.store);
    expect(reasons).toHaveLength(dead.length);
    dead.forEach((reason, i) => expect(reasons[i]).toMatch(reason));
    // Dead letters have positions as well: a second run adds nothing.
    expect((await ingest(file, at.lake)).status).toBe(0);
    expect(await rowsOf(at.store)).toHaveLength(rows.length);
    expect(await reasonsOf(at.store)).toEqual(reasons);
  });

  test("a last line that is cut is left, and read once it is whole", async () => {
    const second = event({ _id: 2, a: 2 });
    const file = write([good]);
    for (const part of [second.slice(0, 60), second.slice(60, 90)]) {
      writeFileSync(file, part, { flag: "a" });
      const { status, stderr } = await ingest(file, at.lake);
      expect(status).toBe(0);
      expect(stderr).toContain("has no end yet");
      expect(await rowsOf(at.store)).toHaveLength(1);
    }
    writeFileSync(file, `${second.slice(90)}\n`, { flag: "a" });
    expect((await ingest(file, at.lake)).status).toBe(0);
    expect(await rowsOf(at.store)).toHaveLength(2);
    expect(await reasonsOf(at.store)).toEqual([]);
  });

  test("wrong types everywhere: each value is in its column or rescued, none is lost", async () => {
    const values = oddValues.map((value, i) => ({ _id: i, v: value, s: { v: value }, l: [value] }));
    const file = write(values.map((document) => event(document)));
    expect((await ingest(file, at.lake)).status).toBe(0);
    const rows = await rowsOf(at.store) as OddRow[];
    expect(rows.map((row) => row._id)).toEqual(values.map((document) => document._id));
    rows.forEach((row, i) => {
      const rescued = row.rescued ?? {};
      const value = oddValues[i];
      if (value === null) return expect(row).toMatchObject({ v: null, s: { v: null } });
      const inElement = Object.keys(rescued).some((key) => /^\/l(?:\/0.*)?$/.test(key));
      expect({ i, v: row.v !== null || hasPath(rescued, "/v") }).toEqual({ i, v: true });
      expect({ i, s: row.s?.v != null || hasPath(rescued, "/s") }).toEqual({ i, s: true });
      expect({ i, l: row.l?.[0] != null || inElement }).toEqual({ i, l: true });
    });
  });

  test("a document of 20 MB", async () => {
    const blob = Buffer.from(crypto.getRandomValues(new Uint8Array(65_536))).toString("base64");
    const large = blob.repeat(230);
    const file = write([good, event({ _id: 2, large }), good]);
    const { ended, peakMiB } = await ingestMeasured(file, at.lake);
    expect(ended.status).toBe(0);
    const rows = await rowsOf(at.store) as { large: string | null }[];
    expect(rows.map((row) => row.large?.length ?? null)).toEqual([null, large.length, null]);
    expect(rows[1]?.large === large).toBe(true);
    expect(peakMiB).toBeLessThan(512);
  });

  test("nesting of 300 and of 100,000 levels is rescued whole", async () => {
    const deep = (levels: number): string => `${'{"n":'.repeat(levels)}1${"}".repeat(levels)}`;
    const list = (levels: number): string => `${"[".repeat(levels)}1${"]".repeat(levels)}`;
    const lines = [
      good,
      ...[300, 100_000].flatMap((levels) => [
        event(`{"_id":2,"deep":${deep(levels)}}`),
        event(`{"_id":3,"list":${list(levels)}}`),
      ]),
    ];
    const { ended, peakMiB } = await ingestMeasured(write(lines), at.lake);
    expect(ended.status).toBe(0);
    const { store } = at;
    const texts = await rescuedTexts(store);
    expect(texts.map((text) => text?.replace(/\{"\$numberInt":"1"\}/, "1") ?? null)).toEqual([
      null,
      ...[300, 100_000].flatMap((levels) => [
        `{"/deep":${deep(levels)}}`,
        `{"/list":${list(levels)}}`,
      ]),
    ]);
    expect(peakMiB).toBeLessThan(512);
  });

  test("5,000 fields: as many columns as are allowed, the rest rescued", async () => {
    const fields = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`f${i}`, i]));
    const file = write([good, event({ _id: 2, ...fields }), event({ _id: 3, f1: 5, f4999: 6 })]);
    const { ended, peakMiB } = await ingestMeasured(file, at.lake);
    expect(ended.status).toBe(0);
    const rows = await rowsOf(at.store) as Record<string, unknown>[];
    const { rescued = {}, _id, a, ...columns } = rows[1] as Record<string, object>;
    expect({ _id, a }).toEqual({ _id: 2 as never, a: null as never });
    expect(Object.keys(columns).length + Object.keys(rescued).length).toBe(5000);
    for (const [name, value] of Object.entries(columns)) expect<unknown>(value).toBe(fields[name]);
    for (const [name, value] of Object.entries(rescued)) {
      expect<unknown>(value).toEqual(int(fields[name.slice(1)] ?? -1));
    }
    expect(rows[2]).toMatchObject({ f1: 5, rescued: { "/f4999": int(6) } });
    expect(peakMiB).toBeLessThan(512);
  });
});

type OddRow = {
  readonly _id: number;
  readonly v: unknown;
  readonly s: { readonly v: unknown } | null;
  readonly l: readonly unknown[] | null;
  readonly rescued?: Readonly<Record<string, unknown>>;
};

const oddValues: readonly unknown[] = [
  ...[1, 1.5, true, null, "t", [1], ["a"], { x: 1 }, [[1]], [{ x: "y" }], [], {}],
  { $oid: "65ba3f000100000000000000" },
  { $date: 1 },
  { $date: { $numberLong: "99999999999999999" } },
  { $numberLong: "9223372036854775807" },
  { $numberDecimal: "1.5" },
  { $numberDecimal: "1E+6000" },
  { $binary: { base64: "AA==", subType: "00" } },
  { $regularExpression: { pattern: "a", options: "" } },
];

function hasPath(rescued: Readonly<Record<string, unknown>>, path: string): boolean {
  return Object.keys(rescued).some((key) => key === path || key.startsWith(`${path}/`));
}

async function rescuedTexts(store: BadFolder["store"]): Promise<(string | null)[]> {
  const rows = (await contentOf(store))["shop/orders"]?.rows ?? [];
  return rows.map((text) =>
    JSON.parse(text) as { _kafka_offset: number; _rescued_data: string | null }
  ).sort((a, b) => a._kafka_offset - b._kafka_offset).map((row) => row._rescued_data);
}
