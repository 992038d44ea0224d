import { describe, expect, test } from "bun:test";
import type { KafkaClient } from "../../../../src/core/kafka/kafka-client.ts";
import { createHarness, group, records } from "./kafka-harness.ts";
import { idle, taken, told } from "./kafka-told.ts";

describe("an offset that a new leader does not have yet", () => {
  test("is asked for again, but not for a lane that was lost meanwhile", async () => {
    const harness = createHarness(2);
    harness.cluster.createTopic("shop.orders", 2);
    for (let batch = 0; batch < 4; batch++) harness.cluster.produce("shop.orders", 0, records(5));
    const client = harness.cluster.client("a");
    let refuse = false;
    const behind: KafkaClient = {
      ...client,
      async fetch(request, options) {
        const answers = await client.fetch(request, options);
        return answers.map((one) =>
          refuse && request.nodeId === 2 && one.partition === 0
            ? { ...one, error: "OFFSET_OUT_OF_RANGE", data: [] }
            : one
        );
      },
    };
    const a = harness.member("a", {
      client: behind,
      limits: { recordsMax: 5, metadataAgeMsMax: 500 },
    });
    a.paused = true;
    a.start();
    await harness.until(() => a.taken.length === 1);
    await harness.pass(1_000);
    refuse = true;
    harness.cluster.moveLeader("shop.orders", 0, 2);
    await harness.until(() => told(a, "retry").length > 0);
    harness.cluster.group(group).members.clear();
    await harness.until(() => told(a, "evicted").length === 1);
    await harness.pass(30);
    refuse = false;
    await harness.pass(30_000);
    a.paused = false;
    await harness.until(() => idle(a));
    const at = a.taken.findLastIndex((event) => event.kind === "lanes-lost");
    const after = { ...a, taken: a.taken.slice(at) };
    expect(taken(after, "records").map(({ batch }) => batch.position.baseOffset))
      .toEqual([0n, 5n, 10n, 15n]);
  });
});
