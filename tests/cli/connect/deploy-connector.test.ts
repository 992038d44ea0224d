import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { runCli } from "../../../src/cli/run-cli.ts";
import {
  errorAnswer,
  type FakeConnect,
  type FakeConnectOptions,
  pageAnswer,
  startFakeConnect,
} from "../../support/fake-connect.ts";
import { fakeWorld, type FakeWorldOptions } from "../fake-world.ts";

const secret = "t0p-s3cret";
const base = {
  "connector.class": "io.debezium.connector.mongodb.MongoDbConnector",
  "mongodb.connection.string":
    `mongodb://app:${secret}@127.0.0.1:1/?replicaSet=rs0&serverSelectionTimeoutMS=20`,
  "topic.prefix": "cdc",
  "collection.include.list": "shop\\..*",
  "exactly.once.support": "required",
  "heartbeat.interval.ms": "10000",
  "key.converter": "org.apache.kafka.connect.json.JsonConverter",
  "value.converter": "org.apache.kafka.connect.json.JsonConverter",
  "signal.enabled.channels": "source,kafka",
  "signal.data.collection": "cdcdelta.signals",
  "signal.kafka.bootstrap.servers": "kafka:9092",
  "signal.kafka.groupId": "shop-signals",
  "notification.enabled.channels": "sink",
  "notification.sink.topic.name": "cdc.notifications",
  "my.hidden.thing": secret,
};

let folder = "";
let fake: FakeConnect | null = null;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "cdcdelta-deploy-"));
});
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(async () => {
  await fake?.stop();
  fake = null;
});

function fileOf(config: Readonly<Record<string, string>>): string {
  const file = path.join(folder, "connector.json");
  writeFileSync(file, JSON.stringify({ name: "shop", config }));
  return file;
}

type Ran = { readonly code: number; readonly stdout: string; readonly stderr: string };

const quick = ["--connect-wait-interval", "1ms", "--connect-verify-interval", "1ms"];

/** Runs deploy-connector against the fake; nothing that it prints may hold the secret. */
async function deploy(
  connect: FakeConnect,
  args: readonly string[],
  options: FakeWorldOptions = {},
): Promise<Ran> {
  const argv = ["deploy-connector", ...args, "--connect-url", connect.url, ...quick];
  const { world, stdout, stderr } = fakeWorld(argv, options);
  const code = await runCli(world);
  const ran = { code, stdout: stdout(), stderr: stderr() };
  expect(ran.stdout + ran.stderr).not.toContain(secret);
  return ran;
}

async function connectWith(options: FakeConnectOptions = {}): Promise<FakeConnect> {
  fake = await startFakeConnect(options);
  return fake;
}

/** Deploys the base configuration, as the start of a test. */
async function deployed(options: FakeConnectOptions = {}): Promise<FakeConnect> {
  const connect = await connectWith(options);
  connect.connectors.set("shop", { config: { ...base, name: "shop" }, state: "RUNNING", looks: 0 });
  return connect;
}

/** What stands from the plan on; the checks are the same each time. */
const tail = (stdout: string): string => stdout.slice(stdout.indexOf('Connector "shop"'));
const changing = (calls: readonly string[]): string[] =>
  calls.filter((call) => !call.startsWith("GET") && !call.includes("/validate"));

