import { describe, expect, test } from "bun:test";
import flattened from "../../../deploy/kafka-connect/debezium-mongodb-flattened.json" with {
  type: "json",
};
import shipped from "../../../deploy/kafka-connect/debezium-mongodb.json" with { type: "json" };
import {
  configFindings,
  signalSecurityFindings,
} from "../../../src/core/connect/config-findings.ts";
import { failureHint, shortTrace } from "../../../src/core/connect/failure-trace.ts";
import type { Finding } from "../../../src/core/connect/finding.ts";
import type { MongoFacts } from "../../../src/core/connect/mongodb-facts.ts";
import { mongoFindings } from "../../../src/core/connect/mongodb-findings.ts";
import { topicFindings } from "../../../src/core/connect/topic-findings.ts";
import {
  exactlyOnceFinding,
  pluginFinding,
  validationFindings,
  workerExactlyOnce,
} from "../../../src/core/connect/worker-findings.ts";
import type { KafkaClient } from "../../../src/core/kafka/kafka-client.ts";

const brief = (findings: readonly Finding[]): string[] =>
  findings.map(({ state, subject }) => `${state} ${subject}`);

describe("configFindings()", () => {
  test("finds nothing in the configurations that ship", () => {
    expect(configFindings(shipped.config)).toEqual([]);
    expect(configFindings(flattened.config)).toEqual([]);
  });

  test("everything has a fix", () => {
    for (const { fix } of configFindings({})) expect(fix).toBeTruthy();
  });

  test.each(
    [
      [{ "topic.prefix": "" }, "problem topic.prefix"],
      [{ "mongodb.connection.string": "" }, "problem mongodb.connection.string"],
      [{ "value.converter": "io.confluent.connect.avro.AvroConverter" }, "problem value.converter"],
      [{ "key.converter": "" }, "warning key.converter"],
      [{ "signal.enabled.channels": "source" }, "warning signal.enabled.channels"],
      [{ "signal.kafka.bootstrap.servers": "" }, "problem signal.kafka.bootstrap.servers"],
      [{ "signal.kafka.groupId": "" }, "warning signal.kafka.groupId"],
      [{ "notification.enabled.channels": "log" }, "warning notification.enabled.channels"],
      [{ "notification.sink.topic.name": "" }, "warning notification.enabled.channels"],
      [{ "signal.data.collection": "" }, "warning signal.data.collection"],
      [{ "heartbeat.interval.ms": "0" }, "warning heartbeat.interval.ms"],
      [{ "capture.mode": "change_streams" }, "warning capture.mode"],
      [{ "capture.mode": "change_streams_update_full_with_pre_image" }, ""],
      [{ "capture.scope": "database", "capture.target": "cdcdelta" }, ""],
      [
        { "capture.scope": "database", "capture.target": "shop" },
        "warning signal.data.collection",
      ],
      [{ "capture.scope": "collection", "capture.target": "shop.a" }, "warning capture.scope"],
    ] as const,
  )("%j", (change, expected) => {
    const signals = { "signal.data.collection": "cdcdelta.signals" };
    const found = brief(configFindings({ ...shipped.config, ...signals, ...change }));
    expect(found).toEqual(expected === "" ? [] : [expected]);
  });

  test("a secured Kafka, while the consumer of signals is not told so", () => {
    expect(brief(signalSecurityFindings(shipped.config, "SASL_SSL")))
      .toEqual(["warning signal.consumer.security.protocol"]);
    expect(signalSecurityFindings(shipped.config, "PLAINTEXT")).toEqual([]);
    const told = { ...shipped.config, "signal.consumer.security.protocol": "SASL_SSL" };
    expect(signalSecurityFindings(told, "SASL_SSL")).toEqual([]);
    expect(signalSecurityFindings({ "topic.prefix": "a" }, "SASL_SSL")).toEqual([]);
  });

  test("the flattened form needs the fields that rows are made from", () => {
    const few = { ...flattened.config, "transforms.unwrap.add.fields": "op,ts_ms" };
    expect(configFindings(few).map(({ text }) => text)).toEqual([
      "has no db, collection, source.ts_ms: cdcdelta cannot tell what happened, where or when",
    ]);
  });
});

