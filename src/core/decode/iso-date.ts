import { type NumberToken, setSmall } from "./number-literal.ts";

/** 0001-01-01T00:00:00Z and the first moment after 9999-12-31, ms: what readers of Delta take. */
export const dateMsMin = -62135596800000;
export const dateMsEnd = 253402300800000;

/**
 * Reads an ISO-8601 date with time and offset, as Extended JSON's relaxed flavour writes them:
 * `2018-05-08T06:34:12.345Z`. Sets the token to milliseconds since the epoch; false for any other
 * text (a date without a time is a user's string, no BSON date).
 */
export function millisOfIsoDate(
  u: Uint8Array,
  start: number,
  stop: number,
  token: NumberToken,
): boolean {
  if (stop - start < 20 || stop - start > 29) return false;
  if (u[start + 4] !== 45 || u[start + 7] !== 45 || u[start + 10] !== 84) return false;
  if (u[start + 13] !== 58 || u[start + 16] !== 58) return false;
  const year = digits(u, start, 4);
  const month = digits(u, start + 5, 2);
  const day = digits(u, start + 8, 2);
  const hour = digits(u, start + 11, 2);
  const minute = digits(u, start + 14, 2);
  const second = digits(u, start + 17, 2);
  if (year < 0 || month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) return false;
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return false;
  let p = start + 19;
  let milli = 0;
  if (u[p] === 46) {
    p++;
    let unit = 100;
    while (p < stop && u[p]! >= 48 && u[p]! <= 57 && unit >= 1) {
      milli += (u[p++]! - 48) * unit;
      unit = unit / 10;
    }
    if (unit === 100) return false;
  }
  const offset = offsetMinutes(u, p, stop);
  if (Number.isNaN(offset)) return false;
  const ms = daysFromCivil(year, month, day) * 86400000 +
    (hour * 3600 + minute * 60 + second) * 1000 + Math.round(milli) - offset * 60000;
  setSmall(token, ms);
  return true;
}

/** `Z`, `+01:00` or `+0100`; NaN for anything else. */
function offsetMinutes(u: Uint8Array, p: number, stop: number): number {
  if (u[p] === 90) return p + 1 === stop ? 0 : Number.NaN;
  const sign = u[p] === 43 ? 1 : u[p] === 45 ? -1 : Number.NaN;
  const minuteAt = u[p + 3] === 58 ? p + 4 : p + 3;
  if (minuteAt + 2 !== stop) return Number.NaN;
  const hours = digits(u, p + 1, 2);
  const minutes = digits(u, minuteAt, 2);
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return Number.NaN;
  return sign * (hours * 60 + minutes);
}

function digits(u: Uint8Array, p: number, count: number): number {
  let value = 0;
  for (let i = 0; i < count; i++) {
    const c = u[p + i]!;
    if (!(c >= 48 && c <= 57)) return -1;
    value = value * 10 + c - 48;
  }
  return value;
}

function daysIn(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Days since 1970-01-01 in the proleptic Gregorian calendar. */
function daysFromCivil(year: number, month: number, day: number): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) +
    dayOfYear;
  return era * 146097 + dayOfEra - 719468;
}
