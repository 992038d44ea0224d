import { describe, expect, test } from "bun:test";
import { type LiveFacts, liveLine } from "../../src/cli/live-status.ts";
import type { LaneProgress } from "../../src/core/source/source.ts";

const progress = { records: 12_000, tables: 2, lastCommit: "shop.a v3", perSecond: 3400 };
const lane = (nextOffset: bigint, endOffset: bigint | null): LaneProgress => ({
  topic: "t",
  partition: 0,
  nextOffset,
  floor: null,
  endOffset,
});
const live = (facts: Partial<LiveFacts>): LiveFacts => ({
  lanes: [lane(100n, 100n)],
  heldBytes: 0,
  heldBytesMax: 10,
  notReady: [],
  waitsFor: 0,
  ...facts,
});

describe("liveLine()", () => {
  test("tells what was done, how far behind, and what it does", () => {
    const lanes = [lane(100n, 1100n), lane(5n, 4n), lane(0n, null)];
    expect(liveLine(progress, live({ lanes }), 200)).toBe(
      "12,000 events  3,400/s  lag 1,000  2 tables  last commit shop.a v3 · reading",
    );
  });

  test.each<[string, Partial<LiveFacts>]>([
    ["lag 0  2 tables  last commit shop.a v3 · waiting for events", {}],
    ["lag ?  2 tables  last commit shop.a v3 · waiting for topics", { lanes: [] }],
    ["waiting for others of the group to commit 2 partitions", { waitsFor: 2 }],
    ["waiting for others of the group to commit 1 partition", { waitsFor: 1, lanes: [] }],
    ["reading", { waitsFor: 2, lanes: [lane(0n, 1n)] }],
    ["gathering rows for the next commit", { heldBytes: 1 }],
    ["waiting for commits: the memory budget is full", { heldBytes: 10 }],
    ["waiting for Kafka: refused", { notReady: [{ part: "kafka", why: "refused" }] }],
    ["waiting for the group: joining", { notReady: [{ part: "group", why: "joining" }] }],
    ["waiting for the store: 503", { notReady: [{ part: "store", why: "503" }] }],
    ["SIGTERM: ending: committing", { notReady: [{ part: "process", why: "SIGTERM: ending" }] }],
  ])("says %p", (text, facts) => {
    expect(liveLine(progress, live(facts), 200)).toContain(text);
  });

  test("never wraps", () => {
    for (const columns of [20, 40, 80, 120]) {
      expect(liveLine(progress, live({}), columns).length).toBeLessThan(columns);
    }
  });
});