describe("deploying", () => {
  test("a new connector: checks, guarantee, configuration without secrets, its run", async () => {
    const connect = await connectWith();
    const { code, stdout } = await deploy(connect, [fileOf(base)]);
    expect(code).toBe(0);
    expect(stdout.replaceAll(connect.url, "URL")).toBe(
      `ok       Kafka Connect 4.3.1 at URL
ok       plugin: io.debezium.connector.mongodb.MongoDbConnector 3.6.1.Final
ok       configuration: valid, says Kafka Connect
ok       exactly once: the worker writes in transactions, the connector requires it
skipped  topics: not checked: KAFKA_BOOTSTRAP_SERVERS is not set
         → set it to have the signal topic checked and created with one partition
warning  mongodb: cannot be reached from here, so nothing was checked there: connect ECONNREFUSED 127.0.0.1:1
         → no harm where only Connect can reach it; Connect's own validation says whether it does

Delivery, from MongoDB to the Delta table: exactly once: each change is in the Delta table once, whatever dies and restarts on the way (transactions in Kafka, positions in the Delta log)
  note: a snapshot that is interrupted starts again and reads rows again (_cdc_operation read)
  note: an update carries the document as it was when Debezium looked it up, which may be later than the update
  note: dropping or renaming a collection is no event: its rows stay

Connector "shop" is new:
  + collection.include.list = shop\\..*
  + connector.class = io.debezium.connector.mongodb.MongoDbConnector
  + exactly.once.support = required
  + heartbeat.interval.ms = 10000
  + key.converter = org.apache.kafka.connect.json.JsonConverter
  + mongodb.connection.string = mongodb://app:********@127.0.0.1:1/?replicaSet=rs0&serverSelectionTimeoutMS=20
  + my.hidden.thing = ********
  + notification.enabled.channels = sink
  + notification.sink.topic.name = cdc.notifications
  + signal.data.collection = cdcdelta.signals
  + signal.enabled.channels = source,kafka
  + signal.kafka.bootstrap.servers = kafka:9092
  + signal.kafka.groupId = shop-signals
  + topic.prefix = cdc
  + value.converter = org.apache.kafka.connect.json.JsonConverter
Connector "shop" was created
Connector "shop" runs: RUNNING, task 0 RUNNING

connector  type    state    tasks    class
shop       source  RUNNING  RUNNING  MongoDbConnector
`,
    );
    expect(connect.connectors.get("shop")?.config).toEqual({ ...base, name: "shop" });
  });

  test("again: nothing to do, and still seen running", async () => {
    const connect = await deployed();
    const { code, stdout } = await deploy(connect, [fileOf(base)]);
    expect(code).toBe(0);
    expect(tail(stdout)).toBe(
      `Connector "shop" is deployed as it should be: no changes
Connector "shop" runs: RUNNING, task 0 RUNNING

connector  type    state    tasks    class
shop       source  RUNNING  RUNNING  MongoDbConnector
`,
    );
    expect(changing(connect.calls())).toEqual([]);
  });

  test("a change: shown key by key, secrets only as changed, deployed in place", async () => {
    const connect = await deployed();
    const changed = {
      ...base,
      "collection.include.list": "shop\\.orders",
      "my.hidden.thing": `${secret}-2`,
      "max.batch.size": "4096",
      "mongodb.connection.string": base["mongodb.connection.string"].replace("app:", "app:new"),
    };
    const { "heartbeat.interval.ms": _, ...config } = changed;
    const { code, stdout } = await deploy(connect, [fileOf(config)]);
    expect(code).toBe(0);
    expect(tail(stdout)).toStartWith(
      `Connector "shop" changes:
  ~ collection.include.list: shop\\..* → shop\\.orders
  - heartbeat.interval.ms = 10000
  + max.batch.size = 4096
  ~ mongodb.connection.string: <changed>
  ~ my.hidden.thing: <changed>
Note: collections that are captured from now on start with what happens from now on: cdcdelta snapshot db.collection reads the documents they already hold
Connector "shop" was updated
`,
    );
    expect(changing(connect.calls())).toEqual(["PUT /connectors/shop/config"]);
    expect(connect.connectors.get("shop")?.config).toEqual({ ...config, name: "shop" });
  });

  test("a new one that finds the offsets of an earlier one says so", async () => {
    const connect = await connectWith();
    connect.offsets.set("shop", [{ partition: { server_id: "cdc" }, offset: { sec: 1 } }]);
    const { stdout } = await deploy(connect, [fileOf(base)]);
    expect(stdout).toContain("It goes on where an earlier connector of this name was");
    connect.connectors.clear();
    const other = await deploy(connect, [fileOf({ ...base, "topic.prefix": "new" })]);
    expect(other.stdout).not.toContain("goes on where");
  });

  test("what Connect says of a retry holds no secrets either", async () => {
    let left = 1;
    const fault = ({ method }: { readonly method: string }) =>
      method === "GET" || left-- <= 0 ? null : errorAnswer(409, `rebalance ${secret}`);
    const connect = await connectWith({ fault });
    const { code, stderr } = await deploy(connect, [fileOf(base)]);
    expect([code, stderr]).toEqual([0, expect.stringContaining("rebalance ********")]);
  });

  test("--dry-run changes nothing", async () => {
    const connect = await connectWith();
    const { code, stdout } = await deploy(connect, [fileOf(base), "--dry-run"]);
    expect([code, stdout.trimEnd().split("\n").at(-1)]).toEqual([
      0,
      "Nothing was deployed (--dry-run)",
    ]);
    expect(changing(connect.calls())).toEqual([]);
  });

  test("a failing task: its trace in short, the cause, exit 1", async () => {
    const trace = "org.apache.kafka.connect.errors.ConnectException: no\n\tat a.b.C(D.java:1)\n" +
      `Caused by: com.mongodb.MongoSecurityException: Exception authenticating app:${secret}\n`;
    const connect = await connectWith({
      taskState: (look) => look > 2 ? "FAILED" : "RUNNING",
      trace,
    });
    const { code, stdout } = await deploy(connect, [fileOf(base)]);
    expect(code).toBe(1);
    expect(tail(stdout)).toContain(
      `Connector "shop" does not run: RUNNING, task 0 FAILED
task 0 has FAILED:
  org.apache.kafka.connect.errors.ConnectException: no
  Caused by: com.mongodb.MongoSecurityException: Exception authenticating app:********
  (1 stack frame left out; --json has them)
  → MongoDB refuses user or password: check mongodb.connection.string
Repair the cause, then: cdcdelta deploy-connector --connector-name shop --restart
`,
    );
  });

  test("a connector that never gets to run: exit 1 after ten looks", async () => {
    const connect = await connectWith({ taskState: () => "UNASSIGNED" });
    const { code, stdout } = await deploy(connect, [fileOf(base)]);
    expect(code).toBe(1);
    expect(stdout).toContain("neither runs nor fails after 10 looks: RUNNING, task 0 UNASSIGNED");
    expect(connect.calls().filter((call) => call.endsWith("/status")).length).toBe(10);
  });

  test("a paused connector stays paused, and that is said", async () => {
    const connect = await deployed();
    const found = connect.connectors.get("shop");
    if (found !== undefined) found.state = "PAUSED";
    const { code, stdout } = await deploy(connect, [fileOf({ ...base, "max.batch.size": "1" })]);
    const advice = "To go on: cdcdelta deploy-connector --connector-name shop --resume\n";
    expect([code, stdout]).toEqual([1, expect.stringContaining(advice)]);
  });
});

