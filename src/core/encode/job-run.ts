import { isUtf8 } from "node:buffer";
import { CdcDeltaError } from "../../errors.ts";
import {
  createRecordKey,
  readDocumentKey,
  readRecordKey,
  type RecordKey,
} from "../decode/record-key.ts";
import { ByteBuffer } from "../event/byte-buffer.ts";
import {
  clearRecordFields,
  createRecordFields,
  type RecordFields,
  type Span,
} from "../event/change-event.ts";
import { readFlattened } from "../event/flattened-document.ts";
import { skipSpace } from "../event/json-scan.ts";
import { unescapeString } from "../event/json-string.ts";
import { readKafkaRecord } from "../event/kafka-framing.ts";
import { createHeaderWalk, findTraceparent } from "../event/kafka-headers.ts";
import type { KafkaRecord } from "../event/kafka-record.ts";
import { nextKafkaRecord, openKafkaBatches } from "../event/kafka-record-batches.ts";
import type { KafkaBatch, LineBatch, RecordBatch } from "../event/record-batch.ts";
import { hasOwnPosition, readRecord } from "../event/record-framing.ts";
import { type RecordKind, unusableReason } from "../event/record-kind.ts";
import { highOf, lowOf, offsetOf } from "../event/record-position.ts";
import { isSignalDocument, isWatermarkId } from "../event/signal-document.ts";
import { requireUtf8 } from "../event/utf8.ts";
import type { CollectionTable, RowFacts } from "./collection-table.ts";
import { DeadLetterTable } from "./dead-letter-table.ts";
import {
  deadLetterTable,
  type EncodedTable,
  type EncodeJob,
  type EncodeResult,
  type SourceFault,
  type TableKey,
} from "./encode-job.ts";
import { JobTables } from "./job-tables.ts";
import { extendRange, isBehind, PositionTracker, type RecordPlace } from "./position-tracker.ts";
import { collectionOf, topicOf } from "./record-names.ts";
import type { TableCache } from "./table-cache.ts";

const encoder = new TextEncoder();
const twoTo32 = 4294967296;

/** `op` of an event → `_cdc_operation`, by the letter's code. */
const operations: Readonly<Record<number, Uint8Array>> = {
  99: encoder.encode("insert"),
  117: encoder.encode("update"),
  100: encoder.encode("delete"),
  114: encoder.encode("read"),
};
const opUpdate = 117;
const opDelete = 100;

/** One run of one job. */
export class JobRun {
  private readonly job: EncodeJob;
  private readonly cache: TableCache;
  private readonly tracker = new PositionTracker();
  private readonly fields: RecordFields = createRecordFields();
  private readonly key: RecordKey = createRecordKey();
  private readonly facts: RowFacts = { operation: operations[99]!, timestampMs: 0, key: null };
  private readonly beforeText = new ByteBuffer(1024);
  private readonly tables: JobTables;
  private readonly deadLetters: DeadLetterTable;
  private readonly headerWalk = createHeaderWalk();
  /** The record at hand while records are Kafka's: its headers are looked at where it matters. */
  private kafkaRecord: KafkaRecord | null = null;
  private fault: SourceFault | null = null;
  private bytes = 0;
  private records = 0;
  private tombstones = 0;
  private rowless = 0;

  constructor(job: EncodeJob, cache: TableCache) {
    this.job = job;
    this.cache = cache;
    this.tables = new JobTables(job, cache);
    this.deadLetters = new DeadLetterTable(this.tables.viewOf(deadLetterTable));
  }

  run(): EncodeResult {
    const decodedBytes: number[] = [];
    for (const batch of this.job.batches) {
      const before = this.bytes;
      if (this.fault === null) this.batch(batch);
      decodedBytes.push(this.bytes - before);
    }
    const tables = this.fault === null ? this.encodeTables() : [];
    this.cache.give(this.tables.all(), this.bytes);
    const { records, bytes, tombstones, rowless } = this;
    return {
      tables,
      positions: this.tracker.positions(),
      counts: { records, bytes, tombstones, rowless },
      decodedBytes,
      fault: this.fault,
    };
  }

  /** `run` without its last step, for measuring: the rows are gathered, nothing is encoded. */
  decodeOnly(): EncodeResult {
    for (const batch of this.job.batches) this.batch(batch);
    this.cache.give(this.tables.all(), 0);
    const { records, tombstones, rowless } = this;
    return {
      tables: [],
      positions: this.tracker.positions(),
      counts: { records, bytes: 0, tombstones, rowless },
      decodedBytes: [],
      fault: this.fault,
    };
  }

