import { ByteBuffer } from "../event/byte-buffer.ts";
import { brokenJson, bytesAt, skipColon, skipSpace, skipString } from "../event/json-scan.ts";
import { unescapeString, writeJsonString } from "../event/json-string.ts";
import { exactDouble, integralDecimal, normalizedDecimal, parseDecimal } from "./decimal-text.ts";
import { readWrapper } from "./extended-json.ts";
import {
  createWrapperToken,
  wrapperBinary,
  wrapperDate,
  wrapperDecimal,
  wrapperDouble,
  wrapperInteger,
  wrapperLong,
  wrapperNone,
  wrapperObjectId,
  wrapperRegex,
  wrapperSymbol,
  wrapperTimestamp,
  type WrapperToken,
} from "./wrapper-token.ts";
import {
  asciiText,
  createNumberToken,
  int64Of,
  numberDouble,
  numberInteger,
  readNumber,
} from "./number-literal.ts";

/**
 * - `typed`: canonical Extended JSON v2; every value keeps its BSON type.
 * - `identity`: the same, but numbers that MongoDB compares as equal get one spelling, so that equal
 *   keys give equal texts: integral ones `$numberInt`, beyond 32 bits `$numberLong`, other doubles
 *   `$numberDouble`, decimals that no double equals `$numberDecimal` without trailing zeros.
 */
export type CanonicalForm = "typed" | "identity";

const literals = ["true", "false", "null"].map((text) => new TextEncoder().encode(text));
const wrapper = createWrapperToken();
const number = createNumberToken();
const text = new ByteBuffer(1024);

/**
 * Appends the value at `p`, Extended JSON of any flavour, in canonical form without white space.
 * Nesting is kept on an explicit stack: documents of any depth pass. Returns the position behind
 * the value. Errors: `decode` for broken JSON.
 */
export function writeCanonical(
  out: ByteBuffer,
  u: Uint8Array,
  p: number,
  form: CanonicalForm,
): number {
  const open: number[] = [];
  for (;;) {
    const c = u[p]!;
    if (c === 123) {
      const inner = skipSpace(u, p + 1);
      if (u[inner] === 34 && u[inner + 1] === 36 && writeWrapper(out, u, inner, form)) {
        p = wrapper.end;
      } else if (u[inner] === 125) {
        out.appendAscii("{}");
        p = inner + 1;
      } else {
        out.push(123);
        open.push(125);
        p = writeKey(out, u, inner);
        continue;
      }
    } else if (c === 91) {
      const inner = skipSpace(u, p + 1);
      if (u[inner] !== 93) {
        out.push(91);
        open.push(93);
        p = inner;
        continue;
      }
      out.appendAscii("[]");
      p = inner + 1;
    } else p = writeScalar(out, u, p, form);
    for (;;) {
      const closing = open[open.length - 1];
      if (closing === undefined) return p;
      p = skipSpace(u, p);
      if (u[p] === 44) {
        out.push(44);
        p = skipSpace(u, p + 1);
        if (closing === 125) p = writeKey(out, u, p);
        break;
      }
      if (u[p] !== closing) throw brokenJson("neither a comma nor an end", p);
      out.push(closing);
      open.pop();
      p++;
    }
  }
}

/** Where checked text goes; a larger buffer is given back after use. */
const checkedBytesKept = 1 << 20;
let checked = new ByteBuffer(1 << 16);

/** Throws `decode` unless the value at `p` is whole; returns the position behind it. */
export function checkJson(u: Uint8Array, p: number): number {
  checked.length = 0;
  const end = writeCanonical(checked, u, p, "typed");
  if (checked.bytes.length > checkedBytesKept) checked = new ByteBuffer(1 << 16);
  return end;
}

function writeKey(out: ByteBuffer, u: Uint8Array, p: number): number {
  if (u[p] !== 34) throw brokenJson("no key where one is due", p);
  p = writeString(out, u, p);
  out.push(58);
  return skipColon(u, p);
}

/** A string in one spelling whatever was escaped in it. */
function writeString(out: ByteBuffer, u: Uint8Array, p: number): number {
  const end = skipString(u, p);
  for (let i = p + 1; i < end - 1; i++) {
    if (u[i] !== 92) continue;
    text.length = 0;
    unescapeString(u, p, text);
    writeJsonString(out, text.bytes, 0, text.length);
    return end;
  }
  out.append(u, p, end);
  return end;
}

function writeScalar(out: ByteBuffer, u: Uint8Array, p: number, form: CanonicalForm): number {
  const c = u[p]!;
  if (c === 34) return writeString(out, u, p);
  if (c === 116 || c === 102 || c === 110) {
    for (const literal of literals) {
      if (!bytesAt(u, p, literal)) continue;
      out.appendAll(literal);
      return p + literal.length;
    }
    throw brokenJson("no value", p);
  }
  readNumber(u, p, number);
  if (number.kind === numberDouble) {
    if (form === "identity") writeDoubleIdentity(out, number.value);
    else writeTagged(out, "$numberDouble", asciiText(u, p, number.end));
  } else if (number.kind === numberInteger) {
    writeTagged(out, "$numberInt", String(number.value));
  } else writeTagged(out, "$numberLong", String(int64Of(number.high, number.low)));
  return number.end;
}