describe("problems keep it from being deployed", () => {
  test("all that Connect's validation finds, by field", async () => {
    const validate = () => ({
      "max.batch.size": ["The 'max.batch.size' value is invalid: An integer is expected"],
      "mongodb.connection.string": [`Unable to connect: bad password ${secret}`],
    });
    const connect = await connectWith({ validate });
    const { code, stdout } = await deploy(connect, [fileOf(base)]);
    expect(code).toBe(1);
    expect(stdout).toContain(
      "PROBLEM  mongodb.connection.string: Unable to connect: bad password ********\n",
    );
    expect(stdout).toContain("PROBLEM  max.batch.size: An integer is expected\n");
    expect(stdout).toContain("Nothing was deployed: 2 problems above\n");
    expect(changing(connect.calls())).toEqual([]);
  });

  test("a plugin that is missing", async () => {
    const connect = await connectWith({ plugins: [{ class: "a.B", type: "source" }] });
    const { code, stdout } = await deploy(connect, [fileOf(base)]);
    expect(code).toBe(1);
    expect(stdout).toContain("is not installed in this Connect");
    expect(stdout).toContain("source connectors that are there: a.B");
  });

  test("a worker without transactions, where they are required", async () => {
    const error = "This worker does not have exactly-once source support enabled.";
    const validate = (config: Readonly<Record<string, string>>) =>
      config["exactly.once.support"] === "required" ? { "exactly.once.support": [error] } : {};
    const connect = await connectWith({ validate });
    const { code, stdout } = await deploy(connect, [fileOf(base)]);
    expect([code, stdout]).toEqual([1, expect.stringContaining(`PROBLEM  exactly.once.support`)]);
    const less = { ...base, "exactly.once.support": "requested" };
    const again = await deploy(connect, [fileOf(less)]);
    expect(again.code).toBe(0);
    expect(again.stdout).toContain("warning  exactly once: the worker does not write in transact");
    expect(again.stdout).toContain("Delivery, from MongoDB to the Delta table: at least once");
  });

  test("a file with problems: all of them, exit 2, and nobody is asked", async () => {
    const connect = await connectWith();
    const { code, stderr } = await deploy(connect, [fileOf({ a: "${NOPE}", b: "${NOR}" })]);
    expect(code).toBe(2);
    expect(stderr).toContain("2 problems with the configuration");
    expect(connect.calls()).toEqual([]);
  });
});

