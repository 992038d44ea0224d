import { CdcDeltaError } from "../../errors.ts";

/*
 * Scanning JSON bytes. All functions take the buffer and a position and return the position after
 * what they read. They have no end to compare with: text ends with a line feed or a zero byte,
 * which no token contains, and a buffer's end reads as undefined, which fails every comparison.
 * Who scans a line checks afterwards that the position is not beyond the line's end.
 */

/**
 * What is thrown for broken JSON; caught for each record, which becomes a dead letter. `at` counts
 * in the buffer that was read; `locate` says where that is.
 */
export function brokenJson(what: string, at: number): CdcDeltaError {
  return new CdcDeltaError("decode", `Cannot read JSON: ${what}`, { context: { what, at } });
}

/**
 * The same error with its place in a text `start .. end` of the buffer, so that its message does not
 * depend on what else the buffer holds. Other errors are returned as they are.
 */
export function locate(
  error: unknown,
  text: { readonly name: string; readonly start: number; readonly end: number },
): unknown {
  if (!(error instanceof CdcDeltaError) || error.code !== "decode") return error;
  const { what, at } = error.context;
  if (typeof at !== "number") return error;
  // Behind the end the scanner has read what is not of this text.
  const message = at >= text.end
    ? `Cannot read JSON: the ${text.name} ends in the middle`
    : `Cannot read JSON: ${what} at byte ${at - text.start} of the ${text.name}`;
  return new CdcDeltaError("decode", message);
}

/** Position of the first byte that is not white space. */
export function skipSpace(u: Uint8Array, p: number): number {
  let c = u[p]!;
  while (c === 32 || c === 10 || c === 13 || c === 9) c = u[++p]!;
  return p;
}

/** From an opening quote to behind the closing one. */
export function skipString(u: Uint8Array, p: number): number {
  p++;
  for (;;) {
    const c = u[p]!;
    if (c === 34) return p + 1;
    if (c === 92) p += 2;
    else if (c >= 32) p++;
    else throw brokenJson("a string without its end", p);
  }
}

/**
 * From the first byte of any value to behind it. Nesting is counted, not recursed into, and not
 * checked for the right kind of bracket.
 */
export function skipValue(u: Uint8Array, p: number): number {
  const first = u[p]!;
  if (first === 34) return skipString(u, p);
  if (first === 123 || first === 91) return skipContainer(u, p);
  const start = p;
  let c = first;
  while (isScalarByte(c)) c = u[++p]!;
  if (p === start) throw brokenJson("no value", p);
  return p;
}

function skipContainer(u: Uint8Array, p: number): number {
  let depth = 0;
  for (;;) {
    const c = u[p]!;
    if (c === 34) p = skipString(u, p);
    else if (c === 123 || c === 91) {
      depth++;
      p++;
    } else if (c === 125 || c === 93) {
      depth--;
      p++;
      if (depth === 0) return p;
    } else if (c >= 32 || c === 9 || c === 13) p++;
    else if (c === 10 && !startsAnew(u, p)) p++;
    else throw brokenJson("an object or array without its end", p);
  }
}

/**
 * True when an object begins behind the line feed at `p` where none can: then it is the next record,
 * and the one being read was cut. Without this, cut records would be read to the end of the batch.
 */
function startsAnew(u: Uint8Array, p: number): boolean {
  if (u[skipSpace(u, p)] !== 123) return false;
  let before = p - 1;
  while (before >= 0 && u[before]! <= 32) before--;
  const c = u[before];
  return c !== 44 && c !== 58 && c !== 91;
}

/** Digits, letters, `+`, `-`, `.`: what numbers and literals are made of. */
function isScalarByte(c: number): boolean {
  return (c >= 48 && c <= 57) || (c >= 97 && c <= 122) || (c >= 65 && c <= 90) || c === 43 ||
    c === 45 || c === 46;
}

/** True when the bytes at `p` are `expected`. */
export function bytesAt(u: Uint8Array, p: number, expected: Uint8Array): boolean {
  for (let i = 0; i < expected.length; i++) if (u[p + i] !== expected[i]) return false;
  return true;
}

const encoder = new TextEncoder();

/** Bytes of a quoted key, without the colon. */
export function quotedKey(name: string): Uint8Array {
  return encoder.encode(`"${name}"`);
}

/** From behind a key to the first byte of its value. */
export function skipColon(u: Uint8Array, p: number): number {
  p = skipSpace(u, p);
  if (u[p] !== 58) throw brokenJson("no colon after a key", p);
  return skipSpace(u, p + 1);
}

/** Position of a member's value in the object at `p`, or -1. */
export function memberAt(u: Uint8Array, p: number, key: Uint8Array): number {
  p = skipSpace(u, p + 1);
  while (u[p] === 34) {
    const value = skipColon(u, skipString(u, p));
    if (bytesAt(u, p, key)) return value;
    p = skipSpace(u, skipValue(u, value));
    if (u[p] !== 44) return -1;
    p = skipSpace(u, p + 1);
  }
  return -1;
}
