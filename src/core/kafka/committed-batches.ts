import type { Buffer } from "node:buffer";
import { CdcDeltaError } from "../../errors.ts";
import type { AbortedTransaction } from "./fetch-request.ts";
import type { FetchedData, TopicPartition } from "./kafka-client.ts";

/** What a broker answered for one partition of a `read_committed` fetch. */
export type FetchedBatches = TopicPartition & {
  readonly fetchOffset: bigint;
  /** In any order; brokers send them in the order in which the transactions ended. */
  readonly abortedTransactions: readonly AbortedTransaction[];
  /** Record batches; the last one may be cut off. */
  readonly records: Buffer;
};

export type CommittedBatches = {
  readonly data: readonly FetchedData[];
  readonly nextOffset: bigint;
};

/**
 * Leaves the batches of committed data: no control batches, none of aborted transactions, none that
 * compaction emptied, none that lies below the fetch offset. Only headers are read, and the data are
 * views. `nextOffset` goes past whatever was left out. What decides about aborted transactions is the
 * Java client's rule: a transaction begins at its first offset in the broker's list and ends at its
 * producer's abort marker.
 *
 * Checksums are left to the encode workers, which read every byte anyway.
 *
 * Errors: `kafka` where batches are older than Kafka 0.11's format, damaged, or cut off so early that
 * not one is whole.
 */
export function committedBatches(fetched: FetchedBatches): CommittedBatches {
  const { records, fetchOffset } = fetched;
  const aborted = abortedProducers(fetched.abortedTransactions);
  const data: FetchedData[] = [];
  let nextOffset = fetchOffset;
  let run: { start: number; end: number; nextOffset: bigint; records: number } | null = null;

  const endRun = () => {
    if (run === null) return;
    const bytes = records.subarray(run.start, run.end);
    data.push({ bytes, nextOffset: run.nextOffset, records: run.records });
    run = null;
  };

  let at = 0;
  for (;;) {
    const end = wholeBatchEnd(fetched, at);
    if (end === null) break;
    const lastOffset = records.readBigInt64BE(at) + BigInt(records.readInt32BE(at + 23));
    const count = records.readInt32BE(at + 57);
    const committed = aborted.committed(records, at, lastOffset);
    if (lastOffset >= fetchOffset) nextOffset = lastOffset + 1n;
    if (committed && count > 0 && lastOffset >= fetchOffset) {
      run ??= { start: at, end, nextOffset, records: 0 };
      run.end = end;
      run.nextOffset = nextOffset;
      run.records += count;
    } else {
      endRun();
    }
    at = end;
  }
  endRun();
  return { data, nextOffset };
}

/** Where the batch ends that begins at `at`; null when it is not there as a whole. */
function wholeBatchEnd(fetched: FetchedBatches, at: number): number | null {
  const { records, topic, partition } = fetched;
  const left = records.length - at;
  if (left < magicAt + 1) return at === 0 && left > 0 ? tooLarge(fetched, null) : null;
  const size = lengthEnd + records.readInt32BE(at + 8);
  const magic = records.readInt8(at + magicAt);
  if (magic < 2) {
    throw new CdcDeltaError(
      "kafka",
      `Partition ${partition} of topic ${topic} has messages in the format of Kafka before 0.11 ` +
        `(magic ${magic}) at offset ${records.readBigInt64BE(at)}, which cdcdelta does not read. ` +
        `Copy the topic with a current producer, or let retention remove the old messages.`,
      { context: { topic, partition, magic } },
    );
  }
  if (magic > 2 || size < headerEnd) {
    throw new CdcDeltaError(
      "kafka",
      `Partition ${partition} of topic ${topic} has a damaged record batch at offset ` +
        `${records.readBigInt64BE(at)} (magic ${magic}, ${size} bytes). Check the broker's disk ` +
        `with kafka-dump-log.`,
      { context: { topic, partition, magic, size } },
    );
  }
  if (size > left) return at === 0 ? tooLarge(fetched, size) : null;
  return at + size;
}

function tooLarge(fetched: FetchedBatches, size: number | null): never {
  const { records, topic, partition, fetchOffset } = fetched;
  const needed = size === null ? "more" : `${size} bytes`;
  throw new CdcDeltaError(
    "kafka",
    `The record batch at offset ${fetchOffset} of partition ${partition} of topic ${topic} needs ` +
      `${needed}, but the broker answered with only ${records.length} of them. Set ` +
      `KAFKA_MAX_PARTITION_FETCH_BYTES to at least that size.`,
    { context: { topic, partition, bytes: records.length, ...(size === null ? {} : { size }) } },
  );
}

/** Which producers are inside an aborted transaction, while batches are walked in order. */
function abortedProducers(transactions: readonly AbortedTransaction[]) {
  const waiting = [...transactions].sort((a, b) =>
    a.firstOffset < b.firstOffset ? -1 : a.firstOffset > b.firstOffset ? 1 : 0
  );
  const open = new Set<bigint>();
  let next = 0;
  return {
    /** True for a batch of committed data; to be asked for each batch once, in order. */
    committed(records: Buffer, at: number, lastOffset: bigint): boolean {
      const attributes = records.readInt16BE(at + 21);
      const control = (attributes & controlBit) !== 0;
      if (waiting.length === 0) return !control;
      for (let first = waiting[next]; first !== undefined; first = waiting[++next]) {
        if (first.firstOffset > lastOffset) break;
        open.add(first.producerId);
      }
      if (!control && (attributes & transactionalBit) === 0) return true;
      const producerId = records.readBigInt64BE(at + 43);
      if (!control) return !open.has(producerId);
      if (isAbortMarker(records, at + headerEnd, at + lengthEnd + records.readInt32BE(at + 8))) {
        open.delete(producerId);
      }
      return false;
    },
  };
}

/** A control batch holds one uncompressed record whose key is a version and a type. */
function isAbortMarker(records: Buffer, start: number, end: number): boolean {
  let at = start;
  const varint = () => {
    let value = 0;
    for (let shift = 0; at < end; shift += 7) {
      const byte = records.readUInt8(at++);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) break;
    }
    return (value >>> 1) ^ -(value & 1);
  };
  varint();
  at += 1;
  varint();
  varint();
  const keyBytes = varint();
  return keyBytes >= 4 && at + 4 <= end && records.readInt16BE(at + 2) === abortType;
}

const abortType = 0;
const lengthEnd = 12;
const magicAt = 16;
const headerEnd = 61;
const transactionalBit = 0x10;
const controlBit = 0x20;
