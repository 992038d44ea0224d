const digits2 = Array.from({ length: 100 }, (_, i) => String(i).padStart(2, "0"));

/** Days since 1970-01-01 as `2026-01-31` (proleptic Gregorian); years beyond 0 to 9999 get a sign. */
export function dateText(days: number): string {
  // Days of the civil calendar in 400-year eras that begin in March (Howard Hinnant's algorithm).
  const shifted = days + 719468;
  const era = Math.floor(shifted / 146097);
  const dayOfEra = shifted - era * 146097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36524) -
      Math.floor(dayOfEra / 146096)) / 365,
  );
  const dayOfYear = dayOfEra -
    (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1;
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return `${yearText(year)}-${digits2[month]!}-${digits2[day]!}`;
}

function yearText(year: number): string {
  if (year >= 0 && year <= 9999) return String(year).padStart(4, "0");
  const text = String(Math.abs(year)).padStart(4, "0");
  return year < 0 ? `-${text}` : `+${text}`;
}

const microsPerDay = 86_400_000_000;

/**
 * Microseconds since the epoch as `2026-01-31T12:00:00.123456`, without a zone; `fraction` is the
 * number of digits of the second's fraction, further ones are cut off.
 */
export function timestampText(micros: bigint, fraction: 3 | 6 = 6): string {
  // Within the safe integers (285 years around the epoch) plain numbers do, at a fraction of the cost.
  const near = Number(micros);
  const days = Number.isSafeInteger(near)
    ? Math.floor(near / microsPerDay)
    : Number((micros - floorRest(micros)) / BigInt(microsPerDay));
  const inDay = Number.isSafeInteger(near) ? near - days * microsPerDay : Number(floorRest(micros));
  const seconds = Math.floor(inDay / 1_000_000);
  const rest = String(inDay - seconds * 1_000_000).padStart(6, "0");
  const hour = digits2[Math.floor(seconds / 3600)]!;
  const minute = digits2[Math.floor(seconds / 60) % 60]!;
  const second = digits2[seconds % 60]!;
  return `${dateText(days)}T${hour}:${minute}:${second}.${
    fraction === 6 ? rest : rest.slice(0, 3)
  }`;
}

/** Microseconds into the day, never negative. */
function floorRest(micros: bigint): bigint {
  const day = BigInt(microsPerDay);
  return ((micros % day) + day) % day;
}

/** An unscaled decimal as plain digits with `scale` places: (12340, 2) is `123.40`. */
export function decimalText(unscaled: bigint, scale: number): string {
  if (scale === 0) return unscaled.toString();
  const sign = unscaled < 0n ? "-" : "";
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, "0");
  return `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}
