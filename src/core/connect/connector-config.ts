import type { ConnectorConfig } from "./connect-types.ts";

/** Debezium's MongoDB source connector. */
export const mongoConnectorClass = "io.debezium.connector.mongodb.MongoDbConnector";

/** The transformation that flattens events, losing some of what they say. */
export const flatteningTransform =
  "io.debezium.connector.mongodb.transforms.ExtractNewDocumentState";

/** A value, or a default where the key is missing or empty. Pure. */
export function configValue(config: ConnectorConfig, key: string, fallback = ""): string {
  const value = config[key];
  return value === undefined || value.trim() === "" ? fallback : value.trim();
}

/** The names in a comma-separated value. Pure. */
export function configList(config: ConnectorConfig, key: string, fallback = ""): string[] {
  return configValue(config, key, fallback).split(",").map((part) => part.trim())
    .filter((part) => part !== "");
}

/** True for `true` in any case. Pure. */
export function configFlag(config: ConnectorConfig, key: string, fallback = false): boolean {
  return configValue(config, key, String(fallback)).toLowerCase() === "true";
}

/** True for a value that Connect itself replaces: `${file:/run/secrets/mongo:uri}`. Pure. */
export function isConfigReference(value: string): boolean {
  return /\$\{[^{}:]+:[^{}]*\}/.test(value);
}

/** A channel by which the connector is reached or speaks, as its configuration says. */
export type SignalFacts = {
  /** Topics and collection of channels that are switched on; null where a channel is off. */
  readonly signalTopic: string | null;
  readonly signalCollection: string | null;
  readonly notificationTopic: string | null;
};

/** Which channels a Debezium connector has. Pure. */
export function signalFacts(config: ConnectorConfig): SignalFacts {
  const channels = configList(config, "signal.enabled.channels", "source");
  const prefix = configValue(config, "topic.prefix");
  const collection = configValue(config, "signal.data.collection");
  const notificationTopic = configValue(config, "notification.sink.topic.name");
  const notifies = configList(config, "notification.enabled.channels").includes("sink");
  return {
    signalTopic: channels.includes("kafka")
      ? configValue(config, "signal.kafka.topic", `${prefix}-signal`)
      : null,
    signalCollection: collection === "" ? null : collection,
    notificationTopic: notifies && notificationTopic !== "" ? notificationTopic : null,
  };
}

/** True when the update events of a capture mode carry the whole document. Pure. */
export function hasFullDocuments(captureMode: string): boolean {
  return captureMode.includes("update_full");
}

/** True when the capture mode asks for the document as it was before. Pure. */
export function wantsPreImages(captureMode: string): boolean {
  return captureMode.includes("pre_image");
}

/** The capture mode, Debezium's default included. Pure. */
export function captureModeOf(config: ConnectorConfig): string {
  return configValue(config, "capture.mode", "change_streams_update_full");
}
