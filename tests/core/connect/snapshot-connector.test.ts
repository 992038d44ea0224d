import { describe, expect, test } from "bun:test";
import type { ConnectorOverview } from "../../../src/core/connect/connect-types.ts";
import {
  channelsOf,
  isMongoConnector,
  snapshotProblems,
  topicOf,
} from "../../../src/core/connect/snapshot-connector.ts";
import { unansweredText } from "../../../src/core/connect/unanswered.ts";

const config = {
  "connector.class": "io.debezium.connector.mongodb.MongoDbConnector",
  "topic.prefix": "cdc",
  "collection.include.list": "shop\\..*",
  "signal.enabled.channels": "source,kafka",
  "signal.data.collection": "shop.signals",
  "notification.enabled.channels": "sink",
  "notification.sink.topic.name": "cdc.notes",
};

function connector(
  changes: Readonly<Record<string, string>> = {},
  { state = "RUNNING", tasks, trace = null }: {
    readonly state?: string;
    readonly tasks?: readonly string[];
    readonly trace?: string | null;
  } = {},
): ConnectorOverview {
  return {
    name: "shop",
    config: { ...config, ...changes },
    status: {
      name: "shop",
      type: "source",
      state,
      worker: "w",
      trace: null,
      tasks: (tasks ?? [state]).map((each, id) => ({ id, state: each, worker: "w", trace })),
    },
  };
}

const orders = { type: "incremental", collections: ["shop.orders"] } as const;
const blocking = { type: "blocking", collections: ["shop.orders"] } as const;

describe("snapshotProblems", () => {
  test("has none for a connector that is as it should be", () => {
    expect(snapshotProblems(connector(), orders)).toEqual([]);
  });

  test.each<[string, ConnectorOverview, typeof orders | typeof blocking, readonly string[]]>([
    ["paused", connector({}, { state: "PAUSED" }), orders, ["PAUSED, not RUNNING"]],
    ["no status yet", { ...connector(), status: null }, orders, ["UNASSIGNED, not RUNNING"]],
    ["no task", connector({}, { tasks: [] }), orders, ["has no task yet"]],
    [
      "failed task",
      connector({}, { tasks: ["FAILED"], trace: "org.x.Boom: no\n\tat a.b" }),
      orders,
      ["task 0 of the connector shop is FAILED: org.x.Boom: no"],
    ],
    [
      "deaf",
      connector({ "signal.enabled.channels": "source" }),
      orders,
      ["does not listen to Kafka: signal.enabled.channels is source"],
    ],
    ["deaf by default", connector({ "signal.enabled.channels": "" }), blocking, ["is source"]],
    [
      "mute",
      connector({ "notification.enabled.channels": "log" }),
      orders,
      ["sends no notifications"],
    ],
    [
      "without a signal collection",
      connector({ "signal.data.collection": "" }),
      orders,
      ["has no signal.data.collection"],
    ],
    ["the same, blocking", connector({ "signal.data.collection": "" }), blocking, []],
    [
      "of one collection",
      connector({ "capture.scope": "collection" }),
      orders,
      ["(capture.scope=collection)"],
    ],
    [
      "of other collections",
      connector({ "collection.include.list": "a\\.b" }),
      blocking,
      ["shop.orders is not captured by the connector shop: collection.include.list is a\\.b"],
    ],
    [
      "several",
      connector({ "signal.enabled.channels": "jmx" }, { state: "STOPPED" }),
      orders,
      ["STOPPED", "does not listen"],
    ],
  ])("%s", (_name, overview, request, expected) => {
    const messages = snapshotProblems(overview, request).map(({ message }) => message);
    expect(messages).toHaveLength(expected.length);
    expected.forEach((part, i) => expect(messages[i]).toContain(part));
  });
});

test("a connector's topics", () => {
  expect(channelsOf(config)).toEqual({
    topicPrefix: "cdc",
    signalTopic: "cdc-signal",
    notificationTopic: "cdc.notes",
  });
  expect(channelsOf({ ...config, "signal.kafka.topic": "s" }).signalTopic).toBe("s");
  expect(channelsOf({ "topic.prefix": "x", "notification.sink.topic.name": "n" }))
    .toEqual({ topicPrefix: "x", signalTopic: "x-signal", notificationTopic: null });
});

test.each([
  ["shop.orders", { topicPrefix: "cdc" }, "cdc.shop.orders"],
  ["shop.sys.orders.v2", { topicPrefix: "cdc" }, "cdc.shop.sys.orders.v2"],
  ["shop.größe x", { topicPrefix: "cdc" }, "cdc.shop.gr__e_x"],
  ["shop.a.b", { topicPrefix: "cdc", delimiter: "_" }, "cdc_shop_a.b"],
  [`shop.${"x".repeat(300)}`, { topicPrefix: "cdc" }, `cdc.shop.${"x".repeat(240)}`],
])("the topic of %s with %p", (collection, naming, topic) => {
  expect(topicOf(collection, naming)).toBe(topic);
});

test.each([
  ["io.debezium.connector.mongodb.MongoDbConnector", true],
  ["MongoDbConnector", true],
  ["com.mongodb.kafka.connect.MongoSourceConnector", false],
  ["io.debezium.connector.mysql.MySqlConnector", false],
])("%s is the MongoDB connector: %p", (name, is) => {
  expect(isMongoConnector({ config: { "connector.class": name } })).toBe(is);
});

describe("unansweredText", () => {
  const request = { id: "id-1", ...orders, connector: "cdc" };
  const base = {
    request,
    channels: channelsOf(config),
    connector: connector() as ConnectorOverview | null,
    waitedMs: 60_000,
    others: 0,
    unreadable: 0,
  };

  test.each<[string, Partial<typeof base>, readonly string[], readonly string[]]>([
    ["nothing found", {}, ["until it streams", "signal.kafka.groupId"], ["KAFKA_CONNECT_URL"]],
    [
      "another prefix",
      { channels: { ...base.channels, topicPrefix: "typo" } },
      ["topic.prefix is cdc, not typo"],
      ["until it streams"],
    ],
    [
      "another signal topic",
      { channels: { ...base.channels, signalTopic: "typo" } },
      ["signal topic is cdc-signal, not typo"],
      [],
    ],
    [
      "another notification topic",
      { channels: { ...base.channels, notificationTopic: "typo" } },
      ["notification topic is cdc.notes, not typo"],
      [],
    ],
    ["paused meanwhile", { connector: connector({}, { state: "PAUSED" }) }, ["is PAUSED"], []],
    ["Avro", { unreadable: 3 }, ["3 notifications came that are not JSON"], ["until it streams"]],
    ["others", { others: 2 }, ["waiting for its turn", "--status"], ["until it streams"]],
    [
      "without Connect",
      { connector: null },
      [
        "--topic-prefix must be",
        "must be RUNNING",
        "shop.orders must be among",
        "KAFKA_CONNECT_URL",
      ],
      [],
    ],
  ])("%s", (_name, facts, parts, absent) => {
    const text = unansweredText({ ...base, ...facts });
    expect(text).toContain("Nobody answered the incremental snapshot signal id-1 within 60 s");
    for (const part of parts) expect(text).toContain(part);
    for (const part of absent) expect(text).not.toContain(part);
  });
});
