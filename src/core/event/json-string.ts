import { ByteBuffer } from "./byte-buffer.ts";
import { brokenJson } from "./json-scan.ts";

/**
 * Appends the content of the JSON string at the opening quote `p` as UTF-8; returns the position
 * behind the closing quote. A lone surrogate becomes U+FFFD, as everywhere in the web platform.
 */
export function unescapeString(u: Uint8Array, p: number, out: ByteBuffer): number {
  p++;
  let to = out.bytes;
  let at = out.length;
  for (;;) {
    // The limit leaves room for the longest thing written in one step (4 bytes).
    const limit = to.length - 4;
    while (at < limit) {
      const c = u[p]!;
      if (c === 92) {
        const e = u[p + 1]!;
        if (e === 117) {
          const code = codePointAt(u, p + 2);
          p += code > 0xffff ? 12 : 6;
          at = writeCodePoint(to, at, code);
        } else {
          to[at++] = simpleEscape(e, p);
          p += 2;
        }
      } else if (c === 34) {
        out.length = at;
        return p + 1;
      } else if (c >= 32) {
        to[at++] = c;
        p++;
      } else throw brokenJson("a string without its end", p);
    }
    out.length = at;
    out.ensure(to.length + 64 - at);
    to = out.bytes;
  }
}

function simpleEscape(e: number, p: number): number {
  switch (e) {
    case 34:
    case 92:
    case 47:
      return e;
    case 110:
      return 10;
    case 116:
      return 9;
    case 114:
      return 13;
    case 98:
      return 8;
    case 102:
      return 12;
    default:
      throw brokenJson("an unknown escape", p);
  }
}

/** The code point of `\uXXXX` whose first digit is at `p`, of both halves if it is a pair. */
export function codePointAt(u: Uint8Array, p: number): number {
  const high = hex4(u, p);
  if (high < 0xd800 || high > 0xdfff) return high;
  if (high > 0xdbff || u[p + 4] !== 92 || u[p + 5] !== 117) return 0xfffd;
  const low = hex4(u, p + 6);
  if (low < 0xdc00 || low > 0xdfff) return 0xfffd;
  return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

function hex4(u: Uint8Array, p: number): number {
  let value = 0;
  for (let i = 0; i < 4; i++) {
    const c = u[p + i]!;
    const digit = hexDigit(c);
    if (digit < 0) throw brokenJson("a \\u escape without four hex digits", p);
    value = value * 16 + digit;
  }
  return value;
}

/** 0 to 15, or -1. */
export function hexDigit(c: number): number {
  if (c >= 48 && c <= 57) return c - 48;
  if (c >= 97 && c <= 102) return c - 87;
  if (c >= 65 && c <= 70) return c - 55;
  return -1;
}

function writeCodePoint(to: Uint8Array, at: number, code: number): number {
  if (code < 0x80) {
    to[at++] = code;
  } else if (code < 0x800) {
    to[at++] = 0xc0 | (code >> 6);
    to[at++] = 0x80 | (code & 63);
  } else if (code < 0x10000) {
    to[at++] = 0xe0 | (code >> 12);
    to[at++] = 0x80 | ((code >> 6) & 63);
    to[at++] = 0x80 | (code & 63);
  } else {
    to[at++] = 0xf0 | (code >> 18);
    to[at++] = 0x80 | ((code >> 12) & 63);
    to[at++] = 0x80 | ((code >> 6) & 63);
    to[at++] = 0x80 | (code & 63);
  }
  return at;
}

/**
 * Appends a JSON string (quotes included) that holds `u[start .. end)`, UTF-8 text. Only what JSON
 * demands is escaped, so equal texts give equal bytes.
 */
export function writeJsonString(
  out: ByteBuffer,
  u: Uint8Array,
  start: number,
  end: number,
): void {
  out.ensure((end - start) * 6 + 2);
  const to = out.bytes;
  let at = out.length;
  to[at++] = 34;
  for (let i = start; i < end; i++) {
    const c = u[i]!;
    if (c === 34 || c === 92) {
      to[at++] = 92;
      to[at++] = c;
    } else if (c >= 32) to[at++] = c;
    else at = writeControl(to, at, c);
  }
  to[at++] = 34;
  out.length = at;
}

const shortEscapes: Readonly<Record<number, number>> = { 8: 98, 9: 116, 10: 110, 12: 102, 13: 114 };

function writeControl(to: Uint8Array, at: number, c: number): number {
  to[at++] = 92;
  const short = shortEscapes[c];
  if (short !== undefined) {
    to[at++] = short;
    return at;
  }
  to[at++] = 117;
  to[at++] = 48;
  to[at++] = 48;
  to[at++] = 48 + (c >> 4);
  const low = c & 15;
  to[at++] = low < 10 ? 48 + low : 87 + low;
  return at;
}

const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
const shortText = new ByteBuffer(256);

/** The JSON string at the opening quote `p`, as a JavaScript string. */
export function unescapedText(u: Uint8Array, p: number): string {
  shortText.length = 0;
  unescapeString(u, p, shortText);
  return decoder.decode(shortText.bytes.subarray(0, shortText.length));
}

/** The bytes that the JSON string at the opening quote `p` holds. */
export function unescapedBytes(u: Uint8Array, p: number): Uint8Array {
  shortText.length = 0;
  unescapeString(u, p, shortText);
  return shortText.copy();
}

/** Short ASCII text as a string. */
export function asciiOf(u: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let i = start; i < end; i++) text += String.fromCharCode(u[i]!);
  return text;
}
