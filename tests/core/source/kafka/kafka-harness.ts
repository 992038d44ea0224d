import type { KafkaSourceEvent } from "../../../../src/core/source/kafka/kafka-source-event.ts";
import type {
  KafkaSourceLimits,
  KafkaSourceOptions,
} from "../../../../src/core/source/kafka/kafka-source-options.ts";
import { type KafkaSource, kafkaSource } from "../../../../src/core/source/kafka/kafka-source.ts";
import type { Floor, SourceEvent } from "../../../../src/core/source/source.ts";
import { CdcDeltaError } from "../../../../src/errors.ts";
import { createScheduler, type Process, type Scheduler } from "../../../simulation/scheduler.ts";
import { seededRandom } from "../../../simulation/seeded-random.ts";
import {
  createFakeCluster,
  type FakeCall,
  type FakeCluster,
  type FakeNetwork,
} from "../../../support/fake-broker.ts";

/** What a request meets on its way; `lost`: it takes effect, but its answer never comes. */
export type Fault = "none" | "refused" | "lost" | "silent";

export type Member = {
  readonly source: KafkaSource;
  readonly process: Process;
  /** What the consumer was given, in order. */
  readonly taken: SourceEvent[];
  readonly told: KafkaSourceEvent[];
  /** True: the consumer does not ask for more. */
  paused: boolean;
  fault: (call: FakeCall) => Fault;
  /** How the iteration ended; null: it goes on. */
  outcome: "done" | { readonly error: CdcDeltaError } | null;
  /** Begins to consume. */
  start(): void;
  stop(): void;
  offsetsOf(lane: string): bigint[];
};

export type Harness = {
  readonly cluster: FakeCluster;
  readonly scheduler: Scheduler;
  member(name: string, options?: MemberOptions): Member;
  /** Runs until the condition holds. */
  until(done: () => boolean): Promise<void>;
  /** Lets time pass. */
  pass(ms: number): Promise<void>;
  /** Runs until the promise is settled. */
  settle<T>(promise: Promise<T>): Promise<T>;
};

export type MemberOptions = Partial<Omit<KafkaSourceOptions, "limits">> & {
  readonly limits?: Partial<KafkaSourceLimits>;
};

export const group = "cdcdelta";

/** Sources on a cluster in memory, in virtual time. */
export function createHarness(brokers = 1): Harness {
  const random = seededRandom(7);
  const scheduler = createScheduler(random);
  const wire: Process = { name: "network", alive: true, frozenUntilMs: 0 };
  const cluster = createFakeCluster({ clock: scheduler.clock(wire), brokers });
  void cluster.keepTime(new AbortController().signal);

  const until = (done: () => boolean): Promise<void> => scheduler.run(done, () => undefined);
  return {
    cluster,
    scheduler,
    until,
    async pass(ms) {
      const endMs = scheduler.nowMs() + ms;
      let over = false;
      scheduler.clock(wire).sleep(ms, new AbortController().signal)
        .then(() => over = true, () => undefined);
      await until(() => over && scheduler.nowMs() >= endMs);
    },
    async settle(promise) {
      let settled = false;
      promise.then(() => settled = true, () => settled = true);
      await until(() => settled);
      return await promise;
    },
    member(name, options = {}) {
      const process: Process = { name, alive: true, frozenUntilMs: 0 };
      const told: KafkaSourceEvent[] = [];
      const network: FakeNetwork = async (call, effect) => {
        const fault = member.fault(call);
        const refuse = (what: string): CdcDeltaError =>
          new CdcDeltaError("kafka", `simulated: ${what}`, { retryable: true });
        if (fault === "refused") {
          return await scheduler.wait(process, 1, () => Promise.reject(refuse("refused")));
        }
        const value = await scheduler.wait(wire, 1, effect);
        if (fault === "silent") return await new Promise(() => undefined);
        if (fault === "lost") {
          return await scheduler.wait(process, 1, () => Promise.reject(refuse("answer lost")));
        }
        return await scheduler.wait(process, 1, () => value);
      };
      const source = kafkaSource({
        client: cluster.client(name, network),
        groupId: group,
        topicPattern: /^shop\..*$/,
        autoOffsetReset: "earliest",
        failOnDataLoss: true,
        mode: "stream",
        membership: "group",
        owner: { pipelineId: group, adopt: false },
        tables: {
          transactionsOf: () => Promise.resolve(null),
          heldPosition: () => Promise.resolve(null),
        },
        clock: scheduler.clock(process),
        random,
        onEvent: (event) => told.push(event),
        ...options,
      });
      const abort = new AbortController();
      const member: Member = {
        source,
        process,
        taken: [],
        told,
        paused: false,
        fault: () => "none",
        outcome: null,
        start() {
          member.outcome = null;
          consume(member, scheduler, abort.signal).then(
            () => member.outcome = "done",
            (error: CdcDeltaError) => member.outcome = { error },
          );
        },
        stop: () => abort.abort(),
        offsetsOf: (lane) => offsetsOf(member.taken, lane),
      };
      return member;
    },
  };
}

async function consume(member: Member, scheduler: Scheduler, signal: AbortSignal): Promise<void> {
  for await (const event of member.source.events({ signal })) {
    member.taken.push(event);
    while (member.paused) await scheduler.wait(member.process, 10, () => undefined);
  }
}

/** Offsets of the records given of a lane, as far as headers tell them. */
export function offsetsOf(events: readonly SourceEvent[], lane: string): bigint[] {
  return events.flatMap((event) => {
    if (event.kind !== "records" || event.lane !== lane) return [];
    const { bytes, position } = event.batch as Extract<typeof event.batch, { framing: "kafka-v2" }>;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const offsets: bigint[] = [];
    for (let at = 0; at < bytes.length; at += 12 + view.getInt32(at + 8)) {
      const base = view.getBigInt64(at);
      const last = base + BigInt(view.getInt32(at + 23));
      for (let offset = base; offset <= last; offset++) {
        if (offset >= position.baseOffset) offsets.push(offset);
      }
    }
    return offsets;
  });
}

/** `count` records that need no content. */
export function records(count: number) {
  return Array.from({ length: count }, (_, index) => ({ key: `${index}`, value: "{}" }));
}

/** 0, 1, … below `end`. */
export function upTo(end: number): bigint[] {
  return Array.from({ length: end }, (_, index) => BigInt(index));
}

export function floor(lane: string, nextOffset: bigint, tables: Floor["tables"] = []): Floor {
  return { lane, nextOffset, tables };
}
