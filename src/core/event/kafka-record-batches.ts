import { CdcDeltaError } from "../../errors.ts";
import { ByteBuffer } from "./byte-buffer.ts";
import { crc32c } from "./crc32c.ts";
import { codecNone, inflateKafka } from "./kafka-inflate.ts";
import { createKafkaRecord, type KafkaRecord } from "./kafka-record.ts";
import type { KafkaPosition } from "./record-batch.ts";
import { compareOffsets, highOf, lowOf, offsetOf } from "./record-position.ts";

/** What record batches are read from: for messages, and where reading begins. */
export type KafkaOrigin = Pick<KafkaPosition, "topic" | "partition" | "baseOffset">;

/** Walks record batches; `record` is the one at hand. */
export type KafkaCursor = {
  readonly record: KafkaRecord;
  /** Decompressed records; kept from batch to batch. */
  readonly inflated: ByteBuffer;
  /** The batches, and where the next one starts. */
  source: Uint8Array;
  at: number;
  origin: KafkaOrigin;
  fromHigh: number;
  fromLow: number;
  /** Records of the batch at hand that are still to come, and where they lie. */
  left: number;
  p: number;
  end: number;
  batchHigh: number;
  batchLow: number;
  lastDelta: number;
  baseMs: number;
  /** NaN: records have their own time. */
  appendMs: number;
};

const twoTo32 = 4294967296;
/** Length field and what stands before it. */
const prefixBytes = 12;
const headerBytes = 61;
const magicAt = 16;
const crcAt = 17;
const attributesAt = 21;
const codecBits = 7;
const appendTimeBit = 8;
const controlBit = 32;
/** More decompressed memory than this is not kept for the next batch. */
const keptBytesMax = 8 << 20;

/** A cursor over nothing. */
export function createKafkaCursor(): KafkaCursor {
  return {
    record: createKafkaRecord(),
    inflated: new ByteBuffer(1 << 16),
    source: new Uint8Array(0),
    at: 0,
    origin: { topic: "", partition: 0, baseOffset: 0n },
    fromHigh: 0,
    fromLow: 0,
    left: 0,
    p: 0,
    end: 0,
    batchHigh: 0,
    batchLow: 0,
    lastDelta: 0,
    baseMs: 0,
    appendMs: Number.NaN,
  };
}

/**
 * Visits the records of whole record batches (magic 2), in order, from `origin.baseOffset` on;
 * control batches are passed over. The record is one object, filled again each time: copy what has
 * to live longer (`kafkaKey`, `kafkaValue`, `offsetOf`).
 *
 * Errors: `decode` when a batch is damaged, `unsupported` for message formats before 2; nothing is
 * skipped.
 */
export function forEachKafkaRecord(
  bytes: Uint8Array,
  origin: KafkaOrigin,
  visit: (record: KafkaRecord) => void,
): void {
  const cursor = createKafkaCursor();
  openKafkaBatches(cursor, bytes, origin);
  while (nextKafkaRecord(cursor)) visit(cursor.record);
}

/** Sets the cursor before the first record. */
export function openKafkaBatches(
  cursor: KafkaCursor,
  bytes: Uint8Array,
  origin: KafkaOrigin,
): void {
  // A Buffer is no plain array to the engine: one kind of object keeps the readers fast.
  cursor.source = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  cursor.at = 0;
  cursor.origin = origin;
  cursor.fromHigh = highOf(origin.baseOffset);
  cursor.fromLow = lowOf(origin.baseOffset);
  cursor.left = 0;
  cursor.p = 0;
  cursor.end = 0;
}

/** Moves to the next record; false: there is none. Errors: `decode` when a batch is damaged. */
export function nextKafkaRecord(cursor: KafkaCursor): boolean {
  const { record } = cursor;
  for (;;) {
    while (cursor.left === 0) {
      if (cursor.p !== cursor.end) throw corrupt(cursor, "it holds more than its records");
      if (cursor.at === cursor.source.length) return false;
      openBatch(cursor);
    }
    cursor.left--;
    readRecordAt(cursor);
    const order = compareOffsets(
      record.offsetHigh,
      record.offsetLow,
      cursor.fromHigh,
      cursor.fromLow,
    );
    if (order >= 0) return true;
  }
}

/** Reads the header at hand and makes its records ready; none when there is nothing of ours. */
function openBatch(cursor: KafkaCursor): void {
  const { source: u, at } = cursor;
  const view = new DataView(u.buffer, u.byteOffset + at, Math.min(headerBytes, u.length - at));
  if (view.byteLength >= 8) {
    cursor.batchHigh = view.getInt32(0);
    cursor.batchLow = view.getUint32(4);
  }
  if (view.byteLength < headerBytes) throw corrupt(cursor, "its header is cut off");
  const next = at + prefixBytes + view.getInt32(8);
  if (u[at + magicAt] !== 2) throw wrongFormat(cursor, u[at + magicAt]!);
  if (next < at + headerBytes || next > u.length) throw corrupt(cursor, "it is cut off");
  if (crc32c(u, at + attributesAt, next) !== view.getUint32(crcAt)) {
    throw corrupt(cursor, "its checksum is wrong", { retryable: true });
  }
  const attributes = view.getInt16(attributesAt);
  cursor.lastDelta = view.getInt32(23);
  cursor.baseMs = view.getInt32(27) * twoTo32 + view.getUint32(31);
  cursor.appendMs = (attributes & appendTimeBit) === 0
    ? Number.NaN
    : view.getInt32(35) * twoTo32 + view.getUint32(39);
  const left = view.getInt32(57);
  if (left < 0) throw corrupt(cursor, "its number of records is negative");
  cursor.p = 0;
  cursor.end = 0;
  if ((attributes & controlBit) === 0 && left > 0 && !isBelow(cursor)) {
    openRecords(cursor, attributes & codecBits, next);
    cursor.left = left;
  }
  cursor.at = next;
}

