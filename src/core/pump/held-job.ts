import type { EncodeResult } from "../encode/encode-job.ts";
import type { RecordBatch } from "../event/record-batch.ts";
import type { Lane } from "../source/source.ts";

/** Records as they were read from one lane. */
export type HeldBatch = { readonly lane: Lane; readonly batch: RecordBatch };

/**
 * A slice of what was read, held until its rows are committed, so that it can be encoded again when
 * the schema it was encoded against is no longer the table's.
 */
export type HeldJob = {
  readonly seq: number;
  batches: readonly HeldBatch[];
  readonly ingestionTimestampMs: number;
  /** Resolves to the latest result; replaced when the job runs again. */
  result: Promise<EncodeResult>;
  /** The latest result once its tables were taken over; null before. */
  merged: EncodeResult | null;
};

/** The offset after a batch: where its lane goes on. */
export function batchEnd(batch: RecordBatch): bigint {
  switch (batch.framing) {
    case "lines":
      return batch.position.baseOffset + BigInt(batch.bytes.length);
    case "kafka-v2":
      return batch.position.nextOffset;
  }
}
