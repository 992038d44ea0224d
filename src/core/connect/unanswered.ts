import type { ConnectorOverview } from "./connect-types.ts";
import { channelsOf, type SnapshotChannels, snapshotProblems } from "./snapshot-connector.ts";
import type { SnapshotRequest } from "./snapshot-progress.ts";

/** What is known when nobody answered a signal in time. */
export type UnansweredFacts = {
  readonly request: SnapshotRequest;
  /** What the signal was sent by. */
  readonly channels: SnapshotChannels;
  /** The connector as it is now; null where Connect cannot be asked. */
  readonly connector: ConnectorOverview | null;
  readonly waitedMs: number;
  /** Notifications of other snapshots that came meanwhile, and records that are no JSON. */
  readonly others: number;
  readonly unreadable: number;
};

/** Why a signal may have been left unanswered: what was found, likeliest first. Pure. */
export function unansweredText(facts: UnansweredFacts): string {
  const { request, channels, waitedMs } = facts;
  const head = `Nobody answered the ${request.type} snapshot signal ${request.id} within ` +
    `${Math.round(waitedMs / 1000)} s (topic ${channels.signalTopic}, key ` +
    `${channels.topicPrefix}, notifications expected in ${channels.notificationTopic ?? "none"})`;
  const found = causesFound(facts);
  const lines = found.length > 0 ? found : causesLeft(facts);
  return [`${head}:`, ...lines.map((line) => `  - ${line}`)].join("\n");
}

function causesFound(facts: UnansweredFacts): string[] {
  const { request, channels, connector, others, unreadable } = facts;
  const lines: string[] = [];
  if (unreadable > 0) {
    lines.push(
      `${unreadable} notifications came that are not JSON: the connector needs JsonConverter for ` +
        "its values",
    );
  }
  if (connector !== null) {
    const now = channelsOf(connector.config);
    const differs = (what: string, is: string | null, sent: string | null): void => {
      if (is !== sent) lines.push(`the connector's ${what} is ${is ?? "none"}, not ${sent}`);
    };
    differs("topic.prefix", now.topicPrefix, channels.topicPrefix);
    differs("signal topic", now.signalTopic, channels.signalTopic);
    differs("notification topic", now.notificationTopic, channels.notificationTopic);
    lines.push(
      ...snapshotProblems(connector, request).map(({ message, fix }) => `${message}: ${fix}`),
    );
  }
  if (others > 0) {
    lines.push(
      `${others} notifications of other snapshots came meanwhile: this one may be waiting for ` +
        "its turn, or may have become part of them; cdcdelta snapshot --status tells",
    );
  }
  return lines;
}

/** Without a finding: all that it can be. */
function causesLeft({ connector, request, channels }: UnansweredFacts): string[] {
  const lines = [
    "the task may be in its initial snapshot or catching up: signals wait until it streams",
    `the topic ${channels.signalTopic} must have its signals in partition 0, and ` +
    "signal.kafka.bootstrap.servers must name this Kafka cluster; Connect's log says what it got",
    "another connector may share its signal.kafka.groupId: each needs one of its own",
  ];
  if (connector !== null) return lines;
  return [
    `--topic-prefix must be the connector's topic.prefix; the signal's key was ` +
    channels.topicPrefix,
    "signal.enabled.channels of the connector must include kafka, notification.enabled.channels " +
    "must include sink",
    "the connector and its task must be RUNNING",
    `${request.collections.join(", ")} must be among what it captures`,
    ...lines,
    "with KAFKA_CONNECT_URL set, cdcdelta finds out which",
  ];
}
