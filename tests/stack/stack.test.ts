import { afterAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { requirement } from "../support/requirement.ts";
import {
  isOpen,
  output,
  type PartName,
  partsOf,
  type PartStatus,
  processesNaming,
  stack,
  until,
} from "./stack-command.ts";

// Plain JavaScript, since the stack runs before anything is installed.
const wire = new URL("../../scripts/stack/mongo-command.mjs", import.meta.url).href;
const { mongoCommand } = await import(wire) as {
  readonly mongoCommand: (port: number, command: object) => Promise<Record<string, unknown>>;
};

setDefaultTimeout(120_000);

const cache = process.env["CDCDELTA_CACHE"] ?? path.join(homedir(), ".cache", "cdcdelta");
const missing = (await stack(["missing"])).stdout.trim().replaceAll("\n", "; ");
const possible = requirement(missing === "", `the stack cannot start: ${missing}`);
const data = mkdtempSync(path.join(tmpdir(), "cdcdelta-stack-"));

afterAll(async () => {
  await stack(["down", "--data", data, "--grace", "5"]);
  rmSync(data, { recursive: true, force: true });
});

describe.skipIf(!possible)("the stack", () => {
  let parts: ReadonlyMap<PartName, PartStatus> = new Map();
  const part = (name: PartName): PartStatus => {
    const found = parts.get(name);
    if (found === undefined) throw new Error(`${name} is not up`);
    return found;
  };

  test("does not start Connect without Kafka", async () => {
    const up = await stack(["up", "--only", "connect", "--ports", "auto", "--data", data]);
    expect(up.status).toBe(1);
    expect(up.stderr).toContain("connect needs kafka");
  });

  test("comes up on free ports with every part ready", async () => {
    const args = ["--ports", "auto", "--while-pid", String(process.pid), "--format", "json"];
    const up = await stack(["up", "--data", data, ...args]);
    expect(up).toMatchObject({ status: 0 });
    parts = partsOf(up);
    expect([...parts.values()].map(({ name, state }) => `${name} ${state}`))
      .toEqual(["mongodb ready", "kafka ready", "connect ready", "minio ready"]);
    for (const port of portsOf(parts)) expect(await isOpen(port)).toBe(true);
  });

  test("lists the MongoDB connector, in the version of the pom", async () => {
    const plugins = await json(`${part("connect").url}/connector-plugins`);
    const version = "3.6.1.Final";
    const connector = "io.debezium.connector.mongodb.MongoDbConnector";
    expect(plugins).toContainEqual({ class: connector, type: "source", version });
  });

  test("carries documents from MongoDB to Kafka, the snapshot and what follows", async () => {
    await insert(part("mongodb"), { _id: 1, name: "before" });
    const connector = `${part("connect").url}/connectors/cdc`;
    await json(`${connector}/config`, {
      "connector.class": "io.debezium.connector.mongodb.MongoDbConnector",
      "tasks.max": "1",
      "mongodb.connection.string": part("mongodb").url,
      "topic.prefix": "cdc",
      "collection.include.list": "shop\\.items",
      "capture.mode": "change_streams_update_full",
      "exactly.once.support": "required",
      "producer.override.linger.ms": "0",
    });
    await until("the snapshot's record", async () => {
      const topic = path.join(data, "kafka", "logs", "cdc.shop.items-0");
      return (await output("ls", [topic])).status === 0;
    });
    await insert(part("mongodb"), { _id: 2, name: "after" });
    const { stdout } = await consume(part("kafka").url, "cdc.shop.items", 2);
    const records = stdout.trim().split("\n").map((line) => JSON.parse(line));
    expect(records.map(({ op, after }) => [op, JSON.parse(after)])).toEqual([
      ["r", { _id: 1, name: "before" }],
      ["c", { _id: 2, name: "after" }],
    ]);
  });

  test("keeps running parts and their processes when it is brought up again", async () => {
    const again = partsOf(await stack(["up", "--data", data, "--format", "json"]));
    expect([...again.values()].map(({ pid }) => pid)).toEqual(
      [...parts.values()].map((p) => p.pid),
    );
  });

  test("refuses other ports than the ones its data refers to", async () => {
    const { status, stderr } = await stack(["up", "--data", data, "--ports", "kafka=19092"]);
    expect(status).toBe(1);
    expect(stderr).toContain(`kafka on port ${part("kafka").ports["kafka"]}`);
  });

  test("says which part died, and starts that one again on its port", async () => {
    process.kill(part("minio").pid ?? 0, "SIGKILL");
    await until("the end of MinIO", async () => !(await isOpen(part("minio").ports["minio"] ?? 0)));
    const died = await stack(["status", "--data", data, "--format", "json"]);
    expect(died.status).toBe(1);
    expect([...partsOf(died).values()].map(({ state }) => state))
      .toEqual(["ready", "ready", "ready", "died"]);
    const minio = partsOf(await stack(["up", "--data", data, "--format", "json"])).get("minio");
    expect(minio).toMatchObject({ state: "ready", ports: part("minio").ports });
    expect(minio?.pid).not.toBe(part("minio").pid);
  });

  test("goes down and leaves no process and no open port", async () => {
    const down = await stack(["down", "--data", data]);
    expect(down).toMatchObject({ status: 0 });
    for (const port of portsOf(parts)) expect(await isOpen(port)).toBe(false);
    expect(processesNaming(data)).toEqual([]);
    const after = partsOf(await stack(["status", "--data", data, "--format", "json"]));
    expect([...after.values()].map(({ state }) => state))
      .toEqual(["stopped", "stopped", "stopped", "stopped"]);
  });

  test("keeps the data from one time to the next, and wipes it when told to", async () => {
    const only = ["--only", "mongodb", "--data", data];
    const up = partsOf(await stack(["up", "--format", "json", ...only]));
    const mongodb = up.get("mongodb");
    expect(mongodb).toMatchObject({ state: "ready", ports: part("mongodb").ports });
    const port = mongodb?.ports["mongodb"] ?? 0;
    expect(await mongoCommand(port, { count: "items", $db: "shop" })).toMatchObject({ n: 2 });
    expect((await stack(["down", "--wipe", ...only])).status).toBe(0);
    expect((await output("ls", [data])).stdout).not.toContain("mongodb");
  });
});

function portsOf(parts: ReadonlyMap<PartName, PartStatus>): number[] {
  return [...parts.values()].flatMap(({ ports }) => Object.values(ports));
}

async function json(url: string, put?: object): Promise<unknown> {
  const answer = await fetch(url, {
    ...(put === undefined ? {} : { method: "PUT", body: JSON.stringify(put) }),
    headers: { "content-type": "application/json" },
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${text}`);
  return JSON.parse(text);
}

async function insert({ ports }: PartStatus, document: object): Promise<void> {
  const command = { insert: "items", documents: [document], $db: "shop" };
  expect(await mongoCommand(ports["mongodb"] ?? 0, command)).toMatchObject({ n: 1 });
}

/** The values of a topic's first records, one a line, with Kafka's own console consumer. */
function consume(
  broker: string,
  topic: string,
  count: number,
): Promise<{ readonly stdout: string }> {
  return output("java", [
    "-cp",
    path.join(cache, "kafka", "*"),
    "org.apache.kafka.tools.consumer.ConsoleConsumer",
    `--bootstrap-server=${broker}`,
    `--topic=${topic}`,
    "--from-beginning",
    "--isolation-level=read_committed",
    `--max-messages=${count}`,
    "--timeout-ms=40000",
  ]);
}
