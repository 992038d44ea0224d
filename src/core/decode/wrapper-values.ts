import { bytesAt, quotedKey, skipColon, skipSpace } from "../event/json-scan.ts";
import { hexDigit } from "../event/json-string.ts";
import { millisOfIsoDate } from "./iso-date.ts";
import { asciiText, numberInteger, numberLong, readNumber } from "./number-literal.ts";
import {
  close,
  content,
  wrapperBinary,
  wrapperDate,
  wrapperDecimal,
  wrapperDouble,
  wrapperInteger,
  wrapperLong,
  wrapperNone,
  wrapperObjectId,
  wrapperTimestamp,
  type WrapperToken,
} from "./wrapper-token.ts";

const numberLongKey = quotedKey("$numberLong");
const base64Key = quotedKey("base64");
const subTypeKey = quotedKey("subType");
const typeKey = quotedKey("$type");
const timeKey = quotedKey("t");
const incrementKey = quotedKey("i");

/*
 * Each reader starts at the value of a wrapper's first key and returns the wrapper's kind, or
 * `wrapperNone` when the object is an ordinary one.
 */

/** 24 hex digits. */
export function readObjectId(u: Uint8Array, p: number, token: WrapperToken): number {
  if (u[p] !== 34 || u[p + 25] !== 34) return wrapperNone;
  for (let i = p + 1; i < p + 25; i++) if (hexDigit(u[i]!) < 0) return wrapperNone;
  token.buffer = u;
  token.start = p + 1;
  token.stop = p + 25;
  return close(u, p + 26, wrapperObjectId, token);
}

/** A quoted integer literal; -1 if it is none or has more than 64 bits. */
function quotedInteger(u: Uint8Array, p: number, token: WrapperToken): number {
  if (u[p] !== 34) return -1;
  const first = u[p + 1]!;
  if (first !== 45 && (first < 48 || first > 57)) return -1;
  if (first === 45 && !(u[p + 2]! >= 48 && u[p + 2]! <= 57)) return -1;
  let digit = p + 2;
  while (u[digit]! >= 48 && u[digit]! <= 57) digit++;
  if (u[digit] !== 34) return -1;
  readNumber(u, p + 1, token.number);
  const { kind } = token.number;
  return kind === numberInteger || kind === numberLong ? token.number.end + 1 : -1;
}

/** An integer of 64 bits in a string. */
export function readNumberLong(u: Uint8Array, p: number, token: WrapperToken): number {
  const end = quotedInteger(u, p, token);
  return end < 0 ? wrapperNone : close(u, end, wrapperLong, token);
}

/** An integer of 32 bits in a string. */
export function readNumberInt(u: Uint8Array, p: number, token: WrapperToken): number {
  const end = quotedInteger(u, p, token);
  if (end < 0 || token.number.kind !== numberInteger) return wrapperNone;
  return close(u, end, wrapperInteger, token);
}

const doubleText = /^-?(\d+(\.\d+)?([eE][+-]?\d+)?|Infinity)$|^NaN$/;

/** A number, `NaN` or `±Infinity` in a string. */
export function readNumberDouble(u: Uint8Array, p: number, token: WrapperToken): number {
  const end = content(u, p, token);
  if (end < 0) return wrapperNone;
  const text = asciiText(token.buffer, token.start, token.stop);
  if (!doubleText.test(text)) return wrapperNone;
  token.number.value = Number(text);
  return close(u, end, wrapperDouble, token);
}

const decimalText = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$|^[+-]?(nan|inf|infinity)$/i;

/** The text of a Decimal128. */
export function readNumberDecimal(u: Uint8Array, p: number, token: WrapperToken): number {
  const end = content(u, p, token);
  if (end < 0) return wrapperNone;
  if (!isPlainDecimal(token.buffer, token.start, token.stop)) {
    if (!decimalText.test(asciiText(token.buffer, token.start, token.stop))) return wrapperNone;
  }
  return close(u, end, wrapperDecimal, token);
}

/** `-?digits(.digits)?`: nearly every decimal there is. */
function isPlainDecimal(u: Uint8Array, start: number, stop: number): boolean {
  let i = u[start] === 45 ? start + 1 : start;
  let points = 0;
  const from = i;
  for (; i < stop; i++) {
    const c = u[i]!;
    if (c === 46) points++;
    else if (c < 48 || c > 57) return false;
  }
  return stop > from && points <= 1 && u[from] !== 46;
}

