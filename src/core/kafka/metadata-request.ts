import { errorName } from "./error-names.ts";
import type { ClusterMetadata, TopicMetadata } from "./kafka-client.ts";
import type { KafkaRequest } from "./kafka-request.ts";

export type MetadataAnswer = ClusterMetadata & { readonly controllerId: number };

/**
 * Brokers and topics; null: all topics. Topic ids come from version 10 (Kafka 2.8) on and are empty
 * before. Never creates a topic.
 */
export function metadataRequest(topics: readonly string[] | null): KafkaRequest<MetadataAnswer> {
  return {
    name: "Metadata",
    apiKey: 3,
    versionMin: 4,
    versionMax: 12,
    flexibleFrom: 9,
    waitMsMax: 0,
    encode(writer, version) {
      writer.array(topics, (topic) => {
        if (version >= 10) writer.raw(noTopicId);
        writer.string(topic);
        writer.tags();
      });
      writer.boolean(false);
      if (version >= 8 && version <= 10) writer.boolean(false);
      if (version >= 8) writer.boolean(false);
      writer.tags();
    },
    decode(reader, version) {
      reader.throttle();
      const brokers = reader.array(() => {
        const nodeId = reader.int32();
        const host = reader.string();
        const port = reader.int32();
        reader.nullableString();
        reader.tags();
        return { nodeId, address: addressOf(host, port) };
      });
      reader.nullableString();
      const controllerId = reader.int32();
      const described = reader.array((): TopicMetadata => {
        const error = errorName(reader.int16());
        const topic = reader.string();
        const topicId = version >= 10 ? reader.uuid() : "";
        const internal = reader.boolean();
        const partitions = reader.array(() => {
          const partitionError = errorName(reader.int16());
          const partition = reader.int32();
          const leader = reader.int32();
          if (version >= 7) reader.int32();
          reader.array(reader.int32);
          reader.array(reader.int32);
          if (version >= 5) reader.array(reader.int32);
          reader.tags();
          return { partition, leader, error: partitionError };
        });
        if (version >= 8) reader.int32();
        reader.tags();
        const known = topicId === zeroTopicId ? "" : topicId;
        return { topic, topicId: known, internal, error, partitions };
      });
      if (version >= 8 && version <= 10) reader.int32();
      reader.tags();
      return { brokers, topics: described, controllerId };
    },
  };
}

const noTopicId = new Uint8Array(16);
const zeroTopicId = "0".repeat(32);

/** `host:port`, an IPv6 address in brackets. */
export function addressOf(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
