import { describe, expect, test } from "bun:test";
import { CdcDeltaError } from "../../../../src/errors.ts";
import type { KafkaClient } from "../../../../src/core/kafka/kafka-client.ts";
import { encodeMark, parseMark } from "../../../../src/core/source/kafka/floor-mark.ts";
import { watermarkAppId } from "../../../../src/core/position/app-id.ts";
import type { Transactions } from "../../../../src/core/position/watermark.ts";
import {
  createHarness,
  floor,
  group,
  type Harness,
  type MemberOptions,
  records,
  upTo,
} from "./kafka-harness.ts";
import { errorOf, idle, taken, told } from "./kafka-told.ts";

const { signal } = new AbortController();
const lane = "shop.orders-0";

function withTopic(harness: Harness, partitions = 1): string {
  harness.cluster.createTopic("shop.orders", partitions);
  for (let partition = 0; partition < partitions; partition++) {
    for (let batch = 0; batch < 4; batch++) {
      harness.cluster.produce("shop.orders", partition, records(5));
    }
  }
  return harness.cluster.topics.get("shop.orders")!.topicId;
}

/** A table whose only position is that of partition 0 of the topic. */
function tableWith(topicId: string, offset: bigint): Transactions {
  const id = { topic: "shop.orders", partition: 0, identity: topicId };
  const appId = watermarkAppId(group, id);
  return new Map([[appId, { appId, version: offset, lastUpdated: 0 }]]);
}

function mark(
  topicId: string,
  nextOffset: bigint,
  tables: Parameters<typeof encodeMark>[0]["tables"] = [],
) {
  return encodeMark({ topicId, nextOffset, partitions: 1, tables });
}

/** Starts a member and waits until it has read everything. */
async function readAll(harness: Harness, options: MemberOptions = {}) {
  const member = harness.member("a", options);
  member.start();
  await harness.until(() => idle(member) || member.outcome !== null);
  return member;
}

describe("committing floors", () => {
  test("the mark names the topic, the offset and the tables, those of earlier runs too", async () => {
    const harness = createHarness();
    const topicId = withTopic(harness);
    const orders = { key: "shop.orders", offset: 3n };
    const at = { topic: "shop.orders", partition: 0 };
    harness.cluster.commit(group, at, 5n, mark(topicId, 5n, [orders]));
    const member = await readAll(harness, {
      tables: {
        transactionsOf: () => Promise.resolve(tableWith(topicId, 3n)),
        heldPosition: () => Promise.resolve(null),
      },
    });
    expect(member.offsetsOf(lane)).toEqual(upTo(20).slice(5));
    const returns = { key: "shop.returns", offset: 12n };
    await harness.settle(member.source.commitFloors([floor(lane, 15n, [returns])], { signal }));
    const held = harness.cluster.committed(group, "shop.orders", 0)!;
    expect(held.offset).toBe(15n);
    expect(parseMark(held.metadata)).toEqual({
      topicId,
      nextOffset: 15n,
      partitions: 1,
      tables: [orders, returns],
    });
    expect(member.source.lanes()[0]).toMatchObject({ floor: 15n, nextOffset: 20n });
  });

  test("where a lane without a floor starts is committed at once", async () => {
    const harness = createHarness();
    const topicId = withTopic(harness);
    const member = await readAll(harness, { autoOffsetReset: "latest" });
    await harness.until(() => told(member, "floors-committed").length > 0);
    const held = harness.cluster.committed(group, "shop.orders", 0)!;
    expect(parseMark(held.metadata)).toMatchObject({ topicId, nextOffset: 20n, tables: [] });
  });

  test("a commit that is refused or lost does not fail the run, and is made up for", async () => {
    const harness = createHarness();
    withTopic(harness);
    const member = await readAll(harness);
    await harness.until(() => told(member, "floors-committed").length > 0);
    member.fault = (call) => call.kind === "commitOffsets" ? "refused" : "none";
    await harness.settle(member.source.commitFloors([floor(lane, 10n)], { signal }));
    expect(told(member, "floors-failed")).toMatchObject([{ lanes: 1 }]);
    expect(harness.cluster.committed(group, "shop.orders", 0)?.offset).toBe(0n);
    member.fault = () => "none";
    await harness.settle(member.source.close());
    expect(harness.cluster.committed(group, "shop.orders", 0)?.offset).toBe(10n);
  });

  test("a silent coordinator holds a commit up for a limited time", async () => {
    const harness = createHarness();
    withTopic(harness);
    const member = await readAll(harness);
    member.fault = (call) => call.kind === "commitOffsets" ? "silent" : "none";
    const startedMs = harness.scheduler.nowMs();
    await harness.settle(member.source.commitFloors([floor(lane, 10n)], { signal }));
    expect(harness.scheduler.nowMs() - startedMs).toBeLessThan(20_000);
    expect(told(member, "floors-failed").length).toBe(1);
  });

  test("floors of lanes that are not ours, or beyond what was given, are not committed", async () => {
    const harness = createHarness();
    withTopic(harness, 2);
    const a = await readAll(harness);
    const b = harness.member("b");
    b.start();
    await harness.until(() => a.source.lanes().length === 1 && idle(b));
    await harness.until(() => taken(a, "lanes-lost").length > 0);
    const [own] = a.source.lanes();
    const [other] = b.source.lanes();
    await harness.settle(
      a.source.commitFloors([
        floor(`shop.orders-${own!.partition}`, 21n),
        floor(`shop.orders-${other!.partition}`, 10n),
        floor("shop.unknown-0", 10n),
      ], { signal }),
    );
    expect(harness.cluster.committed(group, "shop.orders", 0)?.offset).toBe(0n);
    expect(harness.cluster.committed(group, "shop.orders", 1)?.offset).toBe(0n);
  });

  test("a refused generation is joined anew without waiting for a heartbeat", async () => {
    const harness = createHarness();
    withTopic(harness);
    const a = await readAll(harness);
    await harness.until(() => told(a, "floors-committed").length > 0);
    harness.cluster.group(group).members.clear();
    const startedMs = harness.scheduler.nowMs();
    await harness.settle(a.source.commitFloors([floor(lane, 20n)], { signal }));
    await harness.until(() => told(a, "evicted").length > 0);
    expect(harness.scheduler.nowMs() - startedMs).toBeLessThan(1_000);
    expect(harness.cluster.committed(group, "shop.orders", 0)?.offset).toBe(0n);
  });

  test("a floor of an earlier ownership is not committed for the lane that came back", async () => {
    const harness = createHarness();
    withTopic(harness);
    const a = await readAll(harness);
    await harness.until(() => told(a, "floors-committed").length > 0);
    a.paused = true;
    harness.cluster.produce("shop.orders", 0, records(5));
    await harness.until(() => a.offsetsOf(lane).length === 25);
    harness.cluster.group(group).members.clear();
    await harness.until(() => told(a, "joined").length === 2 && told(a, "lane-start").length === 2);
    // The consumer has not heard of it yet: it may still finish what it began before.
    await harness.settle(a.source.commitFloors([floor(lane, 25n)], { signal }));
    expect(harness.cluster.committed(group, "shop.orders", 0)?.offset).toBe(0n);
    a.paused = false;
    await harness.until(() => a.offsetsOf(lane).length === 50);
    expect(taken(a, "lanes-lost").length).toBe(1);
  });
});

