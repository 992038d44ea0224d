import { describe, expect, test } from "bun:test";
import { progressLine, progressMeter, terminalWidth } from "../../src/cli/progress.ts";
import type { PumpEvent } from "../../src/core/pump/pump-events.ts";

const flushed = (records: number): PumpEvent => ({
  kind: "flushed",
  reason: "age",
  counts: { records, bytes: 0, tombstones: 0, rowless: 0 },
  rows: records,
  droppedRows: 0,
  deadLetters: 0,
  tables: 1,
  latencyMs: 1,
});
const opened: PumpEvent = { kind: "table-opened", table: "shop.a", uri: "/l", version: null };

describe("progressLine()", () => {
  const facts = { records: 1_234_567, tables: 2, lastCommit: "shop.a v3", perSecond: 61_000 };

  test("shows a bar when the length of the source is known", () => {
    expect(progressLine({ bytesRead: 50, bytesTotal: 200 }, facts, 120)).toBe(
      "[########----------------------]  25%  1,234,567 events  61,000/s  2 tables  last commit " +
        "shop.a v3",
    );
    expect(progressLine({ bytesRead: 200, bytesTotal: 200 }, facts, 120)).toContain("] 100%");
    // A file that grew while it was read.
    expect(progressLine({ bytesRead: 300, bytesTotal: 200 }, facts, 120)).toContain("] 100%");
  });

  test("shows the bytes read when it is not", () => {
    expect(progressLine({ bytesRead: 2048, bytesTotal: null }, facts, 120)).toMatch(
      /^2\.0 KiB  1,/,
    );
  });

  test("never wraps", () => {
    for (const columns of [20, 40, 80, 120]) {
      expect(progressLine({ bytesRead: 1, bytesTotal: 2 }, facts, columns).length)
        .toBeLessThan(columns);
    }
  });
});

test("terminalWidth() takes 80 columns where the terminal does not know", () => {
  expect([terminalWidth({ columns: 0 }), terminalWidth({}), terminalWidth({ columns: 120 })])
    .toEqual([80, 80, 120]);
});

describe("progressMeter()", () => {
  test("counts records, tables and the last commit", () => {
    const meter = progressMeter();
    meter.observe(opened, 0);
    meter.observe(opened, 0);
    meter.observe(flushed(100), 10);
    meter.observe(flushed(100), 20);
    expect(meter.facts(30)).toMatchObject({ records: 200, tables: 1, lastCommit: "none yet" });
  });

  test("takes events a second from the last seconds only", () => {
    const meter = progressMeter();
    meter.observe(opened, 0);
    meter.observe(flushed(10_000), 1000);
    expect(meter.facts(2000).perSecond).toBe(5000);
    expect(meter.facts(5000).perSecond).toBe(2000);
    expect(meter.facts(60_000).perSecond).toBe(0);
    expect(meter.facts(60_000).records).toBe(10_000);
  });
});
