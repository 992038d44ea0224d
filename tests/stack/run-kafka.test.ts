import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import type { KafkaClient } from "../../src/core/kafka/kafka-client.ts";
import { cli } from "../cli/fake-world.ts";
import { projectRoot } from "../support/project-root.ts";
import { requirement } from "../support/requirement.ts";
import {
  type EndedProcess,
  type LogEntry,
  runBinary,
  type RunningBinary,
  startBinary,
} from "../support/run-binary.ts";
import { kafkajs, makeTopic, plainClient, unaborted } from "./kafka-harness.ts";
import { partsOf, stack, until } from "./stack-command.ts";

setDefaultTimeout(120_000);

const missing = (await stack(["missing", "--only", "kafka"])).stdout.trim().replaceAll("\n", "; ");
const possible = requirement(missing === "", `Kafka cannot start: ${missing}`);
const folder = mkdtempSync(path.join(tmpdir(), "cdcdelta-run-kafka-"));
const data = path.join(folder, "stack");
const main = path.join(projectRoot, "src", "cli", "main.ts");
const partitions = 4;

describe.skipIf(!possible)("cdcdelta run on Kafka", () => {
  let address = "";
  let client: KafkaClient;

  beforeAll(async () => {
    const args = ["--only", "kafka", "--ports", "auto", "--while-pid", String(process.pid)];
    const up = await stack(["up", "--data", data, ...args, "--format", "json"]);
    address = partsOf(up).get("kafka")?.url ?? "";
    client = plainClient(address);
  });

  afterAll(async () => {
    await client.close();
    await stack(["down", "--data", data, "--grace", "5"]);
    rmSync(folder, { recursive: true, force: true });
  });

  /** A topic, group and lake of their own, all of one name. */
  const envOf = (name: string): Readonly<Record<string, string>> => ({
    KAFKA_BOOTSTRAP_SERVERS: address,
    KAFKA_TOPIC_PATTERN: `${name}\\.shop\\..*`,
    KAFKA_CONSUMER_GROUP: name,
    DELTA_TABLE_BASE_PATH: path.join(folder, name),
    CDCDELTA_WORKERS: "1",
    CDCDELTA_FLUSH_INTERVAL: "500ms",
  });

  async function produce(topic: string, from: number, to: number): Promise<void> {
    const producer = kafkajs(address).producer();
    await producer.connect();
    for (let id = from; id < to; id += 1000) {
      const ids = Array.from({ length: Math.min(1000, to - id) }, (_, i) => id + i);
      await producer.send({ topic, messages: ids.map(message) });
    }
    await producer.disconnect();
  }

  async function committed(group: string): Promise<bigint> {
    const places = Array.from({ length: partitions }, (_, partition) => ({
      topic: `${group}.shop.orders`,
      partition,
    }));
    const offsets = await client.group(group).fetchOffsets(places, unaborted);
    return offsets.reduce((sum, { offset }) => sum + (offset < 0n ? 0n : offset), 0n);
  }

  const run = (
    env: Readonly<Record<string, string>>,
    ...flags: readonly string[]
  ): Promise<EndedProcess> =>
    runBinary([main, "run", "--format", "json", ...flags], { binary: process.execPath, env });

  test("reads 10,000 events up to the end, each once, and nothing when run again", async () => {
    const env = envOf("batch");
    await makeTopic(client, "batch.shop.orders", partitions);
    await produce("batch.shop.orders", 0, 10_000);
    const first = await run(env, "--until-latest");
    expect([first.status, JSON.parse(first.stdout)]).toMatchObject([0, {
      records: 10_000,
      rows: 10_000,
      tables: [{ table: "shop.orders", version: 0, rows: 10_000 }],
    }]);
    expect(await idsOf(env)).toEqual(Array.from({ length: 10_000 }, (_, id) => id));
    expect(await committed("batch")).toBe(10_000n);
    const again = await run(env, "--until-latest");
    expect([again.status, JSON.parse(again.stdout)]).toMatchObject([0, {
      records: 0,
      rows: 0,
      droppedRows: 0,
      commits: 0,
    }]);
  });

  test("reads nothing twice when the group's offsets are gone", async () => {
    const env = { ...envOf("batch"), CDCDELTA_PIPELINE_ID: "batch", KAFKA_CONSUMER_GROUP: "other" };
    const { status, stdout } = await run(env, "--until-latest");
    expect([status, JSON.parse(stdout)]).toMatchObject([0, { rows: 0, droppedRows: 10_000 }]);
    expect(await idsOf(env)).toHaveLength(10_000);
  });

  test("--plan writes nothing, joins nothing and commits no offset", async () => {
    const topic = "plan.shop.orders";
    const env = envOf("plan");
    await makeTopic(client, topic, partitions);
    await produce(topic, 0, 100);
    const { status, stdout } = await run(env, "--plan");
    expect([status, JSON.parse(stdout)]).toMatchObject([0, {
      plan: true,
      records: 100,
      tables: [{ table: "shop.orders", rows: 100, create: true }],
    }]);
    expect(existsSync(env["DELTA_TABLE_BASE_PATH"] ?? "")).toBe(false);
    expect(await committed("plan")).toBe(0n);
    expect((await client.group("plan").describe(unaborted)).state).toBe("Dead");
  });

  test("streams until SIGTERM, commits what it read, and leaves the group", async () => {
    const topic = "stream.shop.orders";
    const env = envOf("stream");
    await makeTopic(client, topic, partitions);
    const stream = await startStream(env);
    await until("partitions", () => stream.has("kafka-joined"));
    await until("/readyz", async () => (await stream.page("/readyz")).status === 200);
    await produce(topic, 0, 300);
    await until("a commit", () => stream.has("committed"));
    expect((await stream.page("/metrics")).body).toContain(
      'cdcdelta_rows_total{table="shop.orders"}',
    );
    const healthy = await cli(["health"], { env: { CDCDELTA_HTTP_PORT: String(stream.port) } });
    expect(healthy).toMatchObject({ code: 0, stdout: '{"status":"ready"}\n' });
    // What is read but not due yet is committed by the end.
    await produce(topic, 300, 350);
    stream.running.kill("SIGTERM");
    const { status, stdout } = await stream.running.ended;
    expect([status, JSON.parse(stdout)]).toMatchObject([0, { stopped: true }]);
    expect(await client.group("stream").describe(unaborted)).toMatchObject({
      state: "Empty",
      members: 0,
    });
    const ids = await idsOf(env);
    expect(BigInt(ids.length)).toBe(await committed("stream"));
    expect(ids).toEqual(Array.from({ length: ids.length }, (_, id) => id));
    expect(ids.length).toBeGreaterThanOrEqual(300);
  });

  test("--until-latest beside a stream ends once that one has committed or left", async () => {
    const topic = "beside.shop.orders";
    const env = envOf("beside");
    await makeTopic(client, topic, partitions);
    const stream = await startStream({ ...env, CDCDELTA_FLUSH_INTERVAL: "1h" });
    await until("partitions", () => stream.has("kafka-joined"));
    await produce(topic, 0, 100);
    await until("the stream to hold them", async () => {
      const { body } = await stream.page("/metrics");
      return /^cdcdelta_held_bytes [1-9]/m.test(body);
    });
    const seen: LogEntry[] = [];
    let over = false;
    const job = startBinary([main, "run", "--format", "json", "--until-latest"], {
      binary: process.execPath,
      env,
      onLog: (entry) => seen.push(entry),
    });
    void job.ended.then(() => over = true);
    await until("the wait", () => seen.some(({ event }) => event === "kafka-waits-for-others"));
    expect(over).toBe(false);
    expect(await committed("beside")).toBeLessThan(100n);
    stream.running.kill("SIGTERM");
    expect((await stream.running.ended).status).toBe(0);
    expect((await job.ended).status).toBe(0);
    expect(await committed("beside")).toBe(100n);
    expect(await idsOf(env)).toEqual(Array.from({ length: 100 }, (_, id) => id));
  });

  test("a broker that is not there is tried, then named", async () => {
    const env = { ...envOf("nobody"), KAFKA_BOOTSTRAP_SERVERS: "127.0.0.1:9" };
    const { status, stderr } = await run(env, "--retries", "3", "--http-port", "off");
    const logs = stderr.trim().split("\n").map((line) => JSON.parse(line) as LogEntry);
    expect(status).toBe(1);
    expect(logs.filter(({ event }) => event === "kafka-retry")).toHaveLength(1);
    expect(logs.at(-1)).toMatchObject({ event: "failed", code: "kafka", level: "error" });
    expect(String(logs.at(-1)?.["message"])).toContain("127.0.0.1:9");
  });

  test("a broker that stops answering makes it not ready, until it answers again", async () => {
    const topic = "frozen.shop.orders";
    const env = { ...envOf("frozen"), KAFKA_REQUEST_TIMEOUT_MS: "1500" };
    await makeTopic(client, topic, partitions);
    const stream = await startStream(env, "--retries", "1000");
    const readiness = async (): Promise<number> => (await stream.page("/readyz")).status;
    await until("readiness", async () => await readiness() === 200);
    await stack(["freeze", "--only", "kafka", "--data", data]);
    await until("the outage to be seen", async () => await readiness() === 503);
    expect(JSON.parse((await stream.page("/readyz")).body)).toMatchObject({
      status: "not ready",
      reasons: [{ part: "kafka" }],
    });
    expect((await stream.page("/healthz")).status).toBe(200);
    await stack(["thaw", "--only", "kafka", "--data", data]);
    await until("readiness", async () => await readiness() === 200);
    await produce(topic, 0, 100);
    await until("a commit", () => stream.has("committed"));
    stream.running.kill("SIGTERM");
    expect((await stream.running.ended).status).toBe(0);
    expect(await idsOf(env)).toHaveLength(100);
  });

  test("a port that is taken ends it before anything is read", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "0.0.0.0", resolve));
    const { port } = server.address() as AddressInfo;
    const { status, stderr } = await run(envOf("taken"), "--http-port", String(port));
    server.close();
    expect(status).toBe(2);
    expect(stderr).toContain(`Cannot listen on 0.0.0.0:${port}`);
    expect(stderr).not.toContain("kafka-");
  });
});

