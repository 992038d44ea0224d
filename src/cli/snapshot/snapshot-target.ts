import type { ConnectClient } from "../../core/connect/connect-client.ts";
import { captureOf } from "../../core/connect/capture-filter.ts";
import type { ConnectorOverview } from "../../core/connect/connect-types.ts";
import {
  channelsOf,
  isMongoConnector,
  type SnapshotChannels,
} from "../../core/connect/snapshot-connector.ts";
import { isConfigReference } from "../../core/connect/connector-config.ts";
import { CdcDeltaError } from "../../errors.ts";

/** Whom a signal goes to. */
export type SnapshotTarget = {
  readonly channels: SnapshotChannels;
  /** The connector as Connect tells it; null where it could not be asked. */
  readonly connector: ConnectorOverview | null;
  /** Why Connect could not be asked. */
  readonly unasked: string | null;
};

/** What the flags say of the topics. */
export type TargetFlags = {
  readonly topicPrefix: string | null;
  readonly signalTopic: string | null;
  readonly notificationTopic: string | null;
};

/**
 * Finds the connector by its name, or as the only one that captures the collections, and its topics.
 * Flags stand above what the connector's configuration says, and for it where Connect does not
 * answer. Errors: `connect`, `usage`.
 */
export async function findTarget(
  connect: ConnectClient,
  { name, collections, flags, signal }: {
    readonly name: string | null;
    readonly collections: readonly string[];
    readonly flags: TargetFlags;
    readonly signal: AbortSignal;
  },
): Promise<SnapshotTarget> {
  const probe = await connect.probe({ signal });
  if (probe.kind !== "ready") return withoutConnect(connect.url, probe.reason, flags);
  const connectors = await connect.connectors({ signal });
  const connector = chooseConnector(connectors, { name, collections, url: connect.url });
  const known = channelsOf(connector.config);
  const channels = {
    topicPrefix: flags.topicPrefix ?? known.topicPrefix,
    signalTopic: flags.signalTopic ?? known.signalTopic,
    notificationTopic: flags.notificationTopic ?? known.notificationTopic,
  };
  const hidden = Object.values(channels).find((value) =>
    value !== null && isConfigReference(value)
  );
  if (hidden === undefined) return { connector, unasked: null, channels };
  throw new CdcDeltaError(
    "usage",
    `Cannot tell the topics of the connector ${connector.name}: only Connect can resolve ` +
      `${hidden}. Write --topic-prefix, --signal-topic and --notification-topic`,
    { context: { connector: connector.name } },
  );
}

function withoutConnect(url: string, reason: string, flags: TargetFlags): SnapshotTarget {
  const { topicPrefix, notificationTopic } = flags;
  if (topicPrefix === null || notificationTopic === null) {
    throw new CdcDeltaError(
      "connect",
      `Cannot find the connector's topics: Kafka Connect at ${url} does not answer (${reason}). ` +
        "Correct KAFKA_CONNECT_URL, or write --topic-prefix and --notification-topic " +
        "(--signal-topic too, unless it is PREFIX-signal)",
      { context: { url } },
    );
  }
  const signalTopic = flags.signalTopic ?? `${topicPrefix}-signal`;
  const unasked = `Kafka Connect at ${url} does not answer (${reason})`;
  return { connector: null, unasked, channels: { topicPrefix, signalTopic, notificationTopic } };
}

/** The connector that is meant. Errors: `usage` when it cannot be told, `connect` without any. */
export function chooseConnector(
  connectors: readonly ConnectorOverview[],
  { name, collections, url }: {
    readonly name: string | null;
    readonly collections: readonly string[];
    readonly url: string;
  },
): ConnectorOverview {
  const all = connectors.map((each) => each.name).join(", ");
  if (name !== null) {
    const found = connectors.find((each) => each.name === name);
    if (found !== undefined) return found;
    throw new CdcDeltaError(
      "connect",
      `There is no connector "${name}" in Kafka Connect at ${url}` +
        `${all === "" ? "" : `, but ${all}`}. Deploy it (cdcdelta deploy-connector), or correct ` +
        "--connector-name",
      { context: { url, connector: name } },
    );
  }
  const mongo = connectors.filter(isMongoConnector);
  const capturing = mongo.filter(({ config }) =>
    collections.every((each) => captureOf(config, each).kind !== "left-out")
  );
  const [only, ...others] = capturing.length > 0 ? capturing : mongo;
  if (only === undefined) {
    throw new CdcDeltaError(
      "connect",
      `There is no Debezium MongoDB connector in Kafka Connect at ${url}. Deploy one: cdcdelta ` +
        "deploy-connector",
      { context: { url } },
    );
  }
  if (others.length === 0) return only;
  const names = [only, ...others].map((each) => each.name).join(", ");
  throw new CdcDeltaError(
    "usage",
    `Cannot tell which connector is meant: ${names}. Write --connector-name`,
    { context: { url } },
  );
}
