import { bytesAt, quotedKey, skipColon } from "../event/json-scan.ts";
import { wrapperNone, type WrapperToken } from "./wrapper-token.ts";
import {
  readCode,
  readDbPointer,
  readOne,
  readRegex,
  readRegularExpression,
  readSymbol,
  readTrue,
} from "./wrapper-texts.ts";
import {
  readBinary,
  readDate,
  readNumberDecimal,
  readNumberDouble,
  readNumberInt,
  readNumberLong,
  readObjectId,
  readTimestamp,
} from "./wrapper-values.ts";

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
