import type { Clock, Random } from "../../delta/clock.ts";
import { CdcDeltaError } from "../../errors.ts";
import type { GroupClient, KafkaClient } from "../kafka/kafka-client.ts";

/** The requests that snapshots need, each tried several times. */
export type PatientClient =
  & Pick<KafkaClient, "metadata" | "listOffsets" | "fetch" | "produce" | "createTopic">
  & { group(groupId: string): Pick<GroupClient, "describe" | "fetchOffsets"> };

export type Patience = {
  readonly clock: Clock;
  readonly random: Random;
  /** Times a request is tried in all. */
  readonly attemptsMax: number;
};

const firstDelayMs = 200;
const delayMsMax = 10_000;

/**
 * Asks again, with growing random pauses, after failures that pass (`retryable`). What brokers
 * refuse is an answer and not repeated here. A record may be written twice when an answer was lost;
 * a signal that is heard twice does no harm.
 */
export function patientClient(client: KafkaClient, patience: Patience): PatientClient {
  const again = <T>(signal: AbortSignal, ask: () => Promise<T>): Promise<T> =>
    tryAgain(ask, { ...patience, signal });
  return {
    metadata: (topics, o) => again(o.signal, () => client.metadata(topics, o)),
    listOffsets: (partitions, at, o) =>
      again(o.signal, () => client.listOffsets(partitions, at, o)),
    fetch: (request, o) => again(o.signal, () => client.fetch(request, o)),
    produce: (record, o) => again(o.signal, () => client.produce(record, o)),
    createTopic: (topic, o) => again(o.signal, () => client.createTopic(topic, o)),
    group(groupId) {
      const group = client.group(groupId);
      return {
        describe: (o) => again(o.signal, () => group.describe(o)),
        fetchOffsets: (partitions, o) => again(o.signal, () => group.fetchOffsets(partitions, o)),
      };
    },
  };
}

/** Calls again what failed for a time. Errors: the last one, or one that does not pass. */
export async function tryAgain<T>(
  ask: () => Promise<T>,
  { clock, random, attemptsMax, signal }: Patience & { readonly signal: AbortSignal },
): Promise<T> {
  for (let attempt = 1;; attempt++) {
    try {
      return await ask();
    } catch (error) {
      signal.throwIfAborted();
      const passes = error instanceof CdcDeltaError && error.retryable;
      if (!passes || attempt >= attemptsMax) throw error;
    }
    const boundMs = Math.min(delayMsMax, firstDelayMs * 2 ** attempt);
    await clock.sleep(boundMs * (0.5 + random.next() / 2), signal);
  }
}
