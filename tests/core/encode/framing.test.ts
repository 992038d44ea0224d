import { describe, expect, test } from "bun:test";
import { createEncoder } from "../../../src/core/encode/run-encode-job.ts";
import { mappingRules } from "../../support/mapping-rules.ts";
import { envelope, onlyTable, rescuedOf, type Row, rowsOf, runJob } from "./encode-harness.ts";

const document = '{"_id": {"$numberLong": "7"}, "name": "Zoë \\"q\\" \\u2028 \\ud83d\\ude00 \\n"}';
const event = envelope(document);
const key = JSON.stringify({ id: "7" });
const withSchema = (payload: string | null) =>
  `{"schema":{"type":"struct","fields":[{"x":"}]"}]},"payload":${payload}}`;
const kcat = (key: unknown, payload: unknown) =>
  JSON.stringify({
    topic: "t.d.c",
    partition: 3,
    offset: 41,
    tstype: "create",
    ts: 1700000000000,
    broker: 1,
    headers: ["a", "b"],
    key,
    payload,
  });

/** Framings of the same event. */
const framings: readonly (readonly [string, string])[] = [
  ["a bare value", event],
  ["a bare value with a schema", withSchema(event)],
  ["a bare value with a null schema", `{"schema":null,"payload":${event}}`],
  ["a pair of texts", JSON.stringify({ key, value: event })],
  ["a pair of objects", `{"key":${key},"value":${event}}`],
  ["a pair with schemas", `{"key":${withSchema(key)},"value":${withSchema(event)}}`],
  ["texts with schemas", JSON.stringify({ key: withSchema(key), value: withSchema(event) })],
  [
    "a key with a schema, a value without",
    JSON.stringify({ key: withSchema(key), value: event }),
  ],
  ["a value with a schema, a key without", JSON.stringify({ key, value: withSchema(event) })],
  ["a kcat line", kcat(key, event)],
  ["a kcat line with schemas", kcat(withSchema(key), withSchema(event))],
  ["a kcat line without a key", kcat(null, event)],
  ["a pretty-printed payload", kcat(key, JSON.stringify(JSON.parse(event), null, 2))],
  [
    "blanks everywhere",
    `  ${JSON.stringify({ key, value: event }, null, 1).replaceAll("\n", " ")} \t\r`,
  ],
  ["a StringConverter key", JSON.stringify({ key: "Struct{id=7}", value: event })],
  [
    "an after that is an object",
    envelope(null).replace('"after":null', `"after":${document}`),
  ],
];

describe("framings", () => {
  for (const [name, line] of framings) {
    test(`${name} gives the event's row`, async () => {
      const result = runJob([line]);
      const [row] = await rowsOf(onlyTable(result));
      expect(row).toMatchObject({
        _cdc_operation: "insert",
        _cdc_timestamp: 1700000000000000n,
        _cdc_key: '{"$numberInt":"7"}',
        _id: 7n,
        name: 'Zoë "q" \u2028 😀 \n',
        ...(line.includes('"offset"')
          ? { _kafka_topic: "t.d.c", _kafka_partition: 3, _kafka_offset: 41n }
          : { _kafka_topic: "events", _kafka_partition: 0, _kafka_offset: 0n }),
      });
      expect(result.tables.length).toBe(1);
    });
  }

  test("each line is recognised by itself; empty lines are none", () => {
    const lines = ["", event, "   ", JSON.stringify({ key, value: event }), "\r"];
    const result = runJob(lines);
    expect(result.counts.records).toBe(2);
    expect(result.positions).toMatchObject([{ firstOffset: 1n, topic: "events" }]);
    expect(onlyTable(result).rows).toBe(2);
  });

  test("the last line may lack its end", () => {
    for (const text of [`${event}\n${event}`, event, `${event.slice(0, -1)}`, '{"op":"c","x":"y']) {
      const bytes = new TextEncoder().encode(text);
      const position = { topic: "t", partition: 0, baseOffset: 0n, identity: "a" };
      const batches = [{ framing: "lines", bytes, position }] as const;
      const encoder = createEncoder(mappingRules());
      const result = encoder.run({ batches, tables: [], ingestionTimestampMs: 0 });
      expect(result.counts.records).toBe(text.split("\n").length);
      const whole = text.endsWith("}") && !text.endsWith("null");
      expect(result.tables[0]!.key).toBe(whole ? "shop.things" : "$dead-letters");
    }
  });
});