describe("Connect", () => {
  test("that is not up yet is waited for, and each try is shown", async () => {
    const fault = (_: unknown, index: number) => index < 3 ? pageAnswer(503, "Down") : null;
    const connect = await connectWith({ fault });
    const { code, stderr } = await deploy(connect, [fileOf(base)]);
    expect(code).toBe(0);
    expect(stderr).toContain(
      `Waiting for Kafka Connect at ${connect.url}, try 3 of 30: it answered`,
    );
  });

  test("that never comes up: exit 1 after the tries, with what to do", async () => {
    const connect = await connectWith();
    await connect.stop();
    const { code, stderr } = await deploy(connect, [fileOf(base), "--connect-wait-tries", "4"]);
    expect(code).toBe(1);
    expect(stderr.match(/try \d of 4/g)).toEqual(["try 1 of 4", "try 2 of 4", "try 3 of 4"]);
    expect(stderr).toMatch(/is not ready after 4 tries, 1ms apart: .*Start it, or correct KAFKA_/);
  });

  test("that wants credentials is not waited for", async () => {
    const connect = await connectWith({ fault: () => errorAnswer(401, "who?") });
    const { code, stderr } = await deploy(connect, [fileOf(base)]);
    expect([code, stderr]).toEqual([1, expect.stringContaining("Check KAFKA_CONNECT_USERNAME")]);
    expect(connect.calls().length).toBe(1);
  });

  test("a signal ends the waiting: exit 130", async () => {
    const connect = await connectWith({ fault: () => pageAnswer(503, "Down") });
    const argv = ["deploy-connector", fileOf(base), "--connect-url", connect.url];
    const { world, stderr, signal } = fakeWorld([...argv, "--connect-wait-interval", "1h"]);
    const ended = runCli(world);
    while (!stderr().includes("try 1")) await Bun.sleep(5);
    signal("SIGINT");
    expect([await ended, stderr()]).toEqual([130, expect.stringContaining("interrupted")]);
  });
});

