import type { Engine } from "../../src/delta/engine.ts";
import { loadSnapshot } from "../../src/delta/log/snapshot.ts";
import { memoryStore } from "../../src/delta/storage/memory-store.ts";
import type { ObjectStore } from "../../src/delta/storage/object-store.ts";
import { retryingStore } from "../../src/delta/storage/retrying-store.ts";
import { mustCommit, signal } from "../support/delta-table.ts";
import {
  appending,
  creation,
  dayOf,
  deleting,
  numberedDays,
  writeNumbers,
} from "../support/numbered-rows.ts";
import { createScheduler, type Process, type Scheduler } from "./scheduler.ts";
import { type SeededRandom, seededRandom } from "./seeded-random.ts";
import { noFaults, simStore, type StoreFaults } from "./sim-store.ts";

const minuteMs = 60_000;

/** The table's own retention of files that left it; uploads are younger than that by far. */
export const retentionMs = 60 * minuteMs;

/** How often what happens in a seed; each kind is off in many of them. */
export type TableWeather = {
  readonly faults: StoreFaults;
  readonly kill: number;
  readonly freeze: number;
  /** Restores reach back to versions whose files vacuum may take at any moment. */
  readonly oldRestores: boolean;
  /** Longest rest of a process between two of its operations. */
  readonly restMsMax: number;
};

export type TableWorld = {
  readonly seed: number;
  readonly random: SeededRandom;
  readonly scheduler: Scheduler;
  readonly disk: ObjectStore;
  /** Every commit that ever landed, whatever clean-up took since. */
  readonly landed: ReadonlyMap<number, { readonly text: string; readonly atMs: number }>;
  readonly weather: TableWeather;
  readonly log: string[];
  /** What no process may see, whatever the weather. */
  readonly faults: string[];
  /** Versions that lacked files for a while, which was told. */
  readonly broken: { readonly from: number; to: number }[];
  calm: boolean;
};

/** A table with a past of some hours, and the weather of a seed. */
export async function makeTableWorld(seed: number): Promise<TableWorld> {
  const random = seededRandom(seed);
  const scheduler = createScheduler(random);
  const on = (probability: number): number => random.chance(0.6) ? probability : 0;
  const landed = new Map<number, { text: string; atMs: number }>();
  const past = { ms: 5 * 60 * minuteMs };
  const clock = {
    nowMs: () => scheduler.nowMs() - past.ms,
    sleep: () => Promise.resolve(),
  };
  const disk = memoryStore({ clock });
  const world: TableWorld = {
    seed,
    random,
    scheduler,
    landed,
    disk: {
      ...disk,
      async putIfAbsent(key, bytes, io) {
        const outcome = await disk.putIfAbsent(key, bytes, io);
        const version = /^_delta_log\/(\d{20})\.json$/.exec(key)?.[1];
        if (version !== undefined && outcome === "created") {
          const text = new TextDecoder().decode(bytes);
          landed.set(Number(version), { text, atMs: clock.nowMs() });
        }
        return outcome;
      },
    },
    weather: {
      faults: { failBefore: on(0.04), failAfter: on(0.04), conflict409: on(0.04), slow: on(0.02) },
      kill: on(0.01),
      freeze: on(0.004),
      oldRestores: random.chance(0.5),
      restMsMax: random.pick([2_000, 60 * minuteMs, 120 * minuteMs, 240 * minuteMs]),
    },
    log: [],
    faults: [],
    broken: [],
    calm: false,
  };
  const engine = { store: world.disk, clock, random };
  let state = await mustCommit(
    engine,
    null,
    creation(engine, {
      "delta.deletedFileRetentionDuration": "interval 1 hours",
      "delta.logRetentionDuration": "interval 1 days",
      "delta.checkpointInterval": String(random.pick([3, 7])),
      ...(random.chance(0.3) ? { "delta.checkpointPolicy": "v2" } : {}),
    }),
  );
  for (let batch = 0; batch < 6; batch++) {
    past.ms -= 25 * minuteMs;
    const adds = [];
    for (const numbers of batchRows("past", batch)) adds.push(await writeNumbers(engine, numbers));
    const draft = appending(adds, { appId: "past", version: BigInt(batch) });
    state = await mustCommit(engine, state, draft);
    if (batch % 2 === 0) continue;
    const snapshot = await loadSnapshot(engine, { signal });
    const part = random.int(3);
    const how = random.pick(["inline", "stored", "rewrite"] as const);
    const add = random.pick(snapshot.files);
    const change = await deleting(engine, snapshot, add, (n) => n % 3 === part, how);
    if (change === null) continue;
    const operationParameters = { predicate: JSON.stringify(change.deleted) };
    state = await mustCommit(engine, state, { ...change.draft, operationParameters });
  }
  past.ms = 0;
  return world;
}

/** The table as a process has it: far away and not always there. */
export function processEngine(world: TableWorld, process: Process): Engine {
  const { scheduler, random, disk } = world;
  const faults = (): StoreFaults => world.calm ? noFaults : world.weather.faults;
  const clock = scheduler.clock(process);
  const network = simStore({ inner: disk, scheduler, process, random, faults });
  return { store: retryingStore(network, { clock, random, attemptsMax: 10 }), clock, random };
}

/** Who appends; `past` did so before the simulation begins. */
export const appenders = ["past", "sink-1", "sink-2"] as const;

/** The rows of a batch, by the day they lie in: the same whenever and wherever it is made. */
export function batchRows(appender: string, batch: number): number[][] {
  const from = (appenders.indexOf(appender as typeof appenders[number]) * 1000 + batch * 20) * 3;
  const rows = Array.from({ length: 2 + batch % 4 }, (_, i) => from + i * 17);
  return numberedDays.map((day) => rows.filter((n) => dayOf(n) === day))
    .filter((ofDay) => ofDay.length > 0);
}
