import { CdcDeltaError } from "../../errors.ts";

const alphabet =
  "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
const digitOf = new Map(Array.from(alphabet, (letter, digit) => [letter, digit] as const));

/**
 * The bytes of Z85 text (ZeroMQ RFC 32): five letters are four bytes, big-endian. Errors:
 * `log-corrupt` for text that is none.
 */
export function decodeZ85(text: string): Uint8Array {
  if (text.length % 5 !== 0) throw notZ85(text);
  const bytes = new Uint8Array(text.length / 5 * 4);
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < text.length; at += 5) {
    let value = 0;
    for (let i = 0; i < 5; i++) {
      const digit = digitOf.get(text[at + i]!);
      if (digit === undefined) throw notZ85(text);
      value = value * 85 + digit;
    }
    if (value > 0xffffffff) throw notZ85(text);
    view.setUint32(at / 5 * 4, value);
  }
  return bytes;
}

function notZ85(text: string): CdcDeltaError {
  const shown = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  return new CdcDeltaError("log-corrupt", `"${shown}" is no Z85 text`);
}
