import { type CommandOption, configFile, jsonFlag, type OptionValues } from "../command-options.ts";
import { choice, duration, text, toggle } from "../settings/basic-types.ts";
import { invalid, ok, type ValueType, valueType } from "../settings/value-type.ts";

/** Flags of `snapshot`. */
export const snapshotOptions = {
  type: option({
    type: choice(["incremental", "blocking"]),
    default: "incremental",
    description: "incremental reads in chunks while changes go on and can be paused and stopped; " +
      "blocking stops the changes meanwhile and needs no signal collection",
  }),
  where: option({
    type: conditions(),
    default: null,
    description: "Only the documents that match this MongoDB query (Extended JSON); several " +
      "collections each take their own",
  }),
  status: option({
    type: toggle(),
    default: false,
    description: "Show what is running and how the last snapshots ended",
  }),
  pause: option({
    type: toggle(),
    default: false,
    description: "Pause the incremental snapshot that is running",
  }),
  resume: option({
    type: toggle(),
    default: false,
    description: "Resume the incremental snapshot that was paused",
  }),
  stop: option({
    type: toggle(),
    default: false,
    description: "Stop the incremental snapshot that is running, or that of the collections named",
  }),
  wait: option({
    type: toggle(),
    default: true,
    description: "End once Debezium has taken up the snapshot, instead of when its rows are in " +
      "the tables",
  }),
  timeout: option({
    type: duration({ min: 1000, max: 86_400_000, example: "1m" }),
    default: 60_000,
    description: "Time in which the connector must answer the signal",
  }),
  sinkTimeout: option({
    type: duration({ min: 1000, max: 86_400_000, example: "5m" }),
    default: 300_000,
    description: "Time that the consumer group of cdcdelta run may stand still before waiting " +
      "for the tables is given up",
  }),
  topicPrefix: option({
    type: topic(),
    default: null,
    description: "The connector's topic.prefix, where Kafka Connect cannot be asked",
  }),
  signalTopic: option({
    type: topic(),
    default: null,
    description: "Its signal.kafka.topic, likewise",
  }),
  notificationTopic: option({
    type: topic(),
    default: null,
    description: "Its notification.sink.topic.name, likewise",
  }),
  config: configFile(),
  format: option({
    type: choice(["table", "json"]),
    default: "table",
    description: "Form of what happens on standard output; json is one object a line",
  }),
  json: jsonFlag,
} as const;

/** What the flags of `snapshot` say. */
export type SnapshotOptions = OptionValues<typeof snapshotOptions>;

function option<T, const D extends T | null>(definition: CommandOption<T, D>): CommandOption<T, D> {
  return definition;
}

function topic(): ValueType<string> {
  return text({ placeholder: "<name>", form: "text" });
}

/** Texts; which collection they mean is known once all words are. */
function conditions(): ValueType<readonly string[]> {
  return valueType<readonly string[]>({
    placeholder: "<db.coll={...}>",
    form: "`db.coll={…}`, or `{…}` for one collection",
    arity: "repeatable",
    read: (input) =>
      Array.isArray(input) && input.every((each) => typeof each === "string")
        ? ok(input)
        : invalid("the value is no text", 'write db.coll={"field": "value"}'),
    show: (value) => [...value],
  });
}
