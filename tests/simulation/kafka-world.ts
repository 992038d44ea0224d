import { runPump } from "../../src/core/pump/pump.ts";
import { deadLetterTable } from "../../src/core/encode/encode-job.ts";
import { watermarksOf } from "../../src/core/position/watermark.ts";
import type { Transactions } from "../../src/core/position/watermark.ts";
import type { KafkaSourceEvent } from "../../src/core/source/kafka/kafka-source-event.ts";
import type { KafkaSourceOptions } from "../../src/core/source/kafka/kafka-source-options.ts";
import { kafkaSource } from "../../src/core/source/kafka/kafka-source.ts";
import { loadTableState } from "../../src/delta/log/table-state.ts";
import { type ObjectStore, subStore } from "../../src/delta/storage/object-store.ts";
import { retryingStore } from "../../src/delta/storage/retrying-store.ts";
import { CdcDeltaError } from "../../src/errors.ts";
import type { ClusterMetadata, FetchedPartition } from "../../src/core/kafka/kafka-client.ts";
import {
  createFakeCluster,
  type FakeCall,
  type FakeCluster,
  type FakeNetwork,
} from "../support/fake-broker.ts";
import { createKafkaInput, type KafkaInput } from "./kafka-input.ts";
import type { Process } from "./scheduler.ts";
import { noFaults, simStore } from "./sim-store.ts";
import {
  describe,
  type Life,
  makeWorld,
  simPool,
  simSettings,
  tableFolder,
  type World,
} from "./sim-world.ts";

/** How often what happens to the group in a seed; each kind is off in many seeds. */
export type GroupWeather = {
  readonly refused: number;
  readonly lost: number;
  readonly silent: number;
  /** Chances of a step: a member is cut off from the brokers for a while, leaves, joins. */
  readonly cut: number;
  readonly leave: number;
  readonly join: number;
  readonly kill: number;
  readonly freeze: number;
  /** All lanes are taken away by the coordinator, which has lost its memory. */
  readonly forget: number;
  /** Somebody moves the group's offset of a partition, with or without our metadata. */
  readonly reset: number;
  /** The leader of a partition moves to the other broker. */
  readonly move: number;
  /** Brokers do not know of a topic for a while. */
  readonly hide: number;
  /** A leader answers for once that it does not have an offset. */
  readonly behind: number;
};

export type KafkaWorld = World & {
  readonly cluster: FakeCluster;
  readonly kafka: KafkaInput;
  readonly group: GroupWeather;
  /** Topics that the brokers do not know of just now → until when. */
  readonly hidden: Map<string, number>;
  readonly wire: Process;
};

/** One member: the real source and the real pump on doubles of everything else. */
export type MemberLife = Life & {
  /** Until then no request of it reaches a broker. */
  cutUntilMs: number;
  stop(): void;
};

export const groupId = "sim";
const sessionTimeoutMs = 6_000;

export function makeKafkaWorld(seed: number): KafkaWorld {
  const world = makeWorld(seed);
  const { random, scheduler } = world;
  const wire: Process = { name: "network", alive: true, frozenUntilMs: 0 };
  const cluster = createFakeCluster({ clock: scheduler.clock(wire), brokers: 2 });
  void cluster.keepTime(new AbortController().signal);
  const on = (probability: number): number => random.chance(0.5) ? probability : 0;
  return {
    ...world,
    cluster,
    wire,
    kafka: createKafkaInput(random, cluster, world.input),
    group: {
      refused: on(0.05),
      lost: on(0.05),
      silent: on(0.01),
      cut: on(0.002),
      leave: on(0.004),
      join: 0.01,
      kill: on(0.002),
      freeze: on(0.002),
      forget: on(0.001),
      reset: on(0.003),
      move: on(0.002),
      hide: random.chance(0.2) ? 0.002 : 0,
      behind: on(0.01),
    },
    hidden: new Map(),
  };
}

