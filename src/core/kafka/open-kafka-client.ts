import { CdcDeltaError } from "../../errors.ts";
import { clusterView } from "./cluster-view.ts";
import type { ClusterView } from "./cluster-view.ts";
import { checkTls } from "./check-tls.ts";
import { committedBatches } from "./committed-batches.ts";
import { createTopicRequest } from "./create-topic-request.ts";
import { isRetriable } from "./error-names.ts";
import { fetchRequest } from "./fetch-request.ts";
import type { RawFetchedPartition } from "./fetch-request.ts";
import { groupClient } from "./group-client.ts";
import type {
  CallOptions,
  FetchedData,
  FetchedPartition,
  FetchRequest,
  GroupClient,
  KafkaClient,
  ListedOffset,
  NewRecord,
  NewTopic,
  OffsetSpec,
  ProducedRecord,
  TopicPartition,
} from "./kafka-client.ts";
import type { KafkaSettings } from "./kafka-settings.ts";
import { listOffsetsRequest } from "./list-offsets-request.ts";
import { produceRequest } from "./produce-request.ts";

export type KafkaClientOptions = {
  /** Milliseconds since the epoch, for the create time of produced records. */
  readonly now?: () => number;
};

/**
 * A client that connects when it is first asked for something. It repeats nothing: every failure is
 * told, and the next call connects anew. Errors: `usage` when a certificate or key cannot be used.
 */
export function openKafkaClient(
  settings: KafkaSettings,
  { now = Date.now }: KafkaClientOptions = {},
): KafkaClient {
  if (settings.tls !== null) checkTls(settings.tls);
  const cluster = clusterView(settings);
  const groups = new Map<string, GroupClient>();
  return {
    description: settings.bootstrapServers.join(","),
    async metadata(topics, options) {
      const { brokers, topics: described } = await cluster.metadata(topics, options);
      return { brokers, topics: described };
    },
    listOffsets: (partitions, at, options) => listOffsets(cluster, partitions, at, options),
    fetch: (request, options) => fetch(cluster, request, options),
    produce: (record, options) => produce(cluster, settings, record, now(), options),
    createTopic: (topic, options) => createTopic(cluster, settings, topic, options),
    group(groupId) {
      const group = groups.get(groupId) ?? groupClient(groupId, cluster);
      groups.set(groupId, group);
      return group;
    },
    close() {
      cluster.close();
      return Promise.resolve();
    },
  };
}

async function listOffsets(
  cluster: ClusterView,
  partitions: readonly TopicPartition[],
  at: OffsetSpec,
  options: CallOptions,
): Promise<readonly ListedOffset[]> {
  const { led, leaderless } = await cluster.byLeader(partitions, options);
  const answers = await Promise.all([...led].map(async ([nodeId, own]) => {
    const address = await cluster.addressOf(nodeId, options);
    return cluster.link("other", address).send(listOffsetsRequest(own, at), options);
  }));
  const listed = answers.flat();
  for (const { topic, error } of listed) if (error !== null) cluster.forgetLeaders(topic);
  const unasked = leaderless.map(({ partition: { topic, partition }, error }) => (
    { topic, partition, offset: -1n, error }
  ));
  const found = new Map([...listed, ...unasked].map((each) => [placeOf(each), each]));
  return partitions.flatMap((partition) => found.get(placeOf(partition)) ?? []);
}

function placeOf({ topic, partition }: TopicPartition): string {
  return `${topic} ${partition}`;
}

async function fetch(
  cluster: ClusterView,
  request: FetchRequest,
  options: CallOptions,
): Promise<readonly FetchedPartition[]> {
  const address = await cluster.addressOf(request.nodeId, options);
  const answer = await cluster.link("fetch", address).send(fetchRequest(request), options);
  if (answer.error !== null) {
    throw new CdcDeltaError(
      "kafka",
      `Kafka broker ${address} refused a fetch as a whole: ${answer.error}.`,
      { context: { address, error: answer.error }, retryable: isRetriable(answer.error) },
    );
  }
  const offsets = fetchOffsets(request);
  return answer.partitions.map((partition) => fetched(partition, offsets));
}

type FetchOffsets = ReadonlyMap<string, ReadonlyMap<number, bigint>>;

function fetchOffsets(request: FetchRequest): FetchOffsets {
  const topics = new Map<string, Map<number, bigint>>();
  for (const { topic, partition, fetchOffset } of request.partitions) {
    const partitions = topics.get(topic) ?? new Map<number, bigint>();
    topics.set(topic, partitions.set(partition, fetchOffset));
  }
  return topics;
}

function fetched(partition: RawFetchedPartition, offsets: FetchOffsets): FetchedPartition {
  const fetchOffset = offsets.get(partition.topic)?.get(partition.partition) ?? 0n;
  const { abortedTransactions, records, ...answer } = partition;
  const { data, nextOffset } = committedBatches({
    topic: partition.topic,
    partition: partition.partition,
    fetchOffset,
    abortedTransactions,
    records,
  });
  return { ...answer, data: data.map(onItsOwn), nextOffset };
}

/**
 * Data are held for as long as a flush takes. A view of a few of them would keep the whole answer in
 * memory, with what other partitions had in it: only a view of most of an answer is left as it is.
 */
function onItsOwn(data: FetchedData): FetchedData {
  const { bytes } = data;
  if (bytes.length >= viewShareMin * bytes.buffer.byteLength) return data;
  return { ...data, bytes: new Uint8Array(bytes) };
}

const viewShareMin = 0.75;

async function produce(
  cluster: ClusterView,
  settings: KafkaSettings,
  record: NewRecord,
  timestampMs: number,
  options: CallOptions,
): Promise<ProducedRecord> {
  const { led, leaderless } = await cluster.byLeader([record], options);
  const [nodeId] = led.keys();
  if (nodeId === undefined) return { offset: -1n, error: leaderless[0]?.error ?? null };
  const address = await cluster.addressOf(nodeId, options);
  const request = produceRequest(record, timestampMs, settings.requestTimeoutMs);
  const produced = await cluster.link("other", address).send(request, options);
  if (produced.error !== null) cluster.forgetLeaders(record.topic);
  return produced;
}

async function createTopic(
  cluster: ClusterView,
  settings: KafkaSettings,
  topic: NewTopic,
  options: CallOptions,
): ReturnType<KafkaClient["createTopic"]> {
  await cluster.metadata([], options);
  const controllerId = cluster.controllerId() ?? -1;
  const request = createTopicRequest(topic, settings.requestTimeoutMs);
  const answer = controllerId === -1
    ? await cluster.askAny(request, options)
    : await cluster.link("other", await cluster.addressOf(controllerId, options))
      .send(request, options);
  cluster.forgetLeaders(topic.topic);
  return answer;
}
