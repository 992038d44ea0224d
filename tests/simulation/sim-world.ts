import { runPump } from "../../src/core/pump/pump.ts";
import type { PumpEvent, PumpSummary } from "../../src/core/pump/pump-events.ts";
import type { PumpSettings, PumpWorld } from "../../src/core/pump/session.ts";
import type { TableKey } from "../../src/core/encode/encode-job.ts";
import type { EncodePool } from "../../src/core/encode/encode-pool.ts";
import { createEncoder } from "../../src/core/encode/run-encode-job.ts";
import type { Engine } from "../../src/delta/engine.ts";
import { memoryStore } from "../../src/delta/storage/memory-store.ts";
import { type ObjectStore, subStore } from "../../src/delta/storage/object-store.ts";
import { retryingStore } from "../../src/delta/storage/retrying-store.ts";
import { mappingRules } from "../support/mapping-rules.ts";
import { createScheduler, type Process, type Scheduler } from "./scheduler.ts";
import { type SeededRandom, seededRandom } from "./seeded-random.ts";
import { type Floors, simSource } from "./sim-source.ts";
import { noFaults, simStore, type StoreFaults } from "./sim-store.ts";
import { makeInput, type SimInput } from "./sim-topic.ts";

/** How often what happens in a seed; swarm testing: each kind is off in many seeds. */
export type Weather = {
  readonly faults: StoreFaults;
  readonly rebalances: number;
  readonly floorFaults: number;
  readonly crash: number;
  readonly freeze: number;
  readonly rival: number;
  readonly widen: PumpSettings["widen"];
};

export type World = {
  readonly seed: number;
  readonly random: SeededRandom;
  readonly scheduler: Scheduler;
  readonly disk: ObjectStore;
  readonly input: SimInput;
  readonly floors: Floors;
  readonly weather: Weather;
  /** Table and name of every column that a rival added. */
  readonly rivalColumns: (readonly [TableKey, string])[];
  readonly log: string[];
  calm: boolean;
};

export function makeWorld(seed: number): World {
  const random = seededRandom(seed);
  const scheduler = createScheduler(random);
  const on = (probability: number): number => random.chance(0.6) ? probability : 0;
  return {
    seed,
    random,
    scheduler,
    disk: memoryStore({ clock: scheduler }),
    input: makeInput(random),
    floors: new Map(),
    weather: {
      faults: {
        failBefore: on(0.05),
        failAfter: on(0.05),
        conflict409: on(0.05),
        slow: on(0.03),
      },
      rebalances: on(0.05),
      floorFaults: on(0.3),
      crash: on(0.01),
      freeze: on(0.01),
      rival: on(0.02),
      widen: random.pick(["rewrite", "rewrite", "feature", "off"] as const),
    },
    rivalColumns: [],
    log: [],
    calm: false,
  };
}

/** One life of the program: ends with its summary, an error, or never (when it is killed). */
export type Life = {
  readonly process: Process;
  readonly events: PumpEvent[];
  outcome: { readonly summary: PumpSummary } | { readonly error: unknown } | null;
};

/** Small limits, so that little data makes much happen. */
export const simSettings: PumpSettings = {
  pipelineId: "sim",
  adopt: false,
  flush: { rowsMin: 12, bytesMax: 12_000, ageMsMax: 400, heldBytesMax: 30_000 },
  jobBytesMax: 3_000,
  stateAgeMsMax: 20_000,
  widen: "rewrite",
  widenBytesMax: 1_000_000_000,
  plan: false,
};

/** Starts the real pump on doubles of everything outside it. */
export function startLife(world: World, name: string): Life {
  const { scheduler, random } = world;
  const process: Process = { name, alive: true, frozenUntilMs: 0 };
  const life: Life = { process, events: [], outcome: null };
  const faults = (): StoreFaults => world.calm ? noFaults : world.weather.faults;
  const clock = scheduler.clock(process);
  const network = simStore({ inner: world.disk, scheduler, process, random, faults });
  const store = retryingStore(network, { clock, random, attemptsMax: 10 });
  const pumpWorld: PumpWorld = {
    source: simSource({
      input: world.input,
      floors: world.floors,
      scheduler,
      process,
      random,
      rebalances: () => world.calm ? 0 : world.weather.rebalances,
      floorFaults: () => world.calm ? 0 : world.weather.floorFaults,
    }),
    pool: simPool(world, process),
    clock,
    random,
    locate: (key) => ({
      uri: `memory:/${tableFolder(key)}`,
      engine: { store: subStore(store, tableFolder(key)), clock, random },
      configuration: { "delta.checkpointInterval": "5" },
    }),
  };
  const never = new AbortController().signal;
  const observe = (event: PumpEvent): void => {
    life.events.push(event);
    world.log.push(`${scheduler.nowMs()} ${name} ${describe(event)}`);
  };
  const { widen } = world.weather;
  runPump(pumpWorld, { ...simSettings, widen }, observe, { signal: never, stop: never }).then(
    (summary) => life.outcome = { summary },
    (error: unknown) => life.outcome = { error },
  );
  return life;
}

/** Workers that finish in any order. */
export function simPool(world: World, process: Process): EncodePool {
  const encoder = createEncoder(mappingRules());
  return {
    size: 2,
    run: (job) => world.scheduler.wait(process, 1 + world.random.int(200), () => encoder.run(job)),
    close: () => Promise.resolve(),
  };
}

export function tableFolder(key: TableKey): string {
  return key === "$dead-letters" ? "dead_letters" : key.replace(".", "/");
}

/** The table as anybody finds it, without delays and faults. */
export function calmEngine(world: World, key: TableKey): Engine {
  return {
    store: subStore(world.disk, tableFolder(key)),
    clock: { nowMs: () => world.scheduler.nowMs(), sleep: () => Promise.resolve() },
    random: world.random,
  };
}

/** A line for the log. */
export function describe(event: PumpEvent): string {
  switch (event.kind) {
    case "committed":
      return `committed ${event.table} v${event.version} rows=${event.rows} (${event.reason})`;
    case "conflict":
      return `conflict ${event.table} ${event.reason} v${event.winnerVersion}`;
    case "flushed":
      return `flushed ${event.reason} rows=${event.rows} dropped=${event.droppedRows}`;
    default:
      return "table" in event ? `${event.kind} ${event.table}` : event.kind;
  }
}
