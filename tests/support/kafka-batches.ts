import { createRequire } from "node:module";
import zlib from "node:zlib";
import type { KafkaBatch } from "../../src/core/event/record-batch.ts";
import { snappyCompress } from "../../src/delta/parquet/snappy.ts";
import { lz4Frame, type Lz4Options } from "./lz4-encoder.ts";

/** Kafka record batches (magic 2) as producers and brokers write them, for tests. */

type Bytes = string | Uint8Array | null;

export type TestRecord = {
  readonly key?: Bytes;
  readonly value?: Bytes;
  readonly headers?: readonly (readonly [string, Bytes])[];
  /** Default: the record before it, plus one; the first has the batch's `baseOffset`. */
  readonly offset?: bigint;
  readonly timestampMs?: number;
};

export type TestCompression = "none" | "gzip" | "snappy" | "snappy-raw" | "lz4" | "zstd";

export type TestBatchOptions = {
  readonly baseOffset: bigint;
  readonly compression?: TestCompression;
  readonly lz4?: Lz4Options;
  /** Compacted batches keep the offset of what was their last record. Default: the last record's. */
  readonly lastOffset?: bigint;
  readonly baseTimestampMs?: number;
  /** The broker's time stands for all records (`message.timestamp.type=LogAppendTime`). */
  readonly logAppendTimeMs?: number;
  /** Makes the batch part of a transaction. */
  readonly producerId?: bigint;
  readonly producerEpoch?: number;
  readonly baseSequence?: number;
};

const codecs = { "none": 0, "gzip": 1, "snappy": 2, "snappy-raw": 2, "lz4": 3, "zstd": 4 } as const;
const transactionalBit = 16;
const controlBit = 32;
const logAppendTimeBit = 8;
const defaultTimeMs = 1_700_000_000_000;

/** One record batch. */
export function kafkaRecordBatch(
  records: readonly TestRecord[],
  options: TestBatchOptions,
): Uint8Array {
  const attributes = codecs[options.compression ?? "none"] |
    (options.producerId === undefined ? 0 : transactionalBit) |
    (options.logAppendTimeMs === undefined ? 0 : logAppendTimeBit);
  return assemble(records, options, attributes);
}

/** The marker that ends a transaction, at `offset`. */
export function kafkaControlBatch(options: {
  readonly offset: bigint;
  readonly kind: "abort" | "commit";
  readonly producerId: bigint;
  readonly producerEpoch?: number;
}): Uint8Array {
  const key = Uint8Array.of(0, 0, 0, options.kind === "abort" ? 0 : 1);
  const value = new Uint8Array(6);
  const batch = { ...options, baseOffset: options.offset };
  return assemble([{ key, value }], batch, transactionalBit | controlBit);
}

/** A batch as a source hands it over: the given record batches one behind the other. */
export function kafkaBatchOf(
  batches: readonly Uint8Array[],
  position: Partial<KafkaBatch["position"]> = {},
): KafkaBatch {
  const bytes = concatBytes(batches);
  const last = batches.at(-1);
  const first = batches[0];
  return {
    framing: "kafka-v2",
    bytes,
    position: {
      topic: "shop.things",
      partition: 0,
      baseOffset: first === undefined ? 0n : viewOf(first).getBigInt64(0),
      nextOffset: last === undefined
        ? 0n
        : viewOf(last).getBigInt64(0) + BigInt(viewOf(last).getInt32(23)) + 1n,
      identity: "0123456789abcdef0123456789abcdef",
      records: batches.reduce((sum, batch) => sum + viewOf(batch).getInt32(57), 0),
      ...position,
    },
  };
}

/** Puts the right checksum into a batch that a test has changed. */
export function sealKafkaBatch(batch: Uint8Array): Uint8Array {
  viewOf(batch).setUint32(17, crc32c(batch.subarray(21)));
  return batch;
}

