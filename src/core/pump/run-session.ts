import {
  deadLetterTable,
  type EncodeResult,
  type RecordCounts,
  type TableView,
} from "../encode/encode-job.ts";
import { watermarkOf } from "../position/watermark.ts";
import type { FloorTable } from "../position/floor-store.ts";
import type { Floor, Lane } from "../source/source.ts";
import { commitFlush, freezeAfterMerge } from "./commit-flush.ts";
import { freeRowGroups } from "../encode/free-row-groups.ts";
import { createDispatcher } from "./dispatcher.ts";
import { decideFlush, type FlushReason } from "./flush-policy.ts";
import { createHeld, cutJob, failSession, type Held, heldBytes } from "./held.ts";
import { createInflation } from "./inflation.ts";
import { createLock } from "./lock.ts";
import { type OpenTable, viewOf } from "./open-table.ts";
import type { PumpObserver } from "./pump-events.ts";
import { readSource } from "./read-source.ts";
import type {
  FlushContext,
  FrozenSchemas,
  PumpSettings,
  PumpSignals,
  PumpWorld,
  Session,
  StalePositions,
} from "./session.ts";

export type SessionOutcome = {
  /** Why the session was given up; null: it came to its end. */
  readonly stale: StalePositions | null;
  /** The source took lanes away in the meantime, and gave them to somebody else. */
  readonly lanesLost: boolean;
  readonly tables: readonly OpenTable[];
};

/** Reads the source from its floor to its end (or until told to stop) and commits what it read. */
export async function runSession(
  world: PumpWorld,
  settings: PumpSettings,
  observe: PumpObserver,
  { signal, stop }: PumpSignals,
): Promise<SessionOutcome> {
  const giveUp = new AbortController();
  const hard = AbortSignal.any([signal, giveUp.signal]);
  const session = createSession(world, settings, observe, hard);
  const held = createHeld(session);
  const onStop = (): void => {
    held.wake.notify();
    held.space.notify();
  };
  for (const one of [signal, stop]) one.addEventListener("abort", onStop);
  const reading = readSource(held, AbortSignal.any([hard, stop]));
  try {
    await control(held, stop);
  } finally {
    giveUp.abort();
    for (const one of [signal, stop]) one.removeEventListener("abort", onStop);
    held.space.notify();
    await Promise.all([reading, held.flushDone]);
  }
  const { stale, lanesLost } = held;
  return { stale, lanesLost, tables: [...session.tables.values()] };
}

function createSession(
  world: PumpWorld,
  settings: PumpSettings,
  observe: PumpObserver,
  signal: AbortSignal,
): Session {
  const tables = new Map<string, OpenTable>();
  const dispatch = createDispatcher(world.pool, signal);
  return {
    world,
    settings,
    observe,
    signal,
    inflation: createInflation(),
    tables,
    laneStarts: new Map(),
    readPartitions: new Set(),
    lastOffsets: new Map(),
    lock: createLock(),
    encode: async (job, schemas) =>
      onlyWanted(await dispatch(job, () => makeViews(tables, settings, schemas)), settings),
  };
}

function onlyWanted(result: EncodeResult, { only }: PumpSettings): EncodeResult {
  if (only === undefined) return result;
  return { ...result, tables: result.tables.filter(({ key }) => key === only) };
}

/** Views of the tables as they are, or with the given schemas, which then may not change. */
function makeViews(
  tables: ReadonlyMap<string, OpenTable>,
  settings: PumpSettings,
  schemas: FrozenSchemas | null,
): TableView[] {
  return [...tables.values()].flatMap((table): TableView[] => {
    const view = viewOf(table, settings);
    if (view === null) return [];
    if (schemas === null) return [{ ...view, mayWiden: view.mayWiden && settings.widen !== "off" }];
    return [{ ...view, schema: schemas.get(table.key) ?? view.schema, mayWiden: false }];
  });
}

