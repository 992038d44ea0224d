import { describe, expect, test } from "bun:test";
import { mappingRules } from "../../support/mapping-rules.ts";
import {
  documentPart,
  envelope,
  onlyTable,
  rescuedOf,
  type Row,
  rowsOf,
  runJob,
} from "./encode-harness.ts";

const added = {
  __op: "c",
  __db: "shop",
  __collection: "things",
  __ts_ms: 1700000000005,
  __source_ts_ms: 1700000000000,
};
type Value = Readonly<Record<string, unknown>> | string | null;

/** A record of a topic as console tools write it: key and value as texts. */
function pair(value: Value, key: unknown = { id: 1004 }, topic = "cdc.shop.things"): string {
  const text = value === null || typeof value === "string" ? value : JSON.stringify(value);
  return JSON.stringify({ topic, key: key === null ? null : JSON.stringify(key), value: text });
}

async function rowOf(line: string): Promise<Row> {
  const [row] = await rowsOf(onlyTable(runJob([line])));
  return row!;
}

async function deadLetterOf(line: string): Promise<string> {
  const result = runJob([line]);
  expect(result.tables.map(({ key, rows }) => [key, rows])).toEqual([["$dead-letters", 1]]);
  const [row] = await rowsOf(result.tables[0]!);
  return String(row!["error"]);
}

const document = { _id: 1004, name: "Anne" };
const withSchema = (payload: unknown) => ({ schema: { type: "struct", fields: [] }, payload });

describe("a flattened document", () => {
  const flat = { ...document, ...added };
  const framings: readonly (readonly [string, string])[] = [
    ["a pair of texts", pair(flat)],
    ["a bare value", JSON.stringify(flat)],
    ["a bare value with a schema", JSON.stringify(withSchema(flat))],
    ["texts with schemas", pair(withSchema(flat), withSchema({ id: 1004 }))],
    ["a pair of objects", JSON.stringify({ key: { id: 1004 }, value: flat })],
    [
      "a kcat line",
      JSON.stringify({
        topic: "cdc.shop.things",
        partition: 0,
        offset: 0,
        key: '{"id":1004}',
        payload: JSON.stringify(flat),
      }),
    ],
    ["metadata before the document", pair({ ...added, ...document })],
    ["fields under their source's names", pair({ ...document, ...sourceNames(flat) })],
  ];
  for (const [name, line] of framings) {
    test(`as ${name} is a row`, async () => {
      const result = runJob([line]);
      expect(onlyTable(result).key).toBe("shop.things");
      const row = await rowOf(line);
      expect(documentPart(row)).toEqual({ _id: 1004, name: "Anne" });
      expect(row).toMatchObject({
        _cdc_operation: "insert",
        _cdc_timestamp: 1700000000000000n,
        _cdc_key: '{"$numberInt":"1004"}',
        _rescued_data: null,
      });
    });
  }

  function sourceNames({ __op, __source_ts_ms }: typeof flat) {
    return { __op, __source_ts_ms, __source_db: "shop", __source_collection: "things" };
  }

  test("keeps 64-bit integers, nested values and names of the user's own", async () => {
    const text = '{"_id":{"a":1},"big":9223372036854775807,"d":{"l":[{"x":1.5},{"x":null}]},' +
      '"__v":3,"__typename":"T","__deleted":false,"__op":"r","__lsid":null,"__name":"cdc",' +
      '"__updateDescription_updatedFields":"{}","__ord":5}';
    const row = await rowOf(pair(text, { id: { a: 1 } }));
    expect(documentPart(row)).toEqual({
      _id: { a: 1 },
      big: 9223372036854775807n,
      d: { l: [{ x: 1.5 }, { x: null }] },
      __v: 3,
      __typename: "T",
    });
    expect(row).toMatchObject({ _cdc_operation: "read", _cdc_key: '{"a":{"$numberInt":"1"}}' });
  });

  test("may have fields with the names of envelopes and of lines", async () => {
    const own = {
      _id: 1,
      op: "d",
      source: { db: "x", collection: "y", ts_ms: 1 },
      after: '{"a": 1}',
      before: "b",
      payload: { op: "c", source: { db: "x", collection: "y" }, after: "{}" },
      value: null,
      key: { id: 77 },
      topic: "t",
      partition: 9,
      offset: "none",
      status: "END",
      id: "i",
      specversion: "1.0",
      aggregate_type: "x",
      ts_ms: 3,
      transaction: { id: "t" },
      type: "execute-snapshot",
      data: {},
      schema: "s",
    };
    for (const line of [pair({ ...own, ...added }), JSON.stringify({ ...own, ...added })]) {
      const result = runJob([line]);
      expect(onlyTable(result).key).toBe("shop.things");
      const [row] = await rowsOf(onlyTable(result));
      const { data: _empty, value: _null, ...kept } = own;
      expect(documentPart(row!)).toEqual(kept);
      expect(rescuedOf(row!)).toEqual({ "/data": {} });
      const inPair = line.includes('"key":"');
      expect(row).toMatchObject({
        _cdc_operation: "insert",
        _cdc_timestamp: 1700000000000000n,
        _cdc_key: `{"$numberInt":"${inPair ? 1004 : 1}"}`,
        _kafka_topic: "events",
        _kafka_offset: 0n,
      });
    }
  });

  test("an envelope with the transform's marks beside it stays an envelope", async () => {
    const row = await rowOf(envelope('{"_id": 5}', { __op: "d", __deleted: true }));
    expect(row).toMatchObject({ _cdc_operation: "insert", _id: 5 });
  });

  test("keeps the transaction's id and the document without its metadata", async () => {
    const rules = mappingRules({ keepTransactionId: true, keepDocument: true });
    const line = pair({ ...document, ...added, __transaction_id: "t:1" });
    const [row] = await rowsOf(onlyTable(runJob([line], { rules })));
    expect(row).toMatchObject({
      _cdc_transaction_id: "t:1",
      _document: '{"_id":1004,"name":"Anne"}',
    });
  });

  test("of the signal collection has no row", () => {
    const signal = { _id: "7-open", type: "snapshot-window-open", payload: "", __op: "c" };
    const uuid = "0a1b2c3d-0000-1111-2222-0123456789ab";
    const gone = { __deleted: true, __op: "d" };
    const result = runJob([pair(signal), pair(gone, { id: `${uuid}-open` })]);
    expect(result.tables).toEqual([]);
    expect(result.counts.rowless).toBe(2);
  });
});

