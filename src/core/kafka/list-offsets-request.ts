import { errorName } from "./error-names.ts";
import { inTopics, readCommitted } from "./fetch-request.ts";
import type { ListedOffset, OffsetSpec, TopicPartition } from "./kafka-client.ts";
import type { KafkaRequest } from "./kafka-request.ts";

/** Offsets by time as `read_committed` sees them; the partitions' leader must be asked. */
export function listOffsetsRequest(
  partitions: readonly TopicPartition[],
  at: OffsetSpec,
): KafkaRequest<readonly ListedOffset[]> {
  return {
    name: "ListOffsets",
    apiKey: 2,
    versionMin: 2,
    versionMax: 3,
    flexibleFrom: null,
    waitMsMax: 0,
    encode(writer) {
      writer.int32(-1);
      writer.int8(readCommitted);
      writer.array(inTopics(partitions), (topic) => {
        writer.string(topic.topic);
        writer.array(topic.partitions, ({ partition }) => {
          writer.int32(partition);
          writer.int64(timestampOf(at));
        });
      });
    },
    decode(reader) {
      reader.throttle();
      const topics = reader.array(() => {
        const topic = reader.string();
        return reader.array((): ListedOffset => {
          const partition = reader.int32();
          const error = errorName(reader.int16());
          reader.int64();
          return { topic, partition, offset: reader.int64(), error };
        });
      });
      return topics.flat();
    },
  };
}

function timestampOf(at: OffsetSpec): bigint {
  switch (at.kind) {
    case "start":
      return -2n;
    case "stable-end":
      return -1n;
    case "time":
      return BigInt(at.timestampMs);
  }
}
