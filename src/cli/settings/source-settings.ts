import { choice, text, toggle, wholeNumber } from "./basic-types.ts";
import { setting } from "./setting.ts";
import { topicPattern } from "./checked-types.ts";

/** Where the events come from. */
export const sourceSettings = {
  source: setting({
    type: text({
      placeholder: "<file|dir|->",
      form: "a file, a folder, or `-` for standard input",
    }),
    default: null,
    group: "Source",
    description: "NDJSON to read: a file or a folder of files (plain, gzip or zstd), or - for " +
      "standard input. Debezium values, key and value pairs, or kcat -J lines",
    commands: ["run"],
  }),
  sourceId: setting({
    type: text({ placeholder: "<name>", form: "text" }),
    default: null,
    defaultText: "the file's name; standard input needs one unless its lines are kcat's",
    group: "Source",
    description: "Name under which the positions of the source are kept in the tables; it stands " +
      "in _kafka_topic where lines carry no topic",
    commands: ["run"],
  }),
  follow: setting({
    type: toggle(),
    default: false,
    group: "Source",
    description: "Keep reading as the source grows, instead of ending at its end",
    commands: ["run"],
  }),
  pipelineId: setting({
    type: text({ placeholder: "<name>", form: "text" }),
    default: null,
    defaultText: "the consumer group",
    group: "Source",
    description: "Name of this pipeline in the tables' positions. Two pipelines never share a " +
      "table's positions for one topic",
    commands: ["run"],
  }),
} as const;

/** How Kafka is reached; read, checked and shown already, used when reading from Kafka. */
export const kafkaSettings = {
  kafkaBootstrapServers: setting({
    type: text({ placeholder: "<host:port,...>", form: "`host:port` separated by commas" }),
    default: null,
    env: [{ name: "KAFKA_BOOTSTRAP_SERVERS" }],
    group: "Kafka",
    description: "Brokers to ask for the cluster",
    commands: ["run"],
  }),
  kafkaConsumerGroup: setting({
    type: text({ placeholder: "<group>", form: "text" }),
    default: "cdcdelta",
    env: [{ name: "KAFKA_CONSUMER_GROUP" }],
    group: "Kafka",
    description: "Consumer group; also the default of the pipeline id",
    commands: ["run"],
  }),
  kafkaTopicPattern: setting({
    type: topicPattern(),
    default: null,
    env: [{ name: "KAFKA_TOPIC_PATTERN" }],
    group: "Kafka",
    description: "Topics to read: a regular expression that matches the whole name",
    commands: ["run"],
  }),
  kafkaAutoOffsetReset: setting({
    type: choice(["earliest", "latest", "none"]),
    default: "earliest",
    env: [{ name: "KAFKA_AUTO_OFFSET_RESET" }],
    group: "Kafka",
    description: "Where to start a partition that has no committed offset and no rows in any table",
    commands: ["run"],
  }),
  kafkaMaxPollRecords: setting({
    type: wholeNumber({ min: 1, max: 10_000_000, example: "5000", placeholder: "<records>" }),
    default: 5000,
    env: [{ name: "KAFKA_MAX_POLL_RECORDS" }],
    group: "Kafka",
    description: "Records handed over by one fetch at most",
    commands: ["run"],
  }),
} as const;
