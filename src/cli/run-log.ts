import type { Logger } from "@logtape/logtape";
import type { PumpEvent } from "../core/pump/pump-events.ts";
import { typeName } from "../delta/schema/type-name.ts";
import { diffLines, schemaDiff } from "./schema-diff.ts";

type Facts = Readonly<Record<string, unknown>>;

type Entry = {
  readonly level: "debug" | "info" | "warn";
  readonly message: string;
  readonly facts: Facts;
};

/** Writes what happens in a run to the log. */
export function logPumpEvent(logger: Logger, event: PumpEvent): void {
  const { level, message, facts } = logEntry(event);
  logger[level](message, facts);
}

/** The log entry of an event: level, message and facts. Pure. */
export function logEntry(event: PumpEvent): Entry {
  switch (event.kind) {
    case "table-opened": {
      const { table, uri, version } = event;
      const message = version === null ? "New table {table}" : "Opened table {table}";
      return { level: "info", message, facts: { event: event.kind, table, uri, version } };
    }
    case "schema-changed": {
      const { kind, table, before, after } = event;
      const changes = diffLines(schemaDiff(before, after));
      const message = "Schema of {table} changed";
      return { level: "info", message, facts: { event: kind, table, changes } };
    }
    case "committed": {
      const { kind, ...facts } = event;
      const message = "Committed {rows} rows to {table} as version {version}";
      return { level: "info", message, facts: { event: kind, ...facts } };
    }
    case "rescued": {
      const { kind, table, columns } = event;
      const count = columns.reduce((sum, column) => sum + column.count, 0);
      const message = "Rescued {count} values of {table} that fit no column";
      return { level: "warn", message, facts: { event: kind, table, count, columns } };
    }
    case "widened": {
      const { kind, table } = event;
      const columns = event.columns.map(({ path, from, to }) =>
        `${path}: ${typeName(from)} → ${typeName(to)}`
      );
      const message = "Widened columns of {table}";
      return { level: "info", message, facts: { event: kind, table, columns } };
    }
    case "widening-refused": {
      const { kind, table, why } = event;
      const message = "Columns of {table} stay as they are, misfits are rescued: {why}";
      return { level: "warn", message, facts: { event: kind, table, why } };
    }
    case "dead-letters": {
      const { kind, count } = event;
      const message = "{count} records are no events; they went to the dead letters";
      return { level: "warn", message, facts: { event: kind, count } };
    }
    case "conflict": {
      const { kind, ...facts } = event;
      const message = "Another writer committed to {table} first, trying again: {reason}";
      return { level: "warn", message, facts: { event: kind, ...facts } };
    }
    case "restarted": {
      const { kind, table, why } = event;
      const message = "Starting again from the committed positions: {why}";
      return { level: "warn", message, facts: { event: kind, table, why } };
    }
    case "checkpoint": {
      const { kind, table, version } = event;
      const message = "Wrote the checkpoint of version {version} of {table}";
      return { level: "debug", message, facts: { event: kind, table, version } };
    }
    case "maintenance-failed": {
      const { kind, table, why } = event;
      const message = "Upkeep of {table} failed and will be tried again: {why}";
      return { level: "warn", message, facts: { event: kind, table, why } };
    }
    case "flushed": {
      const { kind, counts, ...facts } = event;
      const message = "Flushed {rows} rows ({reason})";
      return { level: "debug", message, facts: { event: kind, ...facts, ...counts } };
    }
  }
}
