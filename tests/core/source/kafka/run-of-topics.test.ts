import { describe, expect, test } from "bun:test";
import type { KafkaClient } from "../../../../src/core/kafka/kafka-client.ts";
import { CdcDeltaError } from "../../../../src/errors.ts";
import { createHarness, floor, group, type Harness, records, upTo } from "./kafka-harness.ts";
import { errorOf, idle, taken, told } from "./kafka-told.ts";

const { signal } = new AbortController();
const lane = "shop.orders-0";

function withTopic(harness: Harness, partitions = 1): void {
  harness.cluster.createTopic("shop.orders", partitions);
  for (let partition = 0; partition < partitions; partition++) {
    for (let batch = 0; batch < 4; batch++) {
      harness.cluster.produce("shop.orders", partition, records(5));
    }
  }
}

describe("topics while running", () => {
  test("topics and partitions found later start at their beginning, in every member", async () => {
    const harness = createHarness();
    withTopic(harness);
    const a = harness.member("a", { autoOffsetReset: "latest" });
    a.start();
    await harness.until(() => idle(a));
    expect(a.offsetsOf(lane)).toEqual([]);
    harness.cluster.addPartitions("shop.orders", 2);
    harness.cluster.produce("shop.orders", 1, records(5));
    harness.cluster.createTopic("shop.returns", 2);
    for (const partition of [0, 1]) harness.cluster.produce("shop.returns", partition, records(5));
    // One that joins only now has never seen the group without them.
    const b = harness.member("b", { autoOffsetReset: "latest" });
    b.start();
    const later = ["shop.orders-1", "shop.returns-0", "shop.returns-1"];
    const all = (name: string) => new Set([...a.offsetsOf(name), ...b.offsetsOf(name)]).size === 5;
    await harness.until(() => later.every(all));
    expect(told(b, "lane-start").length).toBeGreaterThan(0);
  });

  test("a topic that brokers do not know of for a moment is not taken for deleted", async () => {
    const harness = createHarness();
    withTopic(harness);
    const a = harness.member("a", { limits: { metadataAgeMsMax: 5_000 } });
    a.start();
    await harness.until(() => idle(a));
    const { topics } = harness.cluster;
    const topic = topics.get("shop.orders")!;
    let looks = 0;
    a.fault = (call) => {
      if (call.kind === "metadata" && ++looks === 2) topics.set("shop.orders", topic);
      return "none";
    };
    topics.delete("shop.orders");
    await harness.until(() => looks > 3);
    expect(told(a, "topic-deleted")).toEqual([]);
    harness.cluster.produce("shop.orders", 0, records(5));
    await harness.until(() => a.offsetsOf(lane).length === 25);
    expect(a.offsetsOf(lane)).toEqual(upTo(25));
  });

  test("a topic made anew starts at its beginning for one who never read the old one", async () => {
    const harness = createHarness();
    withTopic(harness);
    const a = harness.member("a", { autoOffsetReset: "latest" });
    const b = harness.member("b", { autoOffsetReset: "latest" });
    a.start();
    await harness.until(() => idle(a));
    b.start();
    await harness.until(() => told(b, "joined").length === 1);
    expect(b.source.lanes()).toEqual([]);
    a.process.alive = false;
    harness.cluster.deleteTopic("shop.orders");
    harness.cluster.createTopic("shop.orders", 1);
    harness.cluster.produce("shop.orders", 0, records(5));
    await harness.until(() => b.offsetsOf(lane).length === 5);
  });

  test("a topic that no pattern of ours matches is nobody's", async () => {
    const harness = createHarness();
    withTopic(harness);
    const a = harness.member("a", { topicPattern: /^nothing$/g });
    a.start();
    await harness.until(() => told(a, "joined").length === 1);
    await harness.pass(100_000);
    expect(told(a, "no-topics")).toEqual([{ kind: "no-topics", pattern: "^nothing$" }]);
    harness.cluster.createTopic("nothing", 1);
    harness.cluster.produce("nothing", 0, records(5));
    await harness.until(() => a.offsetsOf("nothing-0").length === 5);
  });

  test("a pattern means to the leader what it means to its member", async () => {
    const harness = createHarness();
    withTopic(harness, 2);
    const topicPattern = /^shop\.\p{L}+$/u;
    const a = harness.member("a", { topicPattern, mode: "until-latest" });
    a.start();
    await harness.until(() => a.outcome !== null);
    expect(a.offsetsOf(lane)).toEqual(upTo(20));
  });

  test("members of different patterns share what both read", async () => {
    const harness = createHarness();
    withTopic(harness, 2);
    harness.cluster.createTopic("shop.returns", 2);
    const a = harness.member("a");
    const b = harness.member("b", { topicPattern: /^shop\.returns$/ });
    a.start();
    b.start();
    await harness.until(() => a.source.lanes().length === 2 && b.source.lanes().length === 2);
    expect(b.source.lanes().map(({ topic }) => topic)).toEqual(["shop.returns", "shop.returns"]);
  });
});

