import { randomBytes } from "node:crypto";
import { type Collection, type Db, type Document, MongoClient } from "mongodb";
import type { NormalRow } from "../support/normal-form.ts";
import { type QueryReader, startTableQueries } from "../support/table-queries.ts";
import { deleteObjects, makeBucket } from "./buckets.ts";
import { type CdcdeltaRun, killAllRuns, startRun } from "./cdcdelta-run.ts";
import { deleteConnector, deployConnector } from "./connector.ts";
import { type LiveStack, liveStack } from "./live-stack.ts";
import { changesOf, followTopics, type TopicLog } from "./topic-log.ts";
import { untilRight } from "./until.ts";

/** From a database in MongoDB to a folder in MinIO, with names that nobody else has. */
export type Pipeline = {
  readonly stack: LiveStack;
  /** Topic prefix, connector, consumer group and folder of the tables. */
  readonly name: string;
  readonly db: Db;
  readonly basePath: string;
  collection(name: string): Collection<Document>;
  topic(collection: string): string;
  table(collection: string): string;
  /** Deploys the Debezium connector with these settings beside the shipped ones. */
  deploy(settings?: Readonly<Record<string, string>>): Promise<void>;
  /** What Kafka's own consumer sees of our topics. */
  topics(): TopicLog;
  /** Waits until the connector has ended its snapshot and sees what changes. */
  streams(topics: TopicLog): Promise<void>;
  start(args?: readonly string[], env?: Readonly<Record<string, string>>): CdcdeltaRun;
  query(reader: QueryReader, collection: string, sql: string): Promise<readonly NormalRow[]>;
  /** A query to delta-rs over the table at a location. */
  queryAt(location: string, sql: string): Promise<readonly NormalRow[]>;
  /** Deletes all objects of a table. */
  deleteTable(collection: string): Promise<void>;
  stop(): Promise<void>;
};

/** The environment that a run of a pipeline gets: small waits, so that tests see things soon. */
function runEnv({ urls, storeEnv }: LiveStack, name: string): Record<string, string> {
  return {
    ...storeEnv,
    KAFKA_BOOTSTRAP_SERVERS: urls.kafka,
    KAFKA_CONSUMER_GROUP: name,
    KAFKA_TOPIC_PATTERN: `${name}\\..*`,
    KAFKA_METADATA_MAX_AGE_MS: "500",
    KAFKA_SESSION_TIMEOUT_MS: "3000",
    KAFKA_HEARTBEAT_INTERVAL_MS: "500",
    DELTA_TABLE_BASE_PATH: `s3://${name}/lake`,
    DELTA_BATCH_TIMEOUT_MS: "300",
    CDCDELTA_HTTP_PORT: "off",
    CDCDELTA_LOG_LEVEL: "debug",
    CDCDELTA_WORKERS: "1",
    CDCDELTA_MEMORY: "256MiB",
  };
}

/** A pipeline on the shared stack; nothing runs yet. */
export async function newPipeline(): Promise<Pipeline> {
  const stack = await liveStack();
  const name = `e2e-${randomBytes(4).toString("hex")}`;
  const mongo = new MongoClient(stack.urls.mongodb, {
    // Servers are taken away in some tests: not for long.
    serverSelectionTimeoutMS: 10_000,
    socketTimeoutMS: 10_000,
  });
  const db = mongo.db(name);
  await makeBucket(stack, name);
  const queries = startTableQueries(stack.readerEnv);
  const basePath = `s3://${name}/lake`;
  const table = (collection: string): string => `${basePath}/${name}/${collection}`;
  const stops: (() => Promise<void>)[] = [];
  return {
    stack,
    name,
    db,
    basePath,
    collection: (collection) => db.collection(collection),
    topic: (collection) => `${name}.${name}.${collection}`,
    table,
    async deploy(settings = {}) {
      stops.push(() => deleteConnector(stack, name));
      await deployConnector(stack, name, settings);
    },
    topics() {
      const log = followTopics(stack.urls.kafka, `${name}\\.${name}\\..*`);
      stops.push(() => log.stop());
      return log;
    },
    async streams(topics) {
      await untilRight("the stream of changes", async () => {
        await db.collection("warmup").insertOne({});
        const changes = changesOf(topics, "warmup");
        return changes.some(({ operation }) => operation === "insert") ? null : "none yet";
      });
    },
    start: (args = [], env = {}) => startRun(name, args, { ...runEnv(stack, name), ...env }),
    query: (reader, collection, sql) => queries.query(reader, table(collection), sql),
    queryAt: (location, sql) => queries.query("delta-rs", location, sql),
    deleteTable: (collection) => deleteObjects(stack, name, `lake/${name}/${collection}/`),
    async stop() {
      await killAllRuns();
      await Promise.all(stops.map((stop) => stop()));
      await queries.stop();
      await mongo.close();
    },
  };
}
