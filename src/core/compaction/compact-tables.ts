import type { Clock, Random } from "../../delta/clock.ts";
import type { Engine } from "../../delta/engine.ts";
import { loadTableState } from "../../delta/log/table-state.ts";
import { optimize } from "../../delta/operations/optimize.ts";
import { tableTargetBytes } from "../../delta/operations/target-size.ts";
import { messageOf } from "../../errors.ts";
import type { TableKey } from "../encode/encode-job.ts";
import type { TableHome } from "../pump/open-table.ts";
import type { LaneProgress } from "../source/source.ts";
import { closedPartitions, lagOf, nextCloseMs } from "./closed-partitions.ts";
import type { CompactionObserver } from "./compaction-event.ts";

/** The outside world of the compaction, put together by the caller. */
export type CompactionWorld = {
  readonly clock: Clock;
  readonly random: Random;
  readonly locate: (key: TableKey) => TableHome;
  /** How far the run is; no lanes: it follows nothing, and there are no quiet moments. */
  readonly lanes: () => readonly LaneProgress[];
};

export type Compaction = {
  /** The run writes to this table. */
  add(key: TableKey): void;
  /** Works until the signal is aborted; a group under way is given up then. Never rejects. */
  run(signal: AbortSignal): Promise<void>;
};

/** When tables are compacted. */
export type CompactionRules = {
  /** Time after the end of a day (UTC) until its partition counts as closed. */
  readonly afterMs: number;
  /** Time without lag that makes a moment a quiet one. */
  readonly quietMs: number;
};

/** Looks at the lag within the time that makes a moment a quiet one. */
const quietLooks = 4;
/** Records between what was read and the end that are still no lag: the next fetch brings them. */
const lagMax = 10_000n;
const tryAgainMs = 600_000;
/** Time between two looks at the lag while files are merged. */
const waitMs = 1000;
/** Files of one commit, so that not much is waited for, or lost, where the work is to end. */
const filesMax = 1000;

/**
 * Compacts the closed `_ingestion_date` partitions of the tables that a run writes to, one table at
 * a time, in quiet moments: when the run has kept up with its input for `quietMs`. It looks at a
 * table once after the start and then once a day, up to twice `afterMs` later: the instances of a
 * group wait differently long, so that they rarely do the same work. Each group is a commit of its own that rebases on
 * those of the run, so that it can be stopped anywhere. A failure is told and tried again.
 */
export function compaction(
  world: CompactionWorld,
  rules: CompactionRules,
  observe: CompactionObserver,
): Compaction {
  /** Table → when it is due, ms since the epoch. */
  const due = new Map<TableKey, number>();
  return {
    add(key) {
      if (!due.has(key)) due.set(key, world.clock.nowMs() + spread(world, rules));
    },
    async run(signal) {
      let quietSinceMs: number | null = null;
      try {
        for (;;) {
          await world.clock.sleep(rules.quietMs / quietLooks, signal);
          const nowMs = world.clock.nowMs();
          quietSinceMs = isQuiet(world) ? quietSinceMs ?? nowMs : null;
          const key = [...due].find(([, dueMs]) => dueMs <= nowMs)?.[0];
          if (key === undefined || quietSinceMs === null) continue;
          if (nowMs - quietSinceMs < rules.quietMs) continue;
          due.set(key, await compactTable(world, key, { rules, observe, signal }));
        }
      } catch (error) {
        if (!signal.aborted) throw error;
      }
    },
  };
}

function spread({ random }: CompactionWorld, { afterMs }: CompactionRules): number {
  return random.next() * 2 * afterMs;
}

function isQuiet(world: CompactionWorld): boolean {
  const lag = lagOf(world.lanes());
  return lag !== null && lag <= lagMax;
}

type CompactOptions = {
  readonly rules: CompactionRules;
  readonly observe: CompactionObserver;
  readonly signal: AbortSignal;
};

/** Compacts one table as far as it stays quiet; answers when it is due again. */
async function compactTable(
  world: CompactionWorld,
  key: TableKey,
  { rules, observe, signal }: CompactOptions,
): Promise<number> {
  const startedMs = world.clock.nowMs();
  const closing = { nowMs: startedMs, afterMs: rules.afterMs };
  const pause = new AbortController();
  const ended = new AbortController();
  const watching = watchLag(world, AbortSignal.any([signal, ended.signal]), (lag) => {
    pause.abort();
    observe({ kind: "compaction-paused", table: key, lag });
  });
  try {
    const home = world.locate(key);
    const state = await loadTableState(home.engine, { signal });
    const closed = state === null ? null : closedPartitions(state, closing, home.uri);
    if (state !== null && closed !== null) {
      const done = await optimize(yielding(home.engine, world), {
        targetBytes: tableTargetBytes(state.metadata.configuration),
        where: closed.where,
        predicate: [closed.predicate],
        filesMax,
        auto: true,
        signal,
        stop: pause.signal,
      });
      const { removedFiles, removedBytes, addedFiles, addedBytes } = done;
      if (removedFiles > 0) {
        const elapsedMs = world.clock.nowMs() - startedMs;
        const sizes = { removedFiles, removedBytes, addedFiles, addedBytes };
        observe({ kind: "compacted", table: key, ...sizes, elapsedMs });
      }
      if (done.stopped) return world.clock.nowMs();
    }
    return nextCloseMs(closing) + spread(world, rules);
  } catch (error) {
    signal.throwIfAborted();
    observe({ kind: "compaction-failed", table: key, why: messageOf(error) });
    return world.clock.nowMs() + tryAgainMs;
  } finally {
    ended.abort();
    await watching;
  }
}

/**
 * The engine, one request after a turn of the event loop: small files that are at hand already must
 * not be worked on in one go, while the run waits for this thread. A run that is behind has it to
 * itself: what is under way waits.
 */
function yielding(engine: Engine, world: CompactionWorld): Engine {
  const { store } = engine;
  const get: typeof store.get = async (key, options) => {
    await world.clock.sleep(1, options.signal);
    while (!isQuiet(world)) await world.clock.sleep(waitMs, options.signal);
    return await store.get(key, options);
  };
  return { ...engine, store: { ...store, get } };
}

/** Tells once that the run does not keep up any more; ends with the signal. */
async function watchLag(
  world: CompactionWorld,
  signal: AbortSignal,
  onLag: (lag: bigint) => void,
): Promise<void> {
  try {
    do await world.clock.sleep(waitMs, signal); while (isQuiet(world));
    onLag(lagOf(world.lanes()) ?? 0n);
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
