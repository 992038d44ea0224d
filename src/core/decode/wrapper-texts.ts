import {
  bytesAt,
  quotedKey,
  skipColon,
  skipSpace,
  skipString,
  skipValue,
} from "../event/json-scan.ts";
import {
  close,
  wrapperNone,
  wrapperRegex,
  wrapperSymbol,
  wrapperText,
  type WrapperToken,
} from "./wrapper-token.ts";

const trueText = new TextEncoder().encode("true");
const optionsKey = quotedKey("$options");
const patternKey = quotedKey("pattern");
const regexOptionsKey = quotedKey("options");
const refKey = quotedKey("$ref");
const idKey = quotedKey("$id");
const scopeKey = quotedKey("$scope");

/* Readers as in wrapper-values.ts, of what becomes a string. */

/** v1: `"$regex":"…","$options":"…"`. */
export function readRegex(u: Uint8Array, p: number, token: WrapperToken): number {
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
export function readRegularExpression(u: Uint8Array, p: number, token: WrapperToken): number {
  return readPair(u, p, patternKey, regexOptionsKey, 34, token);
}

/** `{"$ref":"…","$id":{…}}`. */
export function readDbPointer(u: Uint8Array, p: number, token: WrapperToken): number {
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

/** A string; its quote is `second`. */
export function readSymbol(u: Uint8Array, p: number, token: WrapperToken): number {
  if (u[p] !== 34) return wrapperNone;
  token.second = p;
  return close(u, skipString(u, p), wrapperSymbol, token);
}

/** Code, with or without a scope. */
export function readCode(u: Uint8Array, p: number, token: WrapperToken): number {
  if (u[p] !== 34) return wrapperNone;
  p = skipSpace(u, skipString(u, p));
  if (u[p] !== 44) return close(u, p, wrapperText, token);
  p = skipSpace(u, p + 1);
  if (!bytesAt(u, p, scopeKey)) return wrapperNone;
  p = skipColon(u, p + scopeKey.length);
  if (u[p] !== 123) return wrapperNone;
  return close(u, skipValue(u, p), wrapperText, token);
}

/** `$minKey` and `$maxKey`: 1. */
export function readOne(u: Uint8Array, p: number, token: WrapperToken): number {
  return u[p] === 49 ? close(u, p + 1, wrapperText, token) : wrapperNone;
}

/** `$undefined`: true. */
export function readTrue(u: Uint8Array, p: number, token: WrapperToken): number {
  return bytesAt(u, p, trueText) ? close(u, p + 4, wrapperText, token) : wrapperNone;
}
