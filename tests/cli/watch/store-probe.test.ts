import { describe, expect, test } from "bun:test";
import type { RunEvent } from "../../../src/cli/watch/run-event.ts";
import { storeProbe } from "../../../src/cli/watch/store-probe.ts";
import { storeSilenceMsMax } from "../../../src/limits.ts";

function probeOf(ask: () => Promise<unknown>) {
  const told: RunEvent[] = [];
  const world = { nowMs: 0, asked: 0 };
  const probe = storeProbe({
    ask: () => {
      world.asked++;
      return ask();
    },
    tell: (event) => {
      told.push(event);
      probe.observe(event);
    },
    nowMs: () => world.nowMs,
  });
  return { probe, told, world };
}

describe("storeProbe()", () => {
  test("asks a store of which nothing was heard, and not again until it is silent", async () => {
    const { probe, told, world } = probeOf(() => Promise.resolve());
    await probe.check();
    await probe.check();
    expect([world.asked, told]).toEqual([1, [{ kind: "store-answer", why: null }]]);
    world.nowMs = storeSilenceMsMax;
    probe.observe({ kind: "store-answer", why: null });
    await probe.check();
    expect(world.asked).toBe(1);
    world.nowMs += storeSilenceMsMax;
    await probe.check();
    expect(world.asked).toBe(2);
  });

  test("tells why it does not answer", async () => {
    const { probe, told } = probeOf(() => Promise.reject(new Error("refused")));
    await probe.check();
    expect(told).toEqual([{ kind: "store-answer", why: "refused" }]);
  });

  test("asks once for all who wait", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { probe, world } = probeOf(() => promise);
    const checks = [probe.check(), probe.check()];
    resolve();
    await Promise.all(checks);
    expect(world.asked).toBe(1);
  });
});
