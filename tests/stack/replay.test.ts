import { CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import type { KafkaClient } from "../../src/core/kafka/kafka-client.ts";
import { cli } from "../cli/fake-world.ts";
import { projectRoot } from "../support/project-root.ts";
import { requirement } from "../support/requirement.ts";
import { type EndedProcess, type LogEntry, runBinary, startBinary } from "../support/run-binary.ts";
import { kafkajs, makeTopic, plainClient } from "./kafka-harness.ts";
import { partsOf, stack, until } from "./stack-command.ts";

setDefaultTimeout(180_000);

const only = ["--only", "kafka,minio"];
const missing = (await stack(["missing", ...only])).stdout.trim().replaceAll("\n", "; ");
const possible = requirement(missing === "", `Kafka and MinIO cannot start: ${missing}`);
const folder = mkdtempSync(path.join(tmpdir(), "cdcdelta-replay-"));
const data = path.join(folder, "stack");
const main = path.join(projectRoot, "src", "cli", "main.ts");
const partitions = 2;

type Env = Readonly<Record<string, string>>;

describe.skipIf(!possible)("cdcdelta replay on Kafka and MinIO", () => {
  let address = "";
  let client: KafkaClient;
  let storeEnv: Env = {};

  beforeAll(async () => {
    const args = [...only, "--ports", "auto", "--while-pid", String(process.pid)];
    const up = await stack(["up", "--data", data, ...args, "--format", "json"]);
    const parts = partsOf(up);
    address = parts.get("kafka")?.url ?? "";
    const endpoint = parts.get("minio")?.url ?? "";
    const { minio } = JSON.parse(up.stdout) as { minio: { accessKey: string; secretKey: string } };
    storeEnv = {
      MINIO_ENDPOINT: endpoint,
      MINIO_ACCESS_KEY: minio.accessKey,
      MINIO_SECRET_KEY: minio.secretKey,
    };
    const credentials = { accessKeyId: minio.accessKey, secretAccessKey: minio.secretKey };
    const s3 = new S3Client({ endpoint, region: "us-east-1", forcePathStyle: true, credentials });
    await s3.send(new CreateBucketCommand({ Bucket: "replay" }));
    s3.destroy();
    client = plainClient(address);
  });

  afterAll(async () => {
    await client.close();
    await stack(["down", "--wipe", "--data", data, "--grace", "5"]);
    rmSync(folder, { recursive: true, force: true });
  });

  /** A topic, group and lake of their own, all of one name. */
  const envOf = (name: string): Env => ({
    ...storeEnv,
    KAFKA_BOOTSTRAP_SERVERS: address,
    KAFKA_TOPIC_PATTERN: `${name}\\.shop\\..*`,
    KAFKA_CONSUMER_GROUP: name,
    DELTA_TABLE_BASE_PATH: `s3://replay/${name}`,
    CDCDELTA_WORKERS: "1",
    CDCDELTA_FLUSH_INTERVAL: "500ms",
  });

  const command = (env: Env, ...args: readonly string[]): Promise<EndedProcess> =>
    runBinary([main, ...args], { binary: process.execPath, env });

  async function produce(topic: string, from: number, to: number): Promise<void> {
    const producer = kafkajs(address).producer();
    await producer.connect();
    const messages = Array.from({ length: to - from }, (_, index) => message(from + index));
    await producer.send({ topic, messages });
    await producer.disconnect();
  }

  /** Four versions of a table. */
  async function feed(name: string): Promise<Env> {
    const env = envOf(name);
    const topic = `${name}.shop.orders`;
    await makeTopic(client, topic, partitions);
    for (const [from, to] of [[0, 300], [300, 700], [700, 1000], [1000, 1100]] as const) {
      await produce(topic, from, to);
      const { status, stderr } = await command(env, "run", "--until-latest");
      expect([status, stderr]).toEqual([0, stderr]);
    }
    return env;
  }

  /** Every row, without when it was written. */
  async function rowsOf(env: Env, table = `${env["DELTA_TABLE_BASE_PATH"]}/shop/orders`) {
    const inspected = await cli(["inspect", table, "--rows", "all", "--format", "ndjson"], { env });
    expect(inspected.stderr).toBe("");
    return inspected.stdout.trim().split("\n").map((line) => {
      const { _ingestion_timestamp: _, _ingestion_date: __, ...row } = JSON.parse(line) as Record<
        string,
        unknown
      >;
      return JSON.stringify(row);
    }).toSorted();
  }

  test("from an offset: the rows are those that they were, and a run adds none", async () => {
    const env = await feed("offset");
    const before = await rowsOf(env);
    expect(before).toHaveLength(1100);
    const from = ["replay", "--from", "offset:offset.shop.orders:0:200", "--into", "same"];
    const dry = await command(env, ...from, "--dry-run", "--json");
    expect([dry.status, JSON.parse(dry.stdout)]).toMatchObject([0, {
      dryRun: true,
      tables: [{ collection: "shop.orders", newestVersion: 3, restoredVersion: 0, rows: 800 }],
    }]);
    const asked = await command(env, ...from);
    expect([asked.status, asked.stderr]).toEqual([2, expect.stringContaining("--yes")]);
    const done = await command(env, ...from, "--yes", "--json");
    expect([done.status, done.stderr]).toEqual([0, done.stderr]);
    expect(JSON.parse(done.stdout)).toMatchObject({
      stopped: false,
      tables: [{ rewoundAs: 4, rows: 800, rowsReadAgain: 800 }],
    });
    expect(await rowsOf(env)).toEqual(before);
    const again = await command(env, "run", "--until-latest", "--format", "json");
    expect(JSON.parse(again.stdout)).toMatchObject({ records: 0, commits: 0 });
  });

  test("killed while it reads again, a run makes the table whole", async () => {
    const env = await feed("killed");
    const before = await rowsOf(env);
    const seen: LogEntry[] = [];
    const args = ["replay", "--from", "timestamp:2026-01-01", "--into", "same", "--yes"];
    const replay = startBinary([main, ...args], {
      binary: process.execPath,
      env: { ...env, CDCDELTA_FLUSH_INTERVAL: "1h", CDCDELTA_KAFKA_SESSION_TIMEOUT: "10s" },
      onLog: (entry) => seen.push(entry),
    });
    await until("the group", () => seen.some(({ event }) => event === "kafka-joined"));
    replay.kill("SIGKILL");
    expect((await replay.ended).signal).toBe("SIGKILL");
    const run = await command(env, "run", "--until-latest", "--format", "json");
    expect([run.status, run.stderr]).toEqual([0, run.stderr]);
    expect(await rowsOf(env)).toEqual(before);
  });

  test("ended by a signal while it reads again, it says how much it has read again", async () => {
    const env = await feed("ended");
    const before = await rowsOf(env);
    const from = ["--from", "offset:ended.shop.orders:0:200"];
    const replay = startBinary([main, "replay", ...from, "--into", "same", "--yes", "--json"], {
      binary: process.execPath,
      env: { ...env, CDCDELTA_FLUSH_INTERVAL: "1h" },
      onLog({ event }) {
        if (event === "kafka-joined") replay.kill("SIGINT");
      },
    });
    const { status, stdout } = await replay.ended;
    const again = (await rowsOf(env)).length - 300;
    expect([status, JSON.parse(stdout)]).toMatchObject([again === 800 ? 0 : 130, {
      stopped: again !== 800,
      tables: [{ rows: 800, rowsReadAgain: again }],
    }]);
    const run = await command(env, "run", "--until-latest");
    expect([run.status, run.stderr]).toEqual([0, run.stderr]);
    expect(await rowsOf(env)).toEqual(before);
  });

  test("a range that Kafka no longer has is refused, with the numbers", async () => {
    const env = await feed("gone");
    const before = await rowsOf(env);
    const admin = kafkajs(address).admin();
    await admin.connect();
    const topic = "gone.shop.orders";
    // It takes the leader from what it has been told last.
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: "250" }] });
    await admin.disconnect();
    const from = ["replay", "--from", `offset:${topic}:0:200`, "--into", "same", "--yes"];
    const { status, stdout } = await command(env, ...from);
    expect([status, stdout]).toEqual([1, expect.stringContaining("begins at offset 250 by now")]);
    expect(await rowsOf(env)).toEqual(before);
    // What is still there can be.
    const later = await command(
      env,
      ...["replay", "--from", `offset:${topic}:0:400`, "--into", "same", "--yes", "--json"],
    );
    expect([later.status, later.stderr]).toEqual([0, later.stderr]);
    expect(await rowsOf(env)).toEqual(before);
  });

  test("into a shadow table: the same rows, and what differs is told", async () => {
    const env = await feed("shadow");
    const into = "s3://replay/shadow-check/orders";
    const args = [
      ...["replay", "--from", "offset:shadow.shop.orders:0:100,shadow.shop.orders:1:100"],
      ...["--collection", "shop.orders", "--compare", "--json", "--into"],
    ];
    const inside = await command(env, ...args, `${env["DELTA_TABLE_BASE_PATH"]}/shop/check`);
    expect([inside.status, inside.stderr]).toEqual([2, expect.stringContaining("lies below")]);
    const same = await command(env, ...args, into);
    expect([same.status, same.stderr]).toEqual([0, same.stderr]);
    const rows = { same: 900, different: 0, onlyTable: 0, onlyShadow: 0, examples: [] };
    expect(JSON.parse(same.stdout)).toMatchObject({ stopped: false, comparison: rows });
    expect(await rowsOf(env, into)).toHaveLength(900);
    // Again: it is there, and nothing is read twice.
    const again = await command(env, ...args, into);
    expect([again.status, again.stderr]).toEqual([0, again.stderr]);
    expect(await rowsOf(env, into)).toHaveLength(900);
    // The group has not heard of it.
    const run = await command(env, "run", "--until-latest", "--format", "json");
    expect(JSON.parse(run.stdout)).toMatchObject({ records: 0, commits: 0 });
    // With other settings the rows are others.
    const masked = await command(
      { ...env, CDCDELTA_EXCLUDE_FIELDS: "name" },
      ...args,
      "s3://replay/shadow-other/orders",
    );
    expect([masked.status, JSON.parse(masked.stdout)]).toMatchObject([1, {
      comparison: {
        same: 0,
        different: 900,
        examples: [
          { kind: "different", offset: 100, columns: ["name"] },
          ...Array.from({ length: 19 }, () => ({})),
        ],
      },
    }]);
  });

  test("a live sink is refused by its name", async () => {
    const env = await feed("alive");
    const seen: LogEntry[] = [];
    const sink = startBinary([main, "run", "--http-port", "off"], {
      binary: process.execPath,
      env: { ...env, KAFKA_CLIENT_ID: "the-sink" },
      onLog: (entry) => seen.push(entry),
    });
    await until("the group", () => seen.some(({ event }) => event === "kafka-joined"));
    const from = ["replay", "--from", "offset:alive.shop.orders:0:200", "--into", "same", "--yes"];
    const { status, stderr } = await command(env, ...from);
    expect([status, stderr]).toEqual([1, expect.stringContaining("the-sink")]);
    sink.kill("SIGTERM");
    expect((await sink.ended).status).toBe(0);
  });

  test("a version whose files were vacuumed is refused, naming them", async () => {
    const env = await feed("vacuumed");
    const table = `${env["DELTA_TABLE_BASE_PATH"]}/shop/orders`;
    expect((await cli(["optimize", table], { env })).code).toBe(0);
    const vacuum = ["vacuum", table, "--retention", "0s", "--force"];
    expect((await cli(vacuum, { env })).code).toBe(0);
    const from = ["--from", "version:1", "--collection", "shop.orders", "--into", "same"];
    const { status, stdout } = await command(env, "replay", ...from, "--yes");
    expect([status, stdout]).toEqual([1, expect.stringContaining(".parquet")]);
  });
});

function message(id: number): { key: string; value: string; partition: number } {
  const atMs = 1_769_860_800_000 + id;
  const value = {
    before: null,
    after: JSON.stringify({ _id: id, name: `name ${id}` }),
    source: { ts_ms: atMs, db: "shop", collection: "orders", snapshot: "false", ord: id },
    op: "c",
    ts_ms: atMs,
  };
  const key = JSON.stringify({ id: JSON.stringify({ _id: id }) });
  return { key, value: JSON.stringify(value), partition: id % partitions };
}
