import { Buffer } from "node:buffer";
import { readdirSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import { Kafka, logLevel } from "kafkajs";
import {
  createKafkaCursor,
  nextKafkaRecord,
  openKafkaBatches,
} from "../../src/core/event/kafka-record-batches.ts";
import { kafkaValue } from "../../src/core/event/kafka-record.ts";
import type {
  FetchedPartition,
  KafkaClient,
  TopicPartition,
} from "../../src/core/kafka/kafka-client.ts";
import type { KafkaSettings } from "../../src/core/kafka/kafka-settings.ts";
import { openKafkaClient } from "../../src/core/kafka/open-kafka-client.ts";
import { CdcDeltaError } from "../../src/errors.ts";
import { output } from "./stack-command.ts";

/** What every call takes that nobody aborts. */
export const unaborted = { signal: new AbortController().signal };

export function plainSettings(
  address: string,
  changes: Partial<KafkaSettings> = {},
): KafkaSettings {
  return {
    bootstrapServers: [address],
    clientId: "cdcdelta-test",
    tls: null,
    sasl: null,
    connectionTimeoutMs: 10_000,
    requestTimeoutMs: 20_000,
    ...changes,
  };
}

export function plainClient(address: string): KafkaClient {
  return openKafkaClient(plainSettings(address));
}

/** Calls until it neither throws a retryable error nor answers one that passes. */
export async function eventually<A>(call: () => Promise<A>): Promise<A> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    try {
      const answer = await call();
      if (!hasPassingError(answer) || Date.now() > deadline) return answer;
    } catch (error) {
      const passes = error instanceof CdcDeltaError && error.retryable;
      if (!passes || Date.now() > deadline) throw error;
    }
    await sleep(50);
  }
}

/** A broker that has just started, or has just made a topic, says so for a moment. */
function hasPassingError(answer: unknown): boolean {
  const parts = Array.isArray(answer) ? answer : [answer];
  return parts.some((part: { error?: string | null } | null) =>
    passing.includes(part?.error ?? "")
  );
}

const passing = [
  "COORDINATOR_NOT_AVAILABLE",
  "COORDINATOR_LOAD_IN_PROGRESS",
  "LEADER_NOT_AVAILABLE",
  "NOT_COORDINATOR",
  "NOT_LEADER_OR_FOLLOWER",
  "UNKNOWN_TOPIC_OR_PARTITION",
];

/** Makes a topic whose partitions have leaders. */
export async function makeTopic(
  client: KafkaClient,
  topic: string,
  partitions = 1,
  config: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { error } = await client.createTopic(
    { topic, partitions, replicationFactor: -1, config },
    unaborted,
  );
  if (error !== null) throw new Error(`topic ${topic}: ${error}`);
  const all = Array.from({ length: partitions }, (_, partition) => ({ topic, partition }));
  await eventually(() => client.listOffsets(all, { kind: "start" }, unaborted));
  return topic;
}

/** Fetches from an offset to the stable end, in answers of about so many bytes a partition. */
export async function readAll(
  client: KafkaClient,
  place: TopicPartition,
  from: bigint,
  bytesMax: number,
): Promise<{ values: string[]; answers: FetchedPartition[] }> {
  const [end] = await client.listOffsets([place], { kind: "stable-end" }, unaborted);
  const answers: FetchedPartition[] = [];
  const values: string[] = [];
  let fetchOffset = from;
  while (fetchOffset < (end?.offset ?? 0n)) {
    const partitions = [{ ...place, fetchOffset, bytesMax }];
    const [answer] = await client.fetch(
      { nodeId: 1, partitions, bytesMax, bytesMin: 1, waitMsMax: 5000 },
      unaborted,
    );
    if (answer === undefined || answer.error !== null) throw new Error(`${answer?.error}`);
    if (answer.nextOffset <= fetchOffset) throw new Error(`no progress at ${fetchOffset}`);
    values.push(...valuesOf(answer, fetchOffset));
    answers.push(answer);
    fetchOffset = answer.nextOffset;
  }
  return { values, answers };
}

/** The values of what was fetched, decoded by cdcdelta. */
export function valuesOf(answer: FetchedPartition, fetchOffset: bigint): string[] {
  const values: string[] = [];
  for (const { bytes } of answer.data) {
    const cursor = createKafkaCursor();
    openKafkaBatches(cursor, bytes, {
      topic: answer.topic,
      partition: answer.partition,
      baseOffset: fetchOffset,
    });
    while (nextKafkaRecord(cursor)) {
      values.push(Buffer.from(kafkaValue(cursor.record) ?? []).toString());
    }
  }
  return values;
}

/** kafkajs as it comes, for producers and administration. */
export function kafkajs(address: string): Kafka {
  return new Kafka({ brokers: [address], clientId: "test", logLevel: logLevel.NOTHING });
}

/** Runs a class of Kafka's own tools, with lines for its standard input. */
export async function kafkaTool(mainClass: string, args: readonly string[], input = "") {
  const cache = process.env["CDCDELTA_CACHE"] ?? path.join(homedir(), ".cache", "cdcdelta");
  const jars = path.join(cache, "kafka");
  if (!readdirSync(jars).some((name) => name.startsWith("kafka-tools"))) {
    throw new Error(`no kafka-tools in ${jars}`);
  }
  const command = `printf '%s' "$INPUT" | exec java -Xmx128m -cp '${jars}/*' ${mainClass} "$@"`;
  return output("sh", ["-c", command, "sh", ...args], { INPUT: input });
}