describe("operations", () => {
  const rows = async (...lines: string[]): Promise<Row[]> => rowsOf(onlyTable(runJob(lines)));

  test("c, u, d and r have names", async () => {
    const found = await rows(...["c", "u", "r"].map((op) => envelope(document, { op })));
    expect(found.map((row) => row["_cdc_operation"])).toEqual(["insert", "update", "read"]);
  });

  test("a delete takes its _id from the key", async () => {
    const [row] = await rows(JSON.stringify({ key, value: envelope(null, { op: "d" }) }));
    expect(row).toMatchObject({ _cdc_operation: "delete", _id: 7, _cdc_key: '{"$numberInt":"7"}' });
  });

  test("a delete takes the other columns from before", async () => {
    const before = '{"a": 1, "_id": 8}';
    const value = envelope(null, { op: "d", before });
    const found = await rows(
      JSON.stringify({ key, value }),
      value,
      JSON.stringify({ key, value: envelope(null, { op: "d", before: '{"a": 2}' }) }),
    );
    expect(found.map(({ a, _id }) => ({ a, _id }))).toEqual([
      { a: 1, _id: 8 },
      { a: 1, _id: 8 },
      { a: 2, _id: 7 },
    ]);
    expect(found.map((row) => row["_cdc_key"])).toEqual(
      ["7", "8", "7"].map((id) => `{"$numberInt":"${id}"}`),
    );
  });

  test("an update without its document keeps what it says of the change", async () => {
    const updateDescription = {
      removedFields: ["x"],
      updatedFields: '{"a.b": 5, "d": {"$date": "2020-01-01T00:00:00Z"}}',
      truncatedArrays: [{ field: "l", size: 2 }],
    };
    const value = envelope(null, { op: "u", updateDescription });
    const [row] = await rows(JSON.stringify({ key, value }));
    expect(row).toMatchObject({ _id: 7, _cdc_operation: "update" });
    expect(rescuedOf(row!)).toEqual({
      "/updateDescription": {
        removedFields: ["x"],
        updatedFields: {
          "a.b": { $numberInt: "5" },
          d: { $date: { $numberLong: "1577836800000" } },
        },
        truncatedArrays: [{ field: "l", size: { $numberInt: "2" } }],
      },
    });
  });

  test("an update with its document leaves the description out", async () => {
    const [row] = await rows(envelope(document, { op: "u", updateDescription: { a: 1 } }));
    expect(row!["_rescued_data"]).toBeNull();
  });

  test("the oldest form of an update keeps its patch", async () => {
    const patch = '{"$set": {"a": 1}}';
    const [row] = await rows(JSON.stringify({ key, value: envelope(null, { op: "u", patch }) }));
    expect(rescuedOf(row!)).toEqual({ "/patch": { $set: { a: { $numberInt: "1" } } } });
  });

  test("document and transaction are kept on demand", async () => {
    const rules = mappingRules({ keepDocument: true, keepTransactionId: true });
    const transaction = { id: 'tx:"1"', total_order: 1, data_collection_order: 1 };
    const [row] = await rowsOf(
      onlyTable(runJob([envelope(document, { transaction })], { rules })),
    );
    expect(row).toMatchObject({ _cdc_transaction_id: 'tx:"1"', _document: document });
  });

  test("source time is the source's; the envelope's only stands in", async () => {
    const source = { db: "d", collection: "c" };
    const lines = [
      envelope(document, { source }),
      envelope(document, { source: { ...source, ts_ms: 5 } }),
      envelope(document, { source, ts_ms: null }),
      envelope(document, { source: { ...source, ts_ms: 300000000000000 } }),
    ];
    const table = onlyTable(runJob(lines));
    expect((await rowsOf(table)).map((row) => row["_cdc_timestamp"])).toEqual([
      1700000000005000n,
      5000n,
      null,
      null,
    ]);
    expect(table.newestSourceMs).toBe(1700000000005);
  });

  test("tables come from the source, whatever the topic", () => {
    const of = (db: string, collection: string) =>
      envelope(document, { source: { db, collection, ts_ms: 1 } });
    const lines = [of("a", "x.y"), of("a", "z"), of("b", "z"), of("a", "x.y"), of('q"', "é")];
    const result = runJob(lines);
    expect(result.tables.map(({ key, rows }) => [key, rows])).toEqual([
      ["a.x.y", 2],
      ["a.z", 1],
      ["b.z", 1],
      ['q".é', 1],
    ]);
  });
});

describe("records without rows", () => {
  const value = (json: unknown) => JSON.stringify({ key: "k", value: JSON.stringify(json) });
  const signal = (type: string, extra = {}) =>
    envelope(JSON.stringify({ _id: "x", type, payload: "", ...extra }));
  const uuid = "07b88da1-66e0-442c-8936-11a8a5c7e3f2";

  test("are recognised by their shape", () => {
    const lines = [
      value({ ts_ms: 5 }),
      value({ status: "BEGIN", id: "1", event_count: null, data_collections: null, ts_ms: 5 }),
      value({ id: "1", type: "STARTED", aggregate_type: "Initial Snapshot", additional_data: {} }),
      value({ type: "execute-snapshot", data: { "data-collections": ["a.b"] } }),
      signal("snapshot-window-open"),
      signal("execute-snapshot"),
      JSON.stringify({
        key: JSON.stringify({ id: `"${uuid}-open"` }),
        value: envelope(null, { op: "d" }),
      }),
    ];
    const result = runJob(lines);
    expect(result.tables).toEqual([]);
    expect(result.counts).toMatchObject({ records: lines.length, rowless: lines.length });
    expect(result.positions.length).toBe(1);
  });

  test("are not confused with documents that look alike", () => {
    const lines = [
      signal("log"),
      signal("order"),
      signal("execute-snapshot", { more: 1 }),
      envelope('{"_id": 1, "type": "execute-snapshot"}'),
      JSON.stringify({
        key: JSON.stringify({ id: '"x-open"' }),
        value: envelope(null, { op: "d" }),
      }),
    ];
    expect(onlyTable(runJob(lines)).rows).toBe(lines.length);
  });

  test("tombstones are null values of every framing", () => {
    const lines = [
      JSON.stringify({ key, value: null }),
      JSON.stringify({ key: null, value: null }),
      kcat(key, null).replace("41", "1"),
      kcat(key, "").replace("41", "2"),
      withSchema(null),
      "null",
    ];
    expect(runJob(lines).counts).toMatchObject({ records: 6, tombstones: 6, rowless: 0 });
  });
});
