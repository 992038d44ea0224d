import { CdcDeltaError } from "../../errors.ts";
import type { Value } from "../columns/column-builder.ts";
import { dateText, decimalText, timestampText } from "../columns/value-text.ts";
import type { DataType } from "../schema/data-type.ts";
import { typeName } from "../schema/type-name.ts";
import { parseDate, parseDecimal, parseTimestampMicros } from "./value-parse.ts";

/**
 * A typed value → its text in `add.partitionValues` (PROTOCOL.md, "Partition Value
 * Serialization"). Null for null and for the empty string, which readers do not tell apart. Throws
 * `unsupported` for values and types that cannot stand there.
 */
export function serializePartitionValue(value: Value, type: DataType): string | null {
  if (value === null) return null;
  const text = textOf(value, type);
  if (text === null) {
    throw new CdcDeltaError(
      "unsupported",
      `Cannot partition by a value of type ${typeName(type)}: choose another partition column`,
    );
  }
  return text === "" ? null : text;
}

function textOf(value: Value, type: DataType): string | null {
  switch (type.kind) {
    case "string":
      return typeof value === "string" ? value : null;
    case "byte":
    case "short":
    case "integer":
    case "long":
      return typeof value === "number" || typeof value === "bigint" ? value.toString() : null;
    case "float":
      return typeof value === "number" ? floatText(value) : null;
    case "double":
      return typeof value === "number" ? doubleText(value) : null;
    case "decimal":
      return typeof value === "bigint" ? decimalText(value, type.scale) : null;
    case "boolean":
      return typeof value === "boolean" ? String(value) : null;
    case "date":
      return typeof value === "number" ? dateText(value) : null;
    case "timestamp":
      return typeof value === "bigint" ? `${timestampText(value)}Z` : null;
    case "timestamp_ntz":
      return typeof value === "bigint" ? timestampText(value).replace("T", " ") : null;
    default:
      return null;
  }
}

function doubleText(value: number): string {
  return Object.is(value, -0) ? "-0.0" : String(value);
}

/** The shortest text that reads back as the same 32-bit float. */
function floatText(value: number): string {
  if (!Number.isFinite(value) || value === 0) return doubleText(value);
  for (const digits of [6, 7, 8]) {
    const text = Number(value.toPrecision(digits));
    if (Math.fround(text) === value) return String(text);
  }
  return String(Number(value.toPrecision(9)));
}

/**
 * A text of `add.partitionValues` → the typed value; null for null and `""` whatever the type.
 * Timestamps without a zone are taken as UTC. Throws `log-corrupt` for text that does not fit.
 */
export function parsePartitionValue(text: string | null, type: DataType): Value {
  if (text === null || text === "") return null;
  const value = valueOf(text, type);
  if (value === null) {
    throw new CdcDeltaError(
      "log-corrupt",
      `The partition value ${JSON.stringify(text)} is no ${typeName(type)}`,
    );
  }
  return value;
}

const integerBits: Readonly<Record<string, number>> = { byte: 8, short: 16, integer: 32, long: 64 };

function valueOf(text: string, type: DataType): Value {
  switch (type.kind) {
    case "string":
      return text;
    case "byte":
    case "short":
    case "integer":
    case "long": {
      if (!/^[+-]?\d+$/.test(text)) return null;
      const value = BigInt(text.replace(/^\+/, ""));
      if (BigInt.asIntN(integerBits[type.kind] ?? 64, value) !== value) return null;
      return type.kind === "long" ? value : Number(value);
    }
    case "float":
      return mapNumber(parseFloating(text), Math.fround);
    case "double":
      return parseFloating(text);
    case "decimal":
      return parseDecimal(text, type.precision, type.scale);
    case "boolean":
      return /^true$/i.test(text) ? true : /^false$/i.test(text) ? false : null;
    case "date":
      return parseDate(text);
    case "timestamp":
      return parseTimestampMicros(text, { zone: "kept" });
    case "timestamp_ntz":
      return parseTimestampMicros(text, { zone: "dropped" });
    case "binary":
      return new TextEncoder().encode(text);
    default:
      return null;
  }
}

function mapNumber(value: number | null, map: (value: number) => number): number | null {
  return value === null ? null : map(value);
}

function parseFloating(text: string): number | null {
  if (/^[+-]?(?:Infinity|inf)$/i.test(text)) return text.startsWith("-") ? -Infinity : Infinity;
  if (/^nan$/i.test(text)) return NaN;
  if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?[dDfF]?$/.test(text)) return null;
  return Number(text.replace(/[dDfF]$/, ""));
}
