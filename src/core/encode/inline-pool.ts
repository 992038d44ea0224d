import { CdcDeltaError } from "../../errors.ts";
import type { MappingRules } from "./encode-job.ts";
import type { EncodePool } from "./encode-pool.ts";
import { createEncoder } from "./run-encode-job.ts";
import type { Encoder } from "./serve-encode-jobs.ts";

export type InlinePoolOptions = {
  /** What the pool says of itself; jobs run one at a time whatever it is. */
  readonly size: number;
  readonly rules: MappingRules;
  /** Another encoder, for tests. */
  readonly encoder?: Encoder;
};

/** Encode jobs in the calling thread, for `--workers 0`, tests and the simulation. */
export function inlinePool(options: InlinePoolOptions): EncodePool {
  const encoder = options.encoder ?? createEncoder(options.rules);
  let closed = false;
  return {
    size: options.size,
    async run(job, { signal }) {
      // A turn of the event loop's queue first, so that callers see one behaviour for both pools.
      await Promise.resolve();
      signal.throwIfAborted();
      if (closed) throw new CdcDeltaError("worker", "Cannot encode: the pool is closed.");
      return encoder.run(job);
    },
    close() {
      closed = true;
      return Promise.resolve();
    },
  };
}
