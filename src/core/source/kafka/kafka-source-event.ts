import type { TopicPartition } from "../../kafka/kafka-client.ts";
import type { Lane } from "../source.ts";

/** Why a partition starts where it does. */
export type StartReason =
  /** The floor that we committed. */
  | "floor"
  /** There is no floor, but tables hold rows of it: they drop what they have. */
  | "tables-without-floor"
  /** The topic, or the partition, appeared after the pipeline began to read. */
  | "appeared-later"
  /** The topic was deleted and made anew since the floor was committed. */
  | "topic-recreated"
  /** Somebody else moved the group's offset. */
  | "foreign-reset"
  /** A table with rows below the floor was deleted or restored since. */
  | "table-changed"
  /** A replay took rows out of tables, which are below the floor. */
  | "replay"
  /** The floor is gone from the log, and `failOnDataLoss` is off. */
  | "data-loss"
  /** It was asked for. */
  | "range"
  /** Nothing is known of it: `autoOffsetReset` decides. */
  | "earliest"
  | "latest";

/** How unread records came to be gone. */
export type DataLossCause =
  /** The log starts behind our position: retention, or deleted records. */
  | "removed"
  /** The log ends before our position: it was truncated. */
  | "truncated"
  /** The topic was deleted before it was read to its end. */
  | "topic-deleted";

export type DataLoss = TopicPartition & {
  readonly cause: DataLossCause;
  /** The offset that should have been read next. */
  readonly expected: bigint;
  /** The first one that is there; null: nothing is there any more. */
  readonly available: bigint | null;
  /** How many offsets were never read and are gone. */
  readonly lost: bigint;
};

/** What the Kafka source tells of itself: for logs, metrics and the readiness of the process. */
export type KafkaSourceEvent =
  /** Told on each change only. `false`: a request failed; `true`: a later one was answered. */
  | { readonly kind: "connection"; readonly connected: boolean; readonly why: string }
  | {
    readonly kind: "joined";
    readonly memberId: string;
    readonly generation: number;
    /** True: this member assigns the partitions. */
    readonly leader: boolean;
    /** Lanes that are ours now, those that go on as they are, new ones, and lost ones. */
    readonly lanes: number;
    readonly kept: number;
    readonly gained: number;
    readonly lost: number;
  }
  | { readonly kind: "rejoining"; readonly why: string }
  /** The group took all our lanes away (or must be assumed to have done so). */
  | { readonly kind: "evicted"; readonly why: string; readonly lanes: readonly Lane[] }
  | { readonly kind: "left" }
  /**
   * Told once by `until-latest`: all that is ours was read; these of all partitions are with other
   * members of the group, which have not committed them up to their end yet.
   */
  | {
    readonly kind: "waits-for-others";
    readonly partitions: readonly TopicPartition[];
    readonly all: number;
  }
  /** No topic matches the pattern: waiting for one, or with `until-latest` the end. */
  | { readonly kind: "no-topics"; readonly pattern: string }
  | {
    readonly kind: "topics-changed";
    readonly added: readonly TopicPartition[];
    readonly removed: readonly TopicPartition[];
  }
  | { readonly kind: "topic-recreated"; readonly topic: string; readonly topicId: string }
  | { readonly kind: "topic-deleted"; readonly topic: string }
  | {
    readonly kind: "lane-start";
    readonly lane: Lane;
    readonly nextOffset: bigint;
    readonly why: StartReason;
  }
  /** The group's offset is not the one that we committed: it is not used. */
  | {
    readonly kind: "foreign-reset";
    readonly lane: Lane;
    readonly offset: bigint;
    /** What we had committed; null: the offset bears no mark of ours at all. */
    readonly ours: bigint | null;
  }
  | { readonly kind: "table-changed"; readonly lane: Lane; readonly table: string }
  /** With `failOnDataLoss` off; on, only of topics that were deleted, and the error follows. */
  | { readonly kind: "data-loss"; readonly loss: DataLoss }
  | { readonly kind: "floors-committed"; readonly lanes: number }
  /** Floors were not committed: some records will be read again after a restart. */
  | { readonly kind: "floors-failed"; readonly lanes: number; readonly why: string }
  | {
    readonly kind: "retry";
    /** What is tried again, such as `fetch from broker 1`. */
    readonly what: string;
    /** How many tries have failed, from 1. */
    readonly attempt: number;
    readonly delayMs: number;
    readonly error: string;
  };