  private encodeTables(): EncodedTable[] {
    const ms = Math.floor(this.job.ingestionTimestampMs);
    const encoded = this.tables.all().map((table) => table.encode(ms));
    encoded.push(this.deadLetters.encode(ms));
    return encoded.filter((table) => table !== null);
  }

  private batch(batch: RecordBatch): void {
    switch (batch.framing) {
      case "lines":
        this.bytes += batch.bytes.length;
        this.lines(batch);
        return;
      case "kafka-v2":
        this.kafkaRecords(batch);
    }
  }

  private kafkaRecords({ bytes, position }: KafkaBatch): void {
    const { kafkaCursor: cursor } = this.cache;
    const { record } = cursor;
    openKafkaBatches(cursor, bytes, position);
    const partition = this.tracker.ofKafka(position);
    const place: RecordPlace = { partition, high: 0, low: 0, bytes, start: 0, end: 0 };
    this.kafkaRecord = record;
    while (this.fault === null && nextKafkaRecord(cursor)) {
      place.high = record.offsetHigh;
      place.low = record.offsetLow;
      place.bytes = record.bytes;
      place.start = Math.max(record.valueStart, 0);
      place.end = Math.max(record.valueEnd, 0);
      this.bytes += record.keyEnd - record.keyStart + record.valueEnd - record.valueStart;
      let kind: RecordKind | null = null;
      let reason = "";
      try {
        kind = readKafkaRecord(record, this.fields);
      } catch (error) {
        reason = decodeReason(error);
      }
      this.take(place, kind, reason);
    }
    this.kafkaRecord = null;
  }

  private lines({ bytes: given, position }: LineBatch): void {
    // A Buffer is no plain array to the engine: one kind of object keeps the readers fast.
    const bytes = new Uint8Array(given.buffer, given.byteOffset, given.length);
    const clean = isUtf8(bytes);
    const baseHigh = highOf(position.baseOffset);
    const baseLow = lowOf(position.baseOffset);
    const partition = this.tracker.ofBatch(position);
    const place: RecordPlace = { partition, high: 0, low: 0, bytes, start: 0, end: 0 };
    let start = 0;
    while (start < bytes.length && this.fault === null) {
      const found = bytes.indexOf(10, start);
      const end = found < 0 ? bytes.length : found;
      if (skipSpace(bytes, start) < end) {
        const low = baseLow + start;
        place.partition = partition;
        place.high = baseHigh + (low >= twoTo32 ? 1 : 0);
        place.low = low % twoTo32;
        place.start = start;
        place.end = end;
        this.line(place, clean);
      }
      start = end + 1;
    }
  }

  private line(place: RecordPlace, clean: boolean): void {
    const { fields } = this;
    let kind: RecordKind | null = null;
    let reason = "";
    try {
      if (!clean) {
        clearRecordFields(fields);
        requireUtf8(place.bytes, place.start, place.end);
      }
      kind = readRecord(place.bytes, place.start, place.end, fields);
    } catch (error) {
      reason = decodeReason(error);
    }
    if (hasOwnPosition(fields)) {
      place.partition = this.tracker.ofLine(fields);
      place.high = fields.offsetHigh;
      place.low = fields.offsetLow;
    }
    this.take(place, kind, reason);
  }

  /** Takes over a record that was read; a null kind says that it could not be, for this reason. */
  private take(place: RecordPlace, kind: RecordKind | null, reason: string): void {
    if (!isBehind(place.partition.range, place)) {
      this.fault = {
        kind: "offset-backwards",
        partition: place.partition.id,
        before: offsetOf(place.partition.range.lastHigh, place.partition.range.lastLow),
        offset: offsetOf(place.high, place.low),
      };
      return;
    }
    this.records++;
    this.dispatch(place, kind, reason);
    extendRange(place.partition.range, place);
  }

  private dispatch(place: RecordPlace, kind: RecordKind | null, reason: string): void {
    switch (kind) {
      case "event":
        this.event(place);
        return;
      case "flattened":
        this.flattened(place);
        return;
      case "tombstone":
        this.tombstones++;
        return;
      case "heartbeat":
      case "transaction":
      case "notification":
      case "signal":
        this.rowless++;
        return;
      case null:
        this.deadLetter(place, reason);
        return;
      default:
        this.deadLetter(place, `Cannot use the record: ${unusableReason(kind)}`);
    }
  }

