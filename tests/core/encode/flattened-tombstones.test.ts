import { describe, expect, test } from "bun:test";
import { createEncoder } from "../../../src/core/encode/run-encode-job.ts";
import type { EncodeResult } from "../../../src/core/encode/encode-job.ts";
import { kafkaBatchOf, kafkaRecordBatch, type TestRecord } from "../../support/kafka-batches.ts";
import { mappingRules } from "../../support/mapping-rules.ts";
import { documentPart, ingestionMs, onlyTable, rowsOf } from "./encode-harness.ts";

function run(records: readonly TestRecord[], topic = "cdc.shop.things"): EncodeResult {
  const batch = kafkaRecordBatch(records, { baseOffset: 5n });
  const batches = [kafkaBatchOf([batch], { topic, partition: 2, identity: "a".repeat(32) })];
  return createEncoder(mappingRules()).run({
    batches,
    tables: [],
    ingestionTimestampMs: ingestionMs,
  });
}

type Headers = readonly (readonly [string, string | null])[];

const tombstone = (headers: Headers): TestRecord => ({
  key: '{"id":"1004"}',
  value: null,
  headers,
});
const context: Headers = [["__debezium.context.connectorName", "mongodb"], ["x", "y"]];
const added: Headers = [
  ["__op", "d"],
  ["__source_ts_ms", "1700000000000"],
  ["__db", "shop"],
  ["__collection", "things"],
];

/** Headers of a null value; the table whose row it becomes, null: none. */
const cases: readonly (readonly [string, Headers, string, string | null])[] = [
  ["add.headers=op,source.ts_ms,db,collection", [...context, ...added], "t", "shop.things"],
  ["converted to JSON", added.map(([k, v]) => [k, JSON.stringify(v)]), "t", "shop.things"],
  ["the collection's name by the topic", [["__op", "d"]], "cdc.shop.a.b", "shop.a.b"],
  ["no headers", [], "cdc.shop.things", null],
  ["headers without __op", [...context, ...added.slice(1)], "cdc.shop.things", null],
  ["the tombstone of a rewritten delete", [...added, ["__op", "d"]], "cdc.shop.things", null],
  ["another operation", [["__op", "u"]], "cdc.shop.things", null],
  ["an operation that is null", [["__op", null]], "cdc.shop.things", null],
  ["a longer name", [["__op_", "d"]], "cdc.shop.things", null],
];

describe("a null value", () => {
  for (const [name, headers, topic, table] of cases) {
    test(`with ${name} is ${table === null ? "a tombstone" : "a delete"}`, async () => {
      const result = run([tombstone(headers)], topic);
      expect(result.counts).toMatchObject({ records: 1, tombstones: table === null ? 1 : 0 });
      expect(result.tables.map(({ key }) => key)).toEqual(table === null ? [] : [table]);
      if (table === null) return;
      const [row] = await rowsOf(onlyTable(result));
      const timed = headers.some(([key]) => key === "__source_ts_ms");
      expect(row).toMatchObject({
        _cdc_operation: "delete",
        _cdc_key: '"1004"',
        _cdc_timestamp: timed ? 1700000000000000n : null,
        _kafka_offset: 5n,
      });
      expect(documentPart(row!)).toEqual({ _id: "1004" });
    });
  }

  test("with a delete's header and no collection is a dead letter", async () => {
    const result = run([tombstone([["__op", "d"]])], "things");
    const [row] = await rowsOf(result.tables[0]!);
    expect(row!["error"]).toMatch(/add\.fields=op,db,collection/);
  });
});

test("flattened values of Kafka have typed keys", async () => {
  const value = '{"name":"x","__deleted":false,"__op":"u","__db":"shop","__collection":"things"}';
  const keys = ['{"id":"1004"}', '{"id":1004}', '"1004"', "1004", '{"payload":{"id":"x"}}'];
  const rows = await rowsOf(onlyTable(run(keys.map((key) => ({ key, value })), "t")));
  expect(rows.map((row) => row["_cdc_key"])).toEqual([
    '"1004"',
    '{"$numberInt":"1004"}',
    '"1004"',
    '{"$numberInt":"1004"}',
    '"x"',
  ]);
});
