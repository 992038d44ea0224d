import type { EncodeJob, EncodeResult } from "./encode-job.ts";

/** Runs encode jobs, several at a time; a job's result depends on nothing but the job. */
export type EncodePool = {
  /** How many jobs run at the same time. */
  readonly size: number;
  /** Errors: `worker` when a thread died; jobs are pure, so the caller may run the job again. */
  run(job: EncodeJob, options: { readonly signal: AbortSignal }): Promise<EncodeResult>;
  close(): Promise<void>;
};