describe("operation and time", () => {
  const { __op: _op, __ts_ms: _ts, __source_ts_ms: _source, ...place } = added;
  const operations: readonly (readonly [string, object, string | null])[] = [
    ["c", { __op: "c" }, "insert"],
    ["u", { __op: "u", __deleted: false }, "update"],
    ["r", { __op: "r", __deleted: "false" }, "read"],
    ["d", { __op: "d" }, "delete"],
    ["__deleted alone", { __deleted: true }, "delete"],
    ["__deleted as text", { __deleted: "true" }, "delete"],
    ["__deleted beside another op", { __deleted: true, __op: "u" }, "delete"],
    ["not deleted, and no op", { __deleted: false }, null],
    ["no op", {}, null],
    ["a user's __op", { __op: "user field" }, null],
    ["an op that is no text", { __op: 7 }, null],
    ["an unknown letter", { __op: "t" }, null],
  ];
  for (const [name, marks, expected] of operations) {
    test(`${name}: ${expected}`, async () => {
      const line = pair({ ...document, ...place, ...marks });
      if (expected === null) {
        expect(await deadLetterOf(line)).toMatch(/ExtractNewDocumentState/);
        expect(await deadLetterOf(line)).toMatch(/add\.fields=op/);
      } else expect((await rowOf(line))["_cdc_operation"]).toBe(expected);
    });
  }

  const times: readonly (readonly [object, bigint | null])[] = [
    [{ __ts_ms: 5, __source_ts_ms: 3 }, 3000n],
    [{ __source_ts_ms: 3, __ts_ms: 5 }, 3000n],
    [{ __ts_ms: 5, __source_ts_ms: null }, 5000n],
    [{ __ts_ms: 5 }, 5000n],
    [{}, null],
  ];
  for (const [marks, expected] of times) {
    test(`${JSON.stringify(marks)} is ${expected}`, async () => {
      const row = await rowOf(pair({ ...document, ...place, __op: "c", ...marks }));
      expect(row["_cdc_timestamp"]).toBe(expected);
    });
  }
});

