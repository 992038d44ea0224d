import { text, toggle } from "./basic-types.ts";
import { setting } from "./setting.ts";

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
      "standard input. Debezium values, key and value pairs, or kcat -J lines. Without it Kafka is read",
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
    commands: ["run", "replay", "snapshot"],
  }),
} as const;
