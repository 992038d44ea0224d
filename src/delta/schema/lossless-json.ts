import type { JsonValue } from "./data-type.ts";

/**
 * JSON that loses no digit: a number whose text is not what JavaScript would print for it
 * (`9223372036854775807`, `1.0`, `1e3`) is kept as an object with this one key and its text.
 * Plain data, so that it survives `structuredClone`; the key cannot occur by accident.
 */
const rawNumberKey = "\u0000number";

type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;
const parseWithSource = JSON.parse as (text: string, reviver: Reviver) => unknown;

/** Parses JSON; see above for numbers. Throws a `SyntaxError`. */
export function parseLossless(text: string): JsonValue {
  return parseWithSource(text, (_key, value, context) => {
    if (typeof value !== "number" || context.source === undefined) return value;
    return context.source === String(value) ? value : { [rawNumberKey]: context.source };
  }) as JsonValue;
}

/** The text of a number that was kept as text, else null. */
export function rawNumberText(value: unknown): string | null {
  if (typeof value !== "object" || value === null) return null;
  const text = (value as Readonly<Record<string, unknown>>)[rawNumberKey];
  return typeof text === "string" ? text : null;
}

/** A number given as its text: digits, sign, point and exponent as JSON allows them. */
export function rawNumber(text: string): JsonValue {
  return { [rawNumberKey]: text };
}

/** What `stringifyLossless` takes: JSON values, bigints, and undefined members (left out). */
export type LosslessInput = JsonValue | bigint | undefined | readonly LosslessInput[] | {
  readonly [key: string]: LosslessInput;
};

/** The inverse of `parseLossless`: numbers kept as text come out as that text, bigints as digits. */
export function stringifyLossless(value: LosslessInput): string {
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return JSON.stringify(value ?? null);
  if (Array.isArray(value)) return `[${value.map(stringifyLossless).join(",")}]`;
  const raw = rawNumberText(value);
  if (raw !== null) return raw;
  const members: string[] = [];
  for (const [key, member] of Object.entries(value)) {
    if (member === undefined) continue;
    members.push(`${JSON.stringify(key)}:${stringifyLossless(member)}`);
  }
  return `{${members.join(",")}}`;
}
