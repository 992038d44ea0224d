import { describe, expect, test } from "bun:test";
import type { TableView } from "../../../src/core/encode/encode-job.ts";
import { envelope, ingestionMs, rowsOf, runJob, viewAfter } from "./encode-harness.ts";

const decoder = new TextDecoder();
const good = envelope('{"_id": 1}');

/** Records that are no event, and what the dead letter says. */
const bad: readonly (readonly [string, string, RegExp])[] = [
  ["broken JSON", '{"op":"c","x":}', /no value at byte 14 of the line/],
  ["a cut line", good.slice(0, 60), /the line ends in the middle/],
  ["a line cut behind a comma", '{"op":"c",', /the line ends in the middle/],
  ["a line cut in a block", '{"op":"c","source":{"a":{"b":1', /the line ends in the middle/],
  ["text behind the object", `${good} x`, /text after the object/],
  ["two objects", `${good}${good}`, /text after the object/],
  ["no JSON at all", "hello", /no JSON value/],
  ["a number", "5", /no JSON object/],
  ["an array", "[1]", /no JSON object/],
  ["no op", '{"source":{"db":"a","collection":"b"},"after":null}', /no `op`/],
  ["no source", '{"op":"c","after":null}', /no `source`/],
  ["a source without a collection", '{"op":"c","source":{"db":"a"}}', /no `source`/],
  ["an empty database", envelope("{}", { source: { db: "", collection: "c" } }), /no collection/],
  ["an empty collection", envelope("{}", { source: { db: "d", collection: "" } }), /no collection/],
  ["a database with a dot", envelope("{}", { source: { db: "..", collection: "c" } }), /no coll/],
  ["an unknown op", envelope("{}", { op: "t" }), /none of c, u, d, r/],
  ["an op that is no word", envelope("{}", { op: 5 }), /none of c, u, d, r/],
  ["a delete without key and before", envelope(null, { op: "d" }), /neither a document nor a key/],
  ["an insert without document and key", envelope(null), /neither a document nor a key/],
  ["a broken document", envelope('{"a": 1, "b": }'), /no value at byte 14 of the document/],
  ["a cut document", envelope('{"a": "x'), /the document ends in the middle/],
  ["an empty document text", envelope(""), /the document ends in the middle/],
  ["a document that is an array", envelope("[1]"), /no object at byte 0 of the document/],
  ["a bad escape in a document", envelope('{"a": "\\x"}'), /unknown escape/],
  ["a bad \\u in a document", envelope('{"a": "\\u12g4"}'), /four hex digits/],
  ["a raw control character", envelope('{"a": "\u0001"}'), /string without its end/],
  ["an escaped zero byte at the end", envelope('{"a": 1\u0000'), /document/],
  ["a number like 1.", envelope('{"a": 1.}'), /digits/],
  [
    "a broken value text",
    JSON.stringify({ key: null, value: '{"op":"c",' }),
    /value ends in the mid/,
  ],
  ["a StringConverter value", JSON.stringify({ value: "Struct{after=1}" }), /JsonConverter/],
  ["CloudEvents", '{"specversion":"1.0","id":"1","source":"/x","data":{}}', /CloudEvents/],
  ["a flattened document", '{"_id":1,"name":"x"}', /ExtractNewDocumentState/],
  ["a flattened delete", '{"__deleted":true}', /ExtractNewDocumentState/],
  ["any other object", '{"hello":1}', /neither a change event/],
];

