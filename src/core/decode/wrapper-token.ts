import { ByteBuffer } from "../event/byte-buffer.ts";
import { skipSpace, skipString } from "../event/json-scan.ts";
import { unescapeString } from "../event/json-string.ts";
import { createNumberToken, type NumberToken } from "./number-literal.ts";

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

/** An empty token. */
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

/** Ends a wrapper at `}`; anything else makes the object an ordinary one. */
export function close(u: Uint8Array, p: number, kind: number, token: WrapperToken): number {
  p = skipSpace(u, p);
  if (u[p] !== 125) return wrapperNone;
  token.end = p + 1;
  return kind;
}

/** Content of the string at `p` into the token; position behind it, or -1 if there is no string. */
export function content(u: Uint8Array, p: number, token: WrapperToken): number {
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
