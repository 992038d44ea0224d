import { messageOf } from "../../errors.ts";
import type { KafkaClient } from "../kafka/kafka-client.ts";
import { signalFacts } from "./connector-config.ts";
import type { ConnectorConfig } from "./connect-types.ts";
import { type Finding, okay, problem, skipped, warning } from "./finding.ts";

/** How long a signal or a notification is of interest. */
const retentionMs = 30 * 24 * 3_600_000;

export type TopicChecks = {
  /** True: what is missing is created. */
  readonly create: boolean;
  readonly signal: AbortSignal;
};

/**
 * Sees to the topics that a connector needs beside its data: the signal topic with exactly one
 * partition (Debezium reads partition 0 only), and the one of notifications. Kafka that cannot be
 * reached is a warning: Connect may reach it all the same.
 */
export async function topicFindings(
  kafka: KafkaClient,
  config: ConnectorConfig,
  checks: TopicChecks,
): Promise<Finding[]> {
  const { signalTopic, notificationTopic } = signalFacts(config);
  const wanted = [
    ...(signalTopic === null ? [] : [{ topic: signalTopic, single: true, what: "signal topic" }]),
    ...(notificationTopic === null
      ? []
      : [{ topic: notificationTopic, single: false, what: "notification topic" }]),
  ];
  const found: Finding[] = [];
  try {
    for (const each of wanted) found.push(await topicFinding(kafka, each, checks));
  } catch (error) {
    checks.signal.throwIfAborted();
    found.push(warning(
      "topics",
      `not checked: Kafka at ${kafka.description} does not answer us: ${messageOf(error)}`,
      "check KAFKA_BOOTSTRAP_SERVERS as seen from here; no harm where only Connect reaches it",
    ));
  }
  return found;
}

async function topicFinding(
  kafka: KafkaClient,
  { topic, single, what }: {
    readonly topic: string;
    readonly single: boolean;
    readonly what: string;
  },
  { create, signal }: TopicChecks,
): Promise<Finding> {
  const partitions = await partitionsOf(kafka, topic, signal);
  if (typeof partitions === "string") {
    return warning(what, `${topic}: Kafka answers ${partitions}`, "see to the topic and its ACLs");
  }
  if (partitions > 0) {
    if (!single || partitions === 1) {
      return okay(what, `${topic}, ${partitions} partition${partitions === 1 ? "" : "s"}`);
    }
    return problem(
      what,
      `${topic} has ${partitions} partitions: Debezium reads signals from partition 0 only`,
      `delete ${topic} and run this again, it is then made with one partition`,
    );
  }
  if (!create) return okay(what, `${topic} is not there yet; deploying creates it`);
  const { error } = await kafka.createTopic({
    topic,
    partitions: 1,
    replicationFactor: -1,
    config: { "cleanup.policy": "delete", "retention.ms": String(retentionMs) },
  }, { signal });
  if (error === null) return okay(what, `${topic} created, 1 partition`);
  if (error === "TOPIC_ALREADY_EXISTS") return okay(what, `${topic}, made just now by another`);
  return problem(
    what,
    `${topic} cannot be created: ${error}`,
    `create it with exactly one partition, or allow us to`,
  );
}

/** Zero: there is no such topic; a text: what Kafka answers instead. */
async function partitionsOf(
  kafka: KafkaClient,
  topic: string,
  signal: AbortSignal,
): Promise<number | string> {
  const { topics } = await kafka.metadata([topic], { signal });
  const found = topics.find((each) => each.topic === topic);
  if (found === undefined || found.error === "UNKNOWN_TOPIC_OR_PARTITION") return 0;
  return found.error ?? found.partitions.length;
}

/** What is said when there is no Kafka to ask. Pure. */
export function topicsSkipped(): Finding {
  return skipped(
    "topics",
    "not checked: KAFKA_BOOTSTRAP_SERVERS is not set",
    "set it to have the signal topic checked and created with one partition",
  );
}
