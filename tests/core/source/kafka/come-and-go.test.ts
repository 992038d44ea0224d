import { describe, expect, test } from "bun:test";
import { createHarness, floor, type Harness, records, upTo } from "./kafka-harness.ts";
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

describe("topics that are gone for a while", () => {
  test("one that comes back starts at its floor, once its consumer has dropped it", async () => {
    const harness = createHarness();
    withTopic(harness);
    const a = harness.member("a");
    a.start();
    await harness.until(() => idle(a));
    const { topics } = harness.cluster;
    const topic = topics.get("shop.orders")!;
    topics.delete("shop.orders");
    await harness.until(() => told(a, "topic-deleted").length === 1);
    topics.set("shop.orders", topic);
    harness.cluster.produce("shop.orders", 0, records(5));
    await harness.until(() => a.offsetsOf(lane).length >= 45);
    const at = a.taken.findIndex((event) => event.kind === "lanes-lost");
    expect(taken(a, "lanes-lost")).toEqual([{ kind: "lanes-lost", lanes: [lane] }]);
    expect(a.offsetsOf(lane)).toEqual([...upTo(20), ...upTo(25)]);
    const before = { ...a, taken: a.taken.slice(0, at) };
    expect(taken(before, "records").length).toBeGreaterThan(0);
    expect(taken({ ...a, taken: a.taken.slice(at) }, "lane-end")).toEqual([]);
  });

  test("of a deleted topic nothing is dropped in a member that does not lead", async () => {
    const harness = createHarness();
    withTopic(harness, 2);
    const a = harness.member("a");
    a.start();
    await harness.until(() => idle(a));
    const b = harness.member("b", { limits: { fetchBytesMax: 1 } });
    b.paused = true;
    b.start();
    await harness.until(() => b.taken.length > 0);
    await harness.pass(1_000);
    const [own] = b.source.lanes();
    const name = `shop.orders-${own!.partition}`;
    const joins = told(b, "joined").length;
    harness.cluster.deleteTopic("shop.orders");
    await harness.until(() => told(b, "joined").length > joins);
    b.paused = false;
    await harness.until(() => told(b, "data-loss").length > 0 || taken(b, "lanes-lost").length > 0);
    expect(taken(b, "lanes-lost")).toEqual([]);
    expect(told(b, "data-loss")).toMatchObject([{ loss: { cause: "topic-deleted" } }]);
    await harness.until(() => taken(b, "lane-end").length === 1);
    await harness.settle(b.source.commitFloors([floor(name, 20n)], { signal }));
    await harness.until(() => b.outcome !== null);
    expect(errorOf(b).context).toMatchObject({ cause: "topic-deleted" });
  });

  test("the error is not waited for when all was committed, but not yet its floor", async () => {
    const harness = createHarness();
    withTopic(harness);
    const a = harness.member("a", { mode: "until-latest", limits: { fetchBytesMax: 1 } });
    a.paused = true;
    let offline = false;
    a.fault = (call) =>
      (offline && call.kind === "commitOffsets") || (offline && call.kind === "fetch")
        ? "refused"
        : "none";
    a.start();
    await harness.until(() => a.offsetsOf(lane).length === 5);
    await harness.pass(1_000);
    offline = true;
    a.paused = false;
    await harness.until(() => a.offsetsOf(lane).length === 10);
    await harness.settle(a.source.commitFloors([floor(lane, 10n)], { signal }));
    expect(told(a, "floors-failed").length).toBeGreaterThan(0);
    harness.cluster.deleteTopic("shop.orders");
    await harness.until(() => a.outcome !== null);
    expect(errorOf(a).context).toMatchObject({ cause: "topic-deleted" });
  });
});
