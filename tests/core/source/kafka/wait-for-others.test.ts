import { describe, expect, test } from "bun:test";
import {
  createHarness,
  floor,
  group,
  type Harness,
  type Member,
  records,
  upTo,
} from "./kafka-harness.ts";
import { taken, told } from "./kafka-told.ts";

const { signal } = new AbortController();
const places = ["shop.orders-0", "shop.orders-1"];

/** `b` streams, then `a` joins `until-latest`: each has one of two partitions of 20 records. */
async function shared(
  harness: Harness,
): Promise<
  { readonly a: Member; readonly b: Member; readonly own: string; readonly others: string }
> {
  const { cluster } = harness;
  cluster.createTopic("shop.orders", 2);
  for (const partition of [0, 1]) {
    for (let batch = 0; batch < 4; batch++) cluster.produce("shop.orders", partition, records(5));
  }
  const b = harness.member("b");
  b.start();
  await harness.until(() => places.every((lane) => b.offsetsOf(lane).length === 20));
  const a = harness.member("a", { mode: "until-latest", limits: { recordsMax: 5 } });
  a.start();
  await harness.until(() => taken(a, "lane-end").length === 1);
  const own = taken(a, "lane-end")[0]!.lane;
  return { a, b, own, others: places.find((lane) => lane !== own)! };
}

const partitionOf = (lane: string): number => Number(lane.at(-1));

describe("until-latest beside another member", () => {
  test("ends once the other one has committed up to the end taken at first", async () => {
    const harness = createHarness();
    const { a, b, own, others } = await shared(harness);
    await harness.pass(300_000);
    expect(a.outcome).toBeNull();
    expect(told(a, "waits-for-others")).toEqual([
      {
        kind: "waits-for-others",
        partitions: [{ topic: "shop.orders", partition: partitionOf(others) }],
        all: 2,
      },
    ]);
    expect(a.source.status().waitsFor).toBe(1);
    expect(taken(a, "drained")).toHaveLength(1);
    // More comes without end: it is not waited for.
    harness.cluster.produce("shop.orders", partitionOf(others), records(5));
    await harness.settle(b.source.commitFloors([floor(others, 19n)], { signal }));
    await harness.pass(10_000);
    expect(a.outcome).toBeNull();
    await harness.settle(b.source.commitFloors([floor(others, 20n)], { signal }));
    await harness.until(() => a.outcome !== null);
    expect(a.outcome).toBe("done");
    expect(a.offsetsOf(others)).toEqual([]);
    expect(a.offsetsOf(own)).toEqual(upTo(20));
  });

  test("reads what the other one leaves, up to the end taken at first", async () => {
    const harness = createHarness();
    const { a, b, others } = await shared(harness);
    await harness.until(() => told(a, "waits-for-others").length === 1);
    for (const partition of [0, 1]) harness.cluster.produce("shop.orders", partition, records(5));
    await harness.settle(b.source.commitFloors([floor(others, 10n)], { signal }));
    await harness.settle(b.source.close());
    await harness.until(() => a.outcome !== null);
    expect(a.outcome).toBe("done");
    expect(a.offsetsOf(others)).toEqual(upTo(20).slice(10));
  });

  test("reads what one had that died", async () => {
    const harness = createHarness();
    const { a, b, others } = await shared(harness);
    b.process.alive = false;
    await harness.until(() => a.outcome !== null);
    expect(a.outcome).toBe("done");
    expect(a.offsetsOf(others)).toEqual(upTo(20));
  });

  test("an offset of somebody else's is no commit", async () => {
    const harness = createHarness();
    const { a, others } = await shared(harness);
    const partition = partitionOf(others);
    const { metadata } = harness.cluster.committed(group, "shop.orders", partition)!;
    harness.cluster.commit(group, { topic: "shop.orders", partition }, 20n, metadata);
    await harness.pass(60_000);
    expect(a.outcome).toBeNull();
  });

  test("a topic that is deleted, or made anew, is no longer waited for", async () => {
    for (const anew of [false, true]) {
      const harness = createHarness();
      const { a } = await shared(harness);
      await harness.until(() => told(a, "waits-for-others").length === 1);
      harness.cluster.deleteTopic("shop.orders");
      if (anew) {
        harness.cluster.createTopic("shop.orders", 2);
        harness.cluster.produce("shop.orders", 0, records(5));
      }
      await harness.until(() => a.outcome !== null);
      // All that was given to it was read to its end: nothing is lost here.
      expect(a.outcome).toBe("done");
    }
  });

  test("a partition of an empty log needs no offset, and no topic is forgotten", async () => {
    const harness = createHarness();
    harness.cluster.createTopic("shop.empty", 2);
    const b = harness.member("b");
    b.fault = (call) => call.kind === "commitOffsets" ? "refused" : "none";
    b.start();
    await harness.until(() => b.source.lanes().length === 2);
    const a = harness.member("a", { mode: "until-latest" });
    a.start();
    await harness.until(() => a.outcome !== null);
    expect(a.outcome).toBe("done");
    expect(b.source.lanes()).toHaveLength(1);
  });

  test("two that wait for each other are told to commit, and end", async () => {
    const harness = createHarness();
    harness.cluster.createTopic("shop.orders", 2);
    for (const partition of [0, 1]) harness.cluster.produce("shop.orders", partition, records(5));
    const both = ["a", "b"].map((name) => harness.member(name, { mode: "until-latest" }));
    for (const member of both) member.start();
    await harness.until(() => both.every((member) => taken(member, "drained").length > 0));
    await harness.pass(10_000);
    expect(both.map(({ outcome }) => outcome)).toEqual([null, null]);
    for (const { source } of both) {
      const floors = source.lanes().map(({ partition }) => floor(places[partition]!, 5n));
      expect(floors).toHaveLength(1);
      await harness.settle(source.commitFloors(floors, { signal }));
    }
    await harness.until(() => both.every(({ outcome }) => outcome === "done"));
  });

  test("floors that could not be committed are tried again without new ones", async () => {
    const harness = createHarness();
    const { a, b, others } = await shared(harness);
    b.fault = (call) => call.kind === "commitOffsets" ? "refused" : "none";
    await harness.settle(b.source.commitFloors([floor(others, 20n)], { signal }));
    expect(told(b, "floors-failed")).toHaveLength(1);
    b.fault = () => "none";
    await harness.until(() => a.outcome !== null);
    expect(a.outcome).toBe("done");
  });
});
