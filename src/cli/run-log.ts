import type { Logger } from "@logtape/logtape";
import type { PumpEvent, PumpSummary } from "../core/pump/pump-events.ts";
import type { RetryEvent } from "../delta/storage/retrying-store.ts";
import { typeName } from "../delta/schema/type-name.ts";
import { CdcDeltaError, messageOf } from "../errors.ts";
import { logCompaction } from "./compaction-log.ts";
import { logKafkaEvent } from "./kafka-log.ts";
import { entry, type LogEntry } from "./log-entry.ts";
import { nounFor } from "./output/counted.ts";
import { diffLines, schemaDiff } from "./schema-diff.ts";
import type { RunEvent } from "./watch/run-event.ts";

type EventOf<K extends PumpEvent["kind"]> = Extract<PumpEvent, { readonly kind: K }>;

/** On a terminal the line at its foot tells what goes well: `brief` leaves that to it. */
const toldByTheBar = new Set<PumpEvent["kind"]>(["table-opened", "committed"]);

/** Writes what happens in a run to the log. */
export function logRunEvent(
  logger: Logger,
  event: RunEvent,
  { brief }: { readonly brief: boolean },
): void {
  switch (event.kind) {
    case "pump":
      if (!brief || !toldByTheBar.has(event.event.kind)) logPumpEvent(logger, event.event);
      break;
    case "kafka":
      logKafkaEvent(logger, event.event);
      break;
    case "compaction":
      logCompaction(logger, event.event);
      break;
    case "store-retry":
      logRetry(logger, event.event);
      break;
    case "store-answer":
      break;
    case "stopping":
      logger.info("{signal}: committing what was read; a second signal exits at once", {
        event: "stopping",
        signal: event.signal,
      });
  }
}

/** Writes why a run ended before its time. */
export function logFailure(logger: Logger, error: unknown): void {
  const known = error instanceof CdcDeltaError;
  // Braces of the message itself are no places for facts.
  const message = messageOf(error).replaceAll("{", "{{").replaceAll("}", "}}");
  logger.error(message, {
    event: "failed",
    code: known ? error.code : "internal",
    ...(known ? error.context : {}),
  });
  if (error instanceof Error) logger.debug("{stack}", { event: "stack", stack: error.stack });
}

/** Writes what a run did. */
export function logRunEnd(logger: Logger, summary: PumpSummary, elapsedMs: number): void {
  const { tables, ...totals } = summary;
  logger.info("Done: {records} records, {rows} rows", {
    event: "done",
    ...totals,
    tables: tables.length,
    elapsedMs,
  });
}

/** Writes what happens in the pump to the log. */
export function logPumpEvent(logger: Logger, event: PumpEvent): void {
  const { level, message, facts } = logEntry(event);
  logger[level](message, { event: event.kind, ...facts });
}

/** Tells of a store call that is repeated: from the second time on something is worth a look. */
export function logRetry(logger: Logger, { operation, key, attempt, delayMs, error }: RetryEvent) {
  const facts = { operation, key, attempt, delayMs, error: error.message };
  const level = attempt === 1 ? "debug" : "warn";
  logger[level]("The store failed and is asked again: {error}", { event: "store-retry", ...facts });
}

/** The log entry of an event: level, message and facts. Pure. */
export function logEntry(event: PumpEvent): LogEntry {
  return event.kind === "flushed" || event.kind === "checkpoint"
    ? routineEntry(event)
    : event.kind === "table-opened" || event.kind === "schema-changed" ||
        event.kind === "committed" || event.kind === "widened"
    ? progressEntry(event)
    : attentionEntry(event);
}

/** What only somebody who looks for a fault wants to know. */
function routineEntry(event: EventOf<"flushed" | "checkpoint">): LogEntry {
  switch (event.kind) {
    case "checkpoint": {
      const { kind: _, ...facts } = event;
      return entry("debug", "Wrote the checkpoint of version {version} of {table}", facts);
    }
    case "flushed": {
      const { kind: _, counts, ...facts } = event;
      const rows = nounFor(event.rows, "row");
      return entry("debug", `Flushed {rows} ${rows} ({reason})`, { ...facts, ...counts });
    }
  }
}

