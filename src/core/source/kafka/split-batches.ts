import { Buffer } from "node:buffer";
import type { FetchedData } from "../../kafka/kafka-client.ts";

// Offsets of fields in the header of a record batch (magic 2).
const lengthAt = 8;
const lengthEnd = 12;
const lastOffsetDeltaAt = 23;
const recordCountAt = 57;
const headerBytes = 61;

/**
 * Cuts fetched data into pieces of whole record batches, each of at most about the given size: one
 * batch may be larger. Reads headers only.
 */
export function splitBatches(
  data: FetchedData,
  limits: { readonly recordsMax: number; readonly recordBytesMax: number },
): FetchedData[] {
  if (data.records <= limits.recordsMax && data.bytes.length <= limits.recordBytesMax) {
    return [data];
  }
  const { bytes } = data;
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const pieces: FetchedData[] = [];
  let start = 0;
  let records = 0;
  let nextOffset = 0n;
  const cut = (end: number): void => {
    if (end > start) pieces.push({ bytes: bytes.subarray(start, end), nextOffset, records });
    start = end;
    records = 0;
  };
  for (let at = 0; at + headerBytes <= view.length;) {
    const size = lengthEnd + view.readInt32BE(at + lengthAt);
    const count = view.readInt32BE(at + recordCountAt);
    const full = records + count > limits.recordsMax ||
      at + size - start > limits.recordBytesMax;
    if (full) cut(at);
    records += count;
    nextOffset = view.readBigInt64BE(at) + BigInt(view.readInt32BE(at + lastOffsetDeltaAt)) + 1n;
    at += size;
  }
  nextOffset = data.nextOffset;
  cut(view.length);
  return pieces;
}
