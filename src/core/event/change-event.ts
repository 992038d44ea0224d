import { ByteBuffer } from "./byte-buffer.ts";

/** A stretch of a buffer; `buffer` null: there is nothing. */
export type Span = { buffer: Uint8Array | null; start: number; end: number };

/** A span of nothing. */
export function emptySpan(): Span {
  return { buffer: null, start: 0, end: 0 };
}

/**
 * What is read of one record. One object, reused for every record, so that none is made in the hot
 * path; its spans point into the batch or into `scratch` and are valid until the next record.
 */
export type RecordFields = {
  /** Keys seen at the level of the line, and at the level of the Debezium value (`seen…` bits). */
  lineShape: number;
  valueShape: number;
  /** True when the value is null: `null`, `"payload":null`, an empty string. */
  valueIsNull: boolean;
  /** True when the value (or a payload) is a JSON string or scalar that holds no object. */
  valueIsScalar: boolean;

  /** Position of the line's own; `offset` is `offsetHigh * 2^32 + offsetLow`. */
  topic: Span;
  partition: number;
  offsetHigh: number;
  offsetLow: number;

  /** The record's key as it stands in the line: a JSON value; nothing if there is none. */
  key: Span;
  /** The record's value: text of the line, or of the unescaped string. For dead letters. */
  value: Span;

  /** The object of a flattened document; nothing for every other record. */
  flat: Span;

  /** First byte of `op`'s string; 0 without `op`. */
  op: number;
  /** Documents as Extended JSON text, sealed; nothing when null or absent. */
  after: Span;
  /**
   * As they stand in the envelope: JSON values (strings, mostly); nothing when null or absent. Of a
   * flattened document `transaction` is the id alone, a string.
   */
  before: Span;
  updateDescription: Span;
  patch: Span;
  transaction: Span;
  /** Content of the strings `source.db` and `source.collection`, still escaped. */
  db: Span;
  collection: Span;
  /** `source.ts_ms`, or else the envelope's `ts_ms`; NaN when neither is there. */
  timestampMs: number;
  /** `type` of a value that is no envelope: tells a signal. */
  type: Span;

  readonly valueText: ByteBuffer;
  readonly afterText: ByteBuffer;
};

/** Fields for `readRecord` to fill, again and again. */
export function createRecordFields(): RecordFields {
  return {
    lineShape: 0,
    valueShape: 0,
    valueIsNull: false,
    valueIsScalar: false,
    topic: emptySpan(),
    partition: 0,
    offsetHigh: 0,
    offsetLow: 0,
    key: emptySpan(),
    value: emptySpan(),
    flat: emptySpan(),
    op: 0,
    after: emptySpan(),
    before: emptySpan(),
    updateDescription: emptySpan(),
    patch: emptySpan(),
    transaction: emptySpan(),
    db: emptySpan(),
    collection: emptySpan(),
    timestampMs: Number.NaN,
    type: emptySpan(),
    valueText: new ByteBuffer(1 << 16),
    afterText: new ByteBuffer(1 << 16),
  };
}

/** Forgets the last record. */
export function clearRecordFields(fields: RecordFields): void {
  fields.lineShape = 0;
  fields.valueShape = 0;
  fields.valueIsNull = false;
  fields.valueIsScalar = false;
  fields.partition = 0;
  fields.offsetHigh = 0;
  fields.offsetLow = 0;
  fields.op = 0;
  fields.timestampMs = Number.NaN;
  fields.topic.buffer = null;
  fields.key.buffer = null;
  fields.value.buffer = null;
  fields.flat.buffer = null;
  fields.after.buffer = null;
  fields.before.buffer = null;
  fields.updateDescription.buffer = null;
  fields.patch.buffer = null;
  fields.transaction.buffer = null;
  fields.db.buffer = null;
  fields.collection.buffer = null;
  fields.type.buffer = null;
}