/** Decides again and again what is due, until everything read is committed. */
async function control(held: Held, stop: AbortSignal): Promise<void> {
  const { session } = held;
  for (;;) {
    if (held.failure !== null) throw held.failure.error;
    session.signal.throwIfAborted();
    if (held.stale !== null) return;
    const decision = decideFlush({
      nowMs: session.world.clock.nowMs(),
      openedAtMs: held.open?.openedAtMs ?? null,
      records: held.open?.records ?? 0,
      bytes: held.open?.bytes ?? 0,
      heldBytes: heldBytes(held),
      idle: held.idle,
      committing: held.committing !== null,
      inputEnded: held.inputEnded || held.drained,
      stopping: stop.aborted && held.inputEnded,
    }, session.settings.flush);
    if (decision.kind === "flush") {
      startFlush(held, decision.reason);
      continue;
    }
    if (held.inputEnded && held.open === null && held.committing === null) {
      // What was queued last may still find that the input is not what it should be.
      await session.lock.run(() => Promise.resolve());
      if (held.failure === null) return;
      continue;
    }
    await held.wake.wait(decision.untilMs);
  }
}

/** Closes the open flush and commits it while the next one gathers. */
function startFlush(held: Held, reason: FlushReason): void {
  cutJob(held);
  const flush = held.open!;
  held.open = null;
  held.committing = flush;
  held.space.notify();
  const laterJobs = (): FlushContext["flush"]["jobs"] => held.open?.jobs ?? [];
  const context: FlushContext = { session: held.session, flush, reason, laterJobs };
  held.flushDone = finishFlush(held, context)
    .catch((error: unknown) => failSession(held, error))
    .finally(() => {
      held.committing = null;
      held.wake.notify();
      held.space.notify();
    });
}

async function finishFlush(held: Held, context: FlushContext): Promise<void> {
  const { session, flush } = context;
  const startedMs = session.world.clock.nowMs();
  const frozen = await freezeAfterMerge(context);
  if (held.failure !== null) return;
  const { stale, results } = await commitFlush(context, frozen);
  held.stale = stale;
  if (stale !== null) return;
  if (!session.settings.plan) {
    const ends = [...flush.ends];
    const floors = ends.map(([lane, nextOffset]): Floor => ({
      lane,
      nextOffset,
      tables: floorTables(held, lane),
    }));
    await session.world.source.commitFloors(floors, { signal: session.signal });
  }
  session.world.source.release(
    flush.jobs.flatMap((job) => job.batches.map((held) => held.batch)),
  );
  for (const result of results) freeRowGroups(result);
  if (flush.jobs.length === 0) return;
  session.observe({
    kind: "flushed",
    reason: context.reason,
    counts: sumCounts(results),
    ...sumRows(results),
    latencyMs: session.world.clock.nowMs() - startedMs,
  });
}

/** The tables that hold rows of a lane, with its watermarks there. */
function floorTables({ session, partitions }: Held, lane: Lane): FloorTable[] {
  const partition = partitions.get(lane);
  if (partition === undefined) return [];
  return [...session.tables.values()].flatMap(({ key, state }): FloorTable[] => {
    if (state === null) return [];
    const watermark = watermarkOf(state.transactions, session.settings, partition);
    return watermark === null ? [] : [{ key, offset: watermark.offset }];
  });
}

function sumCounts(results: readonly EncodeResult[]): RecordCounts {
  const sum = { records: 0, bytes: 0, tombstones: 0, rowless: 0 };
  for (const { counts } of results) {
    sum.records += counts.records;
    sum.bytes += counts.bytes;
    sum.tombstones += counts.tombstones;
    sum.rowless += counts.rowless;
  }
  return sum;
}

type RowSums = {
  readonly rows: number;
  readonly droppedRows: number;
  readonly deadLetters: number;
  readonly tables: number;
};

function sumRows(results: readonly EncodeResult[]): RowSums {
  const keys = new Set<string>();
  const sum = { rows: 0, droppedRows: 0, deadLetters: 0 };
  for (const table of results.flatMap((result) => result.tables)) {
    if (table.rows > 0) keys.add(table.key);
    if (table.key === deadLetterTable) sum.deadLetters += table.rows;
    else sum.rows += table.rows;
    sum.droppedRows += table.droppedRows;
  }
  return { ...sum, tables: keys.size };
}
