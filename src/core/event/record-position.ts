import { createHash } from "node:crypto";

/* Offsets have 63 bits; two halves compare without a bigint a record. */

/** The upper 31 bits. */
export function highOf(offset: bigint): number {
  return Number(offset >> 32n);
}

/** The lower 32 bits, unsigned. */
export function lowOf(offset: bigint): number {
  return Number(offset & 0xffffffffn);
}

/** The offset of two halves. */
export function offsetOf(high: number, low: number): bigint {
  return (BigInt(high) << 32n) | BigInt(low);
}

/** Less than, equal to or greater than zero, as `a - b`. */
export function compareOffsets(aHigh: number, aLow: number, bHigh: number, bLow: number): number {
  return aHigh === bHigh ? aLow - bLow : aHigh - bHigh;
}

/**
 * What a record is compared by when it is read again: the first 63 bits of the SHA-256 of its line,
 * the line feed left out. Fits the `version` of a `txn` action.
 */
export function recordHash(bytes: Uint8Array, start: number, end: number): bigint {
  const digest = createHash("sha256").update(bytes.subarray(start, end)).digest();
  return digest.readBigUInt64BE(0) & 0x7fffffffffffffffn;
}
