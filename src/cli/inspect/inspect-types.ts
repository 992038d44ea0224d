import type { SnapshotAt } from "../../delta/log/snapshot.ts";
import type { ChangeRange } from "../../delta/operations/change-range.ts";
import { parseRowCondition, type RowCondition } from "../../delta/operations/row-condition.ts";
import { type ColumnPath, readColumnPath } from "../../delta/schema/column-path.ts";
import { readTimestamp } from "../command-options.ts";
import {
  invalid,
  ok,
  quote,
  type Reading,
  type ValueType,
  valueType,
} from "../settings/value-type.ts";

/** A range of commits as it was written. */
export type WrittenRange = ChangeRange & { readonly text: string };

/** `3..7`, `2026-01-31..`, `..7`. */
export function changeRange(): ValueType<WrittenRange> {
  return valueType<WrittenRange>({
    placeholder: "<a..b>",
    form: "two versions or times with .. between them; either may be left out",
    read: (input) => readRange(String(input).trim()),
    show: ({ text }) => text,
  });
}

function readRange(text: string): Reading<WrittenRange> {
  const parts = text.split("..");
  const [from, to] = parts;
  if (parts.length !== 2 || from === undefined || to === undefined) {
    return invalid(
      `${quote(text)} is no range`,
      "write A..B, each a version or a time: 3..7, 12.., 2026-01-31T00:00:00Z..",
    );
  }
  const ends = [readEnd(from.trim()), readEnd(to.trim())] as const;
  const wrong = ends.find((end) => end.kind === "invalid");
  if (wrong?.kind === "invalid") return wrong;
  const [first, last] = ends.map((end) => end.kind === "value" ? end.value : null);
  return ok({ text, from: first ?? null, to: last ?? null });
}

function readEnd(text: string): Reading<SnapshotAt | null> {
  if (text === "") return ok(null);
  if (/^\d{1,15}$/.test(text)) return ok({ kind: "version", version: Number(text) });
  const time = readTimestamp(text);
  if (time.kind === "value") return ok({ kind: "timestamp", timestampMs: time.value });
  return invalid(
    `${quote(text)} is neither a version nor a time`,
    "write a number, or a time such as 2026-01-31T12:00:00Z",
  );
}

/** `a,b.c`. */
export function columnPaths(): ValueType<readonly ColumnPath[]> {
  return valueType<readonly ColumnPath[]>({
    placeholder: "<a,b.c>",
    form: "columns with commas between them; fields of structs with dots",
    read: (input) => readPaths(String(input)),
    show: (paths) => paths.map(({ text }) => text).join(","),
  });
}

function readPaths(text: string): Reading<readonly ColumnPath[]> {
  const paths: ColumnPath[] = [];
  for (let rest = text.trim();;) {
    const path = readColumnPath(rest);
    if (path === null) break;
    paths.push(path);
    rest = rest.slice(path.text.length).trimStart();
    if (rest === "") return ok(paths);
    if (!rest.startsWith(",")) break;
    rest = rest.slice(1).trimStart();
  }
  return invalid(
    `${quote(text)} is no list of columns`,
    "write names with commas between them; a name with blanks, commas or dots in backticks",
  );
}

/** A condition as it was written, and as it was understood. */
export type WrittenCondition = { readonly text: string; readonly condition: RowCondition };

/** `a = 1 and b.c is not null`. */
export function rowCondition(): ValueType<WrittenCondition> {
  return valueType<WrittenCondition>({
    placeholder: "<condition>",
    form: "condition on columns, as in SQL",
    read: (input) => {
      const text = String(input).trim();
      const parsed = parseRowCondition(text);
      return parsed.kind === "condition" ? ok({ text, condition: parsed.condition }) : invalid(
        `${quote(text)} is no condition: ${parsed.message}`,
        "write for example \"a = 1 and (b.c is not null or d in ('x', 'y'))\"",
      );
    },
    show: ({ text }) => text,
  });
}

/** A record of Kafka, or of a file under its name. */
export type KafkaPosition = {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
};

/** `topic:partition:offset`. */
export function kafkaPosition(): ValueType<KafkaPosition> {
  return valueType<KafkaPosition>({
    placeholder: "<topic:partition:offset>",
    form: "topic, partition and offset with colons between them",
    read: (input) => {
      const match = /^(.+):(\d{1,9}):(\d{1,18})$/.exec(String(input).trim());
      const [, topic, partition, offset] = match ?? [];
      return topic === undefined || partition === undefined || offset === undefined
        ? invalid(
          `${quote(input)} is no position of a record`,
          "write topic:partition:offset, for example cdc.shop.orders:0:1234",
        )
        : ok({ topic, partition: Number(partition), offset: BigInt(offset) });
    },
    show: ({ topic, partition, offset }) => `${topic}:${partition}:${offset}`,
  });
}
