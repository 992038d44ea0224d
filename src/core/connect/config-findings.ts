import {
  captureModeOf,
  configFlag,
  configList,
  configValue,
  hasFullDocuments,
  signalFacts,
} from "./connector-config.ts";
import type { ConnectorConfig } from "./connect-types.ts";
import { flatteningValue } from "./delivery-guarantee.ts";
import { type Finding, problem, warning } from "./finding.ts";

/** Fields that rows of the flattened form are made from. */
const flatFields = ["op", "db", "collection", "ts_ms", "source.ts_ms"];

/** What a connector's configuration itself shows, for Debezium's MongoDB connector. Pure. */
export function configFindings(config: ConnectorConfig): Finding[] {
  return [
    ...requiredFindings(config),
    ...converterFindings(config),
    ...signalFindings(config),
    ...captureFindings(config),
    ...flatteningFindings(config),
  ];
}

function requiredFindings(config: ConnectorConfig): Finding[] {
  return ["mongodb.connection.string", "topic.prefix"]
    .filter((key) => configValue(config, key) === "")
    .map((key) => problem(key, "is missing", `write "${key}" into the configuration`));
}

/** `cdcdelta run` reads JSON; what the worker's own defaults are, nobody tells. */
function converterFindings(config: ConnectorConfig): Finding[] {
  return ["value.converter", "key.converter"].flatMap((key) => {
    const name = configValue(config, key);
    const fix = `set ${key}=org.apache.kafka.connect.json.JsonConverter`;
    if (name === "") {
      return [warning(key, "is not set: the worker's default holds, which may not be JSON", fix)];
    }
    if (/\bJsonConverter$/.test(name)) return [];
    return [problem(key, `${name} does not write the JSON that cdcdelta reads`, fix)];
  });
}

function signalFindings(config: ConnectorConfig): Finding[] {
  const found: Finding[] = [];
  const { signalTopic, signalCollection, notificationTopic } = signalFacts(config);
  if (signalTopic === null) {
    found.push(warning(
      "signal.enabled.channels",
      "has no kafka: cdcdelta snapshot cannot reach the connector",
      "set signal.enabled.channels=source,kafka",
    ));
  } else {
    if (configValue(config, "signal.kafka.bootstrap.servers") === "") {
      found.push(problem(
        "signal.kafka.bootstrap.servers",
        "is missing, and the kafka channel does not start without it",
        "set it to the brokers as Connect reaches them",
      ));
    }
    if (configValue(config, "signal.kafka.groupId") === "") {
      found.push(warning(
        "signal.kafka.groupId",
        "is not set: all connectors of the cluster then share the group kafka-signal",
        "set it to a name of this connector's own",
      ));
    }
  }
  if (notificationTopic === null) {
    found.push(warning(
      "notification.enabled.channels",
      "no notifications: cdcdelta snapshot cannot follow a snapshot",
      "set notification.enabled.channels=sink and notification.sink.topic.name",
    ));
  }
  if (signalCollection === null) {
    found.push(warning(
      "signal.data.collection",
      "is not set: incremental snapshots are not possible",
      "set it to a collection that the connector may write to and that is captured",
    ));
  }
  return found;
}

/**
 * The connector reads signals with a consumer of its own, which knows nothing of how we or the
 * worker authenticate. `protocol` is the security protocol that we need ourselves. Pure.
 */
export function signalSecurityFindings(config: ConnectorConfig, protocol: string): Finding[] {
  const key = "signal.consumer.security.protocol";
  const { signalTopic } = signalFacts(config);
  if (protocol === "PLAINTEXT" || signalTopic === null || configValue(config, key) !== "") {
    return [];
  }
  return [warning(
    key,
    `is not set, while Kafka is reached by ${protocol} from here: signals may never be read`,
    `set ${key} and its companions (sasl.mechanism, sasl.jaas.config, ssl.…) as the worker has them`,
  )];
}

function captureFindings(config: ConnectorConfig): Finding[] {
  const found: Finding[] = [];
  const scope = configValue(config, "capture.scope", "deployment").toLowerCase();
  const { signalCollection } = signalFacts(config);
  const target = configValue(config, "capture.target");
  if (scope !== "deployment" && target === "") {
    found.push(problem(
      "capture.target",
      `is missing for capture.scope=${scope}`,
      `set it to the ${scope === "database" ? "database" : "db.collection"} to capture`,
    ));
  }
  if (signalCollection !== null) found.push(...scopeFindings(config, scope, signalCollection));
  const mode = captureModeOf(config);
  if (!hasFullDocuments(mode)) {
    found.push(warning(
      "capture.mode",
      `${mode} does not send whole documents on updates: rows of updates hold _id and the changed ` +
        "fields (_rescued_data)",
      "set capture.mode=change_streams_update_full",
    ));
  }
  if (configValue(config, "heartbeat.interval.ms", "0") === "0") {
    found.push(warning(
      "heartbeat.interval.ms",
      "is off: while the captured collections are quiet the stored position ages out of the oplog",
      "set heartbeat.interval.ms=10000",
    ));
  }
  return found;
}

/** Incremental snapshots mark their windows in a collection that the change stream must show. */
function scopeFindings(config: ConnectorConfig, scope: string, collection: string): Finding[] {
  const source = configList(config, "signal.enabled.channels", "source").includes("source");
  if (scope === "collection") {
    const what = source ? "the source channel and incremental snapshots" : "incremental snapshots";
    return [warning(
      "capture.scope",
      `collection: ${what} do not work, the connector does not see ${collection}`,
      "set capture.scope to database or deployment, or use blocking snapshots only",
    )];
  }
  const database = collection.split(".")[0] ?? "";
  if (scope === "database" && database !== configValue(config, "capture.target")) {
    return [warning(
      "signal.data.collection",
      `${collection} is not in the captured database ${configValue(config, "capture.target")}: ` +
        "incremental snapshots do not work",
      `put the signal collection into ${configValue(config, "capture.target")}`,
    )];
  }
  return [];
}

function flatteningFindings(config: ConnectorConfig): Finding[] {
  const added = flatteningValue(config, "add.fields", "");
  if (added === null) return [];
  const names = added.split(",").map((name) => name.trim().replace(/:.*$/, ""));
  const missing = flatFields.filter((name) => !names.includes(name));
  const found: Finding[] = [];
  if (missing.length > 0) {
    found.push(warning(
      "transforms.*.add.fields",
      `has no ${missing.join(", ")}: cdcdelta cannot tell what happened, where or when`,
      `set it to ${flatFields.join(",")}`,
    ));
  }
  if (configFlag(config, "value.converter.schemas.enable", true)) {
    found.push(warning(
      "value.converter.schemas.enable",
      "is on: each record carries its schema and is several times as large",
      "set it to false",
    ));
  }
  return found;
}
