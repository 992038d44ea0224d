import { describe, expect, test } from "bun:test";
import { compactionLogEntry } from "../../src/cli/compaction-log.ts";
import { resolveSettings } from "../../src/cli/settings/resolve-settings.ts";
import { runMetrics } from "../../src/cli/watch/run-metrics.ts";
import { wireRun } from "../../src/cli/wire.ts";
import type { CompactionEvent } from "../../src/core/compaction/compaction-event.ts";

const table = "shop.orders";
const events: readonly (readonly [CompactionEvent, string, RegExp])[] = [
  [
    {
      kind: "compacted",
      table,
      removedFiles: 17_280,
      removedBytes: 99,
      addedFiles: 3,
      addedBytes: 50,
      elapsedMs: 7,
    },
    "info",
    /^Merged \{removedFiles\} small files of \{table\}/,
  ],
  [{ kind: "compaction-paused", table, lag: 20_000n }, "info", /the run is \{lag\} records behind/],
  [{ kind: "compaction-failed", table, why: "no disk" }, "warn", /nothing is lost: \{why\}/],
];

describe("compaction beside a run", () => {
  for (const [event, level, message] of events) {
    test(`${event.kind} is logged with its facts`, () => {
      const logged = compactionLogEntry(event);
      expect(logged.level).toBe(level as "info");
      expect(logged.message).toMatch(message);
      const places = [...logged.message.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
      expect(places.filter((name) => logged.facts[name] === undefined)).toEqual([]);
    });
  }

  test("is counted", async () => {
    const metrics = runMetrics({
      lanes: () => [],
      heldBytes: () => 0,
      heldBytesMax: 0,
      connected: () => null,
      ready: () => true,
    }, () => 0);
    for (const [event] of events) metrics.observe({ kind: "compaction", event });
    const text = await metrics.text();
    expect(text).toContain(`cdcdelta_compacted_files_total{table="${table}"} 17280`);
    expect(text).toContain(`cdcdelta_compacted_bytes_total{table="${table}"} 99`);
    expect(text).toContain(`cdcdelta_compaction_failures_total{table="${table}"} 1`);
  });

  const follows = { plan: false, adopt: false, untilLatest: false };
  for (
    const [what, works, flags, settings] of [
      ["a run that follows Kafka", true, follows, {}],
      ["one that ends with the topic", false, { ...follows, untilLatest: true }, {}],
      ["a plan", false, { ...follows, plan: true }, {}],
      ["a run from files", false, follows, { source: "x.ndjson" }],
      ["--no-compact", false, follows, { compact: false }],
    ] as const
  ) {
    test(`${works ? "works" : "does not work"} beside ${what}`, async () => {
      const { resolved } = resolveSettings({
        flags: new Map(),
        env: { KAFKA_BOOTSTRAP_SERVERS: "127.0.0.1:1", KAFKA_TOPIC_PATTERN: "x" },
        file: null,
      });
      const values = { ...resolved.values, workers: 0, ...settings };
      const stdin = { async *[Symbol.asyncIterator]() {} };
      const wired = wireRun({ ...resolved, values }, "lake", flags, { stdin, observe: () => {} });
      expect(wired.compaction !== null).toBe(works);
      await wired.close();
    });
  }
});