/** Starts a member of the group; `last`: it ends once everything was read. */
export function startKafkaLife(world: KafkaWorld, name: string, last = false): MemberLife {
  const { scheduler, random } = world;
  const process: Process = { name, alive: true, frozenUntilMs: 0 };
  const stop = new AbortController();
  const life: MemberLife = {
    process,
    events: [],
    outcome: null,
    cutUntilMs: 0,
    stop: () => stop.abort(),
  };
  const clock = scheduler.clock(process);
  const faults = () => world.calm ? noFaults : world.weather.faults;
  const network = simStore({ inner: world.disk, scheduler, process, random, faults });
  const store = retryingStore(network, { clock, random, attemptsMax: 10 });
  const source = kafkaSource({
    client: world.cluster.client(name, kafkaNetwork(world, life)),
    groupId,
    topicPattern: /^cdc\..*$/,
    autoOffsetReset: "earliest",
    failOnDataLoss: true,
    mode: last ? "until-latest" : "stream",
    membership: "group",
    owner: simSettings,
    tables: tablesOf(world, store),
    clock,
    random,
    onEvent: (event) => world.log.push(`${scheduler.nowMs()} ${name} ${tell(event)}`),
    limits: {
      sessionTimeoutMs,
      rebalanceTimeoutMs: 8_000,
      heartbeatIntervalMs: 1_000,
      metadataAgeMsMax: 3_000,
      fetchBytesMax: 4_000,
      partitionBytesMax: 2_000,
      fetchWaitMsMax: 300,
      recordsMax: 20,
      farewellMsMax: 2_000,
      retryMsMax: 2_000,
    },
  });
  const pumpWorld = {
    source,
    pool: simPool(world, process),
    clock,
    random,
    locate: (key: string) => ({
      uri: `memory:/${tableFolder(key)}`,
      engine: { store: subStore(store, tableFolder(key)), clock, random },
      configuration: { "delta.checkpointInterval": "5" },
    }),
  };
  const settings = { ...simSettings, widen: world.weather.widen };
  const observe = (event: (typeof life.events)[number]): void => {
    life.events.push(event);
    world.log.push(`${scheduler.nowMs()} ${name} ${describe(event)}`);
  };
  const signals = { signal: new AbortController().signal, stop: stop.signal };
  const run = async (): Promise<void> => {
    try {
      const summary = await runPump(pumpWorld, settings, observe, signals);
      await source.close();
      life.outcome = { summary };
    } catch (error) {
      await source.close();
      life.outcome = { error };
    }
  };
  void run();
  return life;
}

/** Requests travel on their own: a sender that dies or freezes does not call them back. */
function kafkaNetwork(world: KafkaWorld, life: MemberLife): FakeNetwork {
  const { scheduler, random, wire, group } = world;
  const { process } = life;
  const fail = (what: string): Promise<never> =>
    Promise.reject(new CdcDeltaError("kafka", `simulated: ${what}`, { retryable: true }));
  const delay = (): number => 1 + random.int(10);
  return async (call, effect) => {
    const cut = (): boolean => scheduler.nowMs() < life.cutUntilMs;
    const chance = (probability: number): boolean => !world.calm && random.chance(probability);
    if (cut() || chance(group.refused)) {
      return await scheduler.wait(process, delay(), () => fail("refused"));
    }
    const value = await scheduler.wait(wire, delay(), async () => {
      const answer = await effect();
      return world.calm ? answer : spoil(world, call, answer);
    });
    if (chance(group.silent)) {
      return await scheduler.wait(process, 15_000, () => fail("no answer"));
    }
    const lost = cut() || chance(group.lost);
    return await scheduler.wait(process, delay(), () => lost ? fail("answer lost") : value);
  };
}

/** What a broker answers that does not know everything just now. */
function spoil<T>({ hidden, group, random, scheduler }: KafkaWorld, call: FakeCall, answer: T): T {
  if (call.kind === "metadata") {
    const metadata = answer as ClusterMetadata;
    const topics = metadata.topics.filter(({ topic }) =>
      scheduler.nowMs() >= (hidden.get(topic) ?? 0)
    );
    return { ...metadata, topics } as T;
  }
  if (call.kind !== "fetch") return answer;
  return (answer as readonly FetchedPartition[]).map((one) =>
    random.chance(group.behind) ? { ...one, error: "OFFSET_OUT_OF_RANGE", data: [] } : one
  ) as T;
}

function tablesOf(world: KafkaWorld, store: ObjectStore): KafkaSourceOptions["tables"] {
  const { scheduler, random, wire } = world;
  const clock = scheduler.clock(wire);
  const transactionsOf = async (
    key: string,
    options: { readonly signal: AbortSignal },
  ): Promise<Transactions | null> => {
    const engine = { store: subStore(store, tableFolder(key)), clock, random };
    return (await loadTableState(engine, options))?.transactions ?? null;
  };
  return {
    transactionsOf,
    async heldPosition({ topic, partition, identity }, options) {
      let offset: bigint | null = null;
      let found = false;
      for (const key of ["shop.orders", "shop.mixed", "shop.returns", deadLetterTable]) {
        const transactions = await transactionsOf(key, options);
        if (transactions === null) continue;
        for (const held of watermarksOf(transactions, simSettings)) {
          if (held.topic !== topic || held.partition !== partition) continue;
          found = true;
          if (held.identity === identity && (offset ?? -1n) < held.offset) offset = held.offset;
        }
      }
      return found ? { offset } : null;
    },
  };
}

function tell(event: KafkaSourceEvent): string {
  const plain = (_key: string, value: unknown): unknown =>
    typeof value === "bigint" ? String(value) : value;
  return JSON.stringify(event, plain);
}
