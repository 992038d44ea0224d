import { type RecordBatch, unnamedTopic } from "../event/record-batch.ts";
import { partitionName } from "../position/watermark.ts";
import type { Lane, SourceEvent } from "../source/source.ts";
import { cutJob, failSession, type Held, heldBytes, startMerge, underLock } from "./held.ts";
import { batchEnd, type HeldBatch } from "./held-job.ts";
import { countRecords } from "./record-count.ts";
import type { Flush } from "./session.ts";
import { proveLaneEnd } from "./source-proof.ts";

/** Pulls events for as long as there is room for what they bring; ends with the input. */
export async function readSource(held: Held, signal: AbortSignal): Promise<void> {
  try {
    for await (const event of held.session.world.source.events({ signal })) {
      await takeEvent(held, event, signal);
      if (signal.aborted) break;
      await room(held, signal);
    }
  } catch (error) {
    failSession(held, error);
  }
  held.inputEnded = true;
  held.wake.notify();
}

async function room(held: Held, signal: AbortSignal): Promise<void> {
  const { heldBytesMax } = held.session.settings.flush;
  while (!signal.aborted && held.failure === null && heldBytes(held) >= heldBytesMax) {
    await held.space.wait(null);
  }
}

async function takeEvent(held: Held, event: SourceEvent, signal: AbortSignal): Promise<void> {
  switch (event.kind) {
    case "records":
      holdBatch(held, event);
      break;
    case "idle":
      held.idle = true;
      break;
    case "drained":
      held.drained = true;
      break;
    case "cut-line":
      held.session.observe({ kind: "cut-line", source: event.lane, offset: event.offset });
      break;
    case "position":
      held.drained = false;
      openFlush(held).ends.set(event.lane, event.nextOffset);
      break;
    case "lane-end":
      endLane(held, event.lane);
      break;
    case "lanes-gained":
      await closeFlush(held, signal);
      break;
    case "lanes-lost":
      await loseLanes(held, new Set(event.lanes));
      break;
  }
  held.wake.notify();
}

/** Has the open flush committed, and waits until nothing more gets into it. */
async function closeFlush(held: Held, signal: AbortSignal): Promise<void> {
  if (held.open === null) return;
  held.drained = true;
  held.wake.notify();
  while (!signal.aborted && held.failure === null && held.open !== null) {
    await held.space.wait(null);
  }
}

function openFlush(held: Held): Flush {
  const openedAtMs = held.session.world.clock.nowMs();
  held.open ??= {
    id: held.flushes++,
    openedAtMs,
    jobs: [],
    ends: new Map(),
    bytes: 0,
    heldBytes: 0,
    records: 0,
  };
  return held.open;
}

function holdBatch(held: Held, read: HeldBatch): void {
  const { lane, batch } = read;
  const open = openFlush(held);
  const { inflation } = held.session;
  const bytes = inflation.decodedBytes(batch);
  open.bytes += bytes;
  open.heldBytes += inflation.heldBytes(batch);
  open.records += countRecords(batch);
  open.ends.set(lane, batchEnd(batch));
  held.loose.push({ lane, batch });
  held.looseBytes += bytes;
  held.idle = false;
  held.drained = false;
  noteLane(held, lane, batch);
  if (held.looseBytes >= held.session.settings.jobBytesMax) cutJob(held);
}

function noteLane(held: Held, lane: Lane, { framing, position }: RecordBatch): void {
  if (held.partitions.has(lane)) return;
  const { topic, partition, identity } = position;
  if (framing === "kafka-v2") {
    held.partitions.set(lane, { topic, partition, identity });
    return;
  }
  if (identity === "") return;
  held.partitions.set(lane, { topic: lane, partition: 0, identity });
  // Of a pipe nothing is known but what it gives: there is nothing to prove.
  if (position.topic === unnamedTopic) return;
  held.session.laneStarts.set(position.identity, position.baseOffset);
}

/** Once all that was read of a file is taken over: was everything there that should be? */
function endLane(held: Held, lane: Lane): void {
  const identity = held.partitions.get(lane)?.identity ?? "";
  if (!held.session.laneStarts.has(identity)) return;
  cutJob(held);
  underLock(held, () => {
    proveLaneEnd(held.session, identity);
    return Promise.resolve();
  });
}

/**
 * Forgets what is held of lanes that belong to somebody else now. If they come back they start at
 * their floor, and jobs are told the positions that are known when they are dispatched: so a flush
 * under way that has rows of theirs is waited for first.
 */
async function loseLanes(held: Held, lost: ReadonlySet<Lane>): Promise<void> {
  const kept = (batches: readonly HeldBatch[]): HeldBatch[] =>
    batches.filter((one) => !lost.has(one.lane));
  held.loose = kept(held.loose);
  for (const job of held.open?.jobs ?? []) {
    const batches = kept(job.batches);
    if (batches.length === job.batches.length) continue;
    job.batches = batches;
    job.result = held.session.encode(job, null);
    startMerge(held, job);
  }
  for (const lane of lost) held.open?.ends.delete(lane);
  held.lanesLost = true;
  await held.flushDone;
  await held.session.lock.run(() => {
    held.session.lastOffsets.clear();
    for (const lane of lost) forgetLane(held, lane);
    return Promise.resolve();
  });
}

/** From now on another one may move the lane's positions without making what we hold stale. */
function forgetLane(held: Held, lane: Lane): void {
  const partition = held.partitions.get(lane);
  if (partition === undefined) return;
  held.partitions.delete(lane);
  held.session.readPartitions.delete(partitionName(partition));
}
