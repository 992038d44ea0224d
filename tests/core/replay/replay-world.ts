import { createEncoder } from "../../../src/core/encode/run-encode-job.ts";
import type { TableWatermark } from "../../../src/core/encode/encode-job.ts";
import { runPump } from "../../../src/core/pump/pump.ts";
import type { PumpSummary } from "../../../src/core/pump/pump-events.ts";
import { heldPositions } from "../../../src/core/position/held-positions.ts";
import { replayNotes } from "../../../src/core/position/replay-notes.ts";
import { watermarksOf } from "../../../src/core/position/watermark.ts";
import { planReplay, type ReplayPlan } from "../../../src/core/replay/load-replay.ts";
import type { ReplayPoint } from "../../../src/core/replay/replay-range.ts";
import {
  rangesOf,
  type ShadowOrigin,
  shadowPipeline,
  shadowProperty,
  shadowText,
} from "../../../src/core/replay/shadow-table.ts";
import type { ShadowPlan, ShadowRange } from "../../../src/core/replay/plan-shadow.ts";
import { type ReplayStep, rewindTables } from "../../../src/core/replay/replay-same.ts";
import { kafkaSource } from "../../../src/core/source/kafka/kafka-source.ts";
import type { KafkaSourceOptions } from "../../../src/core/source/kafka/kafka-source-options.ts";
import { valueAt } from "../../../src/delta/columns/column-value.ts";
import type { Value } from "../../../src/delta/columns/column-builder.ts";
import type { Engine } from "../../../src/delta/engine.ts";
import { loadSnapshot, type Snapshot } from "../../../src/delta/log/snapshot.ts";
import { loadTableState } from "../../../src/delta/log/table-state.ts";
import { scanSnapshot } from "../../../src/delta/operations/scan.ts";
import { memoryStore } from "../../../src/delta/storage/memory-store.ts";
import { type ObjectStore, subStore } from "../../../src/delta/storage/object-store.ts";
import { mappingRules } from "../../support/mapping-rules.ts";
import { createFakeCluster, type FakeCluster } from "../../support/fake-broker.ts";
import { createScheduler, type Process, type Scheduler } from "../../simulation/scheduler.ts";
import { seededRandom } from "../../simulation/seeded-random.ts";
import { changeLine, pumpSettings } from "../pump/pump-harness.ts";
import { type Mortality, mortalNetwork, mortalWorldStore } from "./mortality.ts";

/** A cluster, a lake and a pipeline between them, in memory and in virtual time. */

export const groupId = "sink";
export const topic = "cdc.shop.orders";
export const never = new AbortController().signal;
export const owner = { pipelineId: groupId, adopt: false };
const random = seededRandom(11);
const keys = ["shop.orders", "shop.returns"] as const;

export type ReplayWorld = {
  readonly scheduler: Scheduler;
  readonly cluster: FakeCluster;
  readonly disk: ObjectStore;
  /** Records written so far, for documents that differ. */
  written: number;
};

export function createWorld(partitions = 2): ReplayWorld {
  const scheduler = createScheduler(seededRandom(7));
  const wire: Process = { name: "network", alive: true, frozenUntilMs: 0 };
  const cluster = createFakeCluster({ clock: scheduler.clock(wire) });
  void cluster.keepTime(never);
  cluster.createTopic(topic, partitions);
  return { scheduler, cluster, disk: memoryStore({ clock: scheduler }), written: 0 };
}

/** Writes changes of two collections to a partition; every third is of the other one. */
export function produce(world: ReplayWorld, partition: number, count: number, timeMs = 0): void {
  const records = Array.from({ length: count }, () => {
    const id = world.written++;
    const collection = id % 3 === 2 ? "returns" : "orders";
    const extra = id > 8 ? { [`c${id % 4}`]: id } : {};
    return {
      key: JSON.stringify({ id: String(id) }),
      // Later values need a wider column, for which what is there is written anew.
      value: changeLine(
        "c",
        { _id: id, n: id * 7, w: id > 12 ? id + 0.5 : id, ...extra },
        collection,
      ),
      ...(timeMs === 0 ? {} : { timestampMs: timeMs + id }),
    };
  });
  world.cluster.produce(topic, partition, records);
}

export function folderOf(key: string): string {
  return key === "$dead-letters" ? "dead_letters" : key.replace(".", "/");
}

