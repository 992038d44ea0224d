import { createHash } from "node:crypto";

const newline = 0x0a;
const carriageReturn = 0x0d;

/** The first line that holds anything, without its line end, and where it starts. */
export function firstRecord(bytes: Uint8Array): { line: Uint8Array; at: number } | null {
  let at = 0;
  while (at < bytes.length) {
    const found = bytes.indexOf(newline, at);
    const end = found < 0 ? bytes.length : found;
    if (!isBlank(bytes, at, end)) {
      const trimmed = bytes[end - 1] === carriageReturn ? end - 1 : end;
      return { line: bytes.subarray(at, trimmed), at };
    }
    at = end + 1;
  }
  return null;
}

/** What makes a stream recognisable: 16 hex digits of the SHA-256 of its first record. */
export function streamIdentity(line: Uint8Array): string {
  return createHash("sha256").update(line).digest("hex").slice(0, 16);
}

/** Length of a UTF-8 byte order mark at the start of a stream: 3 or 0. */
export function byteOrderMarkLength(bytes: Uint8Array): number {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
}

function isBlank(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) {
    const byte = bytes[at];
    if (byte !== 0x20 && byte !== 0x09 && byte !== carriageReturn) return false;
  }
  return true;
}
