import { describe, expect, test } from "bun:test";
import { createHarness, floor, group, records, upTo } from "./kafka-harness.ts";

const { signal } = new AbortController();

describe("reading topics", () => {
  test("every record of every matching topic is given once, in order", async () => {
    const harness = createHarness();
    const { cluster } = harness;
    cluster.createTopic("shop.orders", 3);
    cluster.createTopic("other.things", 1);
    cluster.createTopic("shop.__internal", 1, { internal: true });
    for (let round = 0; round < 4; round++) {
      for (let partition = 0; partition < 3; partition++) {
        cluster.produce("shop.orders", partition, records(5));
      }
    }
    cluster.produce("other.things", 0, records(5));
    cluster.produce("shop.__internal", 0, records(5));
    const member = harness.member("a");
    member.start();
    await harness.until(() => member.taken.some((event) => event.kind === "idle"));
    for (const lane of ["shop.orders-0", "shop.orders-1", "shop.orders-2"]) {
      expect(member.offsetsOf(lane)).toEqual(upTo(20));
    }
    const lanes = new Set(member.taken.flatMap((event) => "lane" in event ? [event.lane] : []));
    expect([...lanes].sort()).toEqual(["shop.orders-0", "shop.orders-1", "shop.orders-2"]);
    expect(member.source.lanes().map((lane) => [lane.partition, lane.nextOffset, lane.endOffset]))
      .toEqual([[0, 20n, 20n], [1, 20n, 20n], [2, 20n, 20n]]);
  });

  test("reading goes on at the committed floor, by the same and by the next member", async () => {
    const harness = createHarness();
    const { cluster } = harness;
    cluster.createTopic("shop.orders", 1);
    for (let round = 0; round < 4; round++) cluster.produce("shop.orders", 0, records(5));
    const first = harness.member("a");
    first.start();
    await harness.until(() => first.offsetsOf("shop.orders-0").length === 20);
    await harness.settle(first.source.commitFloors([floor("shop.orders-0", 10n)], { signal }));
    expect(cluster.committed(group, "shop.orders", 0)?.offset).toBe(10n);
    first.stop();
    await harness.until(() => first.outcome !== null);
    await harness.settle(first.source.close());
    const second = harness.member("b");
    second.start();
    await harness.until(() => second.offsetsOf("shop.orders-0").length === 10);
    expect(second.offsetsOf("shop.orders-0")).toEqual(upTo(20).slice(10));
  });

  test("what fetches leave behind is collected as they go", async () => {
    const before = Reflect.get(globalThis, "gc") as unknown;
    let collections = 0;
    Reflect.set(globalThis, "gc", () => void (collections += 1));
    try {
      const harness = createHarness();
      harness.cluster.createTopic("shop.orders", 1);
      const value = "x".repeat(1 << 20);
      for (let count = 0; count < 40; count++) {
        harness.cluster.produce("shop.orders", 0, [{ key: "k", value }]);
      }
      const member = harness.member("a");
      member.start();
      await harness.until(() => member.offsetsOf("shop.orders-0").length === 40);
    } finally {
      Reflect.set(globalThis, "gc", before);
    }
    // 40 MiB lie in three places, of which 32 MiB may lie about.
    expect(collections).toBe(3);
  });
});