describe("deleting and making anew", () => {
  const other = { ...base, "topic.prefix": "new" };
  const asked: string[] = [];
  const answering = (answer: string | null): FakeWorldOptions => ({
    ask: (question) => {
      asked.push(question);
      return Promise.resolve(answer);
    },
  });

  test("is refused where there is nobody to ask: exit 2", async () => {
    const connect = await deployed();
    const { code, stdout, stderr } = await deploy(connect, [fileOf(other)]);
    expect(code).toBe(2);
    expect(stdout).toContain("has to be deleted and made anew (topic.prefix changed):");
    expect(stdout).toContain("Its offsets are kept under the old topic.prefix");
    expect(stderr).toContain("There is no terminal to ask on: run it again with --yes.");
    expect(changing(connect.calls())).toEqual([]);
  });

  test("with --json tells there what it would need: still one object", async () => {
    const connect = await deployed();
    const anew = await deploy(connect, [fileOf(other), "--json"]);
    expect(anew.code).toBe(2);
    expect(JSON.parse(anew.stdout)).toMatchObject({
      plan: { kind: "recreate" },
      outcome: "consent-needed",
      question: expect.stringContaining("make it anew?"),
      needs: "--yes",
    });
    expect(anew.stderr).toContain("run it again with --yes.");
    const gone = await deploy(connect, [fileOf(base), "--delete", "--json"]);
    expect([gone.code, JSON.parse(gone.stdout)]).toMatchObject([2, {
      outcome: "consent-needed",
      question: expect.stringContaining("Delete connector"),
      needs: "--yes",
    }]);
    expect(changing(connect.calls())).toEqual([]);
  });

  test.each([["n", 1], ["", 1], ["no", 1], [null, 130]] as const)(
    "is not done after the answer %j",
    async (answer, expected) => {
      const connect = await deployed();
      const { code, stdout } = await deploy(connect, [fileOf(other)], answering(answer));
      expect([code, stdout]).toEqual([expected, expect.stringContaining("Nothing was changed\n")]);
      expect(asked.at(-1)).toBe('Delete connector "shop" and make it anew? [y/N] ');
      expect(changing(connect.calls())).toEqual([]);
    },
  );

  test.each(
    [
      ["SIGINT", [], 130],
      ["SIGTERM", [], 143],
      ["SIGTERM", ["--delete"], 143],
    ] as const,
  )("is not done when %s comes instead of an answer, %j", async (name, flags, code) => {
    const connect = await deployed();
    const argv = ["deploy-connector", fileOf(other), "--connect-url", connect.url, ...flags];
    const { world, signal } = fakeWorld(argv, {
      ask: (_, asking) =>
        new Promise((resolve) => {
          asking.addEventListener("abort", () => resolve(null));
          signal(name);
        }),
    });
    expect(await runCli(world)).toBe(code);
    expect(changing(connect.calls())).toEqual([]);
  });

  test.each([["y", []], ["Yes", []], [null, ["--yes"]]] as const)(
    "is done after the answer %j with %j",
    async (answer, flags) => {
      const connect = await deployed();
      const { code } = await deploy(connect, [fileOf(other), ...flags], answering(answer));
      expect(code).toBe(0);
      expect(changing(connect.calls()))
        .toEqual(["DELETE /connectors/shop", "PUT /connectors/shop/config"]);
    },
  );

  test("that ends half way says what is there now, without secrets", async () => {
    const fault = ({ method, url }: { readonly method: string; readonly url: string }) =>
      method === "PUT" && url.endsWith("/shop/config") ? errorAnswer(400, `no ${secret}`) : null;
    const connect = await deployed({ fault });
    const { code, stderr } = await deploy(connect, [fileOf(other), "--yes"]);
    expect([code, stderr.split("\n").at(-2)]).toEqual([
      1,
      'cdcdelta: Cannot deploy connector "shop": Kafka Connect refuses it: no ********. ' +
      'The connector "shop" was deleted and is not there now',
    ]);
  });

  test("--recreate keeps the offsets, --reset-offsets stops and deletes them first", async () => {
    const connect = await deployed();
    const offset = { partition: { server_id: "cdc" }, offset: { sec: 1 } };
    connect.offsets.set("shop", [offset]);
    const kept = await deploy(connect, [fileOf(base), "--recreate", "--yes"]);
    expect([kept.code, kept.stdout]).toEqual([0, expect.stringContaining("goes on where it was")]);
    expect(connect.offsets.get("shop")).toEqual([offset]);
    const before = connect.calls().length;
    const reset = await deploy(connect, [fileOf(base), "--reset-offsets", "--yes"]);
    expect([reset.code, reset.stdout]).toEqual([
      0,
      expect.stringContaining("a new snapshot of all"),
    ]);
    expect(connect.offsets.has("shop")).toBe(false);
    expect(changing(connect.calls().slice(before))).toEqual([
      "PUT /connectors/shop/stop",
      "DELETE /connectors/shop/offsets",
      "DELETE /connectors/shop",
      "PUT /connectors/shop/config",
    ]);
  });
});

