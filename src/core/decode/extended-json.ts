import { ByteBuffer } from "../event/byte-buffer.ts";
import {
  bytesAt,
  quotedKey,
  skipColon,
  skipSpace,
  skipString,
  skipValue,
} from "../event/json-scan.ts";
import { hexDigit, unescapeString } from "../event/json-string.ts";
import { millisOfIsoDate } from "./iso-date.ts";
import {
  asciiText,
  createNumberToken,
  numberInteger,
  numberLong,
  type NumberToken,
  readNumber,
} from "./number-literal.ts";

/*
 * Extended JSON's wrappers in every flavour: v1 strict (`after` of Debezium ≤ 3.6), v2 relaxed
 * (keys, `updatedFields`) and v2 canonical. An object is a wrapper only if its keys are exactly a
 * wrapper's and its value has the right shape; a user's `{"$date":"soon"}` stays a document.
 */
export const wrapperNone = 0;
export const wrapperObjectId = 1;
/** `$numberInt` and `$numberLong`: halves in `number`. */
export const wrapperInteger = 2;
export const wrapperLong = 3;
export const wrapperDouble = 4;
export const wrapperDecimal = 5;
/** Milliseconds since the epoch in `number`'s halves. */
export const wrapperDate = 6;
export const wrapperBinary = 7;
export const wrapperTimestamp = 8;
export const wrapperSymbol = 9;
/** Regular expressions of v1 (`$regex`, `$options`), whose canonical form has another shape. */
export const wrapperRegex = 10;
/** Whatever is kept as text and stands in its canonical form already. */
export const wrapperText = 11;

/** The wrapper recognised last. One object, reused. */
export type WrapperToken = {
  kind: number;
  /** Position behind the wrapper. */
  end: number;
  /** Content of the wrapper's main string, without quotes and without escapes. */
  buffer: Uint8Array;
  start: number;
  stop: number;
  /** Opening quote of the second string (`$options`), or of the symbol. */
  second: number;
  /** Binary: 0 to 255. */
  subtype: number;
  /** Timestamp: both unsigned 32 bit. */
  time: number;
  increment: number;
  readonly number: NumberToken;
  readonly scratch: ByteBuffer;
};

export function createWrapperToken(): WrapperToken {
  return {
    kind: wrapperNone,
    end: 0,
    buffer: new Uint8Array(0),
    start: 0,
    stop: 0,
    second: 0,
    subtype: 0,
    time: 0,
    increment: 0,
    number: createNumberToken(),
    scratch: new ByteBuffer(256),
  };
}

type Reader = (u: Uint8Array, p: number, token: WrapperToken) => number;
type KnownWrapper = { readonly key: Uint8Array; readonly read: Reader };

/**
 * Recognises the wrapper whose first key's opening quote is at `p` (`u[p + 1]` is `$`). Returns its
 * kind, `wrapperNone` if the object is an ordinary one. Errors: `decode` for broken JSON.
 */
export function readWrapper(u: Uint8Array, p: number, token: WrapperToken): number {
  const second = u[p + 2]!;
  const known = second < 128 ? byLetter[second]! : noWrappers;
  for (let i = 0; i < known.length; i++) {
    const { key, read } = known[i]!;
    if (!bytesAt(u, p, key)) continue;
    token.kind = read(u, skipColon(u, p + key.length), token);
    return token.kind;
  }
  return wrapperNone;
}

/** Ends a wrapper at `}`; anything else makes the object an ordinary one. */
function close(u: Uint8Array, p: number, kind: number, token: WrapperToken): number {
  p = skipSpace(u, p);
  if (u[p] !== 125) return wrapperNone;
  token.end = p + 1;
  return kind;
}

/** Content of the string at `p` into the token; position behind it, or -1 if there is no string. */
function content(u: Uint8Array, p: number, token: WrapperToken): number {
  if (u[p] !== 34) return -1;
  const end = skipString(u, p);
  token.buffer = u;
  token.start = p + 1;
  token.stop = end - 1;
  for (let i = p + 1; i < end - 1; i++) {
    if (u[i] !== 92) continue;
    token.scratch.length = 0;
    unescapeString(u, p, token.scratch);
    token.buffer = token.scratch.bytes;
    token.start = 0;
    token.stop = token.scratch.length;
    break;
  }
  return end;
}

