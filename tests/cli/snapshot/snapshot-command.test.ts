import { afterEach, describe, expect, test } from "bun:test";
import { statusJson, statusText } from "../../../src/cli/snapshot/status-text.ts";
import { type FakeConnect, startFakeConnect } from "../../support/fake-connect.ts";
import { cli } from "../fake-world.ts";

/** Nobody listens there. */
const kafka = { KAFKA_BOOTSTRAP_SERVERS: "127.0.0.1:1" };

describe("wrong usage, told before anything is started", () => {
  test.each<[readonly string[], readonly string[]]>([
    [[], ["[db.coll…]: is missing: there is nothing to read again"]],
    [["orders"], ['"orders": is no collection']],
    [["shop."], ['"shop.": is no collection']],
    [["shop.a,shop.b"], ['"shop.a,shop.b": is no collection']],
    [["shop.a", "--pause"], ["shop.a: --pause concerns the whole incremental snapshot"]],
    [["shop.a", "--stop", "--where", "{}"], ["--where: belongs to a new snapshot, not to --stop"]],
    [["--status", "--type", "blocking"], ["--type: belongs to a new snapshot, not to --status"]],
    [["--pause", "--resume"], ["--pause, --resume: are different things to do"]],
    [["shop.a", "--where", "{x: 1}"], ["--where: the query of shop.a is not JSON", "character 2"]],
    [["shop.a", "shop.b", "--where", "{}"], ["--where: does not say which collection it limits"]],
    [["shop.a", "--where", 'shop.c={"a":1}'], ['--where: "shop.c" is none of the collections']],
    [["shop.a", "--timeout", "5"], ["--timeout"]],
    [["shop.a", "--type", "full"], ['--type: "full" is not one of incremental, blocking']],
  ])("%p", async (args, messages) => {
    const { code, stdout, stderr } = await cli(["snapshot", ...args], { env: kafka });
    expect([code, stdout]).toEqual([2, ""]);
    for (const message of messages) expect(stderr).toContain(message);
    expect(stderr).toStartWith("cdcdelta: 1 problem with the configuration");
  });

  test("without brokers", async () => {
    const { code, stderr } = await cli(["snapshot", "shop.a"]);
    expect(code).toBe(2);
    expect(stderr).toContain("--kafka-bootstrap-servers: is missing");
  });
});

describe("the connector that is meant", () => {
  let fake: FakeConnect | null = null;
  afterEach(async () => await fake?.stop());

  const config = {
    "connector.class": "io.debezium.connector.mongodb.MongoDbConnector",
    "topic.prefix": "cdc",
    "collection.include.list": "shop\\..*",
    "signal.data.collection": "shop.signals",
    "signal.enabled.channels": "source,kafka",
    "notification.enabled.channels": "sink",
    "notification.sink.topic.name": "notes",
  };

  async function asked(
    connectors: Readonly<Record<string, Readonly<Record<string, string>>>>,
    args: readonly string[] = ["shop.orders"],
  ): Promise<string> {
    fake = await startFakeConnect();
    for (const [name, changes] of Object.entries(connectors)) {
      fake.connectors.set(name, { config: { ...config, ...changes }, state: "RUNNING", looks: 0 });
    }
    const env = { ...kafka, KAFKA_CONNECT_URL: fake.url, KAFKA_TOPIC_PATTERN: "cdc\\..*" };
    const { code, stderr } = await cli(["snapshot", ...args, "--retries", "1"], { env });
    expect(code).toBeGreaterThan(0);
    return stderr;
  }

  /** It was found and is fine: the first thing that fails is Kafka. */
  const found = "127.0.0.1:1";

  test("is the only one for MongoDB", async () => {
    const mysql = { "connector.class": "io.debezium.connector.mysql.MySqlConnector" };
    expect(await asked({ a: mysql, b: {} })).toContain(found);
  });

  test("is the only one that captures the collections", async () => {
    const others = { "collection.include.list": "other\\..*" };
    expect(await asked({ a: others, b: {} })).toContain(found);
  });

  test("is named, when there are several", async () => {
    expect(await asked({ a: {}, b: {} })).toContain("which connector is meant: a, b");
    expect(await asked({ a: {}, b: {} }, ["shop.a", "--connector-name", "b"])).toContain(found);
    expect(await asked({ a: {} }, ["shop.a", "--connector-name", "x"]))
      .toContain('There is no connector "x" in Kafka Connect');
  });

  test("is there at all", async () => {
    expect(await asked({})).toContain("There is no Debezium MongoDB connector");
  });

  test("captures, listens and speaks", async () => {
    const deaf = { "signal.enabled.channels": "source" };
    expect(await asked({ a: deaf })).toContain("does not listen to Kafka");
    const mute = { "notification.enabled.channels": "" };
    expect(await asked({ a: mute })).toContain("sends no notifications");
    expect(await asked({ a: {} }, ["other.orders"]))
      .toContain("other.orders is not captured by the connector a");
  });

  test("feeds the topics that are read", async () => {
    const stderr = await asked({ a: { "topic.prefix": "elsewhere" } });
    expect(stderr).toContain("no signal was sent");
    expect(stderr).toContain("elsewhere.shop.orders, which KAFKA_TOPIC_PATTERN (cdc\\..*) leaves");
  });

  test("has names that only Connect can resolve", async () => {
    expect(await asked({ a: { "topic.prefix": "${file:/x:prefix}" } }))
      .toContain("only Connect can resolve ${file:/x:prefix}");
  });

  test("cannot be asked for: flags stand in for it", async () => {
    const env = { ...kafka, KAFKA_CONNECT_URL: "http://127.0.0.1:1" };
    const without = await cli(["snapshot", "shop.a"], { env });
    expect(without.stderr).toContain("write --topic-prefix and --notification-topic");
    const flags = ["--topic-prefix", "cdc", "--notification-topic", "n", "--retries", "1"];
    const instead = await cli(["snapshot", "shop.a", ...flags], { env });
    expect(instead.stderr).toContain("whether the connector runs and captures is not checked");
    expect(instead.stderr).toContain(found);
  });
});

