import { CdcDeltaError } from "../../../errors.ts";
import type { KafkaErrorName } from "../../kafka/kafka-client.ts";

/** What no repetition changes, and what to do about it. Everything else may pass. */
const permanent: Readonly<Record<KafkaErrorName, string>> = {
  TOPIC_AUTHORIZATION_FAILED: "Grant READ and DESCRIBE on the topic to this user",
  GROUP_AUTHORIZATION_FAILED: "Grant READ on the consumer group to this user",
  CLUSTER_AUTHORIZATION_FAILED: "Grant this user what the request needs",
  SASL_AUTHENTICATION_FAILED: "Check user name, password and mechanism",
  UNSUPPORTED_SASL_MECHANISM: "Choose a mechanism that the brokers offer",
  UNSUPPORTED_VERSION: "The brokers are too old or too new for this request",
  INVALID_GROUP_ID: "Choose another consumer group",
  INCONSISTENT_GROUP_PROTOCOL:
    "Consumers of another program are in this consumer group: choose another one, or stop them",
  GROUP_MAX_SIZE_REACHED: "Stop members of the group, or raise the broker's group.max.size",
  INVALID_SESSION_TIMEOUT:
    "The broker's group.min.session.timeout.ms and group.max.session.timeout.ms exclude ours",
  OFFSET_METADATA_TOO_LARGE: "Raise the broker's offset.metadata.max.bytes to 4096",
  INVALID_TOPIC_EXCEPTION: "Check the topic's name",
};

/** A refused request as a `kafka` error; `doing` such as `join consumer group "a"`. */
export function brokerError(
  doing: string,
  name: KafkaErrorName,
  context: Readonly<Record<string, string | number>> = {},
): CdcDeltaError {
  const advice = permanent[name];
  const why = advice === undefined ? "" : `. ${advice}`;
  return new CdcDeltaError("kafka", `Cannot ${doing}: the broker answered ${name}${why}`, {
    context: { ...context, error: name },
    retryable: advice === undefined,
  });
}
