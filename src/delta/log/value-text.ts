const dayMs = 86_400_000;

/** Years that the four digits of ISO 8601 can say. */
const yearMin = 0;
const yearMax = 9999;

/** Days since 1970-01-01 → `2026-01-31`; null outside of the years 0 to 9999. */
export function formatDate(days: number): string | null {
  const text = isoOf(days * dayMs);
  return text === null ? null : text.slice(0, 10);
}

/** Microseconds → `2026-01-31T12:00:00.123`, cut down to milliseconds; null as `formatDate`. */
export function formatTimestampMs(micros: bigint): string | null {
  return isoOf(floorDiv(micros, 1000n))?.slice(0, 23) ?? null;
}

/** Microseconds → `2026-01-31T12:00:00.123456`; null as `formatDate`. */
export function formatTimestampMicros(micros: bigint): string | null {
  const text = isoOf(floorDiv(micros, 1000n));
  if (text === null) return null;
  const rest = ((micros % 1000n) + 1000n) % 1000n;
  return `${text.slice(0, 23)}${String(rest).padStart(3, "0")}`;
}

/** Unscaled decimal → plain digits with all of its scale: `12340`, 2 → `123.40`. */
export function decimalText(unscaled: bigint, scale: number): string {
  if (scale === 0) return unscaled.toString();
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, "0");
  const sign = unscaled < 0n ? "-" : "";
  return `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

function floorDiv(value: bigint, by: bigint): number {
  const quotient = value / by;
  return Number(value % by < 0n ? quotient - 1n : quotient);
}

function isoOf(ms: number): string | null {
  const date = new Date(ms);
  const year = date.getUTCFullYear();
  // NaN, for times that a Date cannot hold, fails both comparisons.
  return year >= yearMin && year <= yearMax ? date.toISOString() : null;
}
