import { CdcDeltaError } from "../../errors.ts";
import type { PatientClient } from "./patient-client.ts";
import type { SignalRecord } from "./signal.ts";
import type { TopicWorld } from "./topic-reader.ts";

type Options = { readonly signal: AbortSignal };

const sendAttemptsMax = 10;
const sendPauseMs = 500;

/** Writes a signal to partition 0 of its topic, which is made when it is missing. Errors: `kafka`. */
export async function sendSignal(
  { client, clock }: TopicWorld,
  { topic, record, signal }: {
    readonly topic: string;
    readonly record: SignalRecord;
    readonly signal: AbortSignal;
  },
): Promise<bigint> {
  let last = "";
  for (let attempt = 0; attempt < sendAttemptsMax; attempt++) {
    if (attempt > 0) await clock.sleep(sendPauseMs, signal);
    const { offset, error } = await client.produce({ topic, partition: 0, ...record }, { signal });
    if (error === null) return offset;
    last = error;
    if (error === "UNKNOWN_TOPIC_OR_PARTITION") await makeTopic(client, topic, { signal });
    else if (!/LEADER|NOT_ENOUGH_REPLICAS|TIMED_OUT|NETWORK|UNKNOWN_TOPIC/.test(error)) break;
  }
  throw new CdcDeltaError(
    "kafka",
    `Cannot send the signal to topic ${topic}: the broker answered ${last}. Check that the topic ` +
      "exists and that our user may write to it",
    { context: { topic } },
  );
}

async function makeTopic(client: PatientClient, topic: string, options: Options): Promise<void> {
  // Debezium reads partition 0 only.
  const made = await client.createTopic(
    { topic, partitions: 1, replicationFactor: -1, config: {} },
    options,
  );
  if (made.error === null || made.error === "TOPIC_ALREADY_EXISTS") return;
  throw new CdcDeltaError(
    "kafka",
    `Cannot make the signal topic ${topic}: the broker answered ${made.error}. Make it by hand, ` +
      "with one partition",
    { context: { topic } },
  );
}