  private flattened(place: RecordPlace): void {
    const reason = readFlattened(this.fields, topicOf(place, this.fields));
    if (reason === null) this.event(place);
    else this.deadLetter(place, reason);
  }

  private event(place: RecordPlace): void {
    const { fields } = this;
    const operation = operations[fields.op];
    if (operation === undefined) {
      this.deadLetter(place, "Cannot use the event: its `op` is none of c, u, d, r");
      return;
    }
    try {
      const { after } = fields;
      if (after.buffer !== null && isSignalDocument(after.buffer, after.start, after.end)) {
        this.rowless++;
        return;
      }
    } catch (error) {
      this.deadLetter(place, decodeReason(error));
      return;
    }
    const table = this.tables.find(fields.db, fields.collection);
    if (table === null) {
      this.deadLetter(place, "Cannot use the event: its `source` names no collection of MongoDB");
      return;
    }
    const admission = table.positions.admit(place);
    if (admission === "dropped") return;
    if (admission === "changed") {
      this.fault = this.changed(table.key, place);
      return;
    }
    this.facts.operation = operation;
    this.facts.timestampMs = fields.timestampMs;
    try {
      this.row(table, place);
    } catch (error) {
      const reason = decodeReason(error);
      table.undoRow();
      this.deadLetter(place, reason);
    }
  }

  private row(table: CollectionTable, place: RecordPlace): void {
    const { fields, key, facts } = this;
    readRecordKey(fields.key, key, fields.flat.buffer !== null);
    const document = fields.op === opDelete ? this.before() : fields.after;
    const fromKey = key.found;
    if (document.buffer === null) {
      if (!fromKey) {
        this.deadLetter(place, "Cannot use the event: it has neither a document nor a key");
        return;
      }
      if (fields.op === opDelete && isWatermarkId(key.text.bytes, 0, key.text.length)) {
        this.rowless++;
        return;
      }
    } else {
      table.shredder.document(document.buffer, document.start, document.end, table.rows);
      if (!fromKey) readDocumentKey(document.buffer, document.start, key);
      table.keepDocument(document.buffer, document.start, document.end);
    }
    if (fromKey && (document.buffer === null || fields.op === opDelete)) {
      table.shredder.fieldIfAbsent("_id", key.text.bytes, key.text.length, table.rows);
    }
    if (fields.op === opUpdate && document.buffer === null) {
      table.keepUpdateDescription(fields);
    }
    table.keepTransactionId(fields.transaction);
    facts.key = key.found ? key.identity : null;
    table.finishRow(place, facts);
    const { kafkaRecord, headerWalk } = this;
    if (kafkaRecord === null || kafkaRecord.headerCount === 0) return;
    if (!findTraceparent(kafkaRecord, headerWalk)) return;
    table.keepTraceparent(kafkaRecord.bytes, headerWalk.valueStart, headerWalk.valueEnd);
  }

  /** The document before a delete, unescaped. */
  private before(): Span {
    const { before } = this.fields;
    if (before.buffer === null || before.buffer[before.start] !== 34) return before;
    this.beforeText.length = 0;
    unescapeString(before.buffer, before.start, this.beforeText);
    this.beforeText.seal();
    return { buffer: this.beforeText.bytes, start: 0, end: this.beforeText.length };
  }

  private deadLetter(place: RecordPlace, reason: string): void {
    const admission = this.deadLetters.positions.admit(place);
    if (admission === "changed") this.fault = this.changed(deadLetterTable, place);
    else if (admission === "new") {
      const withheld = this.cache.withholds(collectionOf(this.fields));
      this.deadLetters.add(place, this.fields, reason, this.kafkaRecord, withheld);
    }
  }

  private changed(table: TableKey, place: RecordPlace): SourceFault {
    const offset = offsetOf(place.high, place.low);
    return { kind: "record-changed", table, partition: place.partition.id, offset };
  }
}

/** The text of a dead letter; anything but broken input is a fault of ours and goes on. */
function decodeReason(error: unknown): string {
  if (error instanceof CdcDeltaError && error.code === "decode") return error.message;
  throw error;
}
