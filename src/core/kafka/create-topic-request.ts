import { errorName } from "./error-names.ts";
import type { KafkaErrorName, NewTopic } from "./kafka-client.ts";
import type { KafkaRequest } from "./kafka-request.ts";

/** Makes one topic; before Kafka 2.8 the controller must be asked. */
export function createTopicRequest(
  topic: NewTopic,
  timeoutMs: number,
): KafkaRequest<{ error: KafkaErrorName | null }> {
  return {
    name: "CreateTopics",
    apiKey: 19,
    versionMin: 2,
    versionMax: 4,
    flexibleFrom: null,
    waitMsMax: timeoutMs,
    encode(writer) {
      writer.array([topic], ({ topic: name, partitions, replicationFactor, config }) => {
        writer.string(name);
        writer.int32(partitions);
        writer.int16(replicationFactor);
        writer.array([], () => {});
        writer.array(Object.entries(config), ([key, value]) => {
          writer.string(key);
          writer.string(value);
        });
      });
      writer.int32(timeoutMs);
      writer.boolean(false);
    },
    decode(reader) {
      reader.throttle();
      const errors = reader.array(() => {
        reader.string();
        const error = errorName(reader.int16());
        reader.nullableString();
        return error;
      });
      return { error: errors[0] ?? null };
    },
  };
}
