import {
  configureSync,
  getAnsiColorFormatter,
  getJsonLinesFormatter,
  getLogger,
  type Logger,
  type LogRecord,
} from "@logtape/logtape";

export type LogLevel = "debug" | "info" | "warn" | "error";

export type LogSink = (line: string) => void;

/**
 * The process's logger. Levels: `info` is what an operator may like to know, `warn` something that
 * was recovered with nothing lost, `error` what needs a person. Nothing is logged per record.
 *
 * `form`: `json` is one object a line (`@timestamp`, `level`, `message`, `logger` and the facts),
 * `text` is for a terminal.
 */
export function openLogger(
  { level, form, sink }: {
    readonly level: LogLevel;
    readonly form: "json" | "text";
    readonly sink: LogSink;
  },
): Logger {
  const format = form === "json"
    ? getJsonLinesFormatter({ properties: "flatten" })
    : getAnsiColorFormatter({ timestamp: "time", category: () => "" });
  const lowestLevel = level === "warn" ? "warning" : level;
  configureSync({
    // In-process runs (tests) configure again; the newest run owns the sink.
    reset: true,
    sinks: { stderr: (record: LogRecord) => sink(format(record)) },
    loggers: [
      { category: ["cdcdelta"], sinks: ["stderr"], lowestLevel },
      { category: ["logtape", "meta"], sinks: [], lowestLevel: "error" },
    ],
  });
  return getLogger(["cdcdelta"]);
}
