/**
 * Records as they were fetched: bytes and positions, no object a record, so that no client
 * library's message type leaks inwards and batches travel between threads cheaply.
 */
export type RecordBatch = LineBatch | KafkaBatch;

/** NDJSON, each record ended by `\n` (the very last one of an input may lack it). */
export type LineBatch = {
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
 * Kafka record batches (magic 2), one or several, whole and as the broker sent them: compressed,
 * without control batches and aborted ones. Their headers carry the offsets.
 */
export type KafkaBatch = {
  readonly framing: "kafka-v2";
  readonly bytes: Uint8Array;
  readonly position: KafkaPosition;
};

export type KafkaPosition = {
  readonly topic: string;
  readonly partition: number;
  /** Where reading goes on: records below it, which the first batch may hold, are not ours. */
  readonly baseOffset: bigint;
  /** The offset after the last one that the batches span. */
  readonly nextOffset: bigint;
  /** The topic's id, 32 hex digits; empty where the cluster has none. */
  readonly identity: string;
  /** How many records the batches hold by their headers. */
  readonly records: number;
};

/**
 * Lane and topic of an input without a name of its own, whose lines carry their positions. One that
 * does not stands at its place in the stream; every stream has positions of its own then.
 */
export const unnamedTopic = "-";
