import type { Clock, Random } from "../../../delta/engine.ts";
import type { KafkaClient, TopicPartition } from "../../kafka/kafka-client.ts";
import type { ReplayNotes } from "../../position/replay-notes.ts";
import type { PositionOwner, Transactions } from "../../position/watermark.ts";
import type { KafkaSourceEvent } from "./kafka-source-event.ts";

/** Where a partition starts of which nothing is known. */
export type AutoOffsetReset = "earliest" | "latest" | "none";

export type KafkaSourceOptions = {
  readonly client: KafkaClient;
  readonly groupId: string;
  /** Matches a topic's whole name: anchored by the caller. Internal topics never count. */
  readonly topicPattern: RegExp;
  readonly autoOffsetReset: AutoOffsetReset;
  /** False: unread records that are gone are told as an event, and reading goes on behind them. */
  readonly failOnDataLoss: boolean;
  /**
   * `until-latest`: ends once every partition was read up to what was its stable end at first, or,
   * where another member of the group has it, was committed up to there.
   */
  readonly mode: "stream" | "until-latest";
  /** `none`: all partitions are read without joining the group, and no floor is ever committed. */
  readonly membership: "group" | "none";
  /**
   * Only these partitions, from where to where, by `<partition> <topic>`; what the group or tables
   * hold decides nothing then. Goes with `membership: "none"` and `until-latest`.
   */
  readonly range?: ReadonlyMap<string, ReadRange>;
  readonly owner: PositionOwner;
  readonly tables: TablePositions;
  readonly clock: Clock;
  readonly random: Random;
  readonly onEvent: (event: KafkaSourceEvent) => void;
  readonly limits?: Partial<KafkaSourceLimits>;
};

/** What is read of a partition. */
export type ReadRange = {
  /** Another topic of that name is refused; empty where the cluster has no ids. */
  readonly topicId: string;
  readonly start: bigint;
  /** Reading ends once this offset is reached, or at the end of the log; null: only there. */
  readonly end: bigint | null;
};

/** What the tables below the base path know of partitions. */
export type TablePositions = {
  /** The `txn` actions of a table by its key; null: there is no table. */
  transactionsOf(
    key: string,
    options: { readonly signal: AbortSignal },
  ): Promise<Transactions | null>;
  /**
   * What any table below the base path holds of a partition for our owner; null: nothing. The
   * identity is the topic's id. Asked only for partitions without a floor, so it may list tables.
   */
  heldPosition(
    partition: TopicPartition & { readonly identity: string },
    options: { readonly signal: AbortSignal },
  ): Promise<HeldPosition | null>;
  /** What replays left to be read again; asked only as a member of the group. Default: nothing. */
  readonly notes?: ReplayNotes;
};

/** What tables hold of a partition. */
export type HeldPosition = {
  /**
   * The highest watermark of this very topic (by its id) in any table; -1: rows of it were taken
   * out, to be read again from its beginning; null: tables only hold positions of an earlier topic
   * of that name.
   */
  readonly offset: bigint | null;
};

/** Times, sizes and counts, with their units in the names. */
export type KafkaSourceLimits = {
  /** The coordinator gives our partitions away when it heard nothing for so long. */
  readonly sessionTimeoutMs: number;
  /** How long the group waits for a member to join again. */
  readonly rebalanceTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  /** How old the list of topics may become: new ones are found that late at the latest. */
  readonly metadataAgeMsMax: number;
  /**
   * Bytes of one answer of one broker; each broker has one answer on its way or waiting. More than
   * `fullFetchesMax` brokers share what so many may bring.
   */
  readonly fetchBytesMax: number;
  /** Bytes of one partition within an answer. */
  readonly partitionBytesMax: number;
  /** How long a broker may wait for new records before it answers. */
  readonly fetchWaitMsMax: number;
  /** About how many records a `records` event holds at most; whole record batches always. */
  readonly recordsMax: number;
  /** About how many bytes a `records` event holds at most; whole record batches always. */
  readonly recordBytesMax: number;
  /** Tries of an outage before it ends the run; any success ends the outage. */
  readonly attemptsMax: number;
  /** Upper bound of the first wait between tries; doubles each time. */
  readonly retryMsFirst: number;
  /** Upper bound of any wait between tries. */
  readonly retryMsMax: number;
  /** How long a floor commit, and leaving the group, may take in all. */
  readonly farewellMsMax: number;
};

export const defaultKafkaSourceLimits: KafkaSourceLimits = {
  sessionTimeoutMs: 45_000,
  rebalanceTimeoutMs: 60_000,
  heartbeatIntervalMs: 3_000,
  metadataAgeMsMax: 30_000,
  fetchBytesMax: 8 << 20,
  partitionBytesMax: 2 << 20,
  fetchWaitMsMax: 500,
  recordsMax: 5_000,
  recordBytesMax: 1 << 20,
  attemptsMax: 10,
  retryMsFirst: 250,
  retryMsMax: 10_000,
  farewellMsMax: 5_000,
};