describe("the worker", () => {
  const className = "io.debezium.connector.mongodb.MongoDbConnector";
  const plugins = [
    { className, type: "source", version: "3.6.1.Final" },
    { className: "a.B", type: "sink", version: "1" },
  ];

  test.each([className, "MongoDbConnector", "MongoDb"])("has the plugin %s", (name) => {
    expect(pluginFinding(plugins, { "connector.class": name })).toMatchObject({
      state: "ok",
      text: `${className} 3.6.1.Final`,
    });
  });

  test("a plugin that is missing is named, with those that are there", () => {
    expect(pluginFinding(plugins, { "connector.class": "x.Y" })).toMatchObject({
      state: "problem",
      text: "x.Y is not installed in this Connect",
      fix: expect.stringContaining(`that are there: ${className}`),
    });
    expect(pluginFinding(plugins, {}).state).toBe("problem");
  });

  const validated = (errors: readonly string[]) => ({
    kind: "validated" as const,
    errorCount: errors.length,
    fields: [{ name: "exactly.once.support", type: "STRING", errors }],
  });
  const lacks = "This worker does not have exactly-once source support enabled.";

  test("whether it writes in transactions follows from a validation that requires it", () => {
    expect(workerExactlyOnce(validated([]))).toBe(true);
    expect(workerExactlyOnce(validated([lacks]))).toBe(false);
    expect(workerExactlyOnce(validated(["String must be one of REQUIRED"]))).toBeNull();
    expect(workerExactlyOnce({ kind: "refused", message: "" })).toBeNull();
    expect(validationFindings(validated([lacks]))[0]).toMatchObject({
      state: "problem",
      fix: expect.stringContaining("exactly.once.source.support=enabled"),
    });
    const required = { "exactly.once.support": "required" };
    expect(exactlyOnceFinding(required, true).state).toBe("ok");
    expect(exactlyOnceFinding({}, true).state).toBe("warning");
    expect(exactlyOnceFinding({}, false).text).toContain("does not write in transactions");
  });

  test("errors of a validation are told one by one, without their preamble", () => {
    const fields = [
      {
        name: "a",
        type: "INT",
        errors: ["The 'a' value is invalid: An integer\nis expected", "b"],
      },
      { name: "c", type: "INT", errors: [] },
    ];
    expect(validationFindings({ kind: "validated", errorCount: 2, fields })).toMatchObject([
      { state: "problem", subject: "a", text: "An integer is expected", fix: "correct a" },
      { state: "problem", subject: "a", text: "b" },
    ]);
    expect(validationFindings({ kind: "validated", errorCount: 0, fields: [] })[0]?.state)
      .toBe("ok");
    expect(validationFindings({ kind: "validated", errorCount: 1, fields: [] })[0]?.state)
      .toBe("problem");
    expect(validationFindings({ kind: "refused", message: "no" })[0]?.text).toContain("no");
  });
});

describe("mongoFindings()", () => {
  const hour = 3_600_000;
  const good: MongoFacts = {
    version: "8.0.1",
    replicaSet: "rs0",
    sharded: false,
    oplogWindowMs: 50 * hour,
    oplogProblem: null,
    streamProblem: null,
    captured: [{ name: "shop.a", preImages: false }, { name: "shop.b", preImages: true }],
  };
  const found = (change: Partial<MongoFacts>, config = {}): Finding[] =>
    mongoFindings({ kind: "facts", facts: { ...good, ...change } }, config);

  test("a good one", () => {
    expect(found({}).map(({ state, text }) => `${state}: ${text}`)).toEqual([
      "ok: MongoDB 8.0.1, replica set rs0",
      "ok: reaches back 2.1 days",
      "ok: 2 captured: shop.a, shop.b",
    ]);
  });

  test.each(
    [
      [{ replicaSet: null }, ["problem mongodb"]],
      [
        { replicaSet: null, sharded: true, oplogWindowMs: null },
        ["ok mongodb", "skipped oplog", "ok collections"],
      ],
      [{ streamProblem: "not authorized" }, [
        "ok mongodb",
        "problem change stream",
        "ok oplog",
        "ok collections",
      ]],
      [{ oplogWindowMs: 5 * hour }, ["ok mongodb", "warning oplog", "ok collections"]],
      [{ oplogWindowMs: null, oplogProblem: "not authorized" }, [
        "ok mongodb",
        "skipped oplog",
        "ok collections",
      ]],
      [{ captured: [] }, ["ok mongodb", "ok oplog", "warning collections"]],
      [{ captured: null }, ["ok mongodb", "ok oplog", "skipped collections"]],
    ] as const,
  )("%j", (change, expected) => {
    expect(brief(found(change))).toEqual([...expected]);
  });

  test("pre-images that a capture mode wants and collections do not keep", () => {
    const config = { "capture.mode": "change_streams_update_full_with_pre_image" };
    expect(found({}, config).at(-1)).toMatchObject({
      state: "warning",
      text: expect.stringContaining("1 of 2 collections do not keep it: shop.a"),
    });
    const kept = [{ name: "shop.b", preImages: true }];
    expect(brief(found({ captured: kept }, config))).not.toContain("warning pre-images");
  });

  test("one that cannot be reached from here is no problem: Connect may reach it", () => {
    expect(brief(mongoFindings({ kind: "unreachable", reason: "refused" }, {})))
      .toEqual(["warning mongodb"]);
    expect(brief(mongoFindings({ kind: "unknown", reason: "no" }, {}))).toEqual([
      "skipped mongodb",
    ]);
  });
});

