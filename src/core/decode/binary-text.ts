import type { ColumnNode } from "./column-node.ts";
import { type WrapperToken } from "./wrapper-token.ts";

const valueOf = new Uint8Array(128);
for (let i = 0; i < 64; i++) {
  valueOf["ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".charCodeAt(i)] = i;
}

/** Number of bytes that the wrapper's base64 stands for. */
export function binaryLength({ buffer, start, stop }: WrapperToken): number {
  let length = ((stop - start) / 4) * 3;
  if (stop > start && buffer[stop - 1] === 61) length--;
  if (stop > start && buffer[stop - 2] === 61) length--;
  return length;
}

/** Subtypes 3 and 4 hold UUIDs, if they hold 16 bytes. */
export function isUuid({ subtype }: WrapperToken, length: number): boolean {
  return (subtype === 3 || subtype === 4) && length === 16;
}

function decode({ buffer, start, stop }: WrapperToken, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (let i = start; i < stop; i += 4) {
    const group = (valueOf[buffer[i]!]! << 18) | (valueOf[buffer[i + 1]!]! << 12) |
      (valueOf[buffer[i + 2]!]! << 6) | valueOf[buffer[i + 3]!]!;
    bytes[at++] = group >> 16;
    if (at < length) bytes[at++] = (group >> 8) & 255;
    if (at < length) bytes[at++] = group & 255;
  }
  return bytes;
}

/** Stores the bytes of a binary. */
export function writeBinary(
  node: ColumnNode,
  row: number,
  token: WrapperToken,
  length: number,
): void {
  node.setBytes(row, decode(token, length), 0, length);
}

const hex = new TextEncoder().encode("0123456789abcdef");

/** Stores a UUID as text, its bytes in the order they have (also those of the legacy subtype 3). */
export function writeUuid(node: ColumnNode, row: number, token: WrapperToken): void {
  const bytes = decode(token, 16);
  const text = new Uint8Array(36);
  let at = 0;
  for (let i = 0; i < 16; i++) {
    if (i === 4 || i === 6 || i === 8 || i === 10) text[at++] = 45;
    text[at++] = hex[bytes[i]! >> 4]!;
    text[at++] = hex[bytes[i]! & 15]!;
  }
  node.setBytes(row, text, 0, 36);
}
