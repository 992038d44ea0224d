import type { RecordFields } from "../event/change-event.ts";
import { unescapedText } from "../event/json-string.ts";
import type { KafkaPosition, LinePosition } from "../event/record-batch.ts";
import { compareOffsets, offsetOf, recordHash } from "../event/record-position.ts";
import type { PartitionId, PositionRange } from "./encode-job.ts";

/** A (topic, partition) met in a job, and what was read of it last. */
export type TrackedPartition = {
  readonly index: number;
  readonly id: PartitionId;
  readonly topicBytes: Uint8Array;
  /** False: offsets are Kafka's (also those of kcat's lines), and records are not compared by hash. */
  readonly hashed: boolean;
  readonly range: OffsetRange;
};

/** First and last record of something; `lastBytes` is what the last one's hash is made of. */
export type OffsetRange = {
  seen: boolean;
  firstHigh: number;
  firstLow: number;
  lastHigh: number;
  lastLow: number;
  lastBytes: Uint8Array;
  lastStart: number;
  lastEnd: number;
};

/** A range without records. */
export function emptyRange(): OffsetRange {
  return {
    seen: false,
    firstHigh: 0,
    firstLow: 0,
    lastHigh: 0,
    lastLow: 0,
    lastBytes: new Uint8Array(0),
    lastStart: 0,
    lastEnd: 0,
  };
}

/** The record at hand: where it is, and its bytes in the batch. */
export type RecordPlace = {
  partition: TrackedPartition;
  high: number;
  low: number;
  bytes: Uint8Array;
  start: number;
  end: number;
};

/** Makes the record at hand the last one of a range. */
export function extendRange(range: OffsetRange, place: RecordPlace): void {
  if (!range.seen) {
    range.seen = true;
    range.firstHigh = place.high;
    range.firstLow = place.low;
  }
  range.lastHigh = place.high;
  range.lastLow = place.low;
  range.lastBytes = place.bytes;
  range.lastStart = place.start;
  range.lastEnd = place.end;
}

/** True when the record lies behind everything that the range has. */
export function isBehind(range: OffsetRange, place: RecordPlace): boolean {
  return !range.seen ||
    compareOffsets(place.high, place.low, range.lastHigh, range.lastLow) > 0;
}

/** The range as a job's result tells it. */
export function positionRange(partition: TrackedPartition, range: OffsetRange): PositionRange {
  return {
    ...partition.id,
    firstOffset: offsetOf(range.firstHigh, range.firstLow),
    lastOffset: offsetOf(range.lastHigh, range.lastLow),
    lastRecordHash: partition.hashed
      ? recordHash(range.lastBytes, range.lastStart, range.lastEnd)
      : null,
  };
}

const encoder = new TextEncoder();

/** The partitions of one job, in the order they were met. */
export class PositionTracker {
  readonly partitions: TrackedPartition[];
  private readonly byName: Map<string, TrackedPartition>;
  private lastOwn: TrackedPartition | null;

  constructor() {
    this.partitions = [];
    this.byName = new Map();
    this.lastOwn = null;
  }

  /** The partition of records that have no position of their own. */
  ofBatch({ topic, partition, identity }: LinePosition): TrackedPartition {
    return this.find({ topic, partition, identity }, true);
  }

  /** The partition that records were fetched from. */
  ofKafka({ topic, partition, identity }: KafkaPosition): TrackedPartition {
    return this.find({ topic, partition, identity }, false);
  }

  /** The partition that a line names itself. */
  ofLine(fields: RecordFields): TrackedPartition {
    const { buffer, start, end } = fields.topic;
    const last = this.lastOwn;
    if (
      last !== null && buffer !== null && last.id.partition === fields.partition &&
      isContent(last.topicBytes, buffer, start, end)
    ) return last;
    const topic = buffer === null ? "" : unescapedText(buffer, start);
    this.lastOwn = this.find({ topic, partition: fields.partition, identity: "" }, false);
    return this.lastOwn;
  }

  private find(id: PartitionId, hashed: boolean): TrackedPartition {
    const name = `${hashed ? 1 : 0} ${id.topic}\0${id.partition}\0${id.identity}`;
    let found = this.byName.get(name);
    if (found === undefined) {
      const topicBytes = encoder.encode(id.topic);
      const index = this.partitions.length;
      found = { index, id, topicBytes, hashed, range: emptyRange() };
      this.partitions.push(found);
      this.byName.set(name, found);
    }
    return found;
  }

  positions(): PositionRange[] {
    return this.partitions.filter((one) => one.range.seen)
      .map((one) => positionRange(one, one.range));
  }
}

/** True when the JSON string `u[start .. end)`, quotes included, holds these bytes unescaped. */
function isContent(content: Uint8Array, u: Uint8Array, start: number, end: number): boolean {
  if (end - start !== content.length + 2) return false;
  for (let i = 0; i < content.length; i++) if (u[start + 1 + i] !== content[i]) return false;
  return true;
}
