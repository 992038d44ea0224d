import type { RunEvent } from "./run-event.ts";

/** Why a run cannot do its work just now; `part` is a word for scripts. */
export type NotReady = {
  readonly part: "kafka" | "group" | "store" | "process";
  readonly why: string;
};

export type Readiness = {
  observe(event: RunEvent): void;
  /** Empty: ready. */
  reasons(): readonly NotReady[];
};

/** What the source says of itself; null for sources that have no such state. */
export type SourceState = {
  readonly connected: boolean;
  readonly assigned: boolean;
  /** Partitions that others have to commit before a run `--until-latest` can end. */
  readonly waitsFor: number;
};

/** Keeps track of what a run depends on; `source` is asked each time. */
export function readiness(source: () => SourceState | null): Readiness {
  // Null: nothing was heard of Kafka.
  let kafkaWhy: string | null = null;
  let groupWhy = "joining the consumer group";
  let storeWhy: string | null = null;
  let stopping: string | null = null;
  return {
    observe(event) {
      if (event.kind === "store-answer") storeWhy = event.why;
      if (event.kind === "stopping") stopping = `${event.signal}: ending`;
      if (event.kind !== "kafka") return;
      const { event: told } = event;
      if (told.kind === "connection" || told.kind === "evicted" || told.kind === "rejoining") {
        if (told.kind === "connection") kafkaWhy = told.why;
        else groupWhy = told.why;
      }
      if (told.kind === "retry") kafkaWhy = told.error;
    },
    reasons() {
      const state = source();
      const reasons: NotReady[] = [];
      const store: NotReady[] = storeWhy === null ? [] : [{ part: "store", why: storeWhy }];
      if (stopping !== null) reasons.push({ part: "process", why: stopping });
      // A run asks its store before it asks Kafka.
      if (state !== null && !state.connected && kafkaWhy === null && storeWhy !== null) {
        const kafka: NotReady = { part: "kafka", why: "not asked yet: the store is tried first" };
        return [...reasons, ...store, kafka];
      }
      if (state !== null && !state.connected) {
        reasons.push({ part: "kafka", why: kafkaWhy ?? "no broker has answered yet" });
      } else if (state !== null && !state.assigned) reasons.push({ part: "group", why: groupWhy });
      return [...reasons, ...store];
    },
  };
}
