import { Buffer } from "node:buffer";
import type { RecordBatch } from "../event/record-batch.ts";

const newline = 10;

/** How many records a batch holds, empty lines counted; exact enough for a flush policy. */
export function countRecords(batch: RecordBatch): number {
  if (batch.framing === "kafka-v2") return batch.position.records;
  const bytes = Buffer.from(batch.bytes.buffer, batch.bytes.byteOffset, batch.bytes.byteLength);
  let count = 0;
  for (let at = bytes.indexOf(newline); at >= 0; at = bytes.indexOf(newline, at + 1)) count += 1;
  return bytes.length > 0 && bytes[bytes.length - 1] !== newline ? count + 1 : count;
}
