import { describe, expect, test } from "bun:test";
import { openLogger } from "../../src/cli/logger.ts";
import { logEntry, logPumpEvent, logRetry } from "../../src/cli/run-log.ts";
import { CdcDeltaError } from "../../src/errors.ts";
import type { PumpEvent } from "../../src/core/pump/pump-events.ts";
import { field, struct } from "../../src/delta/schema/data-type.ts";

const a = struct([field("a", { kind: "integer" })]);
const table = "shop.orders";

/** Every kind of event has its level; a new kind does not compile without one. */
const levels: Readonly<Record<PumpEvent["kind"], readonly [PumpEvent, string]>> = {
  "table-opened": [{ kind: "table-opened", table, uri: "/l", version: 3 }, "info"],
  "schema-changed": [{ kind: "schema-changed", table, before: null, after: a }, "info"],
  "committed": [{
    kind: "committed",
    table,
    version: 4,
    rows: 5,
    files: 1,
    bytes: 6,
    latencyMs: 7,
    reason: "age",
    attempts: 1,
    newestSourceMs: null,
    traceparent: null,
  }, "info"],
  "rescued": [
    { kind: "rescued", table, columns: [{ path: "/a", reason: "type", count: 2 }] },
    "warn",
  ],
  "widened": [{
    kind: "widened",
    table,
    columns: [{ path: "a", from: { kind: "integer" }, to: { kind: "long" } }],
  }, "info"],
  "widening-refused": [{ kind: "widening-refused", table, why: "too large" }, "warn"],
  "dead-letters": [{ kind: "dead-letters", count: 1, location: "s3://a/b" }, "warn"],
  "commit-in-doubt": [{ kind: "commit-in-doubt", table, version: 3, why: "503" }, "warn"],
  "cut-line": [{ kind: "cut-line", source: "f.ndjson", offset: 7n }, "warn"],
  "topic-recreated": [{ kind: "topic-recreated", table, topic: "t", partition: 0 }, "warn"],
  "partition-columns-empty": [
    { kind: "partition-columns-empty", table, columns: ["cuontry"] },
    "warn",
  ],
  "conflict": [{ kind: "conflict", table, reason: "schema", winnerVersion: 9 }, "warn"],
  "restarted": [{ kind: "restarted", table, why: "moved" }, "warn"],
  "checkpoint": [{ kind: "checkpoint", table, version: 10 }, "debug"],
  "maintenance-failed": [{ kind: "maintenance-failed", table, why: "no" }, "warn"],
  "flushed": [{
    kind: "flushed",
    reason: "end",
    counts: { records: 1, bytes: 1, tombstones: 0, rowless: 0 },
    rows: 1,
    droppedRows: 0,
    deadLetters: 0,
    tables: 1,
    latencyMs: 1,
  }, "debug"],
};

describe("logEntry()", () => {
  test.each(Object.values(levels).map(([event, level]) => [event.kind, event, level] as const))(
    "of %s",
    (_kind, event, level) => expect(logEntry(event).level).toBe(level as "info"),
  );

  test("does not warn of what updates without a document bring", () => {
    const columns = [{ path: "/x", reason: "update-description", count: 1 }] as const;
    expect(logEntry({ kind: "rescued", table, columns }).level).toBe("info");
  });

  test("has a fact for every name in a message", () => {
    for (const [event] of Object.values(levels)) {
      const { message, facts } = logEntry(event);
      for (const [, name = ""] of message.matchAll(/\{(\w+)\}/g)) {
        expect(facts).toHaveProperty(name);
      }
    }
  });
});

test("logEntry() counts one as one", () => {
  const letters = (count: number): string =>
    logEntry({ kind: "dead-letters", count, location: "s3://a/b" }).message;
  expect(letters(1)).toBe("1 record is no event; it is a dead letter in {location} now");
  expect(letters(2)).toBe("{count} records are no events; they are dead letters in {location} now");
  const columns = [{ path: "/a", reason: "type", count: 1 }] as const;
  expect(logEntry({ kind: "rescued", table, columns }).message).toContain("{count} value of");
});

test("logRetry() warns from the second failure on", () => {
  const lines: string[] = [];
  const logger = openLogger({ level: "debug", form: "json", sink: (line) => lines.push(line) });
  const error = new CdcDeltaError("store", "503 slow down", { retryable: true });
  for (const attempt of [1, 2]) {
    logRetry(logger, { operation: "put", key: "a/b", attempt, delayMs: 5, error });
  }
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { level: "debug", event: "store-retry", operation: "put", key: "a/b" },
    { level: "warn", message: "The store failed and is asked again: 503 slow down" },
  ]);
});

describe("openLogger()", () => {
  function logged(level: "debug" | "info" | "warn" | "error", form: "json" | "text"): string[] {
    const lines: string[] = [];
    const logger = openLogger({ level, form, sink: (line) => lines.push(line) });
    for (const [event] of Object.values(levels)) logPumpEvent(logger, event);
    return lines;
  }

  test("writes one JSON object a line, with message and facts", () => {
    const lines = logged("info", "json").map((line) => {
      expect(line).toMatch(/^\{[^\n]*\}\n$/);
      return JSON.parse(line) as { event: string };
    });
    expect(lines.find(({ event }) => event === "committed")).toMatchObject({
      level: "info",
      message: "Committed 5 rows to shop.orders as version 4",
      table,
      version: 4,
      rows: 5,
    });
  });

  test("leaves out what is below the level", () => {
    const all = logged("debug", "json").length;
    expect(all).toBe(Object.keys(levels).length);
    expect(logged("warn", "json").every((line) => line.includes('"level":"warn"'))).toBe(true);
    expect(logged("error", "json")).toEqual([]);
  });

  test("writes plain lines for a terminal", () => {
    expect(logged("info", "text")[2])
      .toMatch(/^\d\d:\d\d:\d\d info  Committed 5 rows to shop\.orders as version 4\n$/);
  });

  test("keeps 64-bit integers whole", () => {
    const lines: string[] = [];
    const logger = openLogger({ level: "info", form: "json", sink: (line) => lines.push(line) });
    logger.info("at {offset}", { offset: 9_007_199_254_740_993n });
    expect(lines[0]).toContain('"message":"at 9007199254740993"');
    expect(lines[0]).toContain('"offset":9007199254740993');
  });
});
