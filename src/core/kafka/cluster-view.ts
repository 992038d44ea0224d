import { CdcDeltaError } from "../../errors.ts";
import { brokerLink } from "./broker-link.ts";
import type { BrokerLink } from "./broker-link.ts";
import type { CallOptions, TopicPartition } from "./kafka-client.ts";
import type { KafkaRequest } from "./kafka-request.ts";
import type { KafkaSettings } from "./kafka-settings.ts";
import { metadataRequest } from "./metadata-request.ts";
import type { MetadataAnswer } from "./metadata-request.ts";

/**
 * What a connection is for. A broker answers the requests of one connection in their order, so a
 * fetch that waits for data, or a join that waits for members, must not stand before anything else.
 */
export type LinkUse = "fetch" | "group" | "other";

/** The connections of a client, and what the last metadata told of brokers and leaders. */
export type ClusterView = {
  readonly link: (use: LinkUse, address: string) => BrokerLink;
  /** Asks any broker: the one that answered last, the bootstrap servers, the others. */
  readonly askAny: <A>(request: KafkaRequest<A>, options: CallOptions) => Promise<A>;
  readonly metadata: (
    topics: readonly string[] | null,
    options: CallOptions,
  ) => Promise<MetadataAnswer>;
  /** Asks for metadata when the broker is not known. */
  readonly addressOf: (nodeId: number, options: CallOptions) => Promise<string>;
  /** Partitions by their leader; asks for metadata of topics that are not known. */
  readonly byLeader: <P extends TopicPartition>(
    partitions: readonly P[],
    options: CallOptions,
  ) => Promise<Leaders<P>>;
  /** To be called when a broker says that it does not lead a partition. */
  readonly forgetLeaders: (topic: string) => void;
  readonly controllerId: () => number | null;
  readonly close: () => void;
};

export type Leaders<P> = {
  readonly led: ReadonlyMap<number, readonly P[]>;
  /** With the reason by Kafka's name. */
  readonly leaderless: readonly { readonly partition: P; readonly error: string }[];
};

/** Connects nothing yet. */
export function clusterView(settings: KafkaSettings): ClusterView {
  const links = new Map<string, BrokerLink>();
  const leaders = new Map<string, { error: string | null; nodeIds: Map<number, number> }>();
  let brokers = new Map<number, string>();
  let controllerId: number | null = null;
  let lastAnswered: string | null = null;

  function link(use: LinkUse, address: string): BrokerLink {
    const name = `${use} ${address}`;
    let found = links.get(name);
    if (found === undefined) {
      found = brokerLink(address, settings);
      links.set(name, found);
    }
    return found;
  }

  async function askAny<A>(request: KafkaRequest<A>, options: CallOptions): Promise<A> {
    const first = lastAnswered === null ? [] : [lastAnswered];
    const addresses = new Set([...first, ...settings.bootstrapServers, ...brokers.values()]);
    const failures: CdcDeltaError[] = [];
    for (const address of addresses) {
      try {
        const answer = await link("other", address).send(request, options);
        lastAnswered = address;
        return answer;
      } catch (error) {
        if (!(error instanceof CdcDeltaError) || !error.retryable) throw error;
        failures.push(error);
      }
    }
    throw noneAnswered(failures);
  }

  async function metadata(topics: readonly string[] | null, options: CallOptions) {
    const answer = await askAny(metadataRequest(topics), options);
    brokers = new Map(answer.brokers.map(({ nodeId, address }) => [nodeId, address]));
    controllerId = answer.controllerId;
    if (topics === null) leaders.clear();
    for (const { topic, error, partitions } of answer.topics) {
      const nodeIds = new Map(partitions.map(({ partition, leader }) => [partition, leader]));
      leaders.set(topic, { error, nodeIds });
    }
    return answer;
  }

  async function addressOf(nodeId: number, options: CallOptions): Promise<string> {
    if (!brokers.has(nodeId)) await metadata([], options);
    const address = brokers.get(nodeId);
    if (address !== undefined) return address;
    throw new CdcDeltaError(
      "kafka",
      `Kafka broker ${nodeId} is not part of the cluster just now.`,
      { context: { nodeId }, retryable: true },
    );
  }

  async function byLeader<P extends TopicPartition>(
    partitions: readonly P[],
    options: CallOptions,
  ): Promise<Leaders<P>> {
    const unknown = new Set(
      partitions.filter((partition) => leaderOf(partition) === null)
        .map(({ topic }) => topic),
    );
    if (unknown.size > 0) await metadata([...unknown], options);
    const led = new Map<number, P[]>();
    const leaderless = [];
    for (const partition of partitions) {
      const nodeId = leaderOf(partition);
      if (nodeId === null) {
        leaderless.push({ partition, error: reasonOf(partition) });
      } else {
        led.set(nodeId, [...led.get(nodeId) ?? [], partition]);
      }
    }
    return { led, leaderless };
  }

  function leaderOf({ topic, partition }: TopicPartition): number | null {
    const nodeId = leaders.get(topic)?.nodeIds.get(partition) ?? -1;
    return nodeId === -1 ? null : nodeId;
  }

  function reasonOf({ topic, partition }: TopicPartition): string {
    const known = leaders.get(topic);
    return known?.error ??
      (known?.nodeIds.has(partition) === true
        ? "LEADER_NOT_AVAILABLE"
        : "UNKNOWN_TOPIC_OR_PARTITION");
  }

  return {
    link,
    askAny,
    metadata,
    addressOf,
    byLeader,
    forgetLeaders: (topic) => void leaders.delete(topic),
    controllerId: () => controllerId,
    close() {
      for (const each of links.values()) each.close();
    },
  };
}

function noneAnswered(failures: readonly CdcDeltaError[]): CdcDeltaError {
  const [first] = failures;
  if (first !== undefined && failures.length === 1) return first;
  return new CdcDeltaError(
    "kafka",
    `None of ${failures.length} Kafka brokers answered. ` +
      failures.map((failure) => failure.message).join(" "),
    { retryable: true, cause: first },
  );
}
