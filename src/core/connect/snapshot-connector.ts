import { captureOf } from "./capture-filter.ts";
import { configValue, signalFacts } from "./connector-config.ts";
import type { ConnectorConfig, ConnectorOverview } from "./connect-types.ts";
import type { SnapshotType } from "./signal.ts";

/** Where a connector hears signals and tells of snapshots. */
export type SnapshotChannels = {
  readonly topicPrefix: string;
  readonly signalTopic: string;
  /** Null: it sends no notifications to Kafka. */
  readonly notificationTopic: string | null;
};

/** Something that keeps a snapshot from working, and what to do about it. */
export type SnapshotProblem = { readonly message: string; readonly fix: string };

const mongoConnector = "MongoDbConnector";

/** True for Debezium's MongoDB connector, by its class or the class's short name. */
export function isMongoConnector({ config }: Pick<ConnectorOverview, "config">): boolean {
  const name = (config["connector.class"] ?? "").split(".").at(-1) ?? "";
  return name === mongoConnector || name === "MongoDb";
}

/** The topics of a connector, by its configuration. */
export function channelsOf(config: ConnectorConfig): SnapshotChannels {
  const topicPrefix = configValue(config, "topic.prefix");
  return {
    topicPrefix,
    signalTopic: configValue(config, "signal.kafka.topic", `${topicPrefix}-signal`),
    notificationTopic: signalFacts(config).notificationTopic,
  };
}

/** The topic of a collection's events, unless transforms rename it. */
export function topicOf(
  collection: string,
  { topicPrefix, delimiter = "." }: { readonly topicPrefix: string; readonly delimiter?: string },
): string {
  // A delimiter of its own stands between the parts of the name too; dots within a collection stay.
  const dot = collection.indexOf(".");
  const parts = [topicPrefix, collection.slice(0, dot), collection.slice(dot + 1)];
  return parts.join(delimiter).replace(/[^A-Za-z0-9._-]/g, "_").slice(0, 249);
}

/** Why a connector would not answer a signal, or not read the collections. Pure. */
export function snapshotProblems(
  { name, config, status }: ConnectorOverview,
  { type, collections }: {
    readonly type: SnapshotType;
    readonly collections: readonly string[];
  },
): SnapshotProblem[] {
  const problems = runningProblems({ name, status });
  const { signalTopic, signalCollection, notificationTopic } = signalFacts(config);
  if (signalTopic === null) {
    problems.push({
      message: `the connector ${name} does not listen to Kafka: signal.enabled.channels is ` +
        configValue(config, "signal.enabled.channels", "source"),
      fix: "set signal.enabled.channels=source,kafka and signal.kafka.bootstrap.servers",
    });
  }
  if (notificationTopic === null) {
    problems.push({
      message: `the connector ${name} sends no notifications: there is nothing to follow`,
      fix: "set notification.enabled.channels=sink and notification.sink.topic.name",
    });
  }
  if (type === "incremental") {
    problems.push(...incrementalProblems(name, { config, signalCollection }));
  }
  for (const collection of collections) {
    const capture = captureOf(config, collection);
    if (capture.kind !== "left-out") continue;
    problems.push({
      message: `${collection} is not captured by the connector ${name}: ` +
        `${capture.setting} is ${capture.value}`,
      fix: `add ${collection} to what the connector captures (cdcdelta deploy-connector)`,
    });
  }
  return problems;
}

/** Why a connector does not work just now. Pure. */
export function runningProblems(
  { name, status }: Pick<ConnectorOverview, "name" | "status">,
): SnapshotProblem[] {
  const command = `cdcdelta deploy-connector --connector-name ${name}`;
  const state = status?.state ?? "UNASSIGNED";
  const tasks = status?.tasks ?? [];
  if (state !== "RUNNING") {
    const fix = state === "PAUSED" || state === "STOPPED"
      ? `resume it: ${command} --resume`
      : `look at its state: ${command} --status`;
    return [{ message: `the connector ${name} is ${state}, not RUNNING`, fix }];
  }
  if (tasks.length === 0) {
    return [{
      message: `the connector ${name} has no task yet`,
      fix: "wait until its task runs, then try again",
    }];
  }
  return tasks.filter((task) => task.state !== "RUNNING").map(({ id, state: taskState, trace }) => {
    const why = trace === null ? "" : `: ${trace.split("\n")[0] ?? ""}`;
    return {
      message: `task ${id} of the connector ${name} is ${taskState}${why}`,
      fix: `repair the cause, then restart it: ${command} --restart`,
    };
  });
}

function incrementalProblems(
  name: string,
  { config, signalCollection }: {
    readonly config: ConnectorConfig;
    readonly signalCollection: string | null;
  },
): SnapshotProblem[] {
  const blocking = "or take --type blocking";
  if (signalCollection === null) {
    return [{
      message: `the connector ${name} has no signal.data.collection, in which an incremental ` +
        "snapshot marks its windows",
      fix: `set signal.data.collection to a collection that it may write to, ${blocking}`,
    }];
  }
  if (configValue(config, "capture.scope", "deployment").toLowerCase() === "collection") {
    return [{
      message: `the connector ${name} watches one collection only (capture.scope=collection) and ` +
        `does not see its own marks in ${signalCollection}`,
      fix: `set capture.scope to database or deployment, ${blocking}`,
    }];
  }
  return [];
}
