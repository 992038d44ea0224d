import type { PartitionId } from "../encode/encode-job.ts";
import type { Lane } from "../source/source.ts";
import type { HeldBatch, HeldJob } from "./held-job.ts";
import { mergeJob } from "./merge-job.ts";
import type { Flush, Session, StalePositions } from "./session.ts";
import { createWake, type Wake } from "./wake.ts";

/** What a session holds between reading and committing. */
export type Held = {
  readonly session: Session;
  /** Raised when there may be something to decide. */
  readonly wake: Wake;
  /** Raised when held bytes were released, and when the open flush was closed. */
  readonly space: Wake;
  /** Lane → the positions under which tables hold its rows; none for kcat lines of a file. */
  readonly partitions: Map<Lane, PartitionId>;
  open: Flush | null;
  /** Read, but not yet part of a job. */
  loose: HeldBatch[];
  /** Their bytes, decompressed ones as they are estimated. */
  looseBytes: number;
  committing: Flush | null;
  /** Settles when the flush being committed is done with, well or not. */
  flushDone: Promise<void>;
  flushes: number;
  jobs: number;
  idle: boolean;
  /** What is held is to be committed now: others wait for it, or nothing more may come to it. */
  drained: boolean;
  inputEnded: boolean;
  failure: { readonly error: unknown } | null;
  stale: StalePositions | null;
  /** Lanes were taken away: their new owner may move positions that we hold. */
  lanesLost: boolean;
};

/** Nothing held. */
export function createHeld(session: Session): Held {
  return {
    session,
    wake: createWake(session.world.clock),
    space: createWake(session.world.clock),
    partitions: new Map(),
    open: null,
    loose: [],
    looseBytes: 0,
    committing: null,
    flushDone: Promise.resolve(),
    flushes: 0,
    jobs: 0,
    idle: false,
    drained: false,
    inputEnded: false,
    failure: null,
    stale: null,
    lanesLost: false,
  };
}

/** Memory held in all, in bytes. */
export function heldBytes(held: Held): number {
  return (held.open?.heldBytes ?? 0) + (held.committing?.heldBytes ?? 0);
}

/** Ends the session with an error; the first one counts. */
export function failSession(held: Held, error: unknown): void {
  held.failure ??= { error };
  held.wake.notify();
  held.space.notify();
}

/** Queues a task that changes schemas or relies on them; its failure ends the session. */
export function underLock(held: Held, task: () => Promise<void>): void {
  held.session.lock.run(task).catch((error: unknown) => failSession(held, error));
}

/** Makes a job of what was read since the last one, and starts it. */
export function cutJob(held: Held): void {
  const { session, open } = held;
  if (held.loose.length === 0 || open === null) return;
  const batches = held.loose;
  const job: HeldJob = {
    seq: held.jobs++,
    batches,
    ingestionTimestampMs: open.openedAtMs,
    result: session.encode({ batches, ingestionTimestampMs: open.openedAtMs }, null),
    merged: null,
  };
  open.jobs.push(job);
  held.loose = [];
  held.looseBytes = 0;
  startMerge(held, job);
}

/** Queues the job to be taken over in its turn. */
export function startMerge(held: Held, job: HeldJob): void {
  // A failed job ends the session when its turn comes; until then nobody awaits it.
  job.result.catch(() => undefined);
  underLock(held, () => mergeJob(held.session, job));
}
