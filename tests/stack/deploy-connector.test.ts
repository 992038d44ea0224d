import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { homedir, tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { MinKey, MongoClient } from "mongodb";
import { openKafkaClient } from "../../src/core/kafka/open-kafka-client.ts";
import type { KafkaClient } from "../../src/core/kafka/kafka-client.ts";
import { cli } from "../cli/fake-world.ts";
import { projectRoot } from "../support/project-root.ts";
import { requirement } from "../support/requirement.ts";
import { type PartName, partsOf, stack, until } from "./stack-command.ts";

setDefaultTimeout(120_000);

const missing = (await stack(["missing"])).stdout.trim().replaceAll("\n", "; ");
const possible = requirement(missing === "", `the stack cannot start: ${missing}`);
const cache = process.env["CDCDELTA_CACHE"] ?? path.join(homedir(), ".cache", "cdcdelta");
const folder = mkdtempSync(path.join(tmpdir(), "cdcdelta-deploy-stack-"));
const data = path.join(folder, "stack");
const { signal } = new AbortController();

let urls: Readonly<Record<PartName, string>>;
let mongo: MongoClient;
let kafka: KafkaClient;

beforeAll(async () => {
  if (!possible) return;
  const parts = ["--only", "mongodb,kafka,connect", "--ports", "auto", "--data", data];
  const watched = ["--format", "json", "--while-pid", String(process.pid)];
  const up = partsOf(await stack(["up", ...parts, ...watched]));
  const url = (name: PartName): string => up.get(name)?.url ?? "";
  urls = { mongodb: url("mongodb"), kafka: url("kafka"), connect: url("connect"), minio: "" };
  mongo = await new MongoClient(urls.mongodb).connect();
  kafka = openKafkaClient({
    bootstrapServers: [urls.kafka],
    clientId: "test",
    tls: null,
    sasl: null,
    connectionTimeoutMs: 10_000,
    requestTimeoutMs: 30_000,
  });
  await mongo.db("shop").collection<{ _id: number }>("orders").insertMany([{ _id: 1 }, { _id: 2 }]);
});

afterAll(async () => {
  await kafka?.close();
  await mongo?.close();
  if (possible) await stack(["down", "--data", data, "--grace", "5"]);
  rmSync(folder, { recursive: true, force: true });
});

type Ran = { readonly code: number; readonly stdout: string; readonly stderr: string };

/** Runs deploy-connector with the environment of the compose file. */
function deploy(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  return cli(["deploy-connector", ...args, "--connect-verify-interval", "1s"], {
    env: {
      KAFKA_CONNECT_URL: urls.connect,
      KAFKA_BOOTSTRAP_SERVERS: urls.kafka,
      MONGODB_CONNECTION_STRING: urls.mongodb,
      COLLECTION_INCLUDE_LIST: "shop\\..*",
      ...env,
    },
  });
}

async function deployJson(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Record<string, unknown>> {
  const { stdout, stderr } = await deploy([...args, "--json"], env);
  if (!stdout.startsWith("{")) throw new Error(stderr);
  return JSON.parse(stdout) as Record<string, unknown>;
}

/** Offsets used in a topic's only partition; transaction markers count too. */
async function endOf(topic: string): Promise<bigint> {
  const [listed] = await kafka.listOffsets([{ topic, partition: 0 }], { kind: "stable-end" }, {
    signal,
  });
  return listed?.error === null ? listed.offset : 0n;
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" ? address?.port ?? 0 : 0));
    });
  });
}