describe("floors that are owed when reading starts over", () => {
  test("are never committed without the tables that they stand for", async () => {
    const harness = createHarness();
    withTopic(harness);
    const member = await readAll(harness);
    await harness.until(() => told(member, "floors-committed").length > 0);
    member.fault = (call) => call.kind === "commitOffsets" ? "refused" : "none";
    const orders = { key: "shop.orders", offset: 9n };
    await harness.settle(member.source.commitFloors([floor(lane, 10n, [orders])], { signal }));
    expect(told(member, "floors-failed").length).toBe(1);
    member.stop();
    await harness.until(() => member.outcome !== null);
    member.fault = () => "none";
    const again = member.source.events({ signal })[Symbol.asyncIterator]();
    await harness.settle(again.next());
    await harness.settle(member.source.close());
    const held = harness.cluster.committed(group, "shop.orders", 0)!;
    expect(parseMark(held.metadata)).toMatchObject(
      held.offset === 0n ? { tables: [] } : { tables: [orders] },
    );
  });
});

describe("floors of many partitions", () => {
  test("are committed although brokers would not store them as one batch", async () => {
    const harness = createHarness();
    const partitions = 400;
    withTopic(harness, partitions);
    const member = await readAll(harness);
    const tables = Array.from(
      { length: 60 },
      (_, index) => ({ key: `shop.collection-with-a-long-name-${index}`, offset: 19n }),
    );
    const floors = Array.from(
      { length: partitions },
      (_, partition) => floor(`shop.orders-${partition}`, 20n, tables),
    );
    await harness.settle(member.source.commitFloors(floors, { signal }));
    expect(told(member, "floors-failed")).toEqual([]);
    for (let partition = 0; partition < partitions; partition++) {
      expect(harness.cluster.committed(group, "shop.orders", partition)?.offset).toBe(20n);
    }
  });
});

