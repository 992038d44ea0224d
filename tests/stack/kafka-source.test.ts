import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { Buffer } from "node:buffer";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import type { Admin, Producer } from "kafkajs";
import type { KafkaClient } from "../../src/core/kafka/kafka-client.ts";
import type { KafkaSourceEvent } from "../../src/core/source/kafka/kafka-source-event.ts";
import { CdcDeltaError } from "../../src/errors.ts";
import { requirement } from "../support/requirement.ts";
import { eventually, kafkajs, makeTopic, plainClient, unaborted } from "./kafka-harness.ts";
import { eventuallyHolds, type Reader, startReader } from "./kafka-source-harness.ts";
import { partsOf, stack } from "./stack-command.ts";

setDefaultTimeout(120_000);

const missing = (await stack(["missing", "--only", "kafka"])).stdout.trim().replaceAll("\n", "; ");
const possible = requirement(missing === "", `Kafka cannot start: ${missing}`);
const data = mkdtempSync(path.join(tmpdir(), "cdcdelta-kafka-source-"));

describe.skipIf(!possible)("the Kafka source on a real broker", () => {
  let address = "";
  let client: KafkaClient;
  let admin: Admin;
  const readers: Reader[] = [];

  beforeAll(async () => {
    const args = ["--only", "kafka", "--ports", "auto", "--while-pid", String(process.pid)];
    const up = await stack([
      "up",
      "--data",
      data,
      ...args,
      "--heap",
      "kafka=256m",
      "--format",
      "json",
    ]);
    address = partsOf(up).get("kafka")?.url ?? "";
    client = plainClient(address);
    admin = kafkajs(address).admin();
    await admin.connect();
  });

  afterAll(async () => {
    for (const reader of readers) await reader.close();
    await Promise.all([admin.disconnect(), client.close()]);
    await stack(["down", "--data", data, "--grace", "5"]);
    rmSync(data, { recursive: true, force: true });
  });

  const start = (
    ...args: Parameters<typeof startReader> extends [string, ...infer R] ? R : never
  ) => {
    const reader = startReader(address, ...args);
    readers.push(reader);
    return reader;
  };
  const write = async (topic: string, partition: number, values: readonly string[]) => {
    for (const value of values) {
      const record = { topic, partition, key: null, value: Buffer.from(value) };
      const { error } = await eventually(() => client.produce(record, unaborted));
      if (error !== null) throw new Error(`${topic}: ${error}`);
    }
  };
  const numbers = (from: number, to: number): string[] =>
    Array.from({ length: to - from }, (_, index) => String(from + index));
  const told = <K extends KafkaSourceEvent["kind"]>(reader: Reader, kind: K) =>
    reader.told.filter((event): event is Extract<KafkaSourceEvent, { kind: K }> =>
      event.kind === kind
    );
  const errorOf = ({ outcome }: Reader): CdcDeltaError => {
    if (outcome === null || outcome === "done") throw new Error(`no error: ${outcome}`);
    if (!(outcome.error instanceof CdcDeltaError)) throw outcome.error;
    return outcome.error;
  };

  test("two members share the partitions, and one that leaves gives them back at their floors", async () => {
    const topic = await makeTopic(client, "pair.a", 4);
    for (let partition = 0; partition < 4; partition++) {
      await write(topic, partition, numbers(0, 10));
    }
    const one = start(/^pair\..*$/, { groupId: "pair" });
    const all = numbers(0, 4).map((partition) => `${topic}-${partition}`);
    await eventuallyHolds(
      one,
      "everything",
      () => all.every((lane) => one.values(lane).length === 10),
    );

    const two = start(/^pair\..*$/, { groupId: "pair" });
    await eventuallyHolds(two, "half", () => two.lanes().length === 2 && one.lanes().length === 2);
    const [kept, moved] = [one.lanes(), two.lanes()];
    for (let partition = 0; partition < 4; partition++) await write(topic, partition, ["10", "11"]);
    await eventuallyHolds(
      one,
      "new records",
      () => kept.every((lane) => one.values(lane).length === 12),
    );
    for (const lane of kept) expect(one.values(lane)).toEqual(numbers(0, 12));
    await eventuallyHolds(
      two,
      "its lanes",
      () => moved.every((lane) => two.values(lane).length === 12),
    );

    const floors = moved.map((lane) => ({ lane, nextOffset: 11n, tables: [] }));
    await two.source.commitFloors(floors, unaborted);
    await two.close();
    expect(told(two, "left").length).toBe(1);
    await eventuallyHolds(
      one,
      "the lanes back",
      () => moved.every((lane) => one.values(lane).at(-1) === "11"),
    );
    for (const lane of moved) expect(one.values(lane)).toEqual([...numbers(0, 10), "11"]);
    await one.close();
    expect((await admin.describeGroups(["pair"])).groups[0]?.state).toBe("Empty");
  });

  test("new topics and added partitions are picked up while running, from their beginning", async () => {
    const first = await makeTopic(client, "grow.a");
    await write(first, 0, ["old"]);
    const reader = start(/^grow\..*$/, { groupId: "grow", autoOffsetReset: "latest" });
    await eventuallyHolds(reader, "the first lane", () => told(reader, "lane-start").length === 1);
    const second = await makeTopic(client, "grow.b");
    await write(second, 0, ["new topic"]);
    await admin.createPartitions({ topicPartitions: [{ topic: first, count: 2 }] });
    const added = [{ topic: first, partition: 1 }];
    await eventually(() => client.listOffsets(added, { kind: "start" }, unaborted));
    await write(first, 1, ["new partition"]);
    await eventuallyHolds(
      reader,
      "both",
      () => reader.values(`${second}-0`).length === 1 && reader.values(`${first}-1`).length === 1,
    );
    expect(reader.values(`${first}-0`)).toEqual([]);
    expect(told(reader, "joined").at(-1)).toMatchObject({ kept: 1, lost: 0 });
    await reader.close();
  });

  test("until-latest ends behind a tail of markers, and reads nothing of aborted transactions", async () => {
    const topic = await makeTopic(client, "until.a", 2);
    const [a, b] = await Promise.all([transactional("until-1"), transactional("until-2")]);
    const expected: string[] = [];
    for (let round = 0; round < 6; round++) {
      const [first, second] = [await a.transaction(), await b.transaction()];
      const send = (transaction: typeof first, value: string) =>
        transaction.send({ topic, messages: [{ value, partition: 0 }] });
      await send(first, `first ${round}`);
      await send(second, `second ${round}`);
      await send(first, `first again ${round}`);
      if (round % 3 === 1) await second.commit();
      else await second.abort();
      await first.abort();
      if (round % 3 === 1) expected.push(`second ${round}`);
    }
    await Promise.all([a.disconnect(), b.disconnect()]);
    // 18 records and 12 markers; the last ones are written a moment after their transaction ended.
    const end = async () =>
      (await client.listOffsets([{ topic, partition: 0 }], { kind: "stable-end" }, unaborted))[0];
    for (let tries = 0; tries < 500 && (await end())?.offset !== 30n; tries++) await sleep(20);
    const reader = start(/^until\..*$/, { groupId: "until", mode: "until-latest" });
    await eventuallyHolds(reader, "the end", () => reader.outcome !== null);
    expect(reader.outcome).toBe("done");
    expect(reader.values(`${topic}-0`)).toEqual(expected);
    const last = reader.taken.findLast((event) => event.kind === "position");
    expect(last).toMatchObject({ nextOffset: 30n });
    const ends = reader.taken.filter((event) => event.kind === "lane-end");
    expect(ends.map(({ lane }) => lane).sort()).toEqual([`${topic}-0`, `${topic}-1`]);
    await reader.close();
  });

  test("deleted records that were never read are an error with numbers, or told", async () => {
    const topic = await makeTopic(client, "gone.a");
    await write(topic, 0, numbers(0, 20));
    const lane = `${topic}-0`;
    const first = start(/^gone\..*$/, { groupId: "gone" });
    await eventuallyHolds(first, "everything", () => first.values(lane).length === 20);
    await first.source.commitFloors([{ lane, nextOffset: 5n, tables: [] }], unaborted);
    await first.close();
    // One that was connected before the topic was made would not find its leader.
    const fresh = kafkajs(address).admin();
    await fresh.connect();
    await fresh.fetchTopicOffsets(topic);
    await fresh.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: "12" }] });
    await fresh.disconnect();

    const refused = start(/^gone\..*$/, { groupId: "gone" });
    await eventuallyHolds(refused, "an error", () => refused.outcome !== null);
    expect(errorOf(refused).code).toBe("data-loss");
    expect(errorOf(refused).context).toMatchObject({ expected: "5", available: "12", lost: "7" });
    await refused.close();

    const going = start(/^gone\..*$/, { groupId: "gone", failOnDataLoss: false });
    await eventuallyHolds(going, "the rest", () => going.values(lane).length === 8);
    expect(going.values(lane)).toEqual(numbers(12, 20));
    expect(told(going, "data-loss")).toMatchObject([{ loss: { cause: "removed", lost: 7n } }]);
    await going.close();
  });

  test("a topic made anew while running is read from its beginning, under its own identity", async () => {
    const topic = await makeTopic(client, "anew.a");
    await write(topic, 0, ["a", "b", "c"]);
    const reader = start(/^anew\..*$/, { groupId: "anew" });
    await eventuallyHolds(reader, "everything", () => reader.values(`${topic}-0`).length === 3);
    await admin.deleteTopics({ topics: [topic] });
    await makeTopic(client, topic);
    await write(topic, 0, ["1", "2", "3", "4", "5"]);
    const { topics } = await client.metadata([topic], unaborted);
    const lane = `${topic}-0@${topics[0]!.topicId.slice(0, 8)}`;
    await eventuallyHolds(reader, "the new topic", () => reader.values(lane).length === 5);
    expect(reader.values(lane)).toEqual(["1", "2", "3", "4", "5"]);
    expect(reader.values(`${topic}-0`)).toEqual(["a", "b", "c"]);
    expect(reader.outcome).toBeNull();
    await reader.close();
  });

  test("a topic deleted for good ends its lane, and another one goes on", async () => {
    const [one, two] = [await makeTopic(client, "less.a"), await makeTopic(client, "less.b")];
    await write(one, 0, ["a"]);
    const reader = start(/^less\..*$/, { groupId: "less" });
    await eventuallyHolds(reader, "it", () => reader.values(`${one}-0`).length === 1);
    await admin.deleteTopics({ topics: [one] });
    await eventuallyHolds(reader, "its end", () => told(reader, "topic-deleted").length === 1);
    await write(two, 0, ["b"]);
    await eventuallyHolds(reader, "the other", () => reader.values(`${two}-0`).length === 1);
    expect(reader.outcome).toBeNull();
    await reader.close();
  });

  test("an offset that was reset by another tool is told and not taken", async () => {
    const topic = await makeTopic(client, "reset.a");
    const lane = `${topic}-0`;
    await write(topic, 0, numbers(0, 10));
    const first = start(/^reset\..*$/, { groupId: "reset" });
    await eventuallyHolds(first, "everything", () => first.values(lane).length === 10);
    await first.source.commitFloors([{ lane, nextOffset: 6n, tables: [] }], unaborted);
    await first.close();
    const again = start(/^reset\..*$/, { groupId: "reset" });
    await eventuallyHolds(again, "the rest", () => again.values(lane).length === 4);
    expect(told(again, "foreign-reset")).toEqual([]);
    await again.close();

    await admin.setOffsets({
      groupId: "reset",
      topic,
      partitions: [{ partition: 0, offset: "9" }],
    });
    const reset = start(/^reset\..*$/, { groupId: "reset" });
    await eventuallyHolds(reset, "everything", () => reset.values(lane).length === 10);
    expect(told(reset, "foreign-reset")).toMatchObject([{ lane, offset: 9n }]);
    await reset.close();
  });

  test("a member that was silent for longer than its session gives its lanes up and comes back", async () => {
    const topic = await makeTopic(client, "sleep.a", 2);
    for (let partition = 0; partition < 2; partition++) {
      await write(topic, partition, numbers(0, 5));
    }
    const limits = { sessionTimeoutMs: 6_000, heartbeatIntervalMs: 1_000 };
    const one = start(/^sleep\..*$/, { groupId: "sleep", limits });
    await eventuallyHolds(one, "everything", () => one.values(`${topic}-1`).length === 5);
    const { memberId } = one.source.status();
    // What the coordinator does with a member whose process was stopped for long.
    expect(await client.group("sleep").leave(memberId, unaborted)).toEqual({ error: null });
    await eventuallyHolds(one, "another id", () => {
      const now = one.source.status().memberId;
      return now !== "" && now !== memberId;
    });
    await eventuallyHolds(one, "them again", () => one.values(`${topic}-1`).length === 10);
    expect(told(one, "evicted").length).toBe(1);
    expect(one.taken.filter((event) => event.kind === "lanes-lost").length).toBe(1);
    await one.close();
  });

  async function transactional(id: string): Promise<Producer> {
    const options = { transactionalId: id, idempotent: true, maxInFlightRequests: 1 };
    const made = kafkajs(address).producer(options);
    await made.connect();
    return made;
  }
});
