import { errorName } from "./error-names.ts";
import { inTopics } from "./fetch-request.ts";
import type {
  CommittedOffset,
  GroupMember,
  KafkaErrorName,
  TopicPartition,
} from "./kafka-client.ts";
import type { KafkaRequest } from "./kafka-request.ts";

/** Offsets that a group has committed. */
export function offsetFetchRequest(
  groupId: string,
  partitions: readonly TopicPartition[],
): KafkaRequest<readonly CommittedOffset[]> {
  return {
    name: "OffsetFetch",
    apiKey: 9,
    versionMin: 3,
    versionMax: 5,
    flexibleFrom: null,
    waitMsMax: 0,
    encode(writer) {
      writer.string(groupId);
      writer.array(inTopics(partitions), (topic) => {
        writer.string(topic.topic);
        writer.array(topic.partitions, ({ partition }) => writer.int32(partition));
      });
    },
    decode(reader, version) {
      reader.throttle();
      const topics = reader.array(() => {
        const topic = reader.string();
        return reader.array((): CommittedOffset => {
          const partition = reader.int32();
          const offset = reader.int64();
          if (version >= 5) reader.int32();
          const metadata = reader.string();
          return { topic, partition, offset, metadata, error: errorName(reader.int16()) };
        });
      });
      const error = errorName(reader.int16());
      if (error === null) return topics.flat();
      return partitions.map(({ topic, partition }) => (
        { topic, partition, offset: -1n, metadata: "", error }
      ));
    },
  };
}

/** Commits offsets as a member of a generation. */
export function offsetCommitRequest(
  groupId: string,
  member: GroupMember,
  offsets: readonly (TopicPartition & { readonly offset: bigint; readonly metadata: string })[],
): KafkaRequest<readonly (TopicPartition & { readonly error: KafkaErrorName | null })[]> {
  return {
    name: "OffsetCommit",
    apiKey: 8,
    versionMin: 3,
    versionMax: 7,
    flexibleFrom: null,
    waitMsMax: 0,
    encode(writer, version) {
      writer.string(groupId);
      writer.int32(member.generationId);
      writer.string(member.memberId);
      if (version >= 7) writer.string(null);
      if (version <= 4) writer.int64(-1n);
      writer.array(inTopics(offsets), (topic) => {
        writer.string(topic.topic);
        writer.array(topic.partitions, ({ partition, offset, metadata }) => {
          writer.int32(partition);
          writer.int64(offset);
          if (version >= 6) writer.int32(-1);
          writer.string(metadata);
        });
      });
    },
    decode(reader) {
      reader.throttle();
      const topics = reader.array(() => {
        const topic = reader.string();
        return reader.array(() => (
          { topic, partition: reader.int32(), error: errorName(reader.int16()) }
        ));
      });
      return topics.flat();
    },
  };
}
