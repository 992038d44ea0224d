import { type Litter, litter } from "../../../collect-garbage.ts";
import type { Floor, Lane } from "../source.ts";
import type { Assignment } from "./member-protocol.ts";
import { type Bell, createBell } from "./bell.ts";
import type { LaneState } from "./lane-state.ts";
import { defaultKafkaSourceLimits, type KafkaSourceOptions } from "./kafka-source-options.ts";
import { createOutage, type Outage } from "./outage.ts";
import type { FetchedData } from "../../kafka/kafka-client.ts";
import { createRunEnds, type RunEnds } from "./run-ends.ts";
import { createHealth, type SourceContext } from "./source-context.ts";
import { topicMatcher, type TopicView } from "./topic-view.ts";

/** What waits for the consumer, in the order in which it is given. */
export type Queued =
  | { readonly kind: "records"; readonly lane: LaneState; readonly data: FetchedData }
  | { readonly kind: "position"; readonly lane: LaneState; readonly nextOffset: bigint }
  | { readonly kind: "lane-end"; readonly lane: LaneState };

/** One broker that lanes are fetched from. */
export type BrokerState = {
  readonly nodeId: number;
  readonly outage: Outage;
  /** A fetch is on its way, or waits to be tried again. */
  busy: boolean;
  /** Its last answer brought nothing. */
  quiet: boolean;
};

/** One call of `events`. */
export type Session = {
  readonly abort: AbortController;
  readonly queue: (Queued & { readonly broker: BrokerState | null })[];
  readonly brokers: Map<number, BrokerState>;
  /** The consumer was given records or positions. */
  given: boolean;
  /** The consumer was told that nothing is ready, and nothing came since. */
  idleTold: boolean;
  /** The consumer was told that everything is read, and nothing came since. */
  drainedTold: boolean;
};

export type SourceState = {
  readonly context: SourceContext;
  readonly reads: (topic: string) => boolean;
  /** Ends with the source. */
  readonly closing: AbortController;
  /** Rung when the consumer may have something to look at. */
  readonly bell: Bell;
  /** Lanes that are ours. */
  readonly lanes: Map<Lane, LaneState>;
  /** Lanes that the consumer has to drop before anything else. */
  readonly lost: Set<Lane>;
  /** The topic's id under which a partition was first read in this run. */
  readonly firstIds: Map<string, string>;
  /** Topics as they are known; null: not yet. */
  view: TopicView | null;
  /** The look at the topics that is under way; null: none is. */
  refreshing: Promise<void> | null;
  /** Told after each look at the topics, with the topics as they were before. */
  onView: (before: TopicView | null) => void;
  /** Starts lanes whose start is not known yet. */
  startNew: () => void;
  /** Floors that could not be committed yet; newer ones take their place. */
  readonly owed: Map<Lane, Floor>;
  /** Lanes of topics that were taken for deleted: their consumer may still hold what it was given. */
  readonly gone: Map<Lane, LaneState>;
  /** Lanes of deleted topics that were not read to their end → where they end, and the error. */
  readonly doomed: Map<Lane, { readonly offset: bigint; readonly error: unknown }>;
  /** Topics as they were at first: what is added to them later starts at its beginning. */
  firstView: TopicView | null;
  session: Session | null;
  /** True: `events` was called. */
  started: boolean;
  /** What was given to us; null: nothing yet, or not any more. */
  assignment: Assignment | null;
  /** Partitions of it that are not among the topics we know yet. */
  unknown: number;
  failure: { readonly error: unknown } | null;
  bytesRead: number;
  /** What fetches leave behind. */
  readonly litter: Litter;
  served: number;
  readonly metadataOutage: Outage;
  readonly ends: RunEnds;
  /** Of brokers that were fetched from; they last as long as the source, like what is told of them. */
  readonly fetchOutages: Map<number, Outage>;
};

/** The less is left lying, the nearer a run stays to its memory; it costs a few ms of a second. */
const litterBytesMax = 32 << 20;

/** Nothing known, nothing read. */
export function createState(options: KafkaSourceOptions): SourceState {
  const limits = { ...defaultKafkaSourceLimits, ...options.limits };
  const context = { options, limits, health: createHealth(options.onEvent) };
  return {
    context,
    reads: topicMatcher(options.topicPattern),
    closing: new AbortController(),
    bell: createBell(options.clock),
    lanes: new Map(),
    lost: new Set(),
    firstIds: new Map(),
    view: null,
    refreshing: null,
    onView: () => undefined,
    startNew: () => undefined,
    owed: new Map(),
    gone: new Map(),
    doomed: new Map(),
    firstView: null,
    session: null,
    started: false,
    assignment: null,
    unknown: 0,
    failure: null,
    bytesRead: 0,
    litter: litter({ bytesMax: litterBytesMax }),
    served: 0,
    metadataOutage: createOutage(context, "read the list of topics"),
    ends: createRunEnds(context),
    fetchOutages: new Map(),
  };
}

/** Ends the run with an error; the first one counts. What ends with the source is none. */
export function failSource(state: SourceState, error: unknown): void {
  if (state.closing.signal.aborted) return;
  state.failure ??= { error };
  state.bell.ring();
}

/** Runs in the background of one call of `events`; its failure ends the run. */
export function inBackground(
  state: SourceState,
  session: Session,
  task: () => Promise<void>,
): void {
  task().catch((error: unknown) => {
    if (!session.abort.signal.aborted) failSource(state, error);
  });
}
