import type { LostRange, LostVersions } from "../../delta/operations/lost-versions.ts";
import { isoTime } from "../inspect/table-facts.ts";
import { nounFor } from "../output/counted.ts";
import { tableText } from "../output/table-text.ts";

/** Versions without a gap that stop being readable, in the names that scripts rely on. */
export type UnreadableRange = {
  readonly first: number;
  readonly last: number;
  /** `--timestamp` stops working from the one time on, before the other; null: not known. */
  readonly fromTimestamp: string | null;
  readonly beforeTimestamp: string | null;
};

/** What stops being readable; what was not readable before is left out. */
export type Unreadable = {
  readonly versions: readonly UnreadableRange[];
  /** Versions of which `inspect --changes` cannot be shown any more. */
  readonly changes: readonly UnreadableRange[];
};

/** Pure. */
export function unreadableOf({ versions, changes }: LostVersions): Unreadable {
  const shown = ({ first, last, fromMs, beforeMs }: LostRange): UnreadableRange => ({
    first,
    last,
    fromTimestamp: isoTime(fromMs),
    beforeTimestamp: isoTime(beforeMs),
  });
  return { versions: versions.map(shown), changes: changes.map(shown) };
}

type Span = { readonly first: number; readonly last: number };

/** Ranges of a line; the others are counted. */
const rangesMax = 4;

/** `versions 0 to 3, 7; changes of 9`, or null when all stays readable. Pure. */
export function unreadableText({ versions, changes }: Unreadable): string | null {
  const more = changesAlone({ versions, changes });
  const texts = [
    ...versions.length === 0 ? [] : [`${versionNoun(versions)} ${spansText(versions)}`],
    ...more.length === 0 ? [] : [`changes of ${spansText(more)}`],
  ];
  return texts.length === 0 ? null : texts.join("; ");
}

function versionNoun(spans: readonly Span[]): string {
  return nounFor(spans.reduce((sum, { first, last }) => sum + last - first + 1, 0), "version");
}

function spansText(spans: readonly Span[]): string {
  const texts = spans.slice(0, rangesMax).map(spanText);
  const rest = spans.length - texts.length;
  return `${texts.join(", ")}${rest > 0 ? ` and ${rest} more ranges` : ""}`;
}

const spanText = ({ first, last }: Span): string =>
  first === last ? `${first}` : `${first} to ${last}`;

/** Versions whose changes stop being readable and whose rows do not. */
function changesAlone({ versions, changes }: Unreadable): Span[] {
  const left: Span[] = [];
  let next = 0;
  for (const { first, last } of changes) {
    let from = first;
    while (next < versions.length && versions[next]!.last < from) next += 1;
    for (let i = next; i < versions.length && versions[i]!.first <= last; i++) {
      if (versions[i]!.first > from) left.push({ first: from, last: versions[i]!.first - 1 });
      from = versions[i]!.last + 1;
    }
    if (from <= last) left.push({ first: from, last });
  }
  return left;
}

/** The versions that stop being readable with their times, one range a line; "" when none does. Pure. */
export function unreadableTable({ versions }: Unreadable, limit: number): string {
  if (versions.length === 0) return "";
  const rows = versions.slice(0, limit).map((range) => [
    spanText(range),
    range.fromTimestamp,
    range.beforeTimestamp,
  ]);
  const more = versions.length > limit
    ? `and ${versions.length - limit} more ranges (--limit all lists them)\n`
    : "";
  return `${tableText(["no longer readable", "timestamps from", "to before"], rows)}${more}`;
}
