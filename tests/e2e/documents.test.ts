import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import {
  Binary,
  BSONRegExp,
  BSONSymbol,
  Code,
  DBRef,
  Decimal128,
  type Document,
  Double,
  Int32,
  Long,
  MaxKey,
  MinKey,
  MongoClient,
  ObjectId,
  Timestamp,
  UUID,
} from "mongodb";
import type { NormalRow, NormalValue } from "../support/normal-form.ts";
import { isLiveStackPossible } from "./live-stack.ts";
import { expectTable } from "./oracle.ts";
import { newPipeline, type Pipeline } from "./pipeline.ts";
import type { TopicLog } from "./topic-log.ts";
import { untilRight } from "./until.ts";

setDefaultTimeout(120_000);

const id = new ObjectId("65a1b2c3d4e5f60718293a4b");
const uuid = "01234567-89ab-cdef-0123-456789abcdef";

/** A value of each BSON type, and what must stand in its column, whose type it tells too. */
const types: readonly (readonly [name: string, value: unknown, normal: NormalValue])[] = [
  ["text", 'né 日本 🎉 "quoted"\n', 's:né 日本 🎉 "quoted"\n'],
  ["empty_text", "", "s:"],
  ["int32", new Int32(-2147483648), "i:-2147483648"],
  ["int64", Long.fromString("9223372036854775807"), "i:9223372036854775807"],
  ["odd_int64", Long.fromString("9007199254740993"), "i:9007199254740993"],
  ["double", new Double(0.1), "f:3fb999999999999a"],
  ["whole_double", new Double(3), "f:4008000000000000"],
  ["nan", new Double(Number.NaN), "f:NaN"],
  ["infinity", new Double(-Infinity), "f:fff0000000000000"],
  ["minus_zero", new Double(-0), "f:8000000000000000"],
  [
    "decimal",
    Decimal128.fromString("-1234567890123456.123456789012345678"),
    "d:-1234567890123456.123456789012345678",
  ],
  ["yes", true, "b:true"],
  ["date", new Date(1_700_000_000_123), "t:1700000000123000Z"],
  ["old_date", new Date(-62_135_596_800_000), "t:-62135596800000000Z"],
  ["clock", new Timestamp({ t: 4_294_967_295, i: 7 }), { t: "i:4294967295", i: "i:7" }],
  ["bytes", new Binary(new Uint8Array([0, 255, 16])), "x:00ff10"],
  ["uuid", new UUID(uuid), `s:${uuid}`],
  ["object_id", id, `s:${id.toHexString()}`],
  ["list", ["a", null, ""], ["s:a", null, "s:"]],
  ["matrix", [[new Int32(1), new Int32(2)], [new Int32(3)]], [["i:1", "i:2"], ["i:3"]]],
  [
    "documents",
    [{ sku: "x", n: new Int32(1) }, { sku: null, n: new Int32(2) }],
    [{ sku: "s:x", n: "i:1" }, { sku: null, n: "i:2" }],
  ],
  ["deep", { a: { b: [{ c: new Double(1.5) }] } }, { a: { b: [{ c: "f:3ff8000000000000" }] } }],
  ["symbol", new BSONSymbol("sym"), "s:sym"],
  ["regex", new BSONRegExp("^a/b", "im"), json({ pattern: "^a/b", options: "im" })],
  ["code", new Code("return 1"), 's:{"$code":"return 1"}'],
  ["min_key", new MinKey(), 's:{"$minKey":1}'],
  ["max_key", new MaxKey(), 's:{"$maxKey":1}'],
  ["reference", new DBRef("orders", id), { $ref: "s:orders", $id: `s:${id.toHexString()}` }],
];

function json(regularExpression: object): string {
  return `s:${JSON.stringify({ $regularExpression: regularExpression })}`;
}

