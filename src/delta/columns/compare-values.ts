import type { Value } from "./column-builder.ts";

/**
 * The order of two values of one type: negative, 0 or positive. NaN is the largest number and equals
 * itself, 0 equals -0, as in Spark; text compares as its UTF-8 bytes, as everywhere in Delta. Not
 * for nested values. Pure.
 */
export function compareValues(a: Value, b: Value): number {
  if (typeof a === "number" && typeof b === "number") {
    const [aIsNaN, bIsNaN] = [Number.isNaN(a), Number.isNaN(b)];
    if (aIsNaN || bIsNaN) return Number(aIsNaN) - Number(bIsNaN);
    return a < b ? -1 : a > b ? 1 : 0;
  }
  if (typeof a === "bigint" && typeof b === "bigint") return a < b ? -1 : a > b ? 1 : 0;
  if (typeof a === "boolean" && typeof b === "boolean") return Number(a) - Number(b);
  return compareBytes(bytesOf(a), bytesOf(b));
}

function bytesOf(value: Value): Uint8Array {
  if (value instanceof Uint8Array) return value;
  return new TextEncoder().encode(typeof value === "string" ? value : "");
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const order = (a[i] ?? 0) - (b[i] ?? 0);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}