describe("keys", () => {
  const hex = "596e275826f08b2730779e1f";
  const keys: readonly (readonly [unknown, string, unknown])[] = [
    [{ id: 1004 }, '{"$numberInt":"1004"}', 1004],
    [{ id: "1004" }, '"1004"', "1004"],
    [{ id: hex }, `"${hex}"`, hex],
    [{ id: "" }, '""', ""],
    [{ id: 'say "é"\n' }, '"say \\"é\\"\\n"', 'say "é"\n'],
    [{ id: '{"$oid":"x"}' }, '"{\\"$oid\\":\\"x\\"}"', '{"$oid":"x"}'],
    [{ id: true }, "true", true],
    [{ id: null }, "null", null],
    [{ id: { company: 32, dept: "home" } }, '{"company":{"$numberInt":"32"},"dept":"home"}', {
      company: 32,
      dept: "home",
    }],
    ["plain", '"plain"', "plain"],
    [77, '{"$numberInt":"77"}', 77],
  ];
  for (const [key, identity, id] of keys) {
    test(`a delete of ${JSON.stringify(key)} takes its _id from the key`, async () => {
      const row = await rowOf(pair({ __deleted: true, ...added, __op: "d" }, key));
      expect(row).toMatchObject({ _cdc_operation: "delete", _cdc_key: identity });
      if (id !== null) expect(row["_id"]).toEqual(id as Row[string]);
    });
  }

  test("an int64 key is exact", async () => {
    const line = JSON.stringify({
      topic: "cdc.shop.things",
      key: '{"id":9007199254740993}',
      value: '{"__deleted":true}',
    });
    expect(await rowOf(line)).toMatchObject({
      _cdc_key: '{"$numberLong":"9007199254740993"}',
      _id: 9007199254740993n,
    });
  });

  test("the key and the document's _id give one identity", async () => {
    const lines = [
      pair({ _id: hex, ...added }, { id: hex }),
      pair({ _id: hex, ...added }, null),
      pair({ __deleted: true, ...added, __op: "d" }, { id: hex }),
    ];
    const rows = await rowsOf(onlyTable(runJob(lines)));
    expect(rows.map((row) => row["_cdc_key"])).toEqual([1, 2, 3].map(() => `"${hex}"`));
  });

  test("a delete without a key cannot be used", async () => {
    const line = JSON.stringify({ __deleted: true, ...added });
    expect(await deadLetterOf(line)).toMatch(/neither a document nor a key/);
  });
});

/** `delete.tombstone.handling.mode` → its records of a delete, and the rows and tombstones of them. */
const modes: readonly (readonly [string, readonly Value[], number, number])[] = [
  ["drop", [], 0, 0],
  ["tombstone", [null], 0, 1],
  ["delete-to-tombstone", [null], 0, 1],
  ["rewrite", [{ __deleted: true, __op: "d" }], 1, 0],
  ["rewrite with the pre-image", [{ ...document, __deleted: true, __op: "d" }], 1, 0],
  ["rewrite-with-id", [{ __deleted: true, _id: 1004, __op: "d", __name: "x" }], 1, 0],
  ["rewrite-with-tombstone", [{ __deleted: true, __op: "d" }, null], 1, 1],
];

describe("delete.tombstone.handling.mode", () => {
  for (const [mode, values, rowCount, tombstones] of modes) {
    test(`${mode}: ${rowCount} rows, ${tombstones} tombstones`, async () => {
      const result = runJob([pair({ ...document, ...added }), ...values.map((one) => pair(one))]);
      expect(result.counts.tombstones).toBe(tombstones);
      const [, ...rows] = await rowsOf(onlyTable(result));
      expect(rows.length).toBe(rowCount);
      for (const row of rows) {
        expect(row).toMatchObject({ _cdc_operation: "delete", _id: 1004 });
        expect(row["name"]).toBe(mode.includes("pre-image") ? "Anne" : null);
        expect(Object.keys(documentPart(row))).toEqual(["_id", "name"]);
      }
    });
  }
});

describe("the table", () => {
  const marks = { __op: "c" };
  test("comes from the topic where the document does not say it", () => {
    const lines = [
      pair({ ...document, ...marks }),
      pair({ ...document, ...marks }, { id: 1 }, "cdc.shop.sys.things.v2"),
      pair({ ...document, ...marks, __collection: "my things" }, { id: 1 }, "a.b.shop.my_things"),
      pair({ ...document, ...marks, __db: null, __collection: null }),
    ];
    const counts = runJob(lines).tables.map(({ key, rows }) => [key, rows]);
    expect(counts).toEqual([["shop.things", 2], ["shop.sys.things.v2", 1], ["shop.my things", 1]]);
  });

  test("is not taken from the topic where the document says it", () => {
    const line = pair({ ...document, ...added, __db: "d\u00e9" }, { id: 1 }, "one.topic.for_all");
    expect(onlyTable(runJob([line])).key).toBe("d\u00e9.things");
  });

  for (const topic of ["things", "cdc.things"]) {
    test(`cannot be told from ${topic}`, async () => {
      const error = await deadLetterOf(pair({ ...document, ...marks }, { id: 1 }, topic));
      expect(error).toMatch(/topic's name.*add\.fields=op,db,collection/i);
    });
  }

  test("is not told by the name of a file", async () => {
    expect(await deadLetterOf(JSON.stringify({ ...document, ...marks }))).toMatch(/topic's name/);
  });
});
