/** What is logged of an event. */
export type LogEntry = {
  readonly level: "debug" | "info" | "warn";
  /** Names in braces stand for facts. */
  readonly message: string;
  readonly facts: Readonly<Record<string, unknown>>;
};

/** A log entry in one line of code. */
export function entry(
  level: LogEntry["level"],
  message: string,
  facts: LogEntry["facts"],
): LogEntry {
  return { level, message, facts };
}
