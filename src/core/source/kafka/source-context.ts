import type { KafkaSourceLimits, KafkaSourceOptions } from "./kafka-source-options.ts";

/** What all parts of a Kafka source share. */
export type SourceContext = {
  readonly options: KafkaSourceOptions;
  readonly limits: KafkaSourceLimits;
  readonly health: Health;
};

/** Which kinds of requests fail just now. */
export type Health = {
  down(what: string, why: string): void;
  up(what: string): void;
  connected(): boolean;
};

/** Connected once something was answered and while nothing fails. */
export function createHealth(onEvent: KafkaSourceOptions["onEvent"]): Health {
  const failing = new Set<string>();
  let connected = false;
  const tell = (now: boolean, why: string): void => {
    if (connected === now) return;
    connected = now;
    onEvent({ kind: "connection", connected, why });
  };
  return {
    down(what, why) {
      failing.add(what);
      tell(false, why);
    },
    up(what) {
      failing.delete(what);
      if (failing.size === 0) tell(true, what);
    },
    connected: () => connected,
  };
}