function writeTagged(out: ByteBuffer, tag: string, value: string): void {
  out.appendAscii(`{"${tag}":"${value}"}`);
}

/** False when the object is to be written as an ordinary one. */
function writeWrapper(out: ByteBuffer, u: Uint8Array, p: number, form: CanonicalForm): boolean {
  const kind = readWrapper(u, p, wrapper);
  const identity = form === "identity";
  switch (kind) {
    case wrapperNone:
      return false;
    case wrapperObjectId:
      out.appendAscii(`{"$oid":"`);
      appendLower(out, wrapper);
      out.appendAscii(`"}`);
      return true;
    case wrapperInteger:
    case wrapperLong: {
      const { kind: size, high, low } = wrapper.number;
      const small = identity ? size === numberInteger : kind === wrapperInteger;
      writeTagged(out, small ? "$numberInt" : "$numberLong", String(int64Of(high, low)));
      return true;
    }
    case wrapperDouble:
      if (identity) writeDoubleIdentity(out, wrapper.number.value);
      else writeTagged(out, "$numberDouble", mainText());
      return true;
    case wrapperDecimal:
      if (identity) writeDecimalIdentity(out, mainText());
      else writeTagged(out, "$numberDecimal", mainText());
      return true;
    case wrapperDate:
      out.appendAscii(`{"$date":`);
      writeTagged(out, "$numberLong", String(int64Of(wrapper.number.high, wrapper.number.low)));
      out.push(125);
      return true;
    case wrapperBinary:
      out.appendAscii(`{"$binary":{"base64":"`);
      out.append(wrapper.buffer, wrapper.start, wrapper.stop);
      out.appendAscii(`","subType":"${wrapper.subtype.toString(16).padStart(2, "0")}"}}`);
      return true;
    case wrapperTimestamp:
      out.appendAscii(`{"$timestamp":{"t":${wrapper.time},"i":${wrapper.increment}}}`);
      return true;
    case wrapperRegex:
      out.appendAscii(`{"$regularExpression":{"pattern":`);
      writeString(out, u, wrapper.start);
      out.appendAscii(`,"options":`);
      writeString(out, u, wrapper.second);
      out.appendAscii("}}");
      return true;
    case wrapperSymbol:
      return false;
    default:
      return writeFixed(out, u[p + 2]!, u[p + 3]!);
  }
}

/** Key bounds and undefined hold a bare 1 or true; other texts are canonical as ordinary objects. */
function writeFixed(out: ByteBuffer, first: number, second: number): boolean {
  if (first === 109) out.appendAscii(second === 105 ? `{"$minKey":1}` : `{"$maxKey":1}`);
  else if (first === 117) out.appendAscii(`{"$undefined":true}`);
  else return false;
  return true;
}

function mainText(): string {
  return asciiText(wrapper.buffer, wrapper.start, wrapper.stop);
}

function appendLower(out: ByteBuffer, { buffer, start, stop }: WrapperToken): void {
  for (let i = start; i < stop; i++) {
    const c = buffer[i]!;
    out.push(c >= 65 && c <= 70 ? c + 32 : c);
  }
}

const int64Min = -(2n ** 63n);
const int64Max = 2n ** 63n - 1n;

function writeIntegerIdentity(out: ByteBuffer, value: bigint): void {
  const small = value >= -2147483648n && value <= 2147483647n;
  writeTagged(out, small ? "$numberInt" : "$numberLong", String(value));
}

function writeDoubleIdentity(out: ByteBuffer, value: number): void {
  if (Number.isInteger(value)) {
    const exact = BigInt(value);
    if (exact >= int64Min && exact <= int64Max) return writeIntegerIdentity(out, exact);
  }
  writeTagged(out, "$numberDouble", String(value));
}

function writeDecimalIdentity(out: ByteBuffer, spelling: string): void {
  const parts = parseDecimal(spelling);
  if (parts === null) return writeSpecialIdentity(out, spelling);
  const integral = integralDecimal(parts);
  if (integral !== null && integral >= int64Min && integral <= int64Max) {
    return writeIntegerIdentity(out, integral);
  }
  const double = exactDouble(parts);
  if (double !== null) return writeDoubleIdentity(out, double);
  writeTagged(out, "$numberDecimal", normalizedDecimal(parts));
}

/** NaN and infinities: equal whether double or decimal. */
function writeSpecialIdentity(out: ByteBuffer, spelling: string): void {
  const lower = spelling.toLowerCase();
  if (lower.includes("nan")) writeTagged(out, "$numberDouble", "NaN");
  else if (lower.includes("inf")) {
    writeTagged(out, "$numberDouble", lower.startsWith("-") ? "-Infinity" : "Infinity");
  } else writeTagged(out, "$numberDecimal", spelling);
}