export function engineOf(world: ReplayWorld, folder: string, life: Life | null = null): Engine {
  const { scheduler, disk } = world;
  const process = life?.process ?? { name: "calm", alive: true, frozenUntilMs: 0 };
  const store = life === null ? disk : mortalWorldStore(disk, life);
  return { store: subStore(store, folder), clock: scheduler.clock(process), random };
}

/** One process: what it does, and where it dies. */
export type Life = Mortality & { readonly process: Process };

export function newLife(name: string, dieAt: Mortality["dieAt"] = null): Life {
  return {
    process: { name, alive: true, frozenUntilMs: 0 },
    dieAt,
    steps: [],
    died: null,
    onDeath: () => undefined,
    before: () => null,
  };
}

function sourceOptions(world: ReplayWorld, life: Life): KafkaSourceOptions {
  const clock = world.scheduler.clock(life.process);
  const store = life === null ? world.disk : mortalWorldStore(world.disk, life);
  const held = heldPositions({
    roots: [{ store, depth: 2 }],
    owner,
    engineOf: (_root, folder) => engineOf(world, folder, life),
    uriOf: (_root, folder) => `memory:/${folder}`,
  });
  return {
    client: world.cluster.client(life.process.name, mortalNetwork(world.scheduler, life)),
    groupId,
    topicPattern: /^cdc\..*$/,
    autoOffsetReset: "earliest",
    failOnDataLoss: true,
    mode: "until-latest",
    membership: "group",
    owner,
    tables: {
      transactionsOf: async (key, options) =>
        (await loadTableState(engineOf(world, folderOf(key), life), options))?.transactions ?? null,
      heldPosition: held.heldPosition,
      notes: replayNotes({
        store,
        pipelineId: groupId,
        engineOf: (place) => engineOf(world, place, life),
      }),
    },
    clock,
    random,
    onEvent: () => undefined,
  };
}

/** As `run`, while virtual time passes anyway. */
export function runMeanwhile(world: ReplayWorld, name: string): Promise<PumpSummary> {
  return runOf(world, newLife(name), 4);
}

/** `cdcdelta run --until-latest`. */
export function run(world: ReplayWorld, life = newLife("run"), rows = 4): Promise<PumpSummary> {
  return settle(world, life, runOf(world, life, rows));
}

async function runOf(
  world: ReplayWorld,
  life: Life,
  rows: number,
  shadow: { readonly plan: ShadowPlan; readonly into: ShadowInto } | null = null,
): Promise<PumpSummary> {
  const changes: Partial<KafkaSourceOptions> = shadow === null
    ? {}
    : { membership: "none", range: rangesOf(shadow.into.starts) };
  const source = kafkaSource({ ...sourceOptions(world, life), ...changes });
  const encoder = createEncoder(mappingRules());
  const clock = world.scheduler.clock(life.process);
  const pool = {
    size: 1,
    run: (job: Parameters<typeof encoder.run>[0]) =>
      world.scheduler.wait(life.process, 1, () => encoder.run(job)),
    close: () => Promise.resolve(),
  };
  const flush = { ...pumpSettings.flush, rowsMin: rows };
  try {
    return await runPump(
      {
        source,
        pool,
        clock,
        random,
        locate: (key) => {
          const folder = shadow === null ? folderOf(key) : "check";
          return {
            uri: `memory:/${folder}`,
            engine: engineOf(world, folder, life),
            configuration: {
              "delta.checkpointInterval": "5",
              ...(shadow === null
                ? {}
                : { [shadowProperty]: shadowText(shadow.into.origin, shadow.plan.ranges) }),
            },
          };
        },
      },
      shadow === null ? { ...pumpSettings, pipelineId: groupId, flush } : {
        ...pumpSettings,
        pipelineId: shadowPipeline(groupId),
        flush,
        only: shadow.into.key,
      },
      () => undefined,
      { signal: never, stop: never },
    );
  } finally {
    await source.close();
  }
}

export type ShadowInto = {
  readonly key: string;
  readonly origin: ShadowOrigin;
  readonly starts: readonly ShadowRange[];
};