function assemble(
  records: readonly TestRecord[],
  options: TestBatchOptions,
  attributes: number,
): Uint8Array {
  const { baseOffset } = options;
  const baseMs = options.baseTimestampMs ?? defaultTimeMs;
  const body: number[] = [];
  let next = baseOffset;
  let newestMs = baseMs;
  for (const record of records) {
    const offset = record.offset ?? next;
    const ms = record.timestampMs ?? baseMs;
    pushRecord(body, record, Number(offset - baseOffset), ms - baseMs);
    newestMs = Math.max(newestMs, ms);
    next = offset + 1n;
  }
  const lastOffset = options.lastOffset ?? (records.length === 0 ? baseOffset : next - 1n);
  const packed = compress(Uint8Array.from(body), options);
  const batch = new Uint8Array(61 + packed.length);
  const view = viewOf(batch);
  view.setBigInt64(0, baseOffset);
  view.setInt32(8, batch.length - 12);
  view.setInt8(16, 2);
  view.setInt16(21, attributes);
  view.setInt32(23, Number(lastOffset - baseOffset));
  view.setBigInt64(27, BigInt(baseMs));
  view.setBigInt64(35, BigInt(options.logAppendTimeMs ?? newestMs));
  view.setBigInt64(43, options.producerId ?? -1n);
  view.setInt16(51, options.producerEpoch ?? (options.producerId === undefined ? -1 : 0));
  view.setInt32(53, options.baseSequence ?? -1);
  view.setInt32(57, records.length);
  batch.set(packed, 61);
  return sealKafkaBatch(batch);
}

function pushRecord(
  out: number[],
  record: TestRecord,
  offsetDelta: number,
  timeDelta: number,
): void {
  const body: number[] = [0];
  pushVarint(body, BigInt(timeDelta));
  pushVarint(body, BigInt(offsetDelta));
  pushBytes(body, record.key ?? null);
  pushBytes(body, record.value ?? null);
  const headers = record.headers ?? [];
  pushVarint(body, BigInt(headers.length));
  for (const [key, value] of headers) {
    pushBytes(body, key);
    pushBytes(body, value);
  }
  pushVarint(out, BigInt(body.length));
  for (const byte of body) out.push(byte);
}

/** Zigzag varint, as protocol buffers have it. */
function pushVarint(out: number[], value: bigint): void {
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  for (; rest > 127n; rest >>= 7n) out.push(Number(rest & 127n) | 128);
  out.push(Number(rest));
}

const encoder = new TextEncoder();

function pushBytes(out: number[], bytes: Bytes): void {
  if (bytes === null) return pushVarint(out, -1n);
  const raw = typeof bytes === "string" ? encoder.encode(bytes) : bytes;
  pushVarint(out, BigInt(raw.length));
  for (const byte of raw) out.push(byte);
}

function compress(bytes: Uint8Array, options: TestBatchOptions): Uint8Array {
  switch (options.compression ?? "none") {
    case "none":
      return bytes;
    case "gzip":
      return zlib.gzipSync(bytes);
    case "snappy":
      return xerial(bytes);
    case "snappy-raw":
      return snappyCompress(bytes);
    case "lz4":
      return lz4Frame(bytes, options.lz4);
    case "zstd":
      return zlib.zstdCompressSync(bytes);
  }
}

/** The framing of snappy-java: a header, then blocks with their length before them. */
function xerial(bytes: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [
    Uint8Array.of(0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0, 0, 0, 0, 1, 0, 0, 0, 1),
  ];
  for (let start = 0; start < bytes.length; start += 32 << 10) {
    const block = snappyCompress(bytes.subarray(start, start + (32 << 10)));
    const length = new Uint8Array(4);
    viewOf(length).setInt32(0, block.length);
    parts.push(length, block);
  }
  return concatBytes(parts);
}

/** The given bytes one behind the other. */
export function concatBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

// Another implementation than the one under test.
const crc32c = createRequire(import.meta.url)(
  "kafkajs/src/protocol/recordBatch/crc32C",
) as (bytes: Uint8Array) => number;