describe("starting at floors", () => {
  const heldAt = (offset: bigint | null): MemberOptions => ({
    autoOffsetReset: "latest",
    tables: {
      transactionsOf: () => Promise.resolve(null),
      heldPosition: () => Promise.resolve({ offset }),
    },
  });
  const at = { topic: "shop.orders", partition: 0 };

  test("an offset that somebody else committed is not taken", async () => {
    const harness = createHarness();
    withTopic(harness);
    harness.cluster.commit(group, at, 12n, "");
    const member = await readAll(harness);
    expect(member.offsetsOf(lane)).toEqual(upTo(20));
    expect(told(member, "foreign-reset")).toMatchObject([{ lane, offset: 12n, ours: null }]);
  });

  test("an offset that was moved is not taken, whatever its metadata", async () => {
    const harness = createHarness();
    const topicId = withTopic(harness);
    harness.cluster.commit(group, at, 12n, mark(topicId, 7n));
    const member = await readAll(harness, heldAt(6n));
    expect(member.offsetsOf(lane)).toEqual(upTo(20));
    expect(told(member, "foreign-reset")).toMatchObject([{ lane, offset: 12n, ours: 7n }]);
    expect(told(member, "lane-start")).toMatchObject([{ nextOffset: 0n, why: "foreign-reset" }]);
  });

  test("without a floor, tables that hold rows make it start at the beginning", async () => {
    const harness = createHarness();
    withTopic(harness);
    const member = await readAll(harness, heldAt(6n));
    expect(told(member, "lane-start")).toMatchObject([{
      nextOffset: 0n,
      why: "tables-without-floor",
    }]);
    expect(member.offsetsOf(lane)).toEqual(upTo(20));
  });

  test("the tables are asked for all partitions at once, and one error is enough", async () => {
    const harness = createHarness();
    withTopic(harness, 30);
    const all = Promise.withResolvers<null>();
    let asked = 0;
    const heldPosition = () => {
      if (++asked === 30) all.reject(new CdcDeltaError("usage", "fed by another pipeline"));
      return all.promise;
    };
    const member = await readAll(harness, {
      tables: { transactionsOf: () => Promise.resolve(null), heldPosition },
    });
    expect(errorOf(member).message).toBe("fed by another pipeline");
  });

  test("partitions that can be read do not wait for one without a leader", async () => {
    const harness = createHarness();
    withTopic(harness, 2);
    const client = harness.cluster.client("a");
    const leaderless: KafkaClient = {
      ...client,
      listOffsets: async (...asked) =>
        (await client.listOffsets(...asked)).map((one) =>
          one.partition === 0 ? { ...one, error: "LEADER_NOT_AVAILABLE" } : one
        ),
    };
    const member = harness.member("a", { client: leaderless, limits: { attemptsMax: 2 } });
    member.start();
    await harness.until(() => member.outcome !== null);
    expect(errorOf(member).message).toContain("LEADER_NOT_AVAILABLE");
    expect(member.offsetsOf("shop.orders-1")).toEqual(upTo(20));
    expect(harness.cluster.committed(group, "shop.orders", 1)?.offset).toBe(0n);
  });

  test("a table that was deleted or restored since makes it start at the beginning", async () => {
    for (const table of ["deleted", "restored"] as const) {
      const harness = createHarness();
      const topicId = withTopic(harness);
      harness.cluster.commit(
        group,
        at,
        12n,
        mark(topicId, 12n, [{ key: "shop.orders", offset: 11n }]),
      );
      const transactions = table === "deleted" ? null : tableWith(topicId, 10n);
      const member = await readAll(harness, {
        autoOffsetReset: "latest",
        tables: {
          transactionsOf: () => Promise.resolve(transactions),
          heldPosition: () => Promise.resolve(null),
        },
      });
      expect(told(member, "table-changed")).toMatchObject([{ lane, table: "shop.orders" }]);
      expect(member.offsetsOf(lane)).toEqual(upTo(20));
    }
  });

  test("a floor of an earlier topic of that name is not taken", async () => {
    const harness = createHarness();
    withTopic(harness);
    harness.cluster.commit(group, at, 12n, mark("0".repeat(32), 12n));
    const member = await readAll(harness, { autoOffsetReset: "latest" });
    expect(told(member, "topic-recreated").length).toBe(1);
    expect(member.offsetsOf(lane)).toEqual(upTo(20));
  });

  test("auto.offset.reset decides where nothing is known", async () => {
    const harness = createHarness();
    withTopic(harness);
    const latest = await readAll(harness, { autoOffsetReset: "latest", groupId: "one" });
    expect(latest.offsetsOf(lane)).toEqual([]);
    const none = await readAll(harness, { autoOffsetReset: "none", groupId: "two" });
    expect(errorOf(none).code).toBe("usage");
    expect(errorOf(none).message).toContain('partition 0 of topic "shop.orders"');
    expect(errorOf(none).message).toContain("earliest");
  });

  test("a partition that was added while nobody read starts at its beginning", async () => {
    const harness = createHarness();
    const topicId = withTopic(harness, 2);
    harness.cluster.commit(group, at, 20n, mark(topicId, 20n));
    const member = await readAll(harness, { autoOffsetReset: "latest" });
    expect(member.offsetsOf("shop.orders-0")).toEqual([]);
    expect(member.offsetsOf("shop.orders-1")).toEqual(upTo(20));
    expect(told(member, "lane-start")).toContainEqual({
      kind: "lane-start",
      lane: "shop.orders-1",
      nextOffset: 0n,
      why: "appeared-later",
    });
  });
});
