import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type Document, ObjectId } from "mongodb";
import type { CdcdeltaRun } from "./cdcdelta-run.ts";
import { isLiveStackPossible } from "./live-stack.ts";
import { changesWrong, expectTable } from "./oracle.ts";
import { newPipeline, type Pipeline } from "./pipeline.ts";
import type { TopicLog } from "./topic-log.ts";

setDefaultTimeout(120_000);

describe.skipIf(!(await isLiveStackPossible()))("changes of documents reach their tables", () => {
  let pipeline: Pipeline;
  let topics: TopicLog;
  let run: CdcdeltaRun;
  const seen: string[] = [];

  /** A collection of its own for each test; at the end all are looked at once more. */
  const collection = (name: string) => {
    seen.push(name);
    return pipeline.collection(name);
  };
  const expectChanges = (name: string, count: number): Promise<void> =>
    expectTable(pipeline, topics, name, count);

  beforeAll(async () => {
    pipeline = await newPipeline();
    await pipeline.deploy();
    topics = pipeline.topics();
    run = pipeline.start();
    await pipeline.streams(topics);
  });

  afterAll(async () => await pipeline.stop());

  test("a single insert", async () => {
    await collection("single").insertOne({ name: "Anne", age: 41, tags: ["a", "b"] });
    await expectChanges("single", 1);
  });

  test("100 inserts", async () => {
    await collection("hundred").insertMany(numbered(100));
    await expectChanges("hundred", 100);
  });

  test("an update", async () => {
    const orders = collection("updated");
    const { insertedId } = await orders.insertOne({ state: "new", total: 10.5 });
    await expectChanges("updated", 1);
    await orders.updateOne({ _id: insertedId }, { $set: { state: "paid" } });
    await expectChanges("updated", 2);
  });

  test("several updates of one document, in order", async () => {
    const orders = collection("busy");
    const { insertedId } = await orders.insertOne({ n: 0 });
    for (let n = 1; n <= 10; n++) await orders.updateOne({ _id: insertedId }, { $set: { n } });
    await expectChanges("busy", 11);
  });

  test("a delete", async () => {
    const orders = collection("deleted");
    const { insertedId } = await orders.insertOne({ n: 1 });
    await orders.insertOne({ n: 2 });
    await orders.deleteOne({ _id: insertedId });
    await expectChanges("deleted", 3);
  });

  test("20 deletes", async () => {
    const orders = collection("twenty");
    await orders.insertMany(numbered(30));
    await orders.deleteMany({ n: { $lt: 20 } });
    await expectChanges("twenty", 50);
  });

  test("a life cycle: 50 inserted, 5 updated, 5 deleted", async () => {
    const orders = collection("cycle");
    await orders.insertMany(numbered(50));
    await orders.updateMany({ n: { $lt: 5 } }, { $set: { state: "done" } });
    await orders.deleteMany({ n: { $gte: 45 } });
    await expectChanges("cycle", 60);
  });

  test("new fields and nested documents in mid-stream", async () => {
    const orders = collection("growing");
    await orders.insertOne({ n: 1 });
    await expectChanges("growing", 1);
    await orders.insertOne({ n: 2, address: { city: "Riga" } });
    await expectChanges("growing", 2);
    await orders.insertOne({
      n: 3,
      address: { city: "Oslo", geo: { lat: 59.9, lon: 10.7 } },
      items: [{ sku: "x", amount: 2 }, { sku: "y", note: null }],
    });
    await orders.updateOne({ n: 1 }, { $set: { "address.zip": "1000", added: true } });
    await expectChanges("growing", 4);
  });

  test("a column that needs a wider type", async () => {
    const orders = collection("wider");
    await orders.insertOne({ n: 1 });
    await expectChanges("wider", 1);
    await orders.insertMany([{ n: 2.5 }, { n: 3 }]);
    await expectChanges("wider", 3);
  });

  test("a replaced document loses the fields that it had", async () => {
    const orders = collection("replaced");
    const { insertedId } = await orders.insertOne({ a: 1, b: 2 });
    await orders.replaceOne({ _id: insertedId }, { b: 3, c: 4 });
    await expectChanges("replaced", 2);
  });

  test("update, update and delete in one go", async () => {
    const orders = collection("quick");
    const _id = new ObjectId();
    await orders.bulkWrite([
      { insertOne: { document: { _id, n: 0 } } },
      { updateOne: { filter: { _id }, update: { $set: { n: 1 } } } },
      { updateOne: { filter: { _id }, update: { $set: { n: 2 } } } },
      { deleteOne: { filter: { _id } } },
      { insertOne: { document: { n: 9 } } },
    ], { ordered: true });
    await expectChanges("quick", 5);
  });

  test("stops with everything committed, and a later run adds nothing", async () => {
    await run.stop();
    run = pipeline.start();
    await collection("last").insertOne({ n: 1 });
    await expectChanges("last", 1);
    await run.stop();
    for (const name of seen) {
      for (const reader of ["delta-rs", "duckdb"] as const) {
        expect(await changesWrong(reader, pipeline, topics, name)).toBeNull();
      }
    }
  });
});

function numbered(count: number): Document[] {
  return Array.from({ length: count }, (_, n) => ({ n, name: `name ${n}` }));
}
