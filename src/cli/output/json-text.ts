import { rawNumberText } from "../../delta/schema/lossless-json.ts";

/**
 * JSON text of a value in which bigints stand as JSON numbers with all their digits, as Delta's
 * versions and counts are (`JSON.stringify` refuses them), and so do numbers that `parseLossless`
 * kept as text.
 */
export function jsonText(value: unknown, indent = 2): string {
  return write(value, indent, "");
}

function write(value: unknown, indent: number, margin: string): string {
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  const digits = rawNumberText(value);
  if (digits !== null) return digits;
  const inner = margin + " ".repeat(indent);
  const [open, between, close] = indent === 0
    ? ["", ",", ""]
    : [`\n${inner}`, `,\n${inner}`, `\n${margin}`];
  if (Array.isArray(value)) {
    if (value.length === 0) return "[]";
    return `[${open}${value.map((each) => write(each, indent, inner)).join(between)}${close}]`;
  }
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  if (entries.length === 0) return "{}";
  const colon = indent === 0 ? ":" : ": ";
  const parts = entries.map(([key, each]) =>
    `${JSON.stringify(key)}${colon}${write(each, indent, inner)}`
  );
  return `{${open}${parts.join(between)}${close}}`;
}
