import type { Logger } from "@logtape/logtape";
import type { CompactionEvent } from "../core/compaction/compaction-event.ts";
import { entry, type LogEntry } from "./log-entry.ts";
import { nounFor } from "./output/counted.ts";

/** Writes what the compaction beside a run does to the log. */
export function logCompaction(logger: Logger, event: CompactionEvent): void {
  const { level, message, facts } = compactionLogEntry(event);
  logger[level](message, { event: event.kind, ...facts });
}

/** The log entry of an event: level, message and facts. Pure. */
export function compactionLogEntry(event: CompactionEvent): LogEntry {
  switch (event.kind) {
    case "compacted": {
      const { kind: _, ...facts } = event;
      const files = nounFor(event.removedFiles, "file");
      const message = `Merged {removedFiles} small ${files} of {table}, from days gone by, into ` +
        "{addedFiles}";
      return entry("info", message, facts);
    }
    case "compaction-paused": {
      const { table, lag } = event;
      const message = "Compaction of {table} waits: the run is {lag} records behind";
      return entry("info", message, { table, lag: String(lag) });
    }
    case "compaction-failed": {
      const { kind: _, ...facts } = event;
      const message =
        "Compaction of {table} failed and will be tried again; nothing is lost: {why}";
      return entry("warn", message, facts);
    }
  }
}