/** v1: milliseconds; v2: an ISO date or `{"$numberLong":"…"}`. */
export function readDate(u: Uint8Array, p: number, token: WrapperToken): number {
  const c = u[p]!;
  if (c === 34) {
    const end = content(u, p, token);
    if (!millisOfIsoDate(token.buffer, token.start, token.stop, token.number)) return wrapperNone;
    return close(u, end, wrapperDate, token);
  }
  if (c === 123) {
    const inner = skipSpace(u, p + 1);
    if (!bytesAt(u, inner, numberLongKey)) return wrapperNone;
    const end = quotedInteger(u, skipColon(u, inner + numberLongKey.length), token);
    if (end < 0) return wrapperNone;
    const closing = skipSpace(u, end);
    return u[closing] === 125 ? close(u, closing + 1, wrapperDate, token) : wrapperNone;
  }
  if (c !== 45 && !(c >= 48 && c <= 57)) return wrapperNone;
  readNumber(u, p, token.number);
  const { kind } = token.number;
  if (kind !== numberInteger && kind !== numberLong) return wrapperNone;
  return close(u, token.number.end, wrapperDate, token);
}

/** v1 `{"$binary":"…","$type":"00"}` or v2 `{"$binary":{"base64":"…","subType":"00"}}`. */
export function readBinary(u: Uint8Array, p: number, token: WrapperToken): number {
  if (u[p] === 123) {
    const inner = skipSpace(u, p + 1);
    const end = base64AndSubtype(u, inner, base64Key, subTypeKey, token);
    if (end < 0) return wrapperNone;
    const closing = skipSpace(u, end);
    return u[closing] === 125 ? close(u, closing + 1, wrapperBinary, token) : wrapperNone;
  }
  const end = base64AndSubtype(u, p - 1, null, typeKey, token);
  return end < 0 ? wrapperNone : close(u, end, wrapperBinary, token);
}

function base64AndSubtype(
  u: Uint8Array,
  p: number,
  firstKey: Uint8Array | null,
  secondKey: Uint8Array,
  token: WrapperToken,
): number {
  if (firstKey === null) p++;
  else {
    if (!bytesAt(u, p, firstKey)) return -1;
    p = skipColon(u, p + firstKey.length);
  }
  const comma = content(u, p, token);
  if (comma < 0 || !isBase64(token.buffer, token.start, token.stop)) return -1;
  p = skipSpace(u, comma);
  if (u[p] !== 44) return -1;
  p = skipSpace(u, p + 1);
  if (!bytesAt(u, p, secondKey)) return -1;
  p = skipColon(u, p + secondKey.length);
  if (u[p] !== 34) return -1;
  const high = hexDigit(u[p + 1]!);
  if (high < 0) return -1;
  if (u[p + 2] === 34) {
    token.subtype = high;
    return p + 3;
  }
  const low = hexDigit(u[p + 2]!);
  if (low < 0 || u[p + 3] !== 34) return -1;
  token.subtype = high * 16 + low;
  return p + 4;
}

function isBase64(u: Uint8Array, start: number, stop: number): boolean {
  if ((stop - start) % 4 !== 0) return false;
  let end = stop;
  if (end > start && u[end - 1] === 61) end--;
  if (end > start && u[end - 1] === 61) end--;
  for (let i = start; i < end; i++) {
    const c = u[i]!;
    const fits = (c >= 65 && c <= 90) || (c >= 97 && c <= 122) || (c >= 48 && c <= 57) ||
      c === 43 || c === 47;
    if (!fits) return false;
  }
  return true;
}

/** `{"t":…,"i":…}`, both unsigned 32 bit. */
export function readTimestamp(u: Uint8Array, p: number, token: WrapperToken): number {
  if (u[p] !== 123) return wrapperNone;
  p = skipSpace(u, p + 1);
  if (!bytesAt(u, p, timeKey)) return wrapperNone;
  p = unsigned32(u, skipColon(u, p + timeKey.length), token);
  if (p < 0) return wrapperNone;
  token.time = token.number.value;
  p = skipSpace(u, p);
  if (u[p] !== 44) return wrapperNone;
  p = skipSpace(u, p + 1);
  if (!bytesAt(u, p, incrementKey)) return wrapperNone;
  p = unsigned32(u, skipColon(u, p + incrementKey.length), token);
  if (p < 0) return wrapperNone;
  token.increment = token.number.value;
  p = skipSpace(u, p);
  return u[p] === 125 ? close(u, p + 1, wrapperTimestamp, token) : wrapperNone;
}

function unsigned32(u: Uint8Array, p: number, token: WrapperToken): number {
  if (!(u[p]! >= 48 && u[p]! <= 57)) return -1;
  readNumber(u, p, token.number);
  const { kind, value, end } = token.number;
  return (kind === numberInteger || kind === numberLong) && value <= 4294967295 ? end : -1;
}
