import { describe, expect, test } from "bun:test";
import type { SourceEvent } from "../../../../src/core/source/source.ts";
import {
  createHarness,
  floor,
  group,
  type Harness,
  type Member,
  records,
  upTo,
} from "./kafka-harness.ts";
import { idle, taken, told } from "./kafka-told.ts";

const { signal } = new AbortController();

/** A topic of 4 partitions with 20 records each, in batches of 5. */
function withTopic(harness: Harness): void {
  harness.cluster.createTopic("shop.orders", 4);
  for (let batch = 0; batch < 4; batch++) {
    for (let partition = 0; partition < 4; partition++) {
      harness.cluster.produce("shop.orders", partition, records(5));
    }
  }
}

const lanesOf = (member: Member): string[] =>
  member.source.lanes().map(({ topic, partition }) => `${topic}-${partition}`).sort();

async function startBoth(harness: Harness): Promise<readonly [Member, Member]> {
  const [a, b] = [harness.member("a"), harness.member("b")];
  a.start();
  await harness.until(() => idle(a));
  b.start();
  await harness.until(() => lanesOf(b).length === 2 && lanesOf(a).length === 2);
  return [a, b];
}

describe("membership", () => {
  test("a second member gets half of the lanes; those that stay go on without being read again", async () => {
    const harness = createHarness();
    withTopic(harness);
    const [a, b] = await startBoth(harness);
    await harness.until(() => idle(b));
    const [lost] = taken(a, "lanes-lost");
    expect([...lost!.lanes].sort()).toEqual(lanesOf(b));
    expect(told(a, "joined").at(-1)).toMatchObject({ kept: 2, gained: 0, lost: 2, leader: true });
    for (const lane of lanesOf(a)) {
      const [, partition] = lane.split("-");
      harness.cluster.produce("shop.orders", Number(partition), records(5));
    }
    await harness.until(() => lanesOf(a).every((lane) => a.offsetsOf(lane).length === 25));
    for (const lane of lanesOf(a)) expect(a.offsetsOf(lane)).toEqual(upTo(25));
    for (const lane of lanesOf(b)) expect(b.offsetsOf(lane)).toEqual(upTo(20));
  });

  test("lanes of a member that leaves come back, told as lost before, at their floors", async () => {
    const harness = createHarness();
    withTopic(harness);
    const [a, b] = await startBoth(harness);
    await harness.until(() => idle(b));
    const moved = lanesOf(b);
    await harness.settle(
      b.source.commitFloors(moved.map((lane) => floor(lane, 15n)), { signal }),
    );
    b.stop();
    await harness.until(() => b.outcome !== null);
    await harness.settle(b.source.close());
    expect(told(b, "left").length).toBe(1);
    await harness.until(() => lanesOf(a).length === 4);
    await harness.until(() => moved.every((lane) => a.offsetsOf(lane).length === 25));
    expect(taken(a, "lanes-gained")).toHaveLength(1);
    expect(taken(b, "lanes-gained")).toEqual([]);
    const gained = a.taken.findIndex((one) => one.kind === "lanes-gained");
    for (const lane of moved) {
      expect(a.offsetsOf(lane)).toEqual([...upTo(20), ...upTo(20).slice(15)]);
      const lost = a.taken.findIndex((one) =>
        one.kind === "lanes-lost" && one.lanes.includes(lane)
      );
      const again = a.taken.findLastIndex((one) => one.kind === "records" && one.lane === lane);
      expect(lost).toBeGreaterThan(0);
      expect(lost).toBeLessThan(again);
      // Nothing of it comes between what was held before and the word that it is to be committed.
      const between = a.taken.slice(lost, gained);
      expect(between.filter((one) => one.kind === "records" && one.lane === lane)).toEqual([]);
      expect(gained).toBeLessThan(again);
    }
  });

  test("heartbeats go on while the consumer does not ask for more", async () => {
    const harness = createHarness();
    withTopic(harness);
    const member = harness.member("a");
    member.start();
    member.paused = true;
    await harness.pass(200_000);
    expect(harness.cluster.group(group).members.size).toBe(1);
    expect(harness.cluster.group(group).generation).toBe(1);
    // One answer is held, not more: the bytes of a single fetch.
    expect(member.source.progress().bytesRead).toBeLessThan(16 << 20);
    member.paused = false;
    await harness.until(() => idle(member));
    expect(told(member, "evicted")).toEqual([]);
  });

  test("a rebalance is joined while the consumer does not ask for more", async () => {
    const harness = createHarness();
    withTopic(harness);
    const a = harness.member("a");
    a.start();
    await harness.until(() => idle(a));
    a.paused = true;
    for (let partition = 0; partition < 4; partition++) {
      harness.cluster.produce("shop.orders", partition, records(5));
    }
    const b = harness.member("b");
    b.start();
    const startedMs = harness.scheduler.nowMs();
    await harness.until(() => lanesOf(b).length === 2);
    expect(harness.scheduler.nowMs() - startedMs).toBeLessThan(5_000);
    const lost = lanesOf(b);
    const before = a.taken.length;
    a.paused = false;
    await harness.until(() => taken(a, "lanes-lost").length > 0);
    await harness.pass(1_000);
    // What had been fetched of the lost lanes is never given.
    const after = a.taken.slice(before + 1);
    expect(after.filter((one) => one.kind === "records" && lost.includes(one.lane))).toEqual([]);
  });

  test("a member that the coordinator forgot loses all lanes and joins anew", async () => {
    const harness = createHarness();
    withTopic(harness);
    const a = harness.member("a");
    a.start();
    await harness.until(() => idle(a));
    const [oldId] = [...harness.cluster.group(group).members.keys()];
    harness.cluster.group(group).members.clear();
    await harness.until(() => told(a, "joined").length === 2);
    expect(told(a, "joined")[1]).toMatchObject({ kept: 0, gained: 4 });
    expect(told(a, "joined")[1]!.memberId).not.toBe(oldId!);
    await harness.until(() => a.offsetsOf("shop.orders-3").length === 40);
    expect(taken(a, "lanes-lost").map((one) => one.lanes.length)).toEqual([4]);
    expect(a.offsetsOf("shop.orders-0")).toEqual([...upTo(20), ...upTo(20)]);
  });

  test("a member that slept past its session gives its lanes up before anything else", async () => {
    const harness = createHarness();
    withTopic(harness);
    const [a, b] = await startBoth(harness);
    await harness.until(() => idle(b));
    const own = lanesOf(a);
    for (let partition = 0; partition < 4; partition++) {
      harness.cluster.produce("shop.orders", partition, records(5));
    }
    a.process.frozenUntilMs = harness.scheduler.nowMs() + 100_000;
    await harness.until(() => lanesOf(b).length === 4);
    const before = a.taken.length;
    const floors = harness.settle(
      a.source.commitFloors(own.map((lane) => floor(lane, 20n)), { signal }),
    );
    await floors;
    await harness.until(() => told(a, "evicted").length > 0 && a.taken.length > before);
    expect(a.taken[before]).toMatchObject({ kind: "lanes-lost" });
    expect([...taken(a, "lanes-lost").at(-1)!.lanes].sort()).toEqual(own);
    await harness.until(() => lanesOf(a).length === 2 && lanesOf(b).length === 2);
    expect(told(a, "joined").at(-1)).toMatchObject({ kept: 0, gained: 2 });
  });

  test("without an answer of the coordinator lanes are lost when the session is over", async () => {
    const harness = createHarness();
    withTopic(harness);
    const a = harness.member("a");
    a.start();
    await harness.until(() => idle(a));
    const cutMs = harness.scheduler.nowMs();
    a.fault = (call) =>
      ["heartbeat", "join", "sync", "metadata"].includes(call.kind) ? "silent" : "none";
    await harness.until(() => told(a, "evicted").length > 0);
    const afterMs = harness.scheduler.nowMs() - cutMs;
    expect(afterMs).toBeGreaterThan(41_000);
    expect(afterMs).toBeLessThan(46_000);
    await harness.until(() => taken(a, "lanes-lost").length > 0);
    expect(a.source.status().assigned).toBe(false);
  });

  test("heartbeats that fail for less than the session are only told", async () => {
    const harness = createHarness();
    withTopic(harness);
    const a = harness.member("a");
    a.start();
    await harness.until(() => idle(a));
    let failures = 8;
    a.fault = (call) => call.kind === "heartbeat" && failures-- > 0 ? "refused" : "none";
    await harness.until(() => failures <= 0);
    await harness.pass(10_000);
    expect(told(a, "evicted")).toEqual([]);
    expect(told(a, "retry").filter((one) => one.what.includes("heartbeat")).length).toBe(8);
    expect(told(a, "connection").map((one) => one.connected)).toEqual([true, false, true]);
    expect(a.offsetsOf("shop.orders-0")).toEqual(upTo(20));
  });

  test("an answer to joining that is lost is asked for again", async () => {
    const harness = createHarness();
    withTopic(harness);
    const a = harness.member("a");
    let faults = 3;
    a.fault = (call) =>
      (call.kind === "join" || call.kind === "sync") && faults-- > 0 ? "lost" : "none";
    a.start();
    await harness.until(() => idle(a));
    expect(lanesOf(a).length).toBe(4);
    expect(a.offsetsOf("shop.orders-1")).toEqual(upTo(20));
  });

  test("lanes are not kept when a generation was missed", async () => {
    const harness = createHarness();
    withTopic(harness);
    const [a, b] = await startBoth(harness);
    await harness.until(() => idle(b));
    // b hears of the next generation, but not of its lanes there: they may be another's meanwhile.
    b.fault = (call) => call.kind === "sync" ? "lost" : "none";
    const before = harness.cluster.group(group).generation;
    const c = harness.member("c");
    c.start();
    await harness.until(() => told(c, "joined").length > 0);
    c.stop();
    await harness.until(() => c.outcome !== null);
    await harness.settle(c.source.close());
    await harness.until(() => harness.cluster.group(group).generation >= before + 2);
    b.fault = () => "none";
    await harness.until(() => told(b, "joined").length === 2);
    expect(told(b, "joined")[1]).toMatchObject({ kept: 0, gained: 2, lost: 2 });
    await harness.until(() =>
      told(a, "joined").at(-1)!.generation === told(b, "joined")[1]!.generation
    );
    expect(told(a, "joined").at(-1)).toMatchObject({ lost: 0 });
  });

  test("a coordinator that stays away ends the run, saying what was tried", async () => {
    const harness = createHarness();
    withTopic(harness);
    const a = harness.member("a", { limits: { attemptsMax: 4 } });
    a.fault = (call) => call.kind === "join" ? "refused" : "none";
    a.start();
    await harness.until(() => a.outcome !== null);
    const { error } = a.outcome as { readonly error: Error & { code: string } };
    expect(error.code).toBe("kafka");
    expect(error.message).toContain('join consumer group "cdcdelta" (fake:9092): tried 4 times');
    expect(told(a, "retry").map((one) => one.attempt)).toEqual([1, 2, 3]);
  });

  test("iterating again starts all lanes at their floors, without leaving the group", async () => {
    const harness = createHarness();
    withTopic(harness);
    const a = harness.member("a");
    a.start();
    await harness.until(() => idle(a));
    await harness.settle(a.source.commitFloors([floor("shop.orders-0", 15n)], { signal }));
    a.stop();
    await harness.until(() => a.outcome !== null);
    a.taken.length = 0;
    const again = a.source.events({ signal });
    const rest: SourceEvent[] = [];
    void (async () => {
      for await (const event of again) rest.push(event);
    })();
    await harness.until(() => rest.some((event) => event.kind === "idle"));
    a.taken.push(...rest);
    expect(a.offsetsOf("shop.orders-0")).toEqual(upTo(20).slice(15));
    expect(a.offsetsOf("shop.orders-1")).toEqual(upTo(20));
    expect(taken(a, "lanes-lost")).toEqual([]);
    expect(harness.cluster.group(group).generation).toBe(1);
  });

  test("closing leaves the group within its time even when the coordinator is silent", async () => {
    const harness = createHarness();
    withTopic(harness);
    const a = harness.member("a");
    a.start();
    await harness.until(() => idle(a));
    a.stop();
    await harness.until(() => a.outcome !== null);
    a.fault = () => "silent";
    const startedMs = harness.scheduler.nowMs();
    await harness.settle(a.source.close());
    expect(harness.scheduler.nowMs() - startedMs).toBeLessThan(6_000);
  });

  test("plan: all partitions are read without the group's notice", async () => {
    const harness = createHarness();
    withTopic(harness);
    harness.cluster.group(group);
    const a = harness.member("a", { membership: "none", mode: "until-latest" });
    a.start();
    await harness.until(() => a.outcome !== null);
    expect(a.outcome).toBe("done");
    await harness.settle(a.source.commitFloors([floor("shop.orders-0", 5n)], { signal }));
    expect(lanesOf(a).length).toBe(4);
    expect(a.offsetsOf("shop.orders-2")).toEqual(upTo(20));
    const { members, offsets, generation } = harness.cluster.group(group);
    expect([members.size, offsets.size, generation]).toEqual([0, 0, 0]);
  });
});
