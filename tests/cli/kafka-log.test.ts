import { describe, expect, test } from "bun:test";
import { kafkaLogEntry, logKafkaEvent } from "../../src/cli/kafka-log.ts";
import { openLogger } from "../../src/cli/logger.ts";
import type { DataLoss, KafkaSourceEvent } from "../../src/core/source/kafka/kafka-source-event.ts";

const loss: DataLoss = {
  topic: "t",
  partition: 1,
  cause: "removed",
  expected: 10n,
  available: 15n,
  lost: 5n,
};

/** Every kind of event has its level and text; a new kind does not compile without them. */
const told: Readonly<Record<KafkaSourceEvent["kind"], readonly [KafkaSourceEvent, string]>> = {
  connection: [
    { kind: "connection", connected: false, why: "refused" },
    "warn Kafka does not answer: refused",
  ],
  joined: [
    {
      kind: "joined",
      memberId: "m",
      generation: 3,
      leader: true,
      lanes: 1,
      kept: 0,
      gained: 1,
      lost: 0,
    },
    "info Reading 1 partition (1 new, 0 lost)",
  ],
  rejoining: [
    { kind: "rejoining", why: "a member left" },
    "info Joining the consumer group again: a member left",
  ],
  evicted: [
    { kind: "evicted", why: "too late", lanes: ["a", "b"] },
    "warn The group took 2 partitions away: too late. Nothing uncommitted is kept",
  ],
  left: [{ kind: "left" }, "info Left the consumer group"],
  "waits-for-others": [
    {
      kind: "waits-for-others",
      partitions: [{ topic: "a", partition: 0 }, { topic: "b", partition: 2 }],
      all: 3,
    },
    "warn Read to the end; waiting for other members of the consumer group to commit 2 of 3 " +
    "partitions: a[0], b[2]",
  ],
  "no-topics": [
    { kind: "no-topics", pattern: "^(?:a.*)$" },
    "warn No topic's whole name matches a.* yet",
  ],
  "topics-changed": [
    { kind: "topics-changed", added: [{ topic: "t", partition: 0 }], removed: [] },
    "info Topics changed: 1 partition more, 0 fewer",
  ],
  "topic-recreated": [
    { kind: "topic-recreated", topic: "t", topicId: "id" },
    "warn Topic t was deleted and made anew: all of it is read",
  ],
  "topic-deleted": [{ kind: "topic-deleted", topic: "t" }, "warn Topic t was deleted"],
  "lane-start": [
    { kind: "lane-start", lane: "t-0", nextOffset: 2n ** 60n, why: "floor" },
    "debug Reading t-0 from offset 1152921504606846976 (floor)",
  ],
  "foreign-reset": [
    { kind: "foreign-reset", lane: "t-0", offset: 7n, ours: null },
    "warn Somebody else moved the group's offset of t-0 to 7: it is not used, the tables know " +
    "what they have",
  ],
  "table-changed": [
    { kind: "table-changed", lane: "t-0", table: "a.b" },
    "warn Table a.b was deleted or restored: t-0 is read again from its start",
  ],
  "data-loss": [
    { kind: "data-loss", loss },
    "warn 5 records of t[1] from offset 10 are gone unread: Kafka removed them (retention); " +
    "reading goes on at 15",
  ],
  "floors-committed": [
    { kind: "floors-committed", lanes: 2 },
    "debug Committed the offsets of 2 partitions to Kafka",
  ],
  "floors-failed": [
    { kind: "floors-failed", lanes: 2, why: "no answer" },
    "warn Offsets were not committed to Kafka; what they stand for is in the tables, and is read " +
    "again after a restart: no answer",
  ],
  retry: [
    { kind: "retry", what: "join", attempt: 2, delayMs: 5, error: "refused" },
    "warn Kafka: join failed and is tried again: refused",
  ],
};

function logged(event: KafkaSourceEvent): Readonly<Record<string, unknown>>[] {
  const lines: string[] = [];
  const logger = openLogger({ level: "debug", form: "json", sink: (line) => lines.push(line) });
  logKafkaEvent(logger, event);
  return lines.map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>);
}

describe("logKafkaEvent()", () => {
  test.each(Object.entries(told))("of %s", (kind, [event, text]) => {
    const [line = {}, ...more] = logged(event);
    expect(`${String(line["level"])} ${String(line["message"])}`).toBe(text);
    expect([line["event"], more]).toEqual([`kafka-${kind}`, []]);
  });

  test("keeps facts of a loss for scripts, integers exact", () => {
    expect(logged({ kind: "data-loss", loss: { ...loss, available: null } })).toMatchObject([
      { topic: "t", partition: 1, expected: "10", available: null, lost: "5" },
    ]);
    const { message } = kafkaLogEntry({
      kind: "data-loss",
      loss: { ...loss, cause: "topic-deleted" },
    });
    expect(message).toEndWith("the topic was deleted");
  });

  test("is calm at first, and does not list a thousand partitions", () => {
    const retry = {
      kind: "retry",
      what: "join",
      attempt: 1,
      delayMs: 5,
      error: "refused",
    } as const;
    expect(kafkaLogEntry(retry).level).toBe("debug");
    expect(kafkaLogEntry({ kind: "connection", connected: true, why: "" }).level).toBe("info");
    const added = Array.from({ length: 1000 }, (_, partition) => ({ topic: "t", partition }));
    const { facts, message } = kafkaLogEntry({ kind: "topics-changed", added, removed: [] });
    expect(String(facts["added"]).length).toBeLessThan(100);
    expect(message).toContain("1000 partitions more");
  });
});
