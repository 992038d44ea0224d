/**
 * What cdcdelta needs of a Kafka cluster, as plain requests and answers: no message objects, no
 * hidden state but connections. What a broker refuses is part of the answer, by Kafka's own name of
 * the error; what stops a request from being answered at all is thrown as `kafka`, `retryable` when
 * the same request may succeed later (a broker that is down) and not otherwise (wrong credentials).
 */
export type KafkaClient = {
  /** For messages: the bootstrap servers. */
  readonly description: string;
  /** Metadata of the given topics, or of all topics that we may see. Never creates a topic. */
  metadata(topics: readonly string[] | null, options: CallOptions): Promise<ClusterMetadata>;
  /** Asks the partitions' leaders; answers in the given order. `stable-end`: the last stable offset, as `read_committed` sees it. */
  listOffsets(
    partitions: readonly TopicPartition[],
    at: OffsetSpec,
    options: CallOptions,
  ): Promise<readonly ListedOffset[]>;
  /** One `read_committed` fetch from one broker. */
  fetch(request: FetchRequest, options: CallOptions): Promise<readonly FetchedPartition[]>;
  /** Writes one record, acknowledged by all in-sync replicas; answers its offset. */
  produce(record: NewRecord, options: CallOptions): Promise<ProducedRecord>;
  /** Makes a topic; `TOPIC_ALREADY_EXISTS` is an answer like any other. */
  createTopic(topic: NewTopic, options: CallOptions): Promise<{ error: KafkaErrorName | null }>;
  /** Requests to the coordinator of one consumer group; finds it again when it moved. */
  group(groupId: string): GroupClient;
  /** Closes all connections; requests under way fail. */
  close(): Promise<void>;
};

export type CallOptions = { readonly signal: AbortSignal };

export type TopicPartition = { readonly topic: string; readonly partition: number };

/** A name from Kafka's list of error codes, such as `OFFSET_OUT_OF_RANGE`. */
export type KafkaErrorName = string;

export type ClusterMetadata = {
  readonly brokers: readonly { readonly nodeId: number; readonly address: string }[];
  readonly topics: readonly TopicMetadata[];
};

export type TopicMetadata = {
  readonly topic: string;
  /** 32 hex digits; empty where the cluster has no topic ids (before Kafka 2.8). */
  readonly topicId: string;
  readonly internal: boolean;
  readonly error: KafkaErrorName | null;
  readonly partitions: readonly {
    readonly partition: number;
    /** The leader's node id; -1: there is none just now. */
    readonly leader: number;
    readonly error: KafkaErrorName | null;
  }[];
};

export type OffsetSpec =
  | { readonly kind: "start" }
  | { readonly kind: "stable-end" }
  /** The first record at or after a time, in ms since the epoch. */
  | { readonly kind: "time"; readonly timestampMs: number };

export type ListedOffset = TopicPartition & {
  /** -1 where there is no such record. */
  readonly offset: bigint;
  readonly error: KafkaErrorName | null;
};

export type FetchRequest = {
  readonly nodeId: number;
  /** In the order in which the broker shall fill the answer. */
  readonly partitions: readonly (TopicPartition & {
    /**
     * Where all partitions have one, and the brokers can tell (Kafka 3.1), a topic of another id is
     * answered with `UNKNOWN_TOPIC_ID` instead of being read.
     */
    readonly topicId?: string;
    readonly fetchOffset: bigint;
    readonly bytesMax: number;
  })[];
  readonly bytesMax: number;
  readonly bytesMin: number;
  readonly waitMsMax: number;
};

export type FetchedPartition = TopicPartition & {
  readonly error: KafkaErrorName | null;
  readonly highWatermark: bigint;
  readonly lastStableOffset: bigint;
  readonly logStartOffset: bigint;
  /**
   * Record batches of committed data (magic 2), whole and as the broker sent them: compressed,
   * without control batches and aborted ones. Each entry is one or several batches in a row, and
   * keeps hardly more than its own bytes in memory.
   */
  readonly data: readonly FetchedData[];
  /** Where the next fetch goes on; at or above the request's offset, whatever was filtered out. */
  readonly nextOffset: bigint;
};

export type FetchedData = {
  readonly bytes: Uint8Array;
  /** The offset after the last one that these batches span. */
  readonly nextOffset: bigint;
  /** How many records the batches hold by their headers. */
  readonly records: number;
};

export type NewRecord = TopicPartition & {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
};

export type ProducedRecord = { readonly offset: bigint; readonly error: KafkaErrorName | null };

export type NewTopic = {
  readonly topic: string;
  readonly partitions: number;
  /** -1: the broker's default. */
  readonly replicationFactor: number;
  /** Topic configuration, such as `cleanup.policy`. */
  readonly config: Readonly<Record<string, string>>;
};

export type GroupClient = {
  describe(options: CallOptions): Promise<GroupDescription>;
  join(request: JoinRequest, options: CallOptions): Promise<JoinAnswer>;
  sync(request: SyncRequest, options: CallOptions): Promise<SyncAnswer>;
  heartbeat(member: GroupMember, options: CallOptions): Promise<GroupAnswer>;
  leave(memberId: string, options: CallOptions): Promise<GroupAnswer>;
  /** Committed offsets; -1 where there is none. */
  fetchOffsets(
    partitions: readonly TopicPartition[],
    options: CallOptions,
  ): Promise<readonly CommittedOffset[]>;
  /**
   * As `nobody` allowed while the group has no members. Refused with `ILLEGAL_GENERATION` and the
   * like when the member is not (any more) in the group.
   */
  commitOffsets(
    member: GroupMember,
    offsets: readonly (TopicPartition & { readonly offset: bigint; readonly metadata: string })[],
    options: CallOptions,
  ): Promise<readonly (TopicPartition & { readonly error: KafkaErrorName | null })[]>;
};

/** A consumer group as its coordinator knows it. */
export type GroupDescription = GroupAnswer & {
  /** Kafka's name: `Stable`, `Empty`, `Dead`, … */
  readonly state: string;
  readonly members: number;
  /** Client id and host of each member, such as `cdcdelta at /10.0.0.7`. */
  readonly clients: readonly string[];
};

/** Commits offsets from outside of the group. */
export const nobody: GroupMember = { memberId: "", generationId: -1 };

/** Membership of one generation. */
export type GroupMember = { readonly memberId: string; readonly generationId: number };

export type GroupAnswer = { readonly error: KafkaErrorName | null };

export type JoinRequest = {
  /** Empty on the first join; the answer `MEMBER_ID_REQUIRED` brings one to join again with. */
  readonly memberId: string;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  /** Name of the assignment strategy; members must share one. */
  readonly protocol: string;
  /**
   * Bytes for the leader, in the form of Kafka's ConsumerProtocolSubscription: brokers parse it, and
   * Kafka 4 leaves a join unanswered when it cannot.
   */
  readonly metadata: Uint8Array;
};

export type JoinAnswer = GroupAnswer & {
  readonly memberId: string;
  readonly generationId: number;
  readonly leaderId: string;
  /** The leader alone is told the members. */
  readonly members: readonly { readonly memberId: string; readonly metadata: Uint8Array }[];
};

export type SyncRequest = GroupMember & {
  /** The leader's assignments; empty from all others. */
  readonly assignments: readonly { readonly memberId: string; readonly assignment: Uint8Array }[];
};

export type SyncAnswer = GroupAnswer & { readonly assignment: Uint8Array };

export type CommittedOffset = TopicPartition & {
  readonly offset: bigint;
  readonly metadata: string;
  readonly error: KafkaErrorName | null;
};
