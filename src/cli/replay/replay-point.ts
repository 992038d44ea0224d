import type { NamedOffset, ReplayPoint } from "../../core/replay/replay-range.ts";
import { timestamp } from "../command-options.ts";
import {
  invalid,
  ok,
  quote,
  type Reading,
  type ValueType,
  valueType,
} from "../settings/value-type.ts";

/** A point in Kafka or in a table: `offset:…`, `timestamp:…` or `version:…`. */
export function replayPoint(): ValueType<ReplayPoint> {
  return valueType<ReplayPoint>({
    placeholder: "<point>",
    form: "`offset:<topic>:<partition>:<offset>`, `timestamp:<time>` or `version:<v>`",
    arity: "repeatable",
    read: (input) => readPoints(Array.isArray(input) ? input.map(String) : [String(input)]),
    show: pointText,
  });
}

const examples = "write offset:cdc.shop.orders:0:1200 (several, or with commas between), " +
  "timestamp:2026-01-31T12:00:00Z or version:41";

function readPoints(texts: readonly string[]): Reading<ReplayPoint> {
  const offsets: NamedOffset[] = [];
  for (const text of texts) {
    const at = text.indexOf(":");
    const [kind, rest] = [text.slice(0, Math.max(0, at)), text.slice(at + 1).trim()];
    if (kind === "offset" || kind === "offsets") {
      for (const part of rest.split(",")) {
        const named = readOffset(part.trim().replace(/^offset:/, ""));
        if (named === null) return invalid(`${quote(part)} is not an offset`, examples);
        if (offsets.some((one) => one.topic === named.topic && one.partition === named.partition)) {
          return invalid(`${quote(part)} names a partition again`, "name each partition once");
        }
        offsets.push(named);
      }
      continue;
    }
    if (texts.length > 1) {
      return invalid(`${quote(text)} is not the only point`, "repeat the flag for offsets only");
    }
    if (kind === "version" && /^\d{1,15}$/.test(rest)) {
      return ok({ kind: "version", version: Number(rest) });
    }
    if (kind === "timestamp") {
      const read = timestamp().schema.safeParse(rest);
      if (read.success) return ok({ kind: "timestamp", timestampMs: read.data });
    }
    return invalid(`${quote(text)} is not a point`, examples);
  }
  return ok({ kind: "offsets", offsets });
}

/** Topic names have no colon. */
function readOffset(text: string): NamedOffset | null {
  const [, topic, partition, offset] = /^([\w.-]+):(\d{1,9}):(\d{1,18})$/.exec(text) ?? [];
  if (topic === undefined || partition === undefined || offset === undefined) return null;
  return { topic, partition: Number(partition), offset: BigInt(offset) };
}

/** As it is written on a command line. */
export function pointText(point: ReplayPoint): string {
  switch (point.kind) {
    case "version":
      return `version:${point.version}`;
    case "timestamp":
      return `timestamp:${new Date(point.timestampMs).toISOString()}`;
    case "offsets":
      return `offset:${
        point.offsets.map(({ topic, partition, offset }) => `${topic}:${partition}:${offset}`)
          .join(",")
      }`;
  }
}
