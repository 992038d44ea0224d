import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { type EndedProcess, runBinary } from "../support/run-binary.ts";
import type { CdcdeltaRun } from "./cdcdelta-run.ts";
import { isLiveStackPossible } from "./live-stack.ts";
import { expectTable } from "./oracle.ts";
import { newPipeline, type Pipeline } from "./pipeline.ts";
import type { TopicLog } from "./topic-log.ts";

setDefaultTimeout(120_000);

const documents = Array.from({ length: 300 }, (_, n) => ({ n, name: `name ${n}`, list: [n, n] }));

describe.skipIf(!(await isLiveStackPossible()))("snapshots arrive in the tables", () => {
  let pipeline: Pipeline;
  let topics: TopicLog;
  let run: CdcdeltaRun;

  const count = async (collection: string, operation: string): Promise<unknown> => {
    const sql = `select count(*) as n, count(distinct _id) as ids from t ` +
      `where _cdc_operation = '${operation}'`;
    const [row] = await pipeline.query("delta-rs", collection, sql);
    return row;
  };
  const snapshot = (...args: readonly string[]): Promise<EndedProcess> =>
    runBinary(["snapshot", ...args], {
      timeoutMs: 100_000,
      env: {
        KAFKA_BOOTSTRAP_SERVERS: pipeline.stack.urls.kafka,
        KAFKA_CONNECT_URL: pipeline.stack.urls.connect,
        KAFKA_CONSUMER_GROUP: pipeline.name,
        CONNECTOR_NAME: pipeline.name,
      },
    });

  beforeAll(async () => {
    pipeline = await newPipeline();
    await pipeline.collection("customers").insertMany(documents);
    await pipeline.collection("orders").insertMany(documents.slice(0, 20));
    await pipeline.deploy();
    topics = pipeline.topics();
    run = pipeline.start();
  });

  afterAll(async () => await pipeline.stop());

  test("the initial one, with what changes after it", async () => {
    await expectTable(pipeline, topics, "customers", 300);
    await expectTable(pipeline, topics, "orders", 20);
    expect(await count("customers", "read")).toEqual({ n: "i:300", ids: "i:300" });
    await pipeline.streams(topics);
    await pipeline.collection("customers").updateMany({ n: { $lt: 10 } }, { $set: { n: -1 } });
    await expectTable(pipeline, topics, "customers", 310);
  });

  test("an incremental one, asked for by command, that ends once the rows are there", async () => {
    const { status, stderr } = await snapshot(`${pipeline.name}.customers`);
    expect(stderr).not.toContain("error");
    expect(status).toBe(0);
    // At once: the command has waited for the commit.
    expect(await count("customers", "read")).toEqual({ n: "i:600", ids: "i:300" });
    await expectTable(pipeline, topics, "customers", 610);
  });

  test("one of the documents that match a query", async () => {
    const name = `${pipeline.name}.orders`;
    const { status, stdout } = await snapshot(name, "--where", `${name}={"n": {"$gte": 15}}`);
    expect({ status, stdout }).toMatchObject({ status: 0 });
    expect(await count("orders", "read")).toEqual({ n: "i:25", ids: "i:20" });
  });

  test("a blocking one, with changes made meanwhile", async () => {
    const writing = pipeline.collection("orders").insertOne({ n: 1000 });
    const { status } = await snapshot(`${pipeline.name}.orders`, "--type", "blocking");
    await writing;
    expect(status).toBe(0);
    expect(await count("orders", "read")).toMatchObject({
      ids: expect.stringMatching(/^i:2[01]$/),
    });
  });

  test("one while cdcdelta does not run is told from one that has arrived", async () => {
    await run.stop();
    const args = [`${pipeline.name}.orders`, "--sink-timeout", "2s"];
    const { status, stderr } = await snapshot(...args);
    expect(status).toBe(1);
    expect(stderr).toContain("cdcdelta run");
    run = pipeline.start();
    const again = await snapshot(`${pipeline.name}.orders`);
    expect(again.status).toBe(0);
    await run.stop();
  });
});
