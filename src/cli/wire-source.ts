import { Readable } from "node:stream";
import { heldPositions } from "../core/position/held-positions.ts";
import { objectFloorStore } from "../core/position/floor-store.ts";
import { replayNotes } from "../core/position/replay-notes.ts";
import type { PositionOwner, Transactions } from "../core/position/watermark.ts";
import { fileSource } from "../core/source/file-source.ts";
import { kafkaSource } from "../core/source/kafka/kafka-source.ts";
import type { KafkaSourceEvent } from "../core/source/kafka/kafka-source-event.ts";
import type {
  KafkaSourceLimits,
  KafkaSourceOptions,
} from "../core/source/kafka/kafka-source-options.ts";
import { rememberFloors } from "../core/source/remember-floors.ts";
import type { Source } from "../core/source/source.ts";
import type { Engine } from "../delta/engine.ts";
import type { ObjectStore } from "../delta/storage/object-store.ts";
import { CdcDeltaError } from "../errors.ts";
import { systemClock } from "./clock.ts";
import { kafkaClientOf } from "./kafka-access.ts";
import { uriOfPlace } from "./replay/noted-place.ts";
import { systemRandom } from "./random.ts";
import type { CollectionOverride, Settings } from "./settings/settings.ts";
import { tableRoots } from "./table-roots.ts";
import type { SourceState } from "./watch/readiness.ts";

/** A source, and what can be asked of it beside reading. */
export type WiredSource = {
  readonly source: Source;
  /** Null: it depends on nothing that could be away. */
  readonly state: () => SourceState | null;
  /** Closes it, and the connections it reads through. */
  close(): Promise<void>;
};

/** What the sources need of the tables. */
export type SourceTables = {
  readonly owner: PositionOwner;
  readonly basePath: string;
  readonly store: ObjectStore;
  readonly transactionsOf: (
    key: string,
    options: { readonly signal: AbortSignal },
  ) => Promise<Transactions | null>;
  readonly engineAt: (uri: string) => Engine;
};

/** A file, a folder, or standard input. */
export function wireFiles(
  { follow, sourceId }: Settings,
  path: string,
  stdin: AsyncIterable<Uint8Array>,
  { owner, store, transactionsOf }: SourceTables,
): WiredSource {
  const files = fileSource({
    path,
    follow,
    sourceId,
    clock: systemClock,
    stdin: stdin instanceof Readable ? stdin : null,
  });
  const source = rememberFloors(files, objectFloorStore(store, { owner, transactionsOf }));
  return { source, state: () => null, close: () => source.close() };
}

export type KafkaMode = {
  /** Joins no group and commits no offsets. */
  readonly plan: boolean;
  readonly untilLatest: boolean;
  /** Only this is read, without joining the group; null: what the group has to read. */
  readonly range: KafkaSourceOptions["range"] | null;
  readonly onEvent: (event: KafkaSourceEvent) => void;
};

/** All topics of Kafka that match the pattern. Errors: `usage`. */
export function wireKafka(
  values: Settings,
  collections: readonly CollectionOverride[],
  { plan, untilLatest, range, onEvent }: KafkaMode,
  { owner, basePath, store, transactionsOf, engineAt }: SourceTables,
): WiredSource {
  const pattern = values.kafkaTopicPattern;
  if (pattern === null) {
    throw new CdcDeltaError(
      "usage",
      "Cannot read from Kafka: no topics are named. Set KAFKA_TOPIC_PATTERN",
    );
  }
  const client = kafkaClientOf(values);
  const roots = tableRoots({ settings: values, collections, basePath })
    .map(({ uri, depth }) => ({ uri, depth, store: engineAt(uri).store }));
  const uriOf = ({ uri }: { readonly uri: string }, folder: string): string =>
    folder === "" ? uri : `${uri}/${folder}`;
  const held = heldPositions({
    roots,
    owner,
    engineOf: (root, folder) => engineAt(uriOf(root, folder)),
    uriOf,
  });
  const notes = replayNotes({
    store,
    pipelineId: owner.pipelineId,
    engineOf: (place) => engineAt(uriOfPlace(basePath, place)),
  });
  const source = kafkaSource({
    client,
    groupId: values.kafkaConsumerGroup,
    topicPattern: new RegExp(`^(?:${pattern})$`, "u"),
    autoOffsetReset: values.kafkaAutoOffsetReset,
    failOnDataLoss: values.kafkaFailOnDataLoss,
    mode: plan || untilLatest ? "until-latest" : "stream",
    membership: plan || range != null ? "none" : "group",
    ...(range == null ? {} : { range }),
    owner,
    tables: { transactionsOf, heldPosition: held.heldPosition, notes },
    clock: systemClock,
    random: systemRandom,
    onEvent,
    limits: kafkaLimits(values),
  });
  return {
    source,
    state: () => source.status(),
    async close() {
      await source.close();
      await client.close();
    },
  };
}

function kafkaLimits(values: Settings): Partial<KafkaSourceLimits> {
  return {
    sessionTimeoutMs: values.kafkaSessionTimeout,
    heartbeatIntervalMs: values.kafkaHeartbeatInterval,
    metadataAgeMsMax: values.kafkaMetadataMaxAge,
    fetchBytesMax: values.kafkaFetchBytesMax,
    partitionBytesMax: values.kafkaPartitionFetchBytesMax,
    fetchWaitMsMax: values.kafkaFetchWait,
    recordsMax: values.kafkaMaxPollRecords,
    attemptsMax: values.retries,
  };
}
