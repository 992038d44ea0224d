import { Buffer } from "node:buffer";
import { type NormalRow, type NormalValue, textOf } from "./normal-form.ts";

/**
 * The first difference between two sets of rows in words, or null when they are equal. Rows are
 * matched by the column `key` where every expected row has it, else by their whole text; their
 * order does not count.
 */
export function firstDifference(
  expected: readonly NormalRow[],
  actual: readonly NormalRow[],
  key = "id",
): string | null {
  const textKey = (row: NormalRow): string =>
    expected.every((each) => key in each) ? `${textOf(row[key])} ${textOf(row)}` : textOf(row);
  const sorted = (rows: readonly NormalRow[]): NormalRow[] =>
    rows.map((row) => ({ row, text: textKey(row) }))
      .sort((a, b) => a.text < b.text ? -1 : a.text > b.text ? 1 : 0)
      .map(({ row }) => row);
  const [left, right] = [sorted(expected), sorted(actual)];
  if (left.length !== right.length) {
    const there = new Set(right.map(textOf));
    const lost = left.find((row) => !there.has(textOf(row)));
    const example = lost === undefined ? "" : `; for example missing: ${readable(lost)}`;
    return `${right.length} rows instead of ${left.length}${example}`;
  }
  for (const [index, row] of left.entries()) {
    const difference = valueDifference(row, right[index] ?? null, "");
    if (difference !== null) {
      const name = key in row ? `row ${key}=${readable(row[key])}` : `row ${index} in sorted order`;
      return `${name}: ${difference}`;
    }
  }
  return null;
}

function valueDifference(
  expected: NormalValue | undefined,
  actual: NormalValue | undefined,
  path: string,
): string | null {
  if (textOf(expected) === textOf(actual)) return null;
  const at = path === "" ? "" : `${path}: `;
  if (isList(expected) && isList(actual)) {
    if (expected.length !== actual.length) {
      return `${at}${actual.length} elements instead of ${expected.length}`;
    }
    return firstOf(expected.map((item, i) => valueDifference(item, actual[i], `${path}[${i}]`)));
  }
  if (isObject(expected) && isObject(actual)) {
    const names = Object.keys(expected);
    const missing = names.filter((name) => !(name in actual));
    const extra = Object.keys(actual).filter((name) => !(name in expected));
    if (missing.length > 0) return `${at}no column ${missing.join(", ")}`;
    if (extra.length > 0) return `${at}unexpected column ${extra.join(", ")}`;
    const step = path === "" ? "" : `${path}.`;
    return firstOf(
      names.map((name) => valueDifference(expected[name], actual[name], `${step}${name}`)),
    );
  }
  return `${at}${readable(actual)} instead of ${readable(expected)}`;
}

function firstOf(differences: readonly (string | null)[]): string | null {
  return differences.find((difference) => difference !== null) ?? null;
}

/** A normal value for people: floats as numbers, long texts cut. */
function readable(value: NormalValue | undefined): string {
  const text = textOf(value ?? null).replace(/"f:([0-9a-f]{16})"/g, (_all, hex: string) => {
    const number = Buffer.from(hex, "hex").readDoubleBE();
    return Object.is(number, -0) ? "-0.0" : String(number);
  });
  return text.length <= 200 ? text : `${text.slice(0, 200)}…`;
}

function isList(value: NormalValue | undefined): value is readonly NormalValue[] {
  return Array.isArray(value);
}

function isObject(value: NormalValue | undefined): value is NormalRow {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
