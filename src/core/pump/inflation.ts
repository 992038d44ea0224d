import type { RecordBatch } from "../event/record-batch.ts";

/**
 * How much larger batches are once decompressed: their headers do not tell, so it is learnt, topic
 * by topic, from the jobs that ran.
 */
export type Inflation = {
  /** Bytes that the batch is expected to be decoded to; exact where it is not compressed. */
  decodedBytes(batch: RecordBatch): number;
  /**
   * Memory that a batch takes until it is committed, in bytes: its own and, of a compressed one, that
   * of its rows, which compressed again are of about its size.
   */
  heldBytes(batch: RecordBatch): number;
  /** What batches were decoded to, in their order. */
  learn(batches: readonly RecordBatch[], decodedBytes: readonly number[]): void;
};

/** Until a topic's first job has run: JSON of change events compresses that well. */
const ratioAtFirst = 5;
/** Where the compression codec stands in the header of a record batch. */
const codecAt = 22;
const codecBits = 7;

/** Nothing learnt yet. */
export function createInflation(): Inflation {
  const learnt = new Map<string, { raw: number; decoded: number }>();
  const decodedBytes = (batch: RecordBatch): number => {
    const { length } = batch.bytes;
    if (!isCompressed(batch)) return length;
    const known = learnt.get(batch.position.topic);
    const ratio = known === undefined ? ratioAtFirst : known.decoded / known.raw;
    return Math.ceil(length * ratio);
  };
  return {
    decodedBytes,
    heldBytes: (batch) => isCompressed(batch) ? 2 * batch.bytes.length : batch.bytes.length,
    learn(batches, decoded) {
      const topics = new Map<string, { raw: number; decoded: number }>();
      for (const [index, batch] of batches.entries()) {
        const bytes = decoded[index] ?? 0;
        // Batches of which nothing was taken, below the floor, say nothing.
        if (!isCompressed(batch) || bytes === 0) continue;
        const { topic } = batch.position;
        // What was learnt before counts half: topics change their ways.
        const before = learnt.get(topic);
        const sum = topics.get(topic) ??
          { raw: (before?.raw ?? 0) / 2, decoded: (before?.decoded ?? 0) / 2 };
        sum.raw += batch.bytes.length;
        sum.decoded += bytes;
        topics.set(topic, sum);
      }
      for (const [topic, sum] of topics) learnt.set(topic, sum);
    },
  };
}

/** By the first record batch: producers rarely change their codec. */
function isCompressed({ framing, bytes }: RecordBatch): boolean {
  return framing === "kafka-v2" && ((bytes[codecAt] ?? 0) & codecBits) !== 0;
}