describe("what is done to a connector that is there", () => {
  test("--status shows it and all others; exit 1 unless it runs", async () => {
    const connect = await deployed({
      taskState: (_, name) => name === "shop" ? "FAILED" : "RUNNING",
      trace: `java.lang.Error: ${secret}`,
    });
    connect.connectors.set("b", { config: { name: "b" }, state: "RUNNING", looks: 0 });
    const { code, stdout } = await deploy(connect, ["--status", "--connector-name", "shop"]);
    expect([code, stdout]).toEqual([
      1,
      expect.stringContaining("task 0 has FAILED:\n  java.lang.Error: ********\n"),
    ]);
    expect((await deploy(connect, ["--status", "--connector-name", "b"])).code).toBe(0);
    expect((await deploy(connect, ["--status", "--connector-name", "c"])).stdout)
      .toContain('There is no connector "c"');
  });

  test("--pause, --resume and --restart end when it is so", async () => {
    const connect = await deployed();
    const named = ["--connector-name", "shop"];
    expect(await deploy(connect, ["--pause", ...named])).toMatchObject({ code: 0 });
    expect(connect.connectors.get("shop")?.state).toBe("PAUSED");
    expect(await deploy(connect, ["--resume", ...named])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('"shop" runs'),
    });
    expect(await deploy(connect, ["--restart", ...named])).toMatchObject({ code: 0 });
    expect(await deploy(connect, ["--restart", "--connector-name", "c"])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('There is no connector "c"'),
    });
  });

  test("--offsets shows where it is", async () => {
    const connect = await deployed();
    const partition = { server_id: "cdc" };
    const offset = { sec: 1700000000, ord: 3, initsync: true, resume_token: "A".repeat(100) };
    connect.offsets.set("shop", [{ partition, offset }]);
    const { stdout } = await deploy(connect, [fileOf(base), "--offsets"]);
    expect(stdout).toContain(
      `partition {"server_id":"cdc"}
  position  2023-11-14T22:13:20.000Z, ord 3
  snapshot  the initial snapshot is not complete
  resume_token  ${"A".repeat(57)}...
`,
    );
    const json = await deploy(connect, [fileOf(base), "--offsets", "--json"]);
    expect(JSON.parse(json.stdout)).toMatchObject({ offsets: [{ partition, offset }] });
  });

  test("--delete asks, keeps the offsets unless told otherwise, and is no failure twice", async () => {
    const connect = await deployed();
    connect.offsets.set("shop", [{ partition: {}, offset: {} }]);
    const args = [fileOf(base), "--delete"];
    expect((await deploy(connect, args)).code).toBe(2);
    expect(await deploy(connect, [...args, "--yes"])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("Its offsets stay"),
    });
    expect([connect.connectors.size, connect.offsets.size]).toEqual([0, 1]);
    expect(await deploy(connect, [...args, "--yes"])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("nothing to delete"),
    });
    connect.connectors.set("shop", { config: base, state: "RUNNING", looks: 0 });
    await deploy(connect, [...args, "--yes", "--reset-offsets"]);
    expect([connect.connectors.size, connect.offsets.size]).toEqual([0, 0]);
  });

  test("one thing at a time", async () => {
    const connect = await connectWith();
    const run = (...args: string[]) =>
      deploy(connect, args).then(({ code, stderr }) => [code, stderr]);
    expect(await run("--pause", "--delete")).toEqual([
      2,
      expect.stringContaining("--delete, --pause: are different things to do"),
    ]);
    expect(await run("--status", "--recreate")).toEqual([
      2,
      expect.stringContaining("--recreate: belongs to deploying, not to --status"),
    ]);
    expect(connect.calls()).toEqual([]);
  });
});

test("--json is one object on standard output, without secrets", async () => {
  const connect = await connectWith();
  const created = JSON.parse((await deploy(connect, [fileOf(base), "--json"])).stdout);
  expect(created).toMatchObject({
    connector: "shop",
    outcome: "created",
    state: "running",
    guarantee: { level: "exactly-once" },
    plan: { kind: "create" },
    status: { state: "RUNNING", tasks: [{ state: "RUNNING" }] },
    connectors: [{ name: "shop" }],
  });
  const changed = { ...base, "my.hidden.thing": `${secret}!` };
  const updated = JSON.parse((await deploy(connect, [fileOf(changed), "--json"])).stdout);
  expect(updated).toMatchObject({
    outcome: "updated",
    plan: { changes: [{ key: "my.hidden.thing", before: "********", after: "********" }] },
  });
});