describe.skipIf(!(await isLiveStackPossible()))("documents keep what they hold", () => {
  let pipeline: Pipeline;
  let topics: TopicLog;

  const rowsOf = (name: string, columns: string): Promise<readonly NormalRow[]> =>
    pipeline.query("delta-rs", name, `select ${columns} from t order by _kafka_offset`);

  beforeAll(async () => {
    pipeline = await newPipeline();
    await pipeline.deploy({ "capture.mode": "change_streams_update_full_with_pre_image" });
    topics = pipeline.topics();
    pipeline.start(["--keep-transaction-id"]);
    await pipeline.streams(topics);
  });

  afterAll(async () => await pipeline.stop());

  test("every BSON type, inserted and updated", async () => {
    const all = pipeline.collection("types");
    const { insertedId } = await all.insertOne({ n: 1 });
    await all.insertOne(Object.fromEntries(types.map(([name, value]) => [name, value])));
    await all.updateOne(
      { _id: insertedId },
      { $set: Object.fromEntries(types.map(([name, value]) => [name, value])) },
    );
    const names = types.map(([name]) => `"${name}"`).join(", ");
    const expected = Object.fromEntries(types.map(([name, , normal]) => [name, normal]));
    await untilRows(async () => (await rowsOf("types", names)).length === 3);
    const rows = await rowsOf("types", `${names}, _rescued_data`);
    for (const row of rows.slice(1)) expect(row).toEqual({ ...expected, _rescued_data: null });
    const duck = await pipeline.query(
      "duckdb",
      "types",
      `select ${names} from t order by _kafka_offset`,
    );
    expect(duck.slice(1)).toEqual([expected, expected]);
  });

  test("what has no type of its own is rescued, with its path", async () => {
    await pipeline.collection("rescued").insertMany([
      { n: 1, empty: {}, none: [] },
      { n: "a text", "sp ace": 1 },
      { n: new Double(1.5) },
    ]);
    await untilRows(async () => (await rowsOf("rescued", "n")).length === 3);
    const rows = await rowsOf("rescued", "n, _rescued_data");
    expect(rows.map((row): unknown => {
      const rescued = row["_rescued_data"];
      return typeof rescued === "string" ? JSON.parse(rescued.slice(2)) as unknown : null;
    }))
      .toEqual([
        { "/empty": {}, "/none": [] },
        { "/n": "a text", "/sp ace": { $numberInt: "1" } },
        null,
      ]);
  });

  test("a transaction over several documents, with its id on each row", async () => {
    const orders = pipeline.collection("orders");
    const items = pipeline.collection("items");
    await orders.insertOne({ n: 0 });
    await items.insertOne({ n: 0 });
    const client = new MongoClient(pipeline.stack.urls.mongodb);
    await client.withSession((session) =>
      session.withTransaction(async () => {
        const database = client.db(pipeline.name);
        await database.collection("orders").insertMany([{ n: 1 }, { n: 2 }], { session });
        await database.collection("items").insertOne({ n: 3 }, { session });
        await database.collection("orders").updateOne({ n: 0 }, { $set: { n: 9 } }, { session });
      })
    );
    await client.close();
    await expectTable(pipeline, topics, "orders", 4);
    await expectTable(pipeline, topics, "items", 2);
    const ids = [
      ...await rowsOf("orders", "_cdc_transaction_id"),
      ...await rowsOf("items", "_cdc_transaction_id"),
    ].map((row) => row["_cdc_transaction_id"]);
    expect(ids.filter((each) => each === null)).toHaveLength(2);
    const inside = ids.filter((each) => each !== null);
    expect(inside).toHaveLength(4);
    expect(new Set(inside).size).toBe(1);
  });

  test("a deleted document's fields, where MongoDB kept the pre-image", async () => {
    await pipeline.db.createCollection("kept", {
      changeStreamPreAndPostImages: { enabled: true },
    });
    const kept = pipeline.collection("kept");
    const { insertedId } = await kept.insertOne({ name: "Anne", n: 1 });
    await kept.updateOne({ _id: insertedId }, { $set: { n: 2 } });
    // The update's document is looked up when it is read: it has to be there still.
    await expectTable(pipeline, topics, "kept", 2);
    await kept.deleteOne({ _id: insertedId });
    await expectTable(pipeline, topics, "kept", 3);
    expect(await rowsOf("kept", "_cdc_operation, name, n")).toEqual([
      { _cdc_operation: "s:insert", name: "s:Anne", n: "i:1" },
      { _cdc_operation: "s:update", name: "s:Anne", n: "i:2" },
      { _cdc_operation: "s:delete", name: "s:Anne", n: "i:2" },
    ]);
  });

  test("1,000 documents are visible within 60 s", async () => {
    const writtenAt = new Map<number, number>();
    const seenAt = new Map<number, number>();
    const many = pipeline.collection("many");
    await many.insertOne({ n: -1 });
    await untilRows(async () => (await rowsOf("many", "n")).length === 1);
    const writing = (async () => {
      for (let n = 0; n < 1000; n++) {
        await many.insertOne({ n, name: `name ${n}`, at: new Date() } satisfies Document);
        writtenAt.set(n, performance.now());
      }
    })();
    const deadline = performance.now() + 60_000;
    while (seenAt.size < 1000 && performance.now() < deadline) {
      const rows = await pipeline.query("delta-rs", "many", "select n from t where n >= 0");
      const now = performance.now();
      for (const row of rows) {
        const n = Number(String(row["n"]).slice(2));
        if (!seenAt.has(n)) seenAt.set(n, now);
      }
    }
    await writing;
    expect(seenAt.size).toBe(1000);
    const ages = [...seenAt].map(([n, at]) => at - (writtenAt.get(n) ?? 0)).sort((a, b) => a - b);
    const at = (share: number): string =>
      `${Math.round(ages[Math.ceil(share * 1000) - 1] ?? 0)} ms`;
    console.log(`freshness of 1,000 documents: p50 ${at(0.5)}, p95 ${at(0.95)}, p99 ${at(0.99)}`);
    expect(ages.at(-1)).toBeLessThan(60_000);
  });
});

async function untilRows(look: () => Promise<boolean>): Promise<void> {
  await untilRight("the rows", async () => (await look()) ? null : "not all are there");
}
