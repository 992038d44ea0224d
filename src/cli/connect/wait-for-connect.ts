import { waitForConnect } from "../../core/connect/connect-wait.ts";
import { CdcDeltaError } from "../../errors.ts";
import { systemClock } from "../clock.ts";
import { formatDuration } from "../settings/units.ts";
import type { ConnectSession } from "./connect-session.ts";

/** Waits until Connect takes requests and tells its version. Errors: `connect`. */
export async function connectReady(session: ConnectSession): Promise<string> {
  const { client, values, waiting, signal } = session;
  const { connectWaitTries: tries, connectWaitInterval: intervalMs } = values;
  const probe = await waitForConnect(client, {
    tries,
    intervalMs,
    clock: systemClock,
    signal,
    onAway: (attempt, reason) => {
      void waiting.show(
        `Waiting for Kafka Connect at ${client.url}, try ${attempt} of ${tries}: ${reason}`,
      );
    },
  });
  await waiting.clear();
  switch (probe.kind) {
    case "ready":
      return probe.version;
    case "hopeless":
      throw new CdcDeltaError(
        "connect",
        `Cannot use Kafka Connect at ${client.url}: ${probe.reason}`,
      );
    case "away":
      throw new CdcDeltaError(
        "connect",
        `Kafka Connect at ${client.url} is not ready after ${tries} tries, ` +
          `${formatDuration(intervalMs)} apart: ${probe.reason}. Start it, or correct ` +
          "KAFKA_CONNECT_URL; KAFKA_CONNECT_WAIT_TRIES waits longer",
        { retryable: true },
      );
  }
}
