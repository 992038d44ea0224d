import { createHash } from "node:crypto";
import type { ColumnBatch } from "../../delta/columns/column.ts";
import { valueAt } from "../../delta/columns/column-value.ts";
import type { StructType } from "../../delta/schema/data-type.ts";
import { ourColumns } from "../decode/our-columns.ts";

/** Columns that say when a row was written: no two readings of a record agree in them. */
const written: ReadonlySet<string> = new Set([
  ourColumns.ingestionTimestamp,
  ourColumns.ingestionDate,
]);

/**
 * The values of a row by column, as texts that are equal for equal values whatever the types of the
 * columns (1 as integer, long or double); nulls and what is only of null are left out.
 */
export function valueTexts(
  schema: StructType,
  batch: ColumnBatch,
  row: number,
): Map<string, string> {
  const texts = new Map<string, string>();
  for (const [index, { name, type }] of schema.fields.entries()) {
    if (written.has(name)) continue;
    const text = textOf(valueAt(batch.columns[index]!, type, row));
    if (text !== null) texts.set(name, text);
  }
  return texts;
}

/** 64 bits of a row's values, as two numbers; never both zero. */
export function rowHash(texts: ReadonlyMap<string, string>): readonly [number, number] {
  const hash = createHash("sha256");
  for (const [name, text] of [...texts].sort(([a], [b]) => a < b ? -1 : 1)) {
    hash.update(JSON.stringify(name)).update(text);
  }
  const digest = hash.digest();
  return [digest.readUInt32LE(0) | 1, digest.readUInt32LE(4)];
}

function textOf(value: unknown): string | null {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "bigint":
    case "boolean":
      return String(value);
    case "number":
      return Object.is(value, -0) ? "-0" : String(value);
    case "object":
      break;
    default:
      return null;
  }
  if (value === null) return null;
  if (ArrayBuffer.isView(value)) {
    const bytes = new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
    return `x${[...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  }
  if (value instanceof Map) {
    return `{${[...value].map(([key, item]) => `${textOf(key)}:${textOf(item)}`).join()}}`;
  }
  if (Array.isArray(value)) return `[${value.map((item) => textOf(item) ?? "null").join()}]`;
  const members = Object.entries(value).flatMap(([name, item]): string[] => {
    const text = textOf(item);
    return text === null ? [] : [`${JSON.stringify(name)}:${text}`];
  });
  return members.length === 0 ? null : `{${members.sort().join()}}`;
}
