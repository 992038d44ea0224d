import { CdcDeltaError } from "../../errors.ts";
import type { EncodeResult, TableView } from "../encode/encode-job.ts";
import type { EncodePool } from "../encode/encode-pool.ts";
import type { JobInput } from "./session.ts";

/** Times a job is given to another worker after its own died. */
const workerDeathsMax = 3;

/**
 * Hands jobs to the pool so that each is told of the tables as late as possible: a job waits here,
 * not in the pool, and its views are made when a worker is about to be free.
 */
export function createDispatcher(
  pool: EncodePool,
  signal: AbortSignal,
): (job: JobInput, views: () => TableView[]) => Promise<EncodeResult> {
  const waiting: (() => void)[] = [];
  // One more than there are workers, so that none waits for the next job to arrive.
  let free = pool.size + 1;
  const enter = async (): Promise<void> => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
  };
  const leave = (): void => {
    const next = waiting.shift();
    if (next === undefined) free += 1;
    else next();
  };
  return async (job, views) => {
    await enter();
    try {
      return await runJob(pool, job, { views, signal });
    } finally {
      leave();
    }
  };
}

async function runJob(
  pool: EncodePool,
  job: JobInput,
  { views, signal }: { readonly views: () => TableView[]; readonly signal: AbortSignal },
): Promise<EncodeResult> {
  for (let deaths = 0;; deaths++) {
    try {
      return await pool.run({
        batches: job.batches.map((held) => held.batch),
        tables: views(),
        ingestionTimestampMs: job.ingestionTimestampMs,
      }, { signal });
    } catch (error) {
      const died = error instanceof CdcDeltaError && error.code === "worker";
      if (!died || deaths >= workerDeathsMax) throw error;
    }
  }
}
