import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { Buffer } from "node:buffer";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import type { Producer } from "kafkajs";
import type {
  GroupClient,
  KafkaClient,
  TopicPartition,
} from "../../src/core/kafka/kafka-client.ts";
import { encodeSubscription } from "../../src/core/source/kafka/member-protocol.ts";
import { requirement } from "../support/requirement.ts";
import {
  eventually,
  kafkajs,
  kafkaTool,
  makeTopic,
  plainClient,
  readAll,
  unaborted,
  valuesOf,
} from "./kafka-harness.ts";
import { partsOf, stack } from "./stack-command.ts";

setDefaultTimeout(120_000);

const missing = (await stack(["missing", "--only", "kafka"])).stdout.trim().replaceAll("\n", "; ");
const possible = requirement(missing === "", `Kafka cannot start: ${missing}`);
const data = mkdtempSync(path.join(tmpdir(), "cdcdelta-kafka-client-"));

describe.skipIf(!possible)("the Kafka client on a real broker", () => {
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
    rmSync(data, { recursive: true, force: true });
  });

  const offsetOf = async (place: TopicPartition, kind: "start" | "stable-end") =>
    (await client.listOffsets([place], { kind }, unaborted))[0]?.offset;

  test("tells topics with their ids, and makes none by asking", async () => {
    const topic = await makeTopic(client, "ids", 3);
    const before = await client.metadata([topic, "never-made"], unaborted);
    const [made, unmade] = before.topics;
    expect(made).toMatchObject({ topic, internal: false, error: null });
    expect(made?.topicId).toMatch(/^[0-9a-f]{32}$/);
    expect(made?.partitions.map(({ partition, leader }) => [partition, leader]))
      .toEqual([[0, 1], [1, 1], [2, 1]]);
    expect(unmade).toMatchObject({ topicId: "", error: "UNKNOWN_TOPIC_OR_PARTITION" });
    const everything = await client.metadata(null, unaborted);
    expect(everything.topics.map((each) => each.topic)).not.toContain("never-made");
    expect(everything.brokers).toEqual([{ nodeId: 1, address }]);

    const admin = kafkajs(address).admin();
    await admin.deleteTopics({ topics: [topic] });
    await admin.disconnect();
    await makeTopic(client, topic, 1);
    const again = await client.metadata([topic], unaborted);
    expect(again.topics[0]?.topicId).toMatch(/^[0-9a-f]{32}$/);
    expect(again.topics[0]?.topicId).not.toBe(made?.topicId);
    expect(await client.createTopic(newTopic(topic), unaborted))
      .toEqual({ error: "TOPIC_ALREADY_EXISTS" });
  });

  test("writes single records and finds offsets by time", async () => {
    const place = { topic: await makeTopic(client, "produce"), partition: 0 };
    const write = (value: string | null) =>
      client.produce(
        { ...place, key: Buffer.from("k"), value: value === null ? null : Buffer.from(value) },
        unaborted,
      );
    const before = Date.now();
    expect(await write("a".repeat(5000))).toEqual({ offset: 0n, error: null });
    expect(await write(null)).toEqual({ offset: 1n, error: null });
    const { values } = await readAll(client, place, 0n, 1_000_000);
    expect(values).toEqual(["a".repeat(5000), ""]);
    const find = (timestampMs: number) =>
      client.listOffsets([place], { kind: "time", timestampMs }, unaborted);
    expect(await find(before)).toEqual([{ ...place, offset: 0n, error: null }]);
    expect(await find(before + 3_600_000)).toEqual([{ ...place, offset: -1n, error: null }]);
    const absent = { topic: "produce", partition: 9 };
    expect(await client.listOffsets([absent, place], { kind: "start" }, unaborted)).toEqual([
      { ...absent, offset: -1n, error: "UNKNOWN_TOPIC_OR_PARTITION" },
      { ...place, offset: 0n, error: null },
    ]);
  });

  test("answers an offset out of range and fetches the other partitions", async () => {
    const topic = await makeTopic(client, "range", 2);
    await client.produce({ topic, partition: 1, key: null, value: Buffer.from("v") }, unaborted);
    const at = (partition: number, fetchOffset: bigint) => (
      { topic, partition, fetchOffset, bytesMax: 1_000_000 }
    );
    const fetch = { nodeId: 1, bytesMax: 1_000_000, bytesMin: 1, waitMsMax: 1000 };
    const answers = await client.fetch({ ...fetch, partitions: [at(0, 5n), at(1, 0n)] }, unaborted);
    expect(
      answers.map((
        { partition, error, nextOffset, data: batches },
      ) => [partition, error, nextOffset, batches.length]),
    ).toEqual([[0, "OFFSET_OUT_OF_RANGE", 5n, 0], [1, null, 1n, 1]]);
  });

  test("asks for topics by id, and reads nothing of one that was made anew", async () => {
    const topic = await makeTopic(client, "anew");
    const write = (value: string) =>
      client.produce({ topic, partition: 0, key: null, value: Buffer.from(value) }, unaborted);
    await write("old");
    const idOf = async () => (await client.metadata([topic], unaborted)).topics[0]?.topicId ?? "";
    const oldId = await idOf();
    const fetch = (topicId: string) => {
      const partitions = [{ topic, topicId, partition: 0, fetchOffset: 0n, bytesMax: 1000 }];
      const all = { nodeId: 1, partitions, bytesMax: 1000, bytesMin: 1, waitMsMax: 1000 };
      return client.fetch(all, unaborted);
    };
    expect(await fetch(oldId)).toMatchObject([{ topic, error: null, nextOffset: 1n }]);
    const admin = kafkajs(address).admin();
    await admin.deleteTopics({ topics: [topic] });
    await admin.disconnect();
    await makeTopic(client, topic);
    await eventually(() => write("new"));
    expect(await fetch(oldId))
      .toMatchObject([{ topic, error: "UNKNOWN_TOPIC_ID", data: [], nextOffset: 0n }]);
    const [answer] = await fetch(await idOf());
    expect(answer?.error).toBeNull();
    expect(valuesOf(answer!, 0n)).toEqual(["new"]);
  });

  test("reads nothing of aborted transactions that lie within each other", async () => {
    const place = { topic: await makeTopic(client, "aborted"), partition: 0 };
    const [a, b] = await Promise.all([transactional(address, "a"), transactional(address, "b")]);
    const expected: string[] = [];
    for (let round = 0; round < 6; round++) {
      const [first, second] = [await a.transaction(), await b.transaction()];
      const send = (transaction: typeof first, value: string) =>
        transaction.send({ topic: place.topic, messages: [{ value }] });
      await send(first, `first ${round}`);
      await send(second, `second ${round}`);
      await send(first, `first again ${round}`);
      // The one that began last ends first, so that the broker lists it first.
      if (round % 3 === 2) await second.commit();
      else await second.abort();
      await send(first, `first at last ${round}`);
      await first.abort();
      if (round % 3 === 2) expected.push(`second ${round}`);
      await client.produce(
        { ...place, key: null, value: Buffer.from(`plain ${round}`) },
        unaborted,
      );
      expected.push(`plain ${round}`);
    }
    // The marker of a transaction is written a moment after its end was answered.
    const readable = async () => (await readAll(client, place, 0n, 1_000_000)).values.length;
    for (let tries = 0; tries < 200 && await readable() < expected.length; tries++) {
      await Bun.sleep(50);
    }
    for (const bytesMax of [1, 300, 1_000_000]) {
      expect((await readAll(client, place, 0n, bytesMax)).values).toEqual(expected);
    }
    await Promise.all([a.disconnect(), b.disconnect()]);
  });

  test("stops at open transactions and goes on past markers without data", async () => {
    const place = { topic: await makeTopic(client, "markers"), partition: 0 };
    const producer = await transactional(address, "c");
    const send = async (value: string) => {
      const transaction = await producer.transaction();
      await transaction.send({ topic: place.topic, messages: [{ value }] });
      return transaction;
    };
    await (await send("one")).commit();
    const open = await send("two");
    await client.produce({ ...place, key: null, value: Buffer.from("three") }, unaborted);
    expect(await offsetOf(place, "stable-end")).toBe(2n);
    const first = await readAll(client, place, 0n, 1_000_000);
    expect(first.values).toEqual(["one"]);
    expect(first.answers.at(-1)).toMatchObject({
      nextOffset: 2n,
      highWatermark: 4n,
      lastStableOffset: 2n,
    });
    await open.abort();
    expect(await eventuallyAt(place, 5n)).toBe(5n);
    expect((await readAll(client, place, 2n, 1_000_000)).values).toEqual(["three"]);
    const tail = await readAll(client, place, 4n, 1_000_000);
    expect(tail.values).toEqual([]);
    expect(tail.answers).toMatchObject([{ data: [], nextOffset: 5n, lastStableOffset: 5n }]);
    await producer.disconnect();
  });

  async function eventuallyAt(place: TopicPartition, offset: bigint): Promise<bigint | undefined> {
    for (let attempt = 0; attempt < 200; attempt++) {
      if (await offsetOf(place, "stable-end") === offset) break;
    }
    return offsetOf(place, "stable-end");
  }

  test.each(["none", "gzip", "snappy", "lz4", "zstd"])(
    "reads what Kafka's own producer has compressed with %s",
    async (codec) => {
      const topic = await makeTopic(client, `codec-${codec}`);
      const lines = Array.from(
        { length: 200 },
        (_, index) => `${codec} ${index} ${"x".repeat(99)}`,
      );
      const args = ["--bootstrap-server", address, "--topic", topic, "--compression-codec", codec];
      const written = await kafkaTool(
        "org.apache.kafka.tools.ConsoleProducer",
        args,
        lines.join("\n"),
      );
      expect(written).toMatchObject({ status: 0 });
      const { values, answers } = await readAll(client, { topic, partition: 0 }, 0n, 1_000_000);
      expect(values).toEqual(lines);
      const attributes = answers[0]?.data[0]?.bytes[22] ?? -1;
      expect(attributes & 7).toBe(["none", "gzip", "snappy", "lz4", "zstd"].indexOf(codec));
    },
  );

  test("gives up a fetch that waits as soon as it is aborted, and fetches again", async () => {
    const topic = await makeTopic(client, "wait");
    const aborting = new AbortController();
    const partitions = [{ topic, partition: 0, fetchOffset: 0n, bytesMax: 1000 }];
    const fetch = { nodeId: 1, partitions, bytesMax: 1000, bytesMin: 1 };
    const waiting = client.fetch({ ...fetch, waitMsMax: 600_000 }, { signal: aborting.signal });
    // Other requests are not behind it.
    expect(await offsetOf({ topic, partition: 0 }, "stable-end")).toBe(0n);
    aborting.abort(new Error("enough"));
    expect(waiting).rejects.toThrow("enough");
    const [answer] = await client.fetch({ ...fetch, waitMsMax: 10 }, unaborted);
    expect(answer).toMatchObject({ error: null, nextOffset: 0n });
  });

  test("takes part in a group with another member", async () => {
    const topic = await makeTopic(client, "grouped", 2);
    const other = plainClient(address);
    const [one, two] = [client.group("pair"), other.group("pair")];
    const alone = await join(one, "");
    expect(alone).toMatchObject({ error: null, leaderId: alone.memberId });
    expect(alone.members).toEqual([{ memberId: alone.memberId, metadata: subscription }]);
    const first = { memberId: alone.memberId, generationId: alone.generationId };
    await one.sync({ ...first, assignments: [] }, unaborted);
    expect(await one.heartbeat(first, unaborted)).toEqual({ error: null });

    const joining = join(two, "");
    while ((await one.heartbeat(first, unaborted)).error === null);
    expect(await one.heartbeat(first, unaborted)).toEqual({ error: "REBALANCE_IN_PROGRESS" });
    const [again, joined] = await Promise.all([join(one, alone.memberId), joining]);
    expect(again.generationId).toBe(joined.generationId);
    expect(again.members).toHaveLength(2);
    expect(joined.members).toEqual([]);
    const own = { memberId: again.memberId, generationId: again.generationId };
    const others = { memberId: joined.memberId, generationId: joined.generationId };
    const assignments = [own, others].map(({ memberId }) => (
      { memberId, assignment: Buffer.from(`for ${memberId}`) }
    ));
    const waiting = two.sync({ ...others, assignments: [] }, unaborted);
    const led = await one.sync({ ...own, assignments }, unaborted);
    expect(led.assignment.toString()).toBe(`for ${own.memberId}`);
    expect((await waiting).assignment.toString()).toBe(`for ${others.memberId}`);
    expect(await one.describe(unaborted)).toMatchObject({ state: "Stable", members: 2 });

    const offset = (partition: number, value: bigint) => (
      { topic, partition, offset: value, metadata: `mark ${value}` }
    );
    expect(await one.commitOffsets(own, [offset(0, 2n ** 60n), offset(1, 3n)], unaborted)).toEqual([
      { topic, partition: 0, error: null },
      { topic, partition: 1, error: null },
    ]);
    expect(await two.commitOffsets(first, [offset(0, 7n)], unaborted))
      .toEqual([{ topic, partition: 0, error: "ILLEGAL_GENERATION" }]);
    const nobody = { memberId: "nobody", generationId: own.generationId };
    expect(await two.commitOffsets(nobody, [offset(0, 7n)], unaborted))
      .toEqual([{ topic, partition: 0, error: "UNKNOWN_MEMBER_ID" }]);
    const places = [0, 1, 9].map((partition) => ({ topic, partition }));
    expect(await two.fetchOffsets(places, unaborted)).toEqual([
      { ...offset(0, 2n ** 60n), error: null },
      { ...offset(1, 3n), error: null },
      { topic, partition: 9, offset: -1n, metadata: "", error: null },
    ]);

    expect(await two.leave(others.memberId, unaborted)).toEqual({ error: null });
    expect(await two.leave(others.memberId, unaborted)).toEqual({ error: "UNKNOWN_MEMBER_ID" });
    expect(await one.heartbeat(own, unaborted)).toEqual({ error: "REBALANCE_IN_PROGRESS" });
    expect(await one.leave(own.memberId, unaborted)).toEqual({ error: null });
    expect(await eventually(() => one.describe(unaborted)))
      .toMatchObject({ state: "Empty", members: 0 });
    await other.close();
  });
});

/** Brokers parse it. */
const subscription = Buffer.from(encodeSubscription(
  { topics: ["grouped"], pattern: null, flags: "", owned: [], ownedGeneration: -1 },
));

/** Joins, again with the id that the coordinator gives on the first time. */
async function join(group: GroupClient, memberId: string) {
  const request = {
    memberId,
    sessionTimeoutMs: 30_000,
    rebalanceTimeoutMs: 30_000,
    protocol: "test",
    metadata: subscription,
  };
  const answer = await eventually(() => group.join(request, unaborted));
  if (answer.error !== "MEMBER_ID_REQUIRED") return answer;
  return group.join({ ...request, memberId: answer.memberId }, unaborted);
}

async function transactional(address: string, id: string): Promise<Producer> {
  const producer = kafkajs(address).producer({
    transactionalId: id,
    idempotent: true,
    maxInFlightRequests: 1,
  });
  await producer.connect();
  return producer;
}

function newTopic(topic: string) {
  return { topic, partitions: 1, replicationFactor: -1, config: {} };
}
