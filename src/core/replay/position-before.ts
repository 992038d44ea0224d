import type { PartitionId } from "../encode/encode-job.ts";
import { type Transactions, watermarkOf } from "../position/watermark.ts";

/**
 * How far a pipeline had come with a partition in an earlier version: where it had no position of
 * its own yet, the one that it took over from another pipeline counts. Null: nothing was there. Pure.
 */
export function positionBefore(
  before: Transactions,
  partition: PartitionId,
  pipelineId: string,
): bigint | null {
  const own = watermarkOf(before, { pipelineId, adopt: false }, partition);
  return (own ?? watermarkOf(before, { pipelineId, adopt: true }, partition))?.offset ?? null;
}