describe("dead letters", () => {
  for (const [name, line, reason] of bad) {
    test(`${name}: ${reason.source}`, async () => {
      // Neighbours, so that a cut line could read on into the next one.
      const result = runJob([good, line, good, good]);
      expect(result.fault).toBeNull();
      expect(result.counts.records).toBe(4);
      const letters = result.tables.find(({ key }) => key === "$dead-letters");
      const events = result.tables.find(({ key }) => key === "shop.things");
      expect(events?.rows).toBe(3);
      const [row, ...more] = await rowsOf(letters!);
      expect(more).toEqual([]);
      expect(row!["error"]).toMatch(reason);
      expect(row!["_kafka_offset"]).toBe(BigInt(good.length + 1));
      // Alone at the end of the input it is told in the same words.
      const [alone] = await rowsOf(runJob([line]).tables.find((t) => t.key === "$dead-letters")!);
      expect(alone!["error"]).toBe(row!["error"]!);
    });
  }

  test("hold the record's key and value as bytes", async () => {
    const lines = [
      JSON.stringify({ key: '{"id":"é\\n"}', value: "Struct{ä}" }),
      '{"key":{"id":1},"value":{"x": 1}}',
      "garbage \u00e4",
    ];
    const result = runJob(lines);
    const rows = await rowsOf(result.tables[0]!);
    const text = (value: unknown) => value === null ? null : decoder.decode(value as Uint8Array);
    expect(rows.map((row) => [text(row["key"]), text(row["value"])])).toEqual([
      ['{"id":"é\\n"}', "Struct{ä}"],
      ['{"id":1}', '{"x": 1}'],
      [null, "garbage ä"],
    ]);
    expect(result.tables[0]!.parts[0]!.partitionValues).toEqual({ _ingestion_date: "2026-01-31" });
    expect(rows[0]!["_ingestion_timestamp"]).toBe(BigInt(ingestionMs) * 1000n);
  });

  test("are cut off beyond 16 MiB, with a note", async () => {
    const [row] = await rowsOf(runJob(["x".repeat((16 << 20) + 5)]).tables[0]!);
    expect((row!["value"] as Uint8Array).length).toBe(16 << 20);
    expect(row!["error"]).toMatch(/the value has 16777221 bytes, cut off at 16777216/);
  });

  test("a broken document teaches the schema nothing", () => {
    const lines = [
      good,
      envelope('{"_id": 5, "fresh": 1, "s": {"t": "x"}, "_id": 0.5, "b": }'),
      good,
    ];
    const table = runJob(lines).tables.find(({ key }) => key === "shop.things")!;
    expect(table.schema.fields.at(-1)).toMatchObject({ name: "_id", type: { kind: "integer" } });
  });

  test("a broken document leaves no value in the next row", async () => {
    const first = envelope('{"a": "x", "l": ["p", "q"], "s": {"n": 1}, "v": 2}');
    const broken = envelope('{"a": "zz", "l": ["r"], "s": {"n": 7}, "v": 9, "w": }');
    const table = runJob([first, broken, envelope('{"v": 3}')]).tables[0]!;
    const rows = await rowsOf(table);
    expect(rows.map(({ a, l, s, v }) => ({ a, l, s, v }))).toEqual([
      { a: "x", l: ["p", "q"], s: { n: 1 }, v: 2 },
      { a: null, l: null, s: null, v: 3 },
    ]);
  });

  test("a broken document leaves no element in the next row's array", async () => {
    const lines = [
      envelope('{"l": [1], "m": [{"x": "a"}]}'),
      envelope('{"l": [7, 8], "m": [{"x": "b"}, {"x": "c"}], "w": }'),
      envelope('{"l": [null, 2], "m": [{"x": null}, null]}'),
    ];
    const rows = await rowsOf(runJob(lines).tables[0]!);
    expect(rows.map(({ l, m }) => ({ l, m }))).toEqual([
      { l: [1], m: [{ x: "a" }] },
      { l: [null, 2], m: [{ x: null }, null] },
    ]);
  });

  test("a record is one line, even if two would make one", async () => {
    const cut = '{"op":"c","source":{"db":"d","collection":"c"},"after":"{}",';
    const result = runJob([`${cut}"x":[1`, "]}", `${cut}"x":`, "1}", good]);
    expect(result.tables.map(({ key, rows }) => [key, rows])).toEqual([
      ["shop.things", 1],
      ["$dead-letters", 4],
    ]);
  });

  test("are exactly once: those behind the watermark are dropped", () => {
    const lines = ["one", "two", "three"];
    const first = runJob(lines.slice(0, 2)).tables[0]!;
    const [{ lastOffset: offset, lastRecordHash: recordHash, ...id }] = first.positions as [
      (typeof first.positions)[number],
    ];
    const watermarks: TableView["watermarks"] = [{ ...id, offset, recordHash }];
    const again = runJob(lines, { tables: [viewAfter(first, { watermarks })] }).tables[0]!;
    expect(again).toMatchObject({ rows: 1, droppedRows: 2, schema: first.schema });
  });
});
