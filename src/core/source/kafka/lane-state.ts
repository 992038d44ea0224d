import type { TopicPartition } from "../../kafka/kafka-client.ts";
import type { Lane } from "../source.ts";
import type { Outage } from "./outage.ts";

/**
 * One ownership of one partition. It is made anew whenever the partition has to start at its floor
 * again, so that what belongs to an earlier ownership is told by the object alone.
 */
export type LaneState = TopicPartition & {
  readonly lane: Lane;
  readonly topicId: string;
  /** The topic or the partition appeared after the pipeline began to read. */
  readonly appearedLater: boolean;
  /** An earlier topic of this name was met in this run. */
  readonly recreated: boolean;
  /**
   * `new`: where it starts is not known yet. `held-up`: waits for a leader or a new start. `ended`:
   * read as far as it will be. `lost`: no longer ours.
   */
  phase: "new" | "reading" | "held-up" | "ended" | "lost";
  /** Where it starts is being looked up. */
  starting: boolean;
  leader: number;
  /** Where reading began. */
  startOffset: bigint;
  /** Where the next fetch begins. */
  fetchOffset: bigint;
  /** The offset after what the consumer was given. */
  delivered: bigint;
  /** The consumer knows that it is ours, where it has to. */
  announced: boolean;
  /** True: the consumer was given something of it. */
  told: boolean;
  /** The floor that was committed last; null: none yet. */
  floor: bigint | null;
  /** Tables that hold rows below the floor → our watermark there. */
  readonly tables: Map<string, bigint>;
  /** The stable end as told last; null: not known yet. */
  endOffset: bigint | null;
  /** With `until-latest`: where the lane ends; null: it has no end. */
  target: bigint | null;
  /** Grows with each answer that held data: the partition served longest ago comes first. */
  servedAt: number;
  /** Metadata in a row without the partition. */
  missing: number;
  readonly outage: Outage;
};

/** The lane's name: of a topic made anew in this run it bears the topic's id. */
export function laneName({ topic, partition }: TopicPartition, topicId: string | null): Lane {
  const name = `${topic}-${partition}`;
  return topicId === null ? name : `${name}@${topicId.slice(0, 8)}`;
}