function readObjectId(u: Uint8Array, p: number, token: WrapperToken): number {
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

function readNumberLong(u: Uint8Array, p: number, token: WrapperToken): number {
  const end = quotedInteger(u, p, token);
  return end < 0 ? wrapperNone : close(u, end, wrapperLong, token);
}

function readNumberInt(u: Uint8Array, p: number, token: WrapperToken): number {
  const end = quotedInteger(u, p, token);
  if (end < 0 || token.number.kind !== numberInteger) return wrapperNone;
  return close(u, end, wrapperInteger, token);
}

const doubleText = /^-?(\d+(\.\d+)?([eE][+-]?\d+)?|Infinity)$|^NaN$/;

function readNumberDouble(u: Uint8Array, p: number, token: WrapperToken): number {
  const end = content(u, p, token);
  if (end < 0) return wrapperNone;
  const text = asciiText(token.buffer, token.start, token.stop);
  if (!doubleText.test(text)) return wrapperNone;
  token.number.value = Number(text);
  return close(u, end, wrapperDouble, token);
}

const decimalText = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$|^[+-]?(nan|inf|infinity)$/i;

function readNumberDecimal(u: Uint8Array, p: number, token: WrapperToken): number {
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

function readDate(u: Uint8Array, p: number, token: WrapperToken): number {
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
function readBinary(u: Uint8Array, p: number, token: WrapperToken): number {
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

function readTimestamp(u: Uint8Array, p: number, token: WrapperToken): number {
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

function readRegex(u: Uint8Array, p: number, token: WrapperToken): number {
  if (u[p] !== 34) return wrapperNone;
  token.start = p;
  p = skipSpace(u, skipString(u, p));
  if (u[p] !== 44) return wrapperNone;
  p = skipSpace(u, p + 1);
  if (!bytesAt(u, p, optionsKey)) return wrapperNone;
  p = skipColon(u, p + optionsKey.length);
  if (u[p] !== 34) return wrapperNone;
  token.second = p;
  return close(u, skipString(u, p), wrapperRegex, token);
}

/** `{"pattern":"…","options":"…"}` */
function readRegularExpression(u: Uint8Array, p: number, token: WrapperToken): number {
  return readPair(u, p, patternKey, regexOptionsKey, 34, token);
}

function readDbPointer(u: Uint8Array, p: number, token: WrapperToken): number {
  return readPair(u, p, refKey, idKey, 123, token);
}

/** An object of exactly two keys; the second's value starts with `secondStart`. */
function readPair(
  u: Uint8Array,
  p: number,
  firstKey: Uint8Array,
  secondKey: Uint8Array,
  secondStart: number,
  token: WrapperToken,
): number {
  if (u[p] !== 123) return wrapperNone;
  p = skipSpace(u, p + 1);
  if (!bytesAt(u, p, firstKey)) return wrapperNone;
  p = skipColon(u, p + firstKey.length);
  if (u[p] !== 34) return wrapperNone;
  p = skipSpace(u, skipString(u, p));
  if (u[p] !== 44) return wrapperNone;
  p = skipSpace(u, p + 1);
  if (!bytesAt(u, p, secondKey)) return wrapperNone;
  p = skipColon(u, p + secondKey.length);
  if (u[p] !== secondStart) return wrapperNone;
  p = skipSpace(u, skipValue(u, p));
  return u[p] === 125 ? close(u, p + 1, wrapperText, token) : wrapperNone;
}

function readSymbol(u: Uint8Array, p: number, token: WrapperToken): number {
  if (u[p] !== 34) return wrapperNone;
  token.second = p;
  return close(u, skipString(u, p), wrapperSymbol, token);
}

/** Code, with or without a scope. */
function readCode(u: Uint8Array, p: number, token: WrapperToken): number {
  if (u[p] !== 34) return wrapperNone;
  p = skipSpace(u, skipString(u, p));
  if (u[p] !== 44) return close(u, p, wrapperText, token);
  p = skipSpace(u, p + 1);
  if (!bytesAt(u, p, scopeKey)) return wrapperNone;
  p = skipColon(u, p + scopeKey.length);
  if (u[p] !== 123) return wrapperNone;
  return close(u, skipValue(u, p), wrapperText, token);
}

function readOne(u: Uint8Array, p: number, token: WrapperToken): number {
  return u[p] === 49 ? close(u, p + 1, wrapperText, token) : wrapperNone;
}

function readTrue(u: Uint8Array, p: number, token: WrapperToken): number {
  return bytesAt(u, p, trueText) ? close(u, p + 4, wrapperText, token) : wrapperNone;
}

const trueText = new TextEncoder().encode("true");
const numberLongKey = quotedKey("$numberLong");
const base64Key = quotedKey("base64");
const subTypeKey = quotedKey("subType");
const typeKey = quotedKey("$type");
const timeKey = quotedKey("t");
const incrementKey = quotedKey("i");
const optionsKey = quotedKey("$options");
const patternKey = quotedKey("pattern");
const regexOptionsKey = quotedKey("options");
const refKey = quotedKey("$ref");
const idKey = quotedKey("$id");
const scopeKey = quotedKey("$scope");

const noWrappers: readonly KnownWrapper[] = [];

const wrappers: Readonly<Record<string, Reader>> = {
  $oid: readObjectId,
  $numberLong: readNumberLong,
  $numberInt: readNumberInt,
  $numberDouble: readNumberDouble,
  $numberDecimal: readNumberDecimal,
  $date: readDate,
  $binary: readBinary,
  $timestamp: readTimestamp,
  $regex: readRegex,
  $regularExpression: readRegularExpression,
  $dbPointer: readDbPointer,
  $symbol: readSymbol,
  $code: readCode,
  $minKey: readOne,
  $maxKey: readOne,
  $undefined: readTrue,
};

/** Wrappers by the letter behind the `$`. */
const byLetter: readonly (readonly KnownWrapper[])[] = Array.from(
  { length: 128 },
  (_, letter) =>
    Object.entries(wrappers).filter(([name]) => name.charCodeAt(1) === letter)
      .map(([name, read]) => ({ key: quotedKey(name), read })),
);
