import { Buffer } from "node:buffer";
import { Binary, BSON, Decimal128, Double, Int32, Long, ObjectId, Timestamp } from "mongodb";
import type { NormalValue } from "../support/normal-form.ts";

/**
 * What a value of a document must be in its column, in the readers' normal form, by the table of
 * types alone. Documents are read with `promoteValues: false`, so that numbers keep their types.
 */
export function bsonNormalForm(value: unknown): NormalValue {
  if (value === null || value === undefined) return null;
  if (typeof value === "string") return `s:${value}`;
  if (typeof value === "boolean") return `b:${value}`;
  if (typeof value === "bigint") return `i:${value}`;
  if (value instanceof Int32) return `i:${value.value}`;
  if (value instanceof Long) return `i:${value.toString()}`;
  if (value instanceof Double) return doubleForm(value.value);
  if (typeof value === "number") return doubleForm(value);
  if (value instanceof ObjectId) return `s:${value.toHexString()}`;
  if (value instanceof Date) return `t:${BigInt(value.getTime()) * 1000n}Z`;
  if (value instanceof Decimal128) return `d:${withScale(value.toString(), 18)}`;
  if (value instanceof Timestamp) return { t: `i:${value.t}`, i: `i:${value.i}` };
  if (value instanceof Binary) return binaryForm(value);
  if (Array.isArray(value)) return value.map(bsonNormalForm);
  if (isPlain(value)) {
    return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, bsonNormalForm(v)]));
  }
  // Regular expressions, code, keys: canonical Extended JSON.
  return `s:${BSON.EJSON.stringify(value, { relaxed: false })}`;
}

/**
 * What differs between a document and its row, in words, or null. Columns that the document lacks
 * must be null; an integer may stand in a column that became a double.
 */
export function documentDifference(
  expected: NormalValue | undefined,
  actual: NormalValue | undefined,
  place = "",
): string | null {
  if (expected === undefined || expected === null) {
    return actual === null || actual === undefined ? null : `${place}: ${text(actual)} is too much`;
  }
  if (Array.isArray(expected) && Array.isArray(actual)) {
    if (expected.length !== actual.length) {
      return `${place}: ${text(actual)} instead of ${text(expected)}`;
    }
    return first(expected.map((item, i) => documentDifference(item, actual[i], `${place}[${i}]`)));
  }
  if (isPlain(expected) && isPlain(actual)) {
    const names = [...new Set([...Object.keys(expected), ...Object.keys(actual)])];
    return first(names.map((name) =>
      documentDifference(
        expected[name] as NormalValue,
        actual[name] as NormalValue,
        place === "" ? name : `${place}.${name}`,
      )
    ));
  }
  if (text(expected) === text(actual) || isSameNumber(expected, actual)) return null;
  return `${place}: ${text(actual)} instead of ${text(expected)}`;
}

function first(differences: readonly (string | null)[]): string | null {
  return differences.find((each) => each !== null) ?? null;
}

function isSameNumber(expected: NormalValue, actual: NormalValue | undefined): boolean {
  if (typeof expected !== "string" || typeof actual !== "string") return false;
  if (!expected.startsWith("i:") || !actual.startsWith("f:")) return false;
  return doubleForm(Number(expected.slice(2))) === actual;
}

function doubleForm(value: number): string {
  if (Number.isNaN(value)) return "f:NaN";
  const bits = Buffer.alloc(8);
  bits.writeDoubleBE(value);
  return `f:${bits.toString("hex")}`;
}

/** Decimal text with exactly `scale` digits after the point; plain notation only. */
function withScale(digits: string, scale: number): string {
  const [, whole = "", fraction = ""] = /^(-?\d+)(?:\.(\d+))?$/.exec(digits) ?? [];
  return `${whole}.${fraction.padEnd(scale, "0")}`;
}

function binaryForm(value: Binary): string {
  const bytes = Buffer.from(value.buffer).subarray(0, value.length());
  const hex = bytes.toString("hex");
  if (value.sub_type !== Binary.SUBTYPE_UUID && value.sub_type !== Binary.SUBTYPE_UUID_OLD) {
    return `x:${hex}`;
  }
  return `s:${hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5")}`;
}

function isPlain(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null &&
    (Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null);
}

function text(value: NormalValue | undefined): string {
  const json = JSON.stringify(value ?? null);
  return json.length < 200 ? json : `${json.slice(0, 200)}…`;
}