function openRecords(cursor: KafkaCursor, codec: number, next: number): void {
  const { record, inflated, source } = cursor;
  const start = cursor.at + headerBytes;
  if (codec === codecNone) {
    record.bytes = source;
    cursor.p = start;
    cursor.end = next;
    return;
  }
  if (inflated.bytes.length > keptBytesMax) inflated.bytes = new Uint8Array(1 << 16);
  try {
    inflateKafka(codec, source, start, next, inflated);
  } catch (error) {
    if (!(error instanceof CdcDeltaError) || error.code !== "decode") throw error;
    throw corrupt(cursor, error.message, { cause: error });
  }
  inflated.seal();
  record.bytes = inflated.bytes;
  cursor.end = inflated.length;
}

/** True when all records of the batch at hand lie before where reading begins. */
function isBelow({ batchHigh, batchLow, lastDelta, fromHigh, fromLow }: KafkaCursor): boolean {
  const low = batchLow + lastDelta;
  const carry = low >= twoTo32 ? 1 : 0;
  return compareOffsets(batchHigh + carry, low % twoTo32, fromHigh, fromLow) < 0;
}

function readRecordAt(cursor: KafkaCursor): void {
  const { record, end } = cursor;
  const size = readVarint(cursor);
  const stop = cursor.p + size;
  if (size < 0 || stop > end) throw corrupt(cursor, "a record is cut off");
  // The record's attributes; none are defined.
  cursor.p++;
  const timeDelta = readVarlong(cursor);
  record.timestampMs = Number.isNaN(cursor.appendMs) ? cursor.baseMs + timeDelta : cursor.appendMs;
  const delta = readVarint(cursor);
  if (delta < 0 || delta > cursor.lastDelta) {
    throw corrupt(cursor, "a record's offset is not one of the batch's");
  }
  const low = cursor.batchLow + delta;
  record.offsetHigh = low >= twoTo32 ? cursor.batchHigh + 1 : cursor.batchHigh;
  record.offsetLow = low >= twoTo32 ? low - twoTo32 : low;
  const keySize = readVarint(cursor);
  record.keyStart = keySize < 0 ? -1 : cursor.p;
  if (keySize > 0) cursor.p += keySize;
  record.keyEnd = keySize < 0 ? -1 : cursor.p;
  const valueSize = readVarint(cursor);
  record.valueStart = valueSize < 0 ? -1 : cursor.p;
  if (valueSize > 0) cursor.p += valueSize;
  record.valueEnd = valueSize < 0 ? -1 : cursor.p;
  record.headerCount = readVarint(cursor);
  record.headersStart = cursor.p;
  record.headersEnd = stop;
  if (cursor.p > stop || record.headerCount < 0) throw corrupt(cursor, "a record is malformed");
  cursor.p = stop;
}

/** A zigzag number of 32 bits; wrong beyond five bytes, which no record's length then fits. */
function readVarint(cursor: KafkaCursor): number {
  const u = cursor.record.bytes;
  let byte = u[cursor.p++]!;
  let value = byte & 127;
  for (let shift = 7; byte >= 128; shift += 7) {
    if (shift > 28) throw corrupt(cursor, "a number is too long");
    byte = u[cursor.p++]!;
    value |= (byte & 127) << shift;
  }
  return (value >>> 1) ^ -(value & 1);
}

/** A zigzag number of 64 bits: a time, exact within the years that dates have. */
function readVarlong(cursor: KafkaCursor): number {
  const u = cursor.record.bytes;
  let byte = u[cursor.p++]!;
  let value = byte & 127;
  for (let factor = 128; byte >= 128; factor *= 128) {
    if (factor > 2 ** 63) throw corrupt(cursor, "a number is too long");
    byte = u[cursor.p++]!;
    value += (byte & 127) * factor;
  }
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

/** Formats 0 and 1 have their number at the same place. */
function wrongFormat(cursor: KafkaCursor, format: number): CdcDeltaError {
  if (format > 2) return corrupt(cursor, `its format is ${format}, not 2`);
  const { topic, partition } = cursor.origin;
  const offset = offsetOf(cursor.batchHigh, cursor.batchLow);
  return new CdcDeltaError(
    "unsupported",
    `Cannot read topic ${topic}, partition ${partition}: the records at offset ${offset} are stored ` +
      `in message format ${format}, from before Kafka 0.11; formats from 2 on are read. Copy the ` +
      "records into a new topic and read that",
    { context: { topic, partition, offset: String(offset) } },
  );
}

function corrupt(
  { origin, batchHigh, batchLow }: KafkaCursor,
  what: string,
  options: { readonly retryable?: boolean; readonly cause?: unknown } = {},
): CdcDeltaError {
  const { topic, partition } = origin;
  const offset = offsetOf(batchHigh, batchLow);
  return new CdcDeltaError(
    "decode",
    `Cannot read topic ${topic}, partition ${partition}: the record batch at offset ${offset} is ` +
      `damaged, on the broker or on its way here: ${what}. It is not skipped; look at the ` +
      "partition's log with kafka-dump-log, then run again",
    { ...options, context: { topic, partition, offset: String(offset) } },
  );
}
