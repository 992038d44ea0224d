/**
 * Records as they were fetched: bytes and positions, no object a record, so that no client
 * library's message type leaks inwards and batches travel between threads cheaply.
 */
export type RecordBatch = {
  /**
   * How records lie in `bytes`. `lines`: NDJSON, each record ended by `\n` (the very last one of an
   * input may lack it). Kafka record batches get their own framing when the Kafka source arrives.
   */
  readonly framing: "lines";
  readonly bytes: Uint8Array;
  /** Positions of records that do not carry their own (kcat lines do). */
  readonly position: LinePosition;
};

/** A record's offset is `baseOffset` plus its first byte's place in the batch. */
export type LinePosition = {
  /** What stands for the topic: the source id, or the file's name relative to the folder read. */
  readonly topic: string;
  readonly partition: number;
  /** Byte offset of the batch in the decompressed stream. */
  readonly baseOffset: bigint;
  /** 16 hex digits: hash of the stream's first record. */
  readonly identity: string;
};

/**
 * Lane and topic of an input without a name of its own, whose lines carry their positions. One that
 * does not stands at its place in the stream; every stream has positions of its own then.
 */
export const unnamedTopic = "-";
