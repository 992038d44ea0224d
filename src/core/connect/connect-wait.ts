import type { Clock } from "../../delta/clock.ts";
import type { ConnectClient } from "./connect-client.ts";
import type { ConnectProbe } from "./connect-types.ts";

export type ConnectWait = {
  /** Times Connect is asked at most. */
  readonly tries: number;
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Hears of each try that failed. */
  readonly onAway?: (attempt: number, reason: string) => void;
};

/** Asks until Connect is ready, waiting is hopeless, or the tries are used up. */
export async function waitForConnect(
  client: ConnectClient,
  { tries, intervalMs, clock, signal, onAway }: ConnectWait,
): Promise<ConnectProbe> {
  for (let attempt = 1;; attempt++) {
    const probe = await client.probe({ signal });
    if (probe.kind !== "away" || attempt >= tries) return probe;
    onAway?.(attempt, probe.reason);
    await clock.sleep(intervalMs, signal);
  }
}