/** `cdcdelta replay --into <table>`, once planned; false: the process died on the way. */
export async function runShadow(
  world: ReplayWorld,
  plan: ShadowPlan,
  into: ShadowInto,
  life: Life,
): Promise<boolean> {
  const whole = runOf(world, life, 4, { plan, into }).then(() => true);
  const died = new Promise<false>((resolve) => life.onDeath = () => resolve(false));
  return await settle(world, life, Promise.race([whole, died]));
}

export type Asked = {
  readonly from: ReplayPoint;
  readonly to?: ReplayPoint;
  readonly keys?: readonly string[];
};

/** The plan of a replay. */
export function plan(
  world: ReplayWorld,
  asked: Asked,
  life = newLife("plan"),
): Promise<ReplayPlan> {
  return settle(world, life, planOf(world, asked, life));
}

function planOf(world: ReplayWorld, asked: Asked, life: Life): Promise<ReplayPlan> {
  return planReplay({
    client: world.cluster.client(life.process.name, mortalNetwork(world.scheduler, life)),
    groupId,
    pipelineId: groupId,
    tables: (asked.keys ?? keys).map((key) => ({
      key,
      uri: `memory:/${folderOf(key)}`,
      engine: engineOf(world, folderOf(key), life),
    })),
    from: asked.from,
    to: asked.to ?? null,
    signal: never,
  });
}

/** Everything up to reading again. */
export async function rewind(
  world: ReplayWorld,
  planned: ReplayPlan,
  life: Life,
  onStep: (step: ReplayStep) => void = () => undefined,
): Promise<void> {
  await rewindTables(planned, {
    client: world.cluster.client(life.process.name, mortalNetwork(world.scheduler, life)),
    groupId,
    pipelineId: groupId,
    range: "test",
    store: mortalWorldStore(world.disk, life),
    placeOf: (uri) => uri.replace("memory:/", ""),
    random,
    onStep,
    signal: never,
  });
}

/** The whole of `cdcdelta replay --into same`; false: the process died on the way. */
export async function replaySame(
  world: ReplayWorld,
  asked: Asked,
  life = newLife("replay"),
): Promise<boolean> {
  const whole = async (): Promise<true> => {
    const planned = await planOf(world, asked, life);
    const refusals = planned.tables.flatMap(({ replay }) => replay.refusals);
    if (refusals.length > 0) throw new Error(refusals.join("; "));
    await rewind(world, planned, life);
    await runOf(world, life, 4);
    return true;
  };
  const died = new Promise<false>((resolve) => life.onDeath = () => resolve(false));
  return await settle(world, life, Promise.race([whole(), died]));
}

/** Lets virtual time pass until a task has ended. */
export async function settle<T>(world: ReplayWorld, _life: Life, task: Promise<T>): Promise<T> {
  let settled = false;
  task.then(() => settled = true, () => settled = true);
  await world.scheduler.run(() => settled, () => undefined);
  return await task;
}

export type Table = {
  readonly snapshot: Snapshot;
  /** Each row as text, without when it was written; sorted. */
  readonly rows: readonly string[];
  readonly watermarks: readonly TableWatermark[];
};

export async function readTable(world: ReplayWorld, key: string): Promise<Table> {
  const engine = engineOf(world, folderOf(key));
  const snapshot = await loadSnapshot(engine, { signal: never });
  const rows: string[] = [];
  for await (const batch of scanSnapshot(engine, snapshot, { signal: never })) {
    for (let row = 0; row < batch.length; row++) {
      const entries = snapshot.schema.fields.flatMap((field, index): [string, Value][] => {
        const value = valueAt(batch.columns[index]!, field.type, row);
        return value === null || field.name.startsWith("_ingestion") ? [] : [[field.name, value]];
      });
      rows.push(
        JSON.stringify(
          entries.sort(([a], [b]) => a < b ? -1 : 1),
          (_, value: unknown) => typeof value === "bigint" ? String(value) : value,
        ),
      );
    }
  }
  const watermarks = watermarksOf(snapshot.transactions, owner);
  return { snapshot, rows: rows.sort(), watermarks };
}

/** Rows of all tables, for comparison with a pipeline that nobody disturbed. */
export async function allRows(world: ReplayWorld): Promise<Record<string, readonly string[]>> {
  const found: Record<string, readonly string[]> = {};
  for (const key of keys) found[key] = (await readTable(world, key)).rows;
  return found;
}
