import { brokenJson } from "../event/json-scan.ts";

/** What a bare number turned out to be. Java writes doubles with a point or exponent, always. */
export const numberInteger = 1;
export const numberLong = 2;
export const numberDouble = 3;

/** The number read last. One object, reused: no allocation a value. */
export type NumberToken = {
  /** `numberInteger`: fits 32 bits; `numberLong`: 64 bits; else `numberDouble`. */
  kind: number;
  /** Always set; exact unless `numberLong` beyond 2^53. */
  value: number;
  /** The two halves of a 64-bit integer, set for `numberInteger` and `numberLong`. */
  low: number;
  high: number;
  /** Position behind the literal. */
  end: number;
};

/** An empty token. */
export function createNumberToken(): NumberToken {
  return { kind: 0, value: 0, low: 0, high: 0, end: 0 };
}

const powersOf10 = Float64Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));
const twoTo32 = 4294967296;
const int64Min = -(2n ** 63n);
const int64Max = 2n ** 63n - 1n;

/**
 * Reads the number at `p`. Doubles equal `Number(text)` for every literal: up to 15 digits and a
 * power of ten of at most 22 both factors are exact, so one operation rounds correctly; the rest is
 * left to the engine. Integers are exact. Errors: `decode` when there is no number.
 */
export function readNumber(u: Uint8Array, p: number, token: NumberToken): void {
  const start = p;
  let c = u[p]!;
  const negative = c === 45;
  if (negative) c = u[++p]!;
  let mantissa = 0;
  const digitsFrom = p;
  while (c >= 48 && c <= 57) {
    mantissa = mantissa * 10 + c - 48;
    c = u[++p]!;
  }
  let digits = p - digitsFrom;
  if (digits === 0) return readNamed(u, p, negative, token);
  if (c !== 46 && c !== 69 && c !== 101) {
    token.end = p;
    if (digits <= 15) setSmall(token, negative ? -mantissa : mantissa);
    else setLarge(token, u, start, p);
    return;
  }
  let fraction = 0;
  if (c === 46) {
    const pointAt = p;
    c = u[++p]!;
    while (c >= 48 && c <= 57) {
      mantissa = mantissa * 10 + c - 48;
      c = u[++p]!;
    }
    fraction = p - pointAt - 1;
    if (fraction === 0) throw brokenJson("a number without digits behind its point", p);
    digits += fraction;
  }
  let exponent = 0;
  if (c === 69 || c === 101) {
    c = u[++p]!;
    const downward = c === 45;
    if (c === 45 || c === 43) c = u[++p]!;
    const from = p;
    while (c >= 48 && c <= 57) {
      exponent = exponent * 10 + c - 48;
      c = u[++p]!;
    }
    if (p === from) throw brokenJson("a number without digits in its exponent", p);
    if (downward) exponent = -exponent;
  }
  token.end = p;
  token.kind = numberDouble;
  const power = exponent - fraction;
  if (digits > 15 || power > 22 || power < -22) {
    token.value = Number(asciiText(u, start, p));
  } else {
    const value = power < 0 ? mantissa / powersOf10[-power]! : mantissa * powersOf10[power]!;
    token.value = negative ? -value : value;
  }
}

/** Bare `NaN`, `Infinity` and `-Infinity`, which Debezium writes though JSON has none of them. */
function readNamed(u: Uint8Array, p: number, negative: boolean, token: NumberToken): void {
  token.kind = numberDouble;
  if (u[p] === 73 && asciiText(u, p, p + 8) === "Infinity") {
    token.value = negative ? -Infinity : Infinity;
    token.end = p + 8;
  } else if (u[p] === 78 && !negative && asciiText(u, p, p + 3) === "NaN") {
    token.value = Number.NaN;
    token.end = p + 3;
  } else throw brokenJson("no value", p);
}

/** An integer that a double holds exactly. `-0` is 0: an integer has no other. */
export function setSmall(token: NumberToken, value: number): void {
  token.value = value + 0;
  const high = Math.floor(value / twoTo32);
  token.low = (value - high * twoTo32) | 0;
  token.high = high | 0;
  token.kind = value >= -2147483648 && value <= 2147483647 ? numberInteger : numberLong;
}

/** More digits than a double holds; beyond 64 bits the literal counts as a double. */
function setLarge(token: NumberToken, u: Uint8Array, start: number, end: number): void {
  const text = asciiText(u, start, end);
  token.value = Number(text);
  token.kind = numberDouble;
  if (end - start > 4096) return;
  const exact = BigInt(text);
  if (exact < int64Min || exact > int64Max) return;
  if (exact >= -2147483648n && exact <= 2147483647n) return setSmall(token, Number(exact));
  token.low = Number(BigInt.asIntN(32, exact));
  token.high = Number(exact >> 32n);
  token.kind = numberLong;
}

/** Bytes as text, one character a byte. */
export function asciiText(u: Uint8Array, start: number, end: number): string {
  if (end - start > 1024) return new TextDecoder("latin1").decode(u.subarray(start, end));
  let text = "";
  for (let i = start; i < end; i++) text += String.fromCharCode(u[i]!);
  return text;
}

/** The 64-bit integer of two halves. */
export function int64Of(high: number, low: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low >>> 0);
}
