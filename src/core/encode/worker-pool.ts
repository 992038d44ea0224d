import { assert, CdcDeltaError } from "../../errors.ts";
import type { EncodeJob, EncodeResult, MappingRules } from "./encode-job.ts";
import type { EncodePool } from "./encode-pool.ts";
import { type EncodeThread, startEncodeThread } from "./encode-thread.ts";
import { encodeWorkerUrl } from "./worker-url.ts";

export type WorkerPoolOptions = {
  /** Number of threads, at least 1. */
  readonly size: number;
  readonly rules: MappingRules;
  /** How many dead threads are replaced over the life of the pool; default 3. */
  readonly restartsMax?: number;
  /** Another entry point of the threads, for tests. */
  readonly workerUrl?: URL;
};

type Task = {
  readonly job: EncodeJob;
  readonly resolve: (result: EncodeResult) => void;
  readonly reject: (error: unknown) => void;
  /** True: nobody waits for the answer any more. */
  abandoned: boolean;
};

type Slot = { thread: EncodeThread; ready: boolean; task: Task | null };

const restartsMaxDefault = 3;

/**
 * Encode jobs on `node:worker_threads`, each job on the next free thread, in the order of the calls.
 * A thread that dies fails its job with a retryable `worker` error and is replaced. A thread that
 * does not even start, or more deaths than `restartsMax`, fail the pool for good: every job then
 * gets a `worker` error that is not retryable.
 *
 * With its signal aborted a call rejects at once; a job that a thread has begun goes on unheard.
 */
export function workerPool(options: WorkerPoolOptions): EncodePool {
  assert(Number.isInteger(options.size) && options.size >= 1, "a worker pool has a thread");
  const pool = createState(options);
  for (let index = 0; index < options.size; index++) addThread(pool);
  return {
    size: options.size,
    run: (job, { signal }) => enqueue(pool, job, signal),
    async close() {
      failPool(pool, closedError());
      const threads = pool.slots.splice(0);
      await Promise.all(threads.map((slot) => slot.thread.terminate()));
    },
  };
}

type PoolState = {
  readonly url: URL;
  readonly rules: MappingRules;
  readonly queue: Task[];
  readonly slots: Slot[];
  restartsLeft: number;
  failure: CdcDeltaError | null;
};

function createState(options: WorkerPoolOptions): PoolState {
  return {
    url: options.workerUrl ?? encodeWorkerUrl(),
    rules: options.rules,
    queue: [],
    slots: [],
    restartsLeft: options.restartsMax ?? restartsMaxDefault,
    failure: null,
  };
}

function enqueue(pool: PoolState, job: EncodeJob, signal: AbortSignal): Promise<EncodeResult> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(abortReason(signal));
    if (pool.failure !== null) return reject(pool.failure);
    const task: Task = {
      job,
      abandoned: false,
      resolve(result) {
        signal.removeEventListener("abort", abandon);
        resolve(result);
      },
      reject(error) {
        signal.removeEventListener("abort", abandon);
        reject(error);
      },
    };
    function abandon(): void {
      task.abandoned = true;
      const at = pool.queue.indexOf(task);
      if (at >= 0) pool.queue.splice(at, 1);
      reject(abortReason(signal));
    }
    signal.addEventListener("abort", abandon, { once: true });
    pool.queue.push(task);
    dispatch(pool);
  });
}

function dispatch(pool: PoolState): void {
  for (const slot of pool.slots) {
    if (!slot.ready || slot.task !== null) continue;
    const task = pool.queue.shift();
    if (task === undefined) return;
    slot.task = task;
    slot.thread.post(task.job);
  }
}

function addThread(pool: PoolState): void {
  const thread = startEncodeThread(pool.url, pool.rules, {
    ready() {
      slot.ready = true;
      dispatch(pool);
    },
    result: (result) => finish(pool, slot, (task) => task.resolve(result)),
    failed: (error) => finish(pool, slot, (task) => task.reject(error)),
    died: (reason) => bury(pool, slot, reason),
  });
  const slot: Slot = { thread, ready: false, task: null };
  pool.slots.push(slot);
}

function finish(pool: PoolState, slot: Slot, tell: (task: Task) => void): void {
  const { task } = slot;
  slot.task = null;
  if (task !== null && !task.abandoned) tell(task);
  dispatch(pool);
}

function bury(pool: PoolState, slot: Slot, reason: string): void {
  const at = pool.slots.indexOf(slot);
  if (at < 0) return;
  pool.slots.splice(at, 1);
  if (!slot.ready) {
    failPool(pool, startError(reason));
    return;
  }
  slot.task?.reject(deathError(reason, { retryable: true }));
  slot.task = null;
  if (pool.restartsLeft === 0) {
    failPool(pool, deathError(reason, { retryable: false }));
    return;
  }
  pool.restartsLeft--;
  addThread(pool);
}

/** From now on every job, waiting, running or new, gets this error. */
function failPool(pool: PoolState, failure: CdcDeltaError): void {
  pool.failure ??= failure;
  for (const task of pool.queue.splice(0)) task.reject(pool.failure);
  for (const slot of pool.slots) {
    slot.task?.reject(pool.failure);
    slot.task = null;
  }
}

function deathError(reason: string, options: { readonly retryable: boolean }): CdcDeltaError {
  const advice = options.retryable
    ? "The batch can be encoded again."
    : "Too many threads died; lower --workers or raise the memory, and start again.";
  return new CdcDeltaError("worker", `An encode thread died: ${reason}. ${advice}`, options);
}

function startError(reason: string): CdcDeltaError {
  return new CdcDeltaError(
    "worker",
    `Cannot start an encode thread: ${reason}. Use --workers 0 to work without threads.`,
  );
}

function closedError(): CdcDeltaError {
  return new CdcDeltaError("worker", "Cannot encode: the worker pool is closed.");
}

function abortReason(signal: AbortSignal): unknown {
  return signal.reason;
}
