import type { Clock } from "../../delta/clock.ts";
import { CdcDeltaError } from "../../errors.ts";
import type { TopicPartition } from "../kafka/kafka-client.ts";
import type { PatientClient } from "./patient-client.ts";
import { findTopic, partitionsOf } from "./topic-reader.ts";

type Options = { readonly signal: AbortSignal };

/** How far a partition must be committed to the tables. */
export type SinkGoal = TopicPartition & {
  /** Everything before it must be committed. */
  readonly offset: bigint;
};

/** A goal and how far the consumer group is. */
export type GoalProgress = SinkGoal & {
  /** The group's committed offset; null: none yet. */
  readonly committed: bigint | null;
};

/** The group of `cdcdelta run` as the brokers see it. */
export type SinkProgress = {
  readonly goals: readonly GoalProgress[];
  /** Kafka's name of the group's state; `Empty` and `Dead` have nobody. */
  readonly state: string;
  readonly members: number;
};

/**
 * The ends of some topics, uncommitted transactions included: all that was written before this call
 * lies below them. Topics that are not there have no goal. Errors: `kafka`.
 */
export async function endsOf(
  client: PatientClient,
  topics: readonly string[],
  options: Options,
): Promise<readonly SinkGoal[]> {
  const goals: SinkGoal[] = [];
  for (const topic of topics) {
    const found = await findTopic(client, topic, options);
    const partitions = partitionsOf(found);
    if (found === null || partitions.length === 0) continue;
    const starts = await client.listOffsets(partitions, { kind: "start" }, options);
    const ends = await client.listOffsets(partitions, { kind: "stable-end" }, options);
    for (const { partition, leader } of found.partitions) {
      if (leader < 0) throw refused(topic, partition, "LEADER_NOT_AVAILABLE");
      const start = offsetIn(starts, partition, topic);
      const stable = offsetIn(ends, partition, topic);
      // A fetch at the stable end tells the high watermark, which open transactions do not hold back.
      const [fetched] = await client.fetch({
        nodeId: leader,
        partitions: [{ topic, partition, fetchOffset: stable, bytesMax: 1 }],
        bytesMax: 1,
        bytesMin: 0,
        waitMsMax: 0,
      }, options);
      const end = fetched !== undefined && fetched.error === null ? fetched.highWatermark : stable;
      const offset = end > stable ? end : stable;
      // What was never there or is gone already need not be read.
      if (offset > start) goals.push({ topic, partition, offset });
    }
  }
  return goals;
}

function offsetIn(
  listed: Awaited<ReturnType<PatientClient["listOffsets"]>>,
  partition: number,
  topic: string,
): bigint {
  const found = listed.find((each) => each.partition === partition);
  if (found !== undefined && found.error === null) return found.offset;
  throw refused(topic, partition, found?.error ?? "nothing");
}

function refused(topic: string, partition: number, error: string): CdcDeltaError {
  return new CdcDeltaError(
    "kafka",
    `Cannot read the offsets of partition ${partition} of ${topic}: the broker answered ${error}`,
    { context: { topic, partition }, retryable: true },
  );
}

/** Asks how far a group is. Errors: `kafka`. */
export async function sinkProgress(
  client: PatientClient,
  groupId: string,
  goals: readonly SinkGoal[],
  options: Options,
): Promise<SinkProgress> {
  const group = client.group(groupId);
  const { state, members } = await group.describe(options);
  const partitions = goals.map(({ topic, partition }) => ({ topic, partition }));
  const committed = partitions.length === 0 ? [] : await group.fetchOffsets(partitions, options);
  return {
    state,
    members,
    goals: goals.map((goal) => {
      const found = committed.find((each) =>
        each.topic === goal.topic && each.partition === goal.partition
      );
      const known = found !== undefined && found.error === null && found.offset >= 0n;
      return { ...goal, committed: known ? found.offset : null };
    }),
  };
}

/** True when everything before the goals is committed. */
export function isReached({ goals }: SinkProgress): boolean {
  return goals.every(({ offset, committed }) => committed !== null && committed >= offset);
}

/** Records (and transaction marks) that are still to be committed. */
export function behindOf({ goals }: SinkProgress): bigint {
  return goals.reduce((sum, { offset, committed }) => {
    const behind = offset - (committed ?? 0n);
    return behind > 0n ? sum + behind : sum;
  }, 0n);
}

/** True when nobody consumes. */
export function isUnattended({ state, members }: SinkProgress): boolean {
  return members === 0 || state === "Empty" || state === "Dead";
}

export type SinkWaitOptions = {
  readonly groupId: string;
  readonly goals: readonly SinkGoal[];
  /** How long the group may stand still before waiting is given up. */
  readonly stillMsMax: number;
  readonly observe: (progress: SinkProgress) => void;
  readonly signal: AbortSignal;
};

const pollMs = 500;

/**
 * Waits until the group has committed everything before the goals. `cdcdelta run` commits its
 * offsets after the Delta commits, so the rows are in the tables then. Errors: `kafka` when the
 * group stands still for too long or the brokers do not answer.
 */
export async function waitForSink(
  { client, clock }: { readonly client: PatientClient; readonly clock: Clock },
  { groupId, goals, stillMsMax, observe, signal }: SinkWaitOptions,
): Promise<void> {
  let movedMs = clock.nowMs();
  let behind: bigint | null = null;
  for (;;) {
    const progress = await sinkProgress(client, groupId, goals, { signal });
    observe(progress);
    if (isReached(progress)) return;
    const nowBehind = behindOf(progress);
    if (behind === null || nowBehind < behind) movedMs = clock.nowMs();
    behind = nowBehind;
    if (clock.nowMs() - movedMs >= stillMsMax) throw standsStill(groupId, progress);
    await clock.sleep(pollMs, signal);
  }
}

function standsStill(groupId: string, progress: SinkProgress): CdcDeltaError {
  const topics = [...new Set(progress.goals.map(({ topic }) => topic))].join(", ");
  const why = isUnattended(progress)
    ? `nobody reads in the consumer group "${groupId}". Start "cdcdelta run", or name the group ` +
      "that it uses (KAFKA_CONSUMER_GROUP)"
    : `the consumer group "${groupId}" has members but commits nothing of it. Look at the log of ` +
      '"cdcdelta run", and whether its KAFKA_TOPIC_PATTERN matches these topics';
  return new CdcDeltaError(
    "kafka",
    `The snapshot is complete in Kafka (${topics}), ${behindOf(progress)} offsets of it not yet ` +
      `in the tables: ${why}. The rows wait in Kafka`,
    { context: { group: groupId } },
  );
}
