import type { Logger } from "@logtape/logtape";
import type { DataLoss, KafkaSourceEvent } from "../core/source/kafka/kafka-source-event.ts";
import { counted, nounFor } from "./output/counted.ts";
import { entry, type LogEntry } from "./log-entry.ts";

type EventOf<K extends KafkaSourceEvent["kind"]> = Extract<KafkaSourceEvent, { readonly kind: K }>;

/** Writes what happens between us and Kafka to the log. */
export function logKafkaEvent(logger: Logger, event: KafkaSourceEvent): void {
  const { level, message, facts } = kafkaLogEntry(event);
  logger[level](message, { event: `kafka-${event.kind}`, ...facts });
}

/** The log entry of an event: level, message and facts. Pure. */
export function kafkaLogEntry(event: KafkaSourceEvent): LogEntry {
  switch (event.kind) {
    case "joined":
    case "rejoining":
    case "evicted":
    case "left":
    case "waits-for-others":
      return groupEntry(event);
    case "no-topics":
    case "topics-changed":
    case "topic-recreated":
    case "topic-deleted":
      return topicEntry(event);
    case "lane-start":
    case "foreign-reset":
    case "table-changed":
    case "data-loss":
      return positionEntry(event);
    case "connection":
    case "floors-committed":
    case "floors-failed":
    case "retry":
      return requestEntry(event);
  }
}

function groupEntry(
  event: EventOf<"joined" | "rejoining" | "evicted" | "left" | "waits-for-others">,
): LogEntry {
  const { kind: _, ...facts } = event;
  switch (event.kind) {
    case "joined": {
      const noun = nounFor(event.lanes, "partition");
      const message = `Reading {lanes} ${noun} ({gained} new, {lost} lost)`;
      return entry("info", message, facts);
    }
    case "rejoining":
      return entry("info", "Joining the consumer group again: {why}", facts);
    case "evicted": {
      const lanes = event.lanes.length;
      const noun = nounFor(lanes, "partition");
      const message = `The group took {lanes} ${noun} away: {why}. Nothing uncommitted is kept`;
      return entry("warn", message, { why: event.why, lanes });
    }
    case "left":
      return entry("info", "Left the consumer group", facts);
    case "waits-for-others": {
      const { partitions, all } = event;
      const lanes = partitions.length;
      const named = firstOf(partitions.map(nameOf));
      const message = lanes === 1
        ? "Read to the end; waiting for another member of the consumer group to commit {named}"
        : "Read to the end; waiting for other members of the consumer group to commit {lanes} of " +
          "{all} partitions: {named}";
      return entry("warn", message, { lanes, all, named });
    }
  }
}

function topicEntry(
  event: EventOf<"no-topics" | "topics-changed" | "topic-recreated" | "topic-deleted">,
): LogEntry {
  const { kind: _, ...facts } = event;
  switch (event.kind) {
    case "no-topics": {
      // As it was written: that it has to match as a whole is added by us.
      const pattern = /^\^\(\?:(.*)\)\$$/s.exec(event.pattern)?.[1] ?? event.pattern;
      const message = "No topic's whole name matches {pattern} yet";
      return entry("warn", message, { pattern });
    }
    case "topics-changed": {
      const added = event.added.map(nameOf);
      const removed = event.removed.map(nameOf);
      const shown = { added: firstOf(added), removed: firstOf(removed) };
      const more = counted(added.length, "partition");
      const message = `Topics changed: ${more} more, ${removed.length} fewer`;
      return entry("info", message, shown);
    }
    case "topic-recreated":
      return entry("warn", "Topic {topic} was deleted and made anew: all of it is read", facts);
    case "topic-deleted":
      return entry("warn", "Topic {topic} was deleted", facts);
  }
}

function positionEntry(
  event: EventOf<"lane-start" | "foreign-reset" | "table-changed" | "data-loss">,
): LogEntry {
  switch (event.kind) {
    case "lane-start": {
      const { lane, nextOffset, why } = event;
      const facts = { lane, nextOffset: String(nextOffset), why };
      return entry("debug", "Reading {lane} from offset {nextOffset} ({why})", facts);
    }
    case "foreign-reset": {
      const { lane, offset, ours } = event;
      return entry(
        "warn",
        "Somebody else moved the group's offset of {lane} to {offset}: it is not used, the tables " +
          "know what they have",
        { lane, offset: String(offset), ours: ours === null ? null : String(ours) },
      );
    }
    case "table-changed": {
      const { lane, table } = event;
      return entry(
        "warn",
        "Table {table} was deleted or restored: {lane} is read again from its start",
        { lane, table },
      );
    }
    case "data-loss":
      return entry("warn", dataLossText(event.loss), lossFacts(event.loss));
  }
}

/** What is lost and why, with places for facts. */
function dataLossText({ cause }: DataLoss): string {
  const what = "{lost} records of {topic}[{partition}] from offset {expected} are gone unread: ";
  switch (cause) {
    case "removed":
      return `${what}Kafka removed them (retention); reading goes on at {available}`;
    case "truncated":
      return `${what}the log was truncated; reading goes on at {available}`;
    case "topic-deleted":
      return `${what}the topic was deleted`;
  }
}

function lossFacts({ expected, available, lost, ...rest }: DataLoss): LogEntry["facts"] {
  return {
    ...rest,
    expected: String(expected),
    available: available === null ? null : String(available),
    lost: String(lost),
  };
}

function requestEntry(
  event: EventOf<"connection" | "floors-committed" | "floors-failed" | "retry">,
): LogEntry {
  const { kind: _, ...facts } = event;
  switch (event.kind) {
    case "connection":
      return event.connected
        ? entry("info", "Kafka answers", { connected: true })
        : entry("warn", "Kafka does not answer: {why}", facts);
    case "floors-committed":
      return entry("debug", "Committed the offsets of {lanes} partitions to Kafka", facts);
    case "floors-failed":
      return entry(
        "warn",
        "Offsets were not committed to Kafka; what they stand for is in the tables, and is read " +
          "again after a restart: {why}",
        facts,
      );
    case "retry": {
      const level = event.attempt === 1 ? "debug" : "warn";
      return entry(level, "Kafka: {what} failed and is tried again: {error}", facts);
    }
  }
}

function nameOf({ topic, partition }: { topic: string; partition: number }): string {
  return `${topic}[${partition}]`;
}

/** A log line is for people: it does not list a thousand partitions. */
function firstOf(names: readonly string[]): string {
  const shown = names.slice(0, 10).join(", ");
  return names.length > 10 ? `${shown}, …` : shown;
}
