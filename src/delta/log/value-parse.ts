const datePattern = /^([+-]?\d{4,6})-(\d{1,2})-(\d{1,2})(?:[T ].*)?$/;

/** `2026-01-31` → days since 1970-01-01; null when it is no date. */
export function parseDate(text: string): number | null {
  const match = datePattern.exec(text.trim());
  if (match === null) return null;
  const ms = utcMs([match[1], match[2], match[3]].map(Number));
  return ms === null ? null : ms / 86_400_000;
}

const timestampPattern = new RegExp(
  "^([+-]?\\d{4,6})-(\\d{1,2})-(\\d{1,2})" +
    "(?:[T ](\\d{1,2}):(\\d{2})(?::(\\d{2})(?:\\.(\\d{1,9}))?)?)?" +
    "\\s*(Z|UTC|[+-]\\d{2}(?::?\\d{2})?)?$",
);

/**
 * ISO 8601 and the forms that writers of Delta logs use instead (a space for the `T`, up to nine
 * digits of fraction, offsets) → microseconds, cut down; null when it is no timestamp. Without an
 * offset it is taken as UTC; `dropped` ignores the offset (`timestamp_ntz`).
 */
export function parseTimestampMicros(
  text: string,
  { zone }: { readonly zone: "kept" | "dropped" },
): bigint | null {
  const match = timestampPattern.exec(text.trim());
  if (match === null) return null;
  const parts = match.slice(1, 7).map((part) => Number(part ?? 0));
  const ms = utcMs(parts);
  if (ms === null) return null;
  const fraction = BigInt((match[7] ?? "").padEnd(6, "0").slice(0, 6));
  const local = BigInt(ms) * 1000n + fraction;
  return zone === "dropped" ? local : local - BigInt(offsetMinutes(match[8])) * 60_000_000n;
}

function offsetMinutes(zone: string | undefined): number {
  const match = /^([+-])(\d{2}):?(\d{2})?$/.exec(zone ?? "");
  if (match === null) return 0;
  const minutes = Number(match[2]) * 60 + Number(match[3] ?? 0);
  return match[1] === "-" ? -minutes : minutes;
}

/** Null unless the parts are a real date and time (no 30th of February, no 25 o'clock). */
function utcMs(parts: readonly number[]): number | null {
  const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] = parts;
  if (hour > 23 || minute > 59 || second > 59) return null;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second);
  const isReal = date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
  return isReal ? date.getTime() : null;
}

const decimalPattern = /^([+-]?)(\d*)\.?(\d*)(?:[eE]([+-]?\d{1,4}))?$/;

/** `123.4`, `1.234E2` → unscaled; null when it is no number or does not fit without rounding. */
export function parseDecimal(text: string, precision: number, scale: number): bigint | null {
  const match = decimalPattern.exec(text.trim());
  if (match === null) return null;
  const [, sign, whole = "", fraction = "", exponent] = match;
  if (whole === "" && fraction === "") return null;
  const shift = scale - fraction.length + Number(exponent ?? 0);
  let unscaled = BigInt(whole + fraction);
  if (shift >= 0) unscaled *= 10n ** BigInt(Math.min(shift, 100));
  else {
    const divisor = 10n ** BigInt(Math.min(-shift, 10_000));
    if (unscaled % divisor !== 0n) return null;
    unscaled /= divisor;
  }
  if (unscaled >= 10n ** BigInt(precision)) return null;
  return sign === "-" ? -unscaled : unscaled;
}