type Stream = {
  readonly running: RunningBinary;
  readonly port: number;
  has(event: string): boolean;
  page(path: string): Promise<{ readonly status: number; readonly body: string }>;
};

/** A run that goes on, once it serves its pages. */
async function startStream(
  env: Readonly<Record<string, string>>,
  ...flags: readonly string[]
): Promise<Stream> {
  const seen: LogEntry[] = [];
  const port = await freePort();
  const args = [main, "run", "--format", "json", "--http-port", String(port), ...flags];
  const running = startBinary(args, {
    binary: process.execPath,
    env,
    onLog: (entry) => seen.push(entry),
  });
  await until("the start", () => seen.some(({ event }) => event === "started"));
  return {
    running,
    port,
    has: (event) => seen.some((entry) => entry.event === event),
    async page(of) {
      const response = await fetch(`http://127.0.0.1:${port}${of}`);
      return { status: response.status, body: await response.text() };
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

function message(id: number): { key: string; value: string; partition: number } {
  const atMs = 1_769_860_800_000 + id;
  const value = {
    before: null,
    after: JSON.stringify({ _id: id, name: `name ${id}` }),
    updateDescription: null,
    source: {
      version: "3.6.1.Final",
      connector: "mongodb",
      name: "cdc",
      ts_ms: atMs,
      snapshot: "false",
      db: "shop",
      collection: "orders",
      ord: id,
    },
    op: "c",
    ts_ms: atMs,
    transaction: null,
  };
  const key = JSON.stringify({ id: JSON.stringify({ _id: id }) });
  return { key, value: JSON.stringify(value), partition: id % partitions };
}

/** The ids in the table of orders, in order. */
async function idsOf(env: Readonly<Record<string, string>>): Promise<number[]> {
  const table = path.join(env["DELTA_TABLE_BASE_PATH"] ?? "", "shop", "orders");
  const { stdout } = await cli(["inspect", table, "--rows", "all", "--format", "ndjson"]);
  const rows = stdout.trim().split("\n").map((line) => JSON.parse(line) as { _id: number });
  return rows.map((row) => row._id).toSorted((a, b) => a - b);
}