describe("--status", () => {
  const status = {
    connector: {
      name: "shop",
      config: {},
      status: {
        name: "shop",
        type: "source",
        state: "RUNNING",
        worker: "w",
        trace: null,
        tasks: [{ id: 0, state: "RUNNING", worker: "w", trace: null }],
      },
    },
    unasked: null,
    stored: { collections: ["shop.orders"], signalId: "id-2" },
    history: [
      {
        aggregate: "initial",
        id: null,
        state: "completed",
        firstMs: 0,
        lastMs: 1000,
        collections: [
          {
            collection: "shop.it",
            status: "SUCCEEDED",
            rows: null,
            lastKey: null,
            maximumKey: null,
          },
        ],
      },
      {
        aggregate: "incremental",
        id: "id-2",
        state: "running",
        firstMs: 2000,
        lastMs: 3000,
        collections: [
          {
            collection: "shop.orders",
            status: "running",
            rows: null,
            lastKey: "5",
            maximumKey: "9",
          },
          { collection: "shop.it", status: "EMPTY", rows: 0n, lastKey: null, maximumKey: null },
        ],
      },
    ],
    groupId: "g",
    sink: {
      goals: [{ topic: "t", partition: 0, offset: 9n, committed: 4n }],
      state: "Stable",
      members: 1,
    },
  } as const;

  test("as text, the newest first", () => {
    expect(statusText(status)).toBe(
      `connector                    shop RUNNING, task 0 RUNNING
incremental, by its offsets  shop.orders (signal id-2)
tables                       group g is Stable with 1 member, 5 offsets behind

last heard of        snapshot             state      collection   status     rows  key
1970-01-01 00:00:03  incremental          running    shop.orders  running    -     5 of 9
                                                     shop.it      EMPTY      0     -
1970-01-01 00:00:01  initial or blocking  completed  shop.it      SUCCEEDED  -     -
`,
    );
    const nothing = { ...status, connector: null, unasked: "away", stored: null, history: [] };
    expect(statusText(nothing)).toContain("connector                    away\n");
    expect(statusText(nothing)).toContain("No snapshots in the notifications");
  });

  test("as JSON", () => {
    expect(JSON.parse(statusJson(status))).toMatchObject({
      connector: { name: "shop", state: "RUNNING", tasks: [{ id: 0, state: "RUNNING" }] },
      incremental: { collections: ["shop.orders"], signalId: "id-2" },
      group: { id: "g", state: "Stable", members: 1, behind: 5 },
      snapshots: [{ id: "id-2", state: "running" }, { state: "completed" }],
    });
  });
});
