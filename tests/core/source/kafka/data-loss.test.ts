import { describe, expect, test } from "bun:test";
import { encodeMark } from "../../../../src/core/source/kafka/floor-mark.ts";
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
const at = { topic: "shop.orders", partition: 0 };
const lane = "shop.orders-0";

function withTopic(harness: Harness): string {
  harness.cluster.createTopic("shop.orders", 1);
  for (let batch = 0; batch < 4; batch++) harness.cluster.produce("shop.orders", 0, records(5));
  return harness.cluster.topics.get("shop.orders")!.topicId;
}

function commit(harness: Harness, offset: bigint): void {
  const { topicId } = harness.cluster.topics.get("shop.orders")!;
  const metadata = encodeMark({ topicId, nextOffset: offset, partitions: 1, tables: [] });
  harness.cluster.commit(group, at, offset, metadata);
}

async function start(harness: Harness, options: MemberOptions = {}) {
  const member = harness.member("a", options);
  member.start();
  await harness.until(() => idle(member) || member.outcome !== null);
  return member;
}

describe("data loss", () => {
  test("a floor that retention has passed is an error with numbers", async () => {
    const harness = createHarness();
    withTopic(harness);
    commit(harness, 3n);
    harness.cluster.deleteRecords("shop.orders", 0, 10n);
    const member = await start(harness);
    const error = errorOf(member);
    expect(error.code).toBe("data-loss");
    expect(error.context).toMatchObject({ expected: "3", available: "10", lost: "7" });
    expect(error.message).toContain("7 offsets were removed");
    expect(error.message).toContain("--no-kafka-fail-on-data-loss");
    expect(member.offsetsOf(lane)).toEqual([]);
  });

  test("a floor at the log's start is no loss", async () => {
    const harness = createHarness();
    withTopic(harness);
    commit(harness, 10n);
    harness.cluster.deleteRecords("shop.orders", 0, 10n);
    const member = await start(harness);
    expect(member.offsetsOf(lane)).toEqual(upTo(20).slice(10));
  });

  test("with failOnDataLoss off it is told, and reading goes on at the log's start", async () => {
    const harness = createHarness();
    withTopic(harness);
    commit(harness, 3n);
    harness.cluster.deleteRecords("shop.orders", 0, 10n);
    const member = await start(harness, { failOnDataLoss: false });
    expect(told(member, "data-loss")).toMatchObject([
      { loss: { cause: "removed", expected: 3n, available: 10n, lost: 7n } },
    ]);
    expect(member.offsetsOf(lane)).toEqual(upTo(20).slice(10));
  });

  test("a floor beyond the log's end is an error: the log was truncated", async () => {
    const harness = createHarness();
    withTopic(harness);
    commit(harness, 18n);
    harness.cluster.truncate("shop.orders", 0, 15n);
    const error = errorOf(await start(harness));
    expect(error.code).toBe("data-loss");
    expect(error.context).toMatchObject({ cause: "truncated", expected: "18", lost: "3" });
  });

  test("tables without a floor tell of a gap too", async () => {
    const harness = createHarness();
    withTopic(harness);
    harness.cluster.deleteRecords("shop.orders", 0, 10n);
    const held = (offset: bigint): MemberOptions => ({
      groupId: `g${offset}`,
      tables: {
        transactionsOf: () => Promise.resolve(null),
        heldPosition: () => Promise.resolve({ offset }),
      },
    });
    expect(errorOf(await start(harness, held(4n))).context).toMatchObject({ lost: "5" });
    expect((await start(harness, held(9n))).offsetsOf(lane)).toEqual(upTo(20).slice(10));
  });

  for (const failOnDataLoss of [true, false]) {
    test(`retention that overtakes a slow consumer is told (fail: ${failOnDataLoss})`, async () => {
      const harness = createHarness();
      withTopic(harness);
      const member = harness.member("a", { failOnDataLoss, limits: { fetchBytesMax: 1 } });
      member.paused = true;
      member.start();
      await harness.until(() => member.taken.length === 1);
      await harness.pass(1_000);
      harness.cluster.deleteRecords("shop.orders", 0, 15n);
      member.paused = false;
      const end = () => member.offsetsOf(lane).length === 15 || member.outcome !== null;
      await harness.until(end);
      if (failOnDataLoss) {
        expect(errorOf(member).context).toMatchObject({
          expected: "10",
          available: "15",
          lost: "5",
        });
        return;
      }
      expect(told(member, "data-loss")).toMatchObject([{ loss: { expected: 10n, lost: 5n } }]);
      expect(taken(member, "position")).toMatchObject([{ nextOffset: 15n }]);
      expect(member.offsetsOf(lane)).toEqual([...upTo(10), ...upTo(20).slice(15)]);
      const batches = taken(member, "records").map(({ batch }) => batch.position.baseOffset);
      expect(batches).toEqual([0n, 5n, 15n]);
    });
  }

  test("a log truncated under the reader is an error", async () => {
    const harness = createHarness();
    withTopic(harness);
    const member = await start(harness);
    harness.cluster.truncate("shop.orders", 0, 15n);
    await harness.until(() => member.outcome !== null);
    expect(errorOf(member).context).toMatchObject({
      cause: "truncated",
      expected: "20",
      lost: "5",
    });
  });

  test("a topic deleted before it was read to its end is an error", async () => {
    const harness = createHarness();
    withTopic(harness);
    const member = harness.member("a", { limits: { fetchBytesMax: 1 } });
    member.paused = true;
    member.start();
    await harness.until(() => member.taken.length === 1);
    await harness.pass(1_000);
    harness.cluster.deleteTopic("shop.orders");
    member.paused = false;
    await harness.until(() => taken(member, "lane-end").length > 0);
    expect(told(member, "data-loss")).toMatchObject([{ loss: { cause: "topic-deleted" } }]);
    // What was read can be read nowhere else: it is committed before the run ends.
    await harness.pass(60_000);
    expect(member.outcome).toBeNull();
    expect(member.offsetsOf(lane)).toEqual(upTo(10));
    await harness.settle(member.source.commitFloors([floor(lane, 10n)], { signal }));
    await harness.until(() => member.outcome !== null);
    expect(errorOf(member).context).toMatchObject({ cause: "topic-deleted", lost: "10" });
  });

  test("a topic deleted before anything of it was read is an error at once", async () => {
    const harness = createHarness();
    withTopic(harness);
    const member = harness.member("a");
    member.fault = (call) => call.kind === "fetch" ? "silent" : "none";
    member.start();
    await harness.until(() => told(member, "lane-start").length === 1);
    harness.cluster.deleteTopic("shop.orders");
    await harness.until(() => member.outcome !== null);
    expect(errorOf(member).context).toMatchObject({ cause: "topic-deleted", lost: "20" });
  });

  test("a topic deleted after it was read ends its lanes; the others go on", async () => {
    const harness = createHarness();
    withTopic(harness);
    harness.cluster.createTopic("shop.returns", 1);
    const member = await start(harness);
    harness.cluster.deleteTopic("shop.orders");
    await harness.until(() => told(member, "topic-deleted").length > 0);
    await harness.until(() => taken(member, "lane-end").length > 0);
    harness.cluster.produce("shop.returns", 0, records(5));
    await harness.until(() => member.offsetsOf("shop.returns-0").length === 5);
    await harness.pass(40_000);
    expect(member.outcome).toBeNull();
    expect(member.source.lanes().map(({ topic }) => topic)).toEqual(["shop.returns"]);
  });

  test("a topic made anew is read from its beginning, as another lane", async () => {
    const harness = createHarness();
    withTopic(harness);
    const member = await start(harness, { autoOffsetReset: "latest" });
    expect(member.offsetsOf(lane)).toEqual([]);
    harness.cluster.deleteTopic("shop.orders");
    harness.cluster.createTopic("shop.orders", 1);
    const { topicId } = harness.cluster.topics.get("shop.orders")!;
    for (let batch = 0; batch < 6; batch++) harness.cluster.produce("shop.orders", 0, records(5));
    const anew = `${lane}@${topicId.slice(0, 8)}`;
    await harness.until(() => member.offsetsOf(anew).length === 30);
    expect(member.offsetsOf(anew)).toEqual(upTo(30));
    expect(told(member, "topic-recreated").length).toBe(1);
    const [batch] = taken(member, "records");
    expect(batch?.batch.position.identity).toBe(topicId);
  });
});