/** What went as it should. */
function progressEntry(
  event: EventOf<"table-opened" | "schema-changed" | "committed" | "widened">,
): LogEntry {
  switch (event.kind) {
    case "table-opened": {
      const { kind: _, ...facts } = event;
      return entry("info", event.version === null ? "New table {table}" : "Opened {table}", facts);
    }
    case "schema-changed": {
      const { table, before, after } = event;
      if (before === null) {
        const facts = { table, columns: after.fields.length };
        const columns = nounFor(facts.columns, "column");
        return entry("info", `Inferred {columns} ${columns} of new table {table}`, facts);
      }
      const changes = diffLines(schemaDiff(before, after));
      return entry("info", "Schema of {table} changed", { table, changes });
    }
    case "committed": {
      const { kind: _, traceparent, ...facts } = event;
      const traced = traceparent === null ? facts : { ...facts, traceparent };
      const rows = nounFor(event.rows, "row");
      return entry("info", `Committed {rows} ${rows} to {table} as version {version}`, traced);
    }
    case "widened": {
      const { table, columns } = event;
      const changes = columns.map(({ path, from, to }) =>
        `${path}: ${typeName(from)} → ${typeName(to)}`
      );
      return entry("info", "Widened columns of {table}", { table, changes });
    }
  }
}

type AttentionKind =
  | "rescued"
  | "widening-refused"
  | "dead-letters"
  | "cut-line"
  | "partition-columns-empty"
  | "topic-recreated"
  | "commit-in-doubt"
  | "conflict"
  | "restarted"
  | "maintenance-failed";

/** What was recovered with nothing lost, but may be news to somebody. */
function attentionEntry(event: EventOf<AttentionKind>): LogEntry {
  const { kind: _, ...facts } = event;
  switch (event.kind) {
    case "rescued": {
      const { columns } = event;
      const count = columns.reduce((sum, column) => sum + column.count, 0);
      // What an update without its document changed has no column of its own by design.
      const expected = columns.every((column) => column.reason === "update-description");
      const values = nounFor(count, "value");
      const message = `Kept {count} ${values} of {table} in _rescued_data`;
      return entry(expected ? "info" : "warn", message, { ...facts, count });
    }
    case "widening-refused":
      return entry("warn", "Columns of {table} stay, misfits are rescued: {why}", facts);
    case "dead-letters":
      return entry(
        "warn",
        event.count === 1
          ? "1 record is no event; it is a dead letter in {location} now"
          : "{count} records are no events; they are dead letters in {location} now",
        facts,
      );
    case "cut-line":
      return entry(
        "warn",
        "The last line of {source}, at byte {offset}, has no end yet; it is left for the next run",
        { ...facts, offset: String(event.offset) },
      );
    case "partition-columns-empty":
      return entry(
        "warn",
        "New table {table} is partitioned by {columns}, which no record has a value for: a wrong " +
          "name in --partition-by? Partition columns cannot be changed later",
        { ...facts, columns: event.columns.join(", ") },
      );
    case "topic-recreated":
      return entry(
        "warn",
        "Topic {topic} was deleted and made anew: all records of the new one go into {table} as well",
        facts,
      );
    case "commit-in-doubt":
      return entry(
        "warn",
        "No clear answer to the commit of version {version} of {table}, reading it back: {why}",
        facts,
      );
    case "conflict":
      return entry("warn", "Another writer changed {table}, trying again: {reason}", facts);
    case "restarted":
      return entry("warn", "Starting again from the committed positions: {why}", facts);
    case "maintenance-failed":
      return entry("warn", "Upkeep of {table} failed and will be tried again: {why}", facts);
  }
}