describe("until-latest", () => {
  test("ends at what was the end at first, markers behind the last record included", async () => {
    const harness = createHarness();
    const { cluster } = harness;
    withTopic(harness, 3);
    cluster.createTopic("shop.empty", 1);
    cluster.produce("shop.orders", 0, records(5), { producerId: 1n });
    cluster.produce("shop.orders", 0, records(5), { producerId: 2n });
    cluster.endTransaction(2n, "commit");
    cluster.endTransaction(1n, "abort");
    const a = harness.member("a", { mode: "until-latest", limits: { fetchBytesMax: 1 } });
    a.start();
    await harness.until(() => told(a, "lane-start").length === 4);
    for (let round = 0; round < 3; round++) cluster.produce("shop.orders", 1, records(5));
    await harness.until(() => a.outcome !== null);
    expect(a.outcome).toBe("done");
    expect(a.offsetsOf(lane)).toEqual([...upTo(20), ...upTo(30).slice(25)]);
    expect(a.offsetsOf("shop.orders-1")).toEqual(upTo(20));
    expect(taken(a, "position").at(-1)).toMatchObject({ lane, nextOffset: 32n });
    expect(told(a, "waits-for-others")).toEqual([]);
    const ends = taken(a, "lane-end").map((event) => event.lane);
    expect(ends.sort()).toEqual(["shop.empty-0", lane, "shop.orders-1", "shop.orders-2"]);
    await harness.settle(a.source.commitFloors([floor(lane, 32n)], { signal }));
    expect(cluster.committed(group, "shop.orders", 0)?.offset).toBe(32n);
  });

  test("what came later is left, even when it lies in the same answer", async () => {
    const harness = createHarness();
    withTopic(harness);
    const a = harness.member("a", { mode: "until-latest", limits: { recordsMax: 5 } });
    a.fault = (call) => call.kind === "fetch" ? "refused" : "none";
    a.start();
    await harness.until(() => told(a, "lane-start").length === 1);
    harness.cluster.produce("shop.orders", 0, records(5));
    a.fault = () => "none";
    await harness.until(() => a.outcome !== null);
    expect(a.offsetsOf(lane)).toEqual(upTo(20));
  });

  test("waits for no open transaction", async () => {
    const harness = createHarness();
    withTopic(harness);
    harness.cluster.produce("shop.orders", 0, records(5), { producerId: 1n });
    const a = harness.member("a", { mode: "until-latest" });
    a.start();
    await harness.until(() => a.outcome !== null);
    expect(a.offsetsOf(lane)).toEqual(upTo(20));
  });

  test("ends at once where no topic matches", async () => {
    const harness = createHarness();
    const a = harness.member("a", { mode: "until-latest" });
    a.start();
    await harness.until(() => a.outcome !== null);
    expect(a.outcome).toBe("done");
    expect(told(a, "no-topics").length).toBe(1);
  });

  test("after an eviction waits for what the group gives next", async () => {
    const harness = createHarness();
    withTopic(harness, 2);
    const a = harness.member("a", { mode: "until-latest", limits: { fetchBytesMax: 1 } });
    a.paused = true;
    a.start();
    await harness.until(() => a.taken.length > 0);
    harness.cluster.group(group).members.clear();
    await harness.until(() => told(a, "evicted").length === 1);
    a.paused = false;
    await harness.until(() => a.outcome !== null);
    expect(taken(a, "lane-end").length).toBe(2);
    expect(new Set(a.offsetsOf("shop.orders-1"))).toEqual(new Set(upTo(20)));
  });
});

