import { Buffer, isUtf8 } from "node:buffer";
import { bytesAt } from "./json-scan.ts";
import type { KafkaRecord } from "./kafka-record.ts";

const traceparentKey = new TextEncoder().encode("traceparent");

/** A walk over a record's headers; one object, filled again for every record. */
export type HeaderWalk = {
  /** Headers that are still to come, and where they lie. */
  left: number;
  p: number;
  end: number;
  keyStart: number;
  keyEnd: number;
  /** -1: the header's value is null. */
  valueStart: number;
  valueEnd: number;
};

/** A walk over nothing. */
export function createHeaderWalk(): HeaderWalk {
  return { left: 0, p: 0, end: 0, keyStart: 0, keyEnd: 0, valueStart: -1, valueEnd: -1 };
}

/** Looks for the header `traceparent` (W3C Trace Context); true: the walk stands at it. */
export function findTraceparent(record: KafkaRecord, walk: HeaderWalk): boolean {
  startWalk(record, walk);
  while (nextHeader(record.bytes, walk)) {
    const { keyStart, keyEnd } = walk;
    if (keyEnd - keyStart !== traceparentKey.length || walk.valueStart < 0) continue;
    if (bytesAt(record.bytes, keyStart, traceparentKey)) return true;
  }
  return false;
}

/**
 * A record's headers as JSON text: `[{"key":…,"value":…}]`, with `base64` in place of `value` where
 * that is not UTF-8; null without headers.
 */
export function headersJson(record: KafkaRecord): string | null {
  if (record.headerCount === 0) return null;
  const walk = createHeaderWalk();
  startWalk(record, walk);
  const found: Record<string, string | null>[] = [];
  while (nextHeader(record.bytes, walk)) {
    const key = bufferOf(record.bytes, walk.keyStart, walk.keyEnd).toString("utf8");
    if (walk.valueStart < 0) {
      found.push({ key, value: null });
      continue;
    }
    const value = bufferOf(record.bytes, walk.valueStart, walk.valueEnd);
    if (isUtf8(value)) found.push({ key, value: value.toString("utf8") });
    else found.push({ key, base64: value.toString("base64") });
  }
  return JSON.stringify(found);
}

function bufferOf(bytes: Uint8Array, start: number, end: number): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start);
}

/** Starts a walk over a record's headers. */
export function startWalk(record: KafkaRecord, walk: HeaderWalk): void {
  walk.left = record.headerCount;
  walk.p = record.headersStart;
  walk.end = record.headersEnd;
}

/** Moves to the next header; false: there is none, or it is no header. */
export function nextHeader(u: Uint8Array, walk: HeaderWalk): boolean {
  if (walk.left <= 0) return false;
  walk.left--;
  const keySize = readSize(u, walk);
  walk.keyStart = walk.p;
  walk.keyEnd = walk.p + Math.max(0, keySize);
  walk.p = walk.keyEnd;
  const valueSize = readSize(u, walk);
  walk.valueStart = valueSize < 0 ? -1 : walk.p;
  walk.p += Math.max(0, valueSize);
  walk.valueEnd = walk.p;
  return keySize >= 0 && walk.p <= walk.end;
}

function readSize(u: Uint8Array, walk: HeaderWalk): number {
  let value = 0;
  for (let shift = 0; shift <= 28; shift += 7) {
    const byte = u[walk.p++]!;
    value |= (byte & 127) << shift;
    if (!(byte >= 128)) break;
  }
  return (value >>> 1) ^ -(value & 1);
}
