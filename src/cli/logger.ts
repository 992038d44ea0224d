import { configureSync, getLogger, type Logger, type LogRecord } from "@logtape/logtape";
import { jsonText } from "./output/json-text.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";

export type { Logger } from "@logtape/logtape";

export type LogSink = (line: string) => void;

/**
 * The process's logger. Levels: `info` is what an operator may like to know, `warn` something that
 * was recovered with nothing lost, `error` what needs a person. Nothing is logged per record.
 *
 * `form`: `json` is one object a line (`time`, `level`, `message`, then the facts), `text` is for a
 * terminal.
 */
export function openLogger(
  { level, form, sink }: {
    readonly level: LogLevel;
    readonly form: "json" | "text";
    readonly sink: LogSink;
  },
): Logger {
  const format = form === "json" ? jsonLine : textLine;
  configureSync({
    // In-process runs (tests) configure again; the newest run owns the sink.
    reset: true,
    sinks: { stderr: (record: LogRecord) => sink(format(record)) },
    loggers: [
      {
        category: ["cdcdelta"],
        sinks: ["stderr"],
        lowestLevel: level === "warn" ? "warning" : level,
      },
      { category: ["logtape", "meta"], sinks: [], lowestLevel: "error" },
    ],
  });
  return getLogger(["cdcdelta"]);
}

function jsonLine(record: LogRecord): string {
  const { timestamp, properties } = record;
  const time = new Date(timestamp).toISOString();
  const line = { time, level: levelOf(record), message: messageOf(record), ...properties };
  return `${jsonText(line, 0)}\n`;
}

function textLine(record: LogRecord): string {
  const time = new Date(record.timestamp).toISOString().slice(11, 19);
  return `${time} ${levelOf(record).padEnd(5)} ${messageOf(record)}\n`;
}

function levelOf({ level }: LogRecord): string {
  return level === "warning" ? "warn" : level;
}

/** The message with its values put in as they are, texts without quotes. */
function messageOf({ message }: LogRecord): string {
  return message.map((part) => typeof part === "string" ? part : jsonText(part, 0)).join("");
}