describe.skipIf(!possible)("deploy-connector on real servers", () => {
  test("deploys the connector that is built in, and sees it run", async () => {
    const { code, stdout, stderr } = await deploy([]);
    expect([code, code === 0 ? "" : stdout + stderr]).toEqual([0, ""]);
    expect(stdout).toContain("MongoDbConnector 3.6.1.Final");
    expect(stdout).toContain("the worker writes in transactions, the connector requires it");
    expect(stdout).toMatch(/ok +mongodb: MongoDB 6\.0\.5, replica set rs0/);
    expect(stdout).toMatch(/ok +collections: 1 captured: shop\.orders/);
    expect(stdout).toContain("Delivery, from MongoDB to the Delta table: exactly once");
    expect(stdout).toContain('Connector "cdcdelta" runs: RUNNING, task 0 RUNNING');
    await until("the snapshot", async () => await endOf("cdc.shop.orders") >= 2n);
  });

  test("has made the signal topic with one partition", async () => {
    const { topics } = await kafka.metadata(["cdc.signals", "cdc.notifications"], { signal });
    expect(topics.map(({ topic, partitions }) => [topic, partitions.length]).toSorted())
      .toEqual([["cdc.notifications", 1], ["cdc.signals", 1]]);
  });

  test("again there is nothing to do", async () => {
    expect(await deployJson([])).toMatchObject({ outcome: "unchanged", state: "running" });
  });

  test("a change is shown and deployed, and the connector goes on where it was", async () => {
    const env = { SNAPSHOT_MODE: "when_needed" };
    const before = await endOf("cdc.shop.orders");
    expect(await deployJson(["--dry-run"], env)).toMatchObject({
      outcome: "dry-run",
      plan: {
        kind: "update",
        changes: [{ key: "snapshot.mode", before: "initial", after: "when_needed" }],
      },
    });
    expect(await deployJson([], env)).toMatchObject({ outcome: "updated", state: "running" });
    const deployed = await (await fetch(`${urls.connect}/connectors/cdcdelta/config`)).json();
    expect(deployed).toMatchObject({ "name": "cdcdelta", "snapshot.mode": "when_needed" });
    await mongo.db("shop").collection<{ _id: number }>("orders").insertOne({ _id: 3 });
    await until("the new document", async () => await endOf("cdc.shop.orders") > before);
  });

  test("pauses, resumes and restarts, and tells state and offsets", async () => {
    expect((await deploy(["--pause"])).stdout).toContain('"cdcdelta": PAUSED, task 0 PAUSED');
    expect((await deploy(["--status"])).code).toBe(1);
    expect(await deploy(["--resume"])).toMatchObject({ code: 0 });
    expect(await deploy(["--restart"])).toMatchObject({ code: 0 });
    expect(await deploy(["--status"])).toMatchObject({ code: 0 });
    expect(await deployJson(["--offsets"])).toMatchObject({
      offsets: [{
        partition: { server_id: "cdc" },
        offset: { resume_token: expect.any(String) },
      }],
    });
  });

  test("deleted and deployed again it goes on; with --reset-offsets it starts anew", async () => {
    const documents = BigInt(await mongo.db("shop").collection("orders").countDocuments());
    const before = await endOf("cdc.shop.orders");
    expect(await deploy(["--delete", "--yes"])).toMatchObject({ code: 0 });
    expect(await deployJson([])).toMatchObject({
      outcome: "created",
      state: "running",
      resumed: true,
    });
    expect(await deployJson(["--offsets"])).toMatchObject({
      offsets: [{ partition: { server_id: "cdc" } }],
    });
    expect(await endOf("cdc.shop.orders")).toBe(before);
    expect(await deployJson(["--reset-offsets", "--yes"])).toMatchObject({
      outcome: "recreated",
      state: "running",
    });
    await until("a new snapshot", async () => await endOf("cdc.shop.orders") >= before + documents);
  });

  test("another topic.prefix makes it anew, and is not done without consent", async () => {
    const env = { TOPIC_PREFIX: "other" };
    const { code, stderr } = await deploy([], env);
    expect([code, stderr]).toEqual([2, expect.stringContaining("run it again with --yes")]);
    const { topics } = await kafka.metadata(null, { signal });
    expect(topics.filter(({ topic }) => topic.startsWith("other."))).toEqual([]);
    expect(await deployJson(["--yes"], env)).toMatchObject({
      outcome: "recreated",
      state: "running",
      plan: { reason: "topic.prefix changed" },
    });
    await until("a snapshot into other topics", async () => await endOf("other.shop.orders") >= 2n);
    expect(await deploy([...["--dry-run"]])).toMatchObject({
      stdout: expect.stringContaining("there are some from earlier: it goes on there"),
    });
  });

  test("prints the trace of a task that fails, with its cause, and exits 1", async () => {
    const file = path.join(
      projectRoot,
      "deploy",
      "kafka-connect",
      "debezium-mongodb-flattened.json",
    );
    const env = {
      CONNECTOR_NAME: "flat",
      TOPIC_PREFIX: "flat",
      COLLECTION_INCLUDE_LIST: "odd\\..*",
    };
    await mongo.db("odd").collection("things").insertOne({ least: new MinKey() });
    const { code, stdout } = await deploy([file, "--connect-verify-tries", "30"], env);
    expect(code).toBe(1);
    expect(stdout).toContain("task 0 has FAILED:");
    expect(stdout).toContain("Caused by: org.apache.kafka.connect.errors.DataException: least");
    expect(stdout).toContain("deploy the plain envelope (debezium-mongodb.json)");
    const status = await deploy([file, "--status"], env);
    expect([status.code, status.stdout]).toEqual([1, expect.stringContaining("least is not a")]);
    expect(await deploy([file, "--delete", "--reset-offsets", "--yes"], env))
      .toMatchObject({ code: 0 });
  });

  test("deploys nothing that Connect's own validation or a check refuses", async () => {
    const refused = async (change: Readonly<Record<string, string>>): Promise<string> => {
      const file = path.join(folder, "refused.json");
      writeFileSync(
        file,
        JSON.stringify({
          "name": "refused",
          "connector.class": "io.debezium.connector.mongodb.MongoDbConnector",
          "mongodb.connection.string": urls.mongodb,
          "topic.prefix": "refused",
          "value.converter": "org.apache.kafka.connect.json.JsonConverter",
          ...change,
        }),
      );
      const { code, stdout } = await deploy([file]);
      expect(code).toBe(1);
      expect(stdout).toMatch(/Nothing was deployed: 1 problem/);
      return stdout;
    };
    expect(await refused({ "collection.include.list": "shop\\.(" }))
      .toMatch(/PROBLEM {2}collection\.include\.list: .*Unclosed group/);
    expect(await refused({ "connector.class": "com.example.Nothing" }))
      .toContain("com.example.Nothing is not installed");
    const wrong = "mongodb://app:s3cret@127.0.0.1:1/?replicaSet=rs0&serverSelectionTimeoutMS=300";
    const unreachable = await refused({ "mongodb.connection.string": wrong });
    expect(unreachable).toMatch(/PROBLEM {2}mongodb\.connection\.string: Unable to connect/);
    expect(unreachable).not.toContain("s3cret");
    await kafka.createTopic(
      { topic: "many.signals", partitions: 3, replicationFactor: 1, config: {} },
      { signal },
    );
    expect(
      await refused({
        "signal.enabled.channels": "kafka",
        "signal.kafka.topic": "many.signals",
        "signal.kafka.bootstrap.servers": urls.kafka,
      }),
    ).toContain("many.signals has 3 partitions");
    expect((await deployJson(["--status"]))["connectors"]).toMatchObject([{ name: "cdcdelta" }]);
  });

  test("tells collections that do not keep what a capture mode wants", async () => {
    const shop = mongo.db("shop");
    await shop.createCollection("kept", { changeStreamPreAndPostImages: { enabled: true } });
    const file = path.join(folder, "images.json");
    writeFileSync(
      file,
      JSON.stringify({
        "name": "images",
        "connector.class": "io.debezium.connector.mongodb.MongoDbConnector",
        "mongodb.connection.string": urls.mongodb,
        "topic.prefix": "images",
        "collection.include.list": "shop\\..*",
        "capture.mode": "change_streams_update_full_with_pre_image",
      }),
    );
    const { stdout } = await deploy([file, "--dry-run"]);
    expect(stdout).toMatch(
      /warning +pre-images: .*1 of 2 collections do not keep it: shop\.orders/,
    );
  });

  test("refuses a worker without transactions where they are required", async () => {
    const properties = path.join(data, "connect", "connect.properties");
    const port = new URL(urls.connect).port;
    const other = await freePort();
    const plain = path.join(folder, "plain.properties");
    writeFileSync(
      plain,
      readFileSync(properties, "utf8")
        .replace(/^exactly\.once\.source\.support=.*$/m, "")
        .replace(/^group\.id=.*$/m, "group.id=plain")
        .replaceAll("_connect-", "_plain-")
        .replaceAll(port, String(other)),
    );
    const classes = path.join(cache, "kafka", "*");
    const main = "org.apache.kafka.connect.cli.ConnectDistributed";
    const worker = spawn("java", ["-Xmx512m", "-cp", classes, main, plain], { stdio: "ignore" });
    try {
      const flags = ["--connect-url", `http://127.0.0.1:${other}`, "--connect-wait-interval", "1s"];
      const { code, stdout } = await deploy(flags);
      expect([code, stdout]).toEqual([
        1,
        expect.stringContaining("PROBLEM  exactly.once.support: This worker does not have"),
      ]);
      const file = path.join(projectRoot, "deploy", "kafka-connect", "debezium-mongodb.json");
      const requested = path.join(folder, "requested.json");
      writeFileSync(requested, readFileSync(file, "utf8").replace('"required"', '"requested"'));
      expect(await deployJson([requested, "--dry-run", ...flags])).toMatchObject({
        outcome: "dry-run",
        guarantee: { level: "at-least-once" },
      });
    } finally {
      worker.kill("SIGKILL");
    }
  });

  test("waits while Connect restarts, then for the connector", async () => {
    await stack(["down", "--only", "connect", "--data", data, "--grace", "5"]);
    const waiting = deploy(["--connect-wait-interval", "1s"], { TOPIC_PREFIX: "other" });
    await stack(["up", "--only", "kafka,connect", "--data", data]);
    const { code, stderr } = await waiting;
    expect([code, stderr]).toEqual([0, expect.stringMatching(/try 1 of 30: .*ECONNREFUSED/)]);
  });
});