describe("topicFindings()", () => {
  const config = {
    ...shipped.config,
    "signal.kafka.topic": "s",
    "notification.sink.topic.name": "n",
  };
  const signal = new AbortController().signal;

  /** A cluster with topics by their partitions; `created` tells what was made. */
  function cluster(topics: Readonly<Record<string, number>>, error: string | null = null) {
    const created: unknown[] = [];
    const kafka = {
      description: "k:9092",
      metadata: (names: readonly string[]) =>
        Promise.resolve({
          brokers: [],
          topics: names.map((topic) => ({
            topic,
            error: topic in topics ? null : "UNKNOWN_TOPIC_OR_PARTITION",
            partitions: Array.from({ length: topics[topic] ?? 0 }, () => ({})),
          })),
        }),
      createTopic(topic: unknown) {
        created.push(topic);
        return Promise.resolve({ error });
      },
    } as unknown as KafkaClient;
    return { kafka, created };
  }

  test("takes topics that are right as they are", async () => {
    const { kafka, created } = cluster({ s: 1, n: 3 });
    expect(brief(await topicFindings(kafka, config, { create: true, signal })))
      .toEqual(["ok signal topic", "ok notification topic"]);
    expect(created).toEqual([]);
  });

  test("creates what is missing, with exactly one partition, only when told to", async () => {
    const { kafka, created } = cluster({ n: 1 });
    expect(brief(await topicFindings(kafka, config, { create: false, signal })))
      .toEqual(["ok signal topic", "ok notification topic"]);
    expect(created).toEqual([]);
    await topicFindings(kafka, config, { create: true, signal });
    expect(created).toMatchObject([{ topic: "s", partitions: 1, replicationFactor: -1 }]);
  });

  test("a signal topic of several partitions is a problem: only the first is read", async () => {
    const { kafka } = cluster({ s: 3, n: 3 });
    expect(brief(await topicFindings(kafka, config, { create: true, signal })))
      .toEqual(["problem signal topic", "ok notification topic"]);
  });

  test("a topic that cannot be created is a problem, one made by another is none", async () => {
    const made = async (error: string): Promise<string[]> =>
      brief(await topicFindings(cluster({ n: 1 }, error).kafka, config, { create: true, signal }));
    expect(await made("TOPIC_AUTHORIZATION_FAILED")).toContain("problem signal topic");
    expect(await made("TOPIC_ALREADY_EXISTS")).toContain("ok signal topic");
  });

  test("Kafka that does not answer is a warning", async () => {
    const kafka = {
      description: "k:9092",
      metadata: () => Promise.reject(new Error("refused")),
    } as unknown as KafkaClient;
    expect(brief(await topicFindings(kafka, config, { create: true, signal })))
      .toEqual(["warning topics"]);
  });

  test("asks for no topic of a channel that is off", async () => {
    const off = {
      ...config,
      "signal.enabled.channels": "source",
      "notification.enabled.channels": "",
    };
    expect(await topicFindings(cluster({}).kafka, off, { create: true, signal })).toEqual([]);
  });
});

describe("traces", () => {
  const trace =
    `org.apache.kafka.connect.errors.ConnectException: Tolerance exceeded in error handler
\tat org.apache.kafka.connect.runtime.errors.RetryWithToleranceOperator.execAndHandleError(A.java:1)
\tat io.debezium.connector.mongodb.transforms.ExtractNewDocumentState.apply(B.java:2)
Caused by: org.apache.kafka.connect.errors.DataException: m is not a valid field name
\tat org.apache.kafka.connect.data.Struct.lookupField(C.java:3)
\t... 17 more
`;

  test("are shortened to their messages", () => {
    expect(shortTrace(trace)).toEqual([
      "org.apache.kafka.connect.errors.ConnectException: Tolerance exceeded in error handler",
      "Caused by: org.apache.kafka.connect.errors.DataException: m is not a valid field name",
      "(4 stack frames left out; --json has them)",
    ]);
    const long = Array.from({ length: 50 }, (_, i) => `line ${i} ${"x".repeat(500)}`).join("\n");
    expect(shortTrace(long).length).toBe(13);
    expect(Math.max(...shortTrace(long).map((line) => line.length))).toBeLessThan(420);
  });

  test.each(
    [
      [trace, /plain envelope/],
      ["Command failed with error 286 (ChangeStreamHistoryLost)", /--reset-offsets/],
      ["DebeziumException: Signal channel kafka configuration is invalid", /signal\.kafka/],
      ["MongoCommandException: error 10334 (BSONObjectTooLarge)", /split/],
      ["org.apache.kafka.common.errors.RecordTooLargeException: The message", /max\.request\.size/],
      ["MongoSecurityException: Exception authenticating MongoCredential", /user or password/],
      ["not authorized on shop to execute command", /changeStream/],
      ["com.mongodb.MongoTimeoutException: Timed out", /cannot reach MongoDB/],
      ["InvalidProducerEpochException: Producer attempted", /--restart/],
      ["java.lang.OutOfMemoryError: Java heap space", /heap/],
    ] as const,
  )("%s has a hint", (text, pattern) => {
    expect(failureHint(text)).toMatch(pattern);
  });

  test("of an unknown cause have none", () => {
    expect(failureHint("java.lang.IllegalStateException: no")).toBeNull();
  });
});