describe("fetching", () => {
  test("brokers are asked side by side, and a partition that moves is followed", async () => {
    const harness = createHarness(2);
    withTopic(harness, 2);
    const a = harness.member("a");
    const asked = new Set<number>();
    a.fault = (call) => {
      if (call.kind === "fetch") asked.add(call.nodeId);
      return "none";
    };
    a.start();
    await harness.until(() => idle(a));
    expect([...asked].sort()).toEqual([1, 2]);
    harness.cluster.moveLeader("shop.orders", 0, 2);
    harness.cluster.produce("shop.orders", 0, records(5));
    await harness.until(() => a.offsetsOf(lane).length === 25);
    expect(a.offsetsOf(lane)).toEqual(upTo(25));
  });

  test("many brokers bring no more at once than two would", async () => {
    const harness = createHarness(8);
    withTopic(harness, 8);
    const client = harness.cluster.client("a");
    const asked = new Map<number, number>();
    const counted: KafkaClient = {
      ...client,
      fetch(request, options) {
        asked.set(request.nodeId, request.bytesMax);
        return client.fetch(request, options);
      },
    };
    const a = harness.member("a", { client: counted, limits: { fetchBytesMax: 1_000 } });
    a.start();
    await harness.until(() => idle(a));
    expect(asked.size).toBe(8);
    expect([...asked.values()].reduce((sum, bytes) => sum + bytes)).toBeLessThanOrEqual(2_000);
  });

  test("a broker that is away does not hold up another one", async () => {
    const harness = createHarness(2);
    withTopic(harness, 2);
    const a = harness.member("a");
    a.fault = (call) => call.kind === "fetch" && call.nodeId === 1 ? "refused" : "none";
    a.start();
    await harness.until(() => a.offsetsOf("shop.orders-1").length === 20);
    expect(a.source.status().connected).toBe(false);
    a.fault = () => "none";
    await harness.until(() => a.offsetsOf(lane).length === 20);
    await harness.until(() => a.source.status().connected);
    expect(a.offsetsOf(lane)).toEqual(upTo(20));
  });

  test("a broker that is away, and leads nothing any more, is not missed", async () => {
    const harness = createHarness(2);
    withTopic(harness, 2);
    const a = harness.member("a");
    a.fault = (call) => call.kind === "fetch" && call.nodeId === 1 ? "refused" : "none";
    a.start();
    await harness.until(() => told(a, "retry").length > 2);
    harness.cluster.moveLeader("shop.orders", 0, 2);
    await harness.until(() => a.offsetsOf(lane).length === 20);
    await harness.until(() => a.source.status().connected);
    await harness.pass(100_000);
    expect(a.source.status().connected).toBe(true);
    expect(a.outcome).toBeNull();
  });

  test("nor when reading starts over in between", async () => {
    const harness = createHarness(2);
    withTopic(harness, 2);
    const a = harness.member("a");
    a.fault = (call) => call.kind === "fetch" && call.nodeId === 1 ? "refused" : "none";
    a.start();
    await harness.until(() => told(a, "retry").length > 2);
    a.stop();
    await harness.until(() => a.outcome !== null);
    harness.cluster.moveLeader("shop.orders", 0, 2);
    await harness.pass(60_000);
    expect(a.source.status().connected).toBe(false);
    const again = a.source.events({ signal })[Symbol.asyncIterator]();
    await harness.settle(again.next());
    await harness.until(() => a.source.status().connected);
  });

  test("a new leader has its time to be elected, whatever the dice say", async () => {
    const harness = createHarness(2);
    withTopic(harness, 2);
    const a = harness.member("a", { random: { next: () => 0, uuid: () => "" } });
    a.fault = (call) => call.kind === "fetch" && call.nodeId === 1 ? "refused" : "none";
    a.start();
    // A broker that died is noticed by its cluster after 18 s at most, by default.
    await harness.pass(20_000);
    harness.cluster.moveLeader("shop.orders", 0, 2);
    await harness.until(() => a.offsetsOf(lane).length === 20 || a.outcome !== null);
    expect(a.outcome).toBeNull();
  });

  test("tries are counted anew after a success", async () => {
    const harness = createHarness();
    withTopic(harness);
    const a = harness.member("a");
    let answers = 0;
    a.fault = (call) => call.kind === "fetch" && ++answers % 7 !== 0 ? "refused" : "none";
    a.start();
    await harness.until(() => answers > 40 || a.outcome !== null);
    expect(a.outcome).toBeNull();
    expect(Math.max(...told(a, "retry").map((one) => one.attempt))).toBe(6);
  });

  test("a broker that stays away ends the run after the given number of tries", async () => {
    const harness = createHarness();
    withTopic(harness);
    const a = harness.member("a");
    a.fault = (call) => call.kind === "fetch" ? "refused" : "none";
    a.start();
    await harness.until(() => a.outcome !== null);
    expect(errorOf(a).message).toMatch(/fetch from broker 1 .*: tried 10 times in \d+\.\d s/);
    expect(errorOf(a).message).toMatch(/\w\. Check that the brokers run and can be reached/);
    const delays = told(a, "retry").map((one) => one.delayMs);
    expect(delays.length).toBe(9);
    expect(Math.max(...delays)).toBeLessThanOrEqual(10_000);
  });

  test("what is not Kafka's fault is not told as one", async () => {
    const harness = createHarness();
    withTopic(harness);
    const error = new CdcDeltaError("usage", "another pipeline feeds the table");
    const client = harness.cluster.client(
      "a",
      (call, effect) => call.kind === "fetch" ? Promise.reject(error) : effect(),
    );
    const a = harness.member("a", { client });
    a.start();
    await harness.until(() => a.outcome !== null);
    expect(errorOf(a)).toBe(error);
    expect(told(a, "connection").map((one) => one.connected)).toEqual([true]);
  });

  test("the question that a failure ends with is not made a statement", async () => {
    const harness = createHarness();
    withTopic(harness);
    const error = new CdcDeltaError("kafka", "refused. Is it running?", { retryable: true });
    const client = harness.cluster.client(
      "a",
      (call, effect) => call.kind === "fetch" ? Promise.reject(error) : effect(),
    );
    const a = harness.member("a", { client });
    a.start();
    await harness.until(() => a.outcome !== null);
    expect(errorOf(a).message).toContain("Is it running? Check that the brokers run");
  });

  test("what no repetition changes ends the run at once", async () => {
    const harness = createHarness();
    withTopic(harness);
    const error = new CdcDeltaError("kafka", "refused authentication", { retryable: false });
    const client = harness.cluster.client(
      "a",
      (call, effect) => call.kind === "fetch" ? Promise.reject(error) : effect(),
    );
    const a = harness.member("a", { client });
    a.start();
    await harness.until(() => a.outcome !== null);
    expect(errorOf(a)).toBe(error);
    expect(told(a, "retry")).toEqual([]);
  });

  test("small answers are shared fairly between partitions", async () => {
    const harness = createHarness();
    withTopic(harness, 4);
    const a = harness.member("a", { limits: { fetchBytesMax: 1 } });
    a.start();
    await harness.until(() => taken(a, "records").length === 8);
    const served = taken(a, "records").map((event) => event.lane);
    expect(new Set(served.slice(0, 4)).size).toBe(4);
    expect(new Set(served.slice(4)).size).toBe(4);
  });

  test("events are small, however large an answer is", async () => {
    const harness = createHarness();
    withTopic(harness);
    const a = harness.member("a", { limits: { recordsMax: 10 } });
    a.start();
    await harness.until(() => idle(a));
    const batches = taken(a, "records").map((event) => event.batch);
    expect(batches.map(({ position }) => "records" in position ? position.records : 0)).toEqual([
      10,
      10,
    ]);
    expect(batches.map(({ position }) => position.baseOffset)).toEqual([0n, 10n]);
  });

  test("nothing is fetched beyond one answer while the consumer does not ask", async () => {
    const harness = createHarness();
    withTopic(harness);
    const a = harness.member("a", { limits: { recordsMax: 5, fetchBytesMax: 1 } });
    let fetches = 0;
    a.fault = (call) => {
      if (call.kind === "fetch") fetches += 1;
      return "none";
    };
    a.paused = true;
    a.start();
    await harness.pass(60_000);
    expect(a.taken.length).toBe(1);
    // The one that was given, and the one that waits.
    expect(fetches).toBe(2);
  });

  test("the signal ends a wait at once, and what lies behind markers is told as a position", async () => {
    const harness = createHarness();
    withTopic(harness);
    harness.cluster.produce("shop.orders", 0, records(5), { producerId: 1n });
    harness.cluster.endTransaction(1n, "abort");
    const a = harness.member("a");
    a.start();
    await harness.until(() => idle(a));
    expect(taken(a, "position")).toMatchObject([{ lane, nextOffset: 26n }]);
    const stoppedMs = harness.scheduler.nowMs();
    a.stop();
    await harness.until(() => a.outcome !== null);
    expect(harness.scheduler.nowMs() - stoppedMs).toBeLessThan(1_000);
  });
});
