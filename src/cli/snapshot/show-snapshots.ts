import { notificationFeed } from "../../core/connect/notification-feed.ts";
import type { SnapshotNotification } from "../../core/connect/notification.ts";
import { topicOf } from "../../core/connect/snapshot-connector.ts";
import { type PastSnapshot, snapshotHistory } from "../../core/connect/snapshot-history.ts";
import { endsOf, type SinkProgress, sinkProgress } from "../../core/connect/sink-progress.ts";
import { type ExitCode, exitCodes } from "../exit-codes.ts";
import { followable, type SnapshotSession, storedIn } from "./snapshot-session.ts";
import { shownMax, statusJson, statusText } from "./status-text.ts";

/** How far back notifications are read, in offsets of each partition. */
const historyBack = 5000n;

/** `--status`: what is running, how the last snapshots ended, how far the tables are. */
export async function showSnapshots(session: SnapshotSession): Promise<ExitCode> {
  const { client, collections, options, target, values, world, signal } = session;
  const { topicPrefix } = target.channels;
  const history = snapshotHistory(await notifications(session))
    .filter((each) => concerns(each, collections));
  const stored = await storedIn(session);
  const delimiter = target.connector?.config["topic.delimiter"] ?? ".";
  const named = new Set([
    ...collections,
    ...history.slice(-shownMax).flatMap((each) => each.collections.map((one) => one.collection)),
  ]);
  const topics = [...named].map((each) => topicOf(each, { topicPrefix, delimiter }));
  const groupId = values.kafkaConsumerGroup;
  const sink: SinkProgress = await sinkProgress(
    client,
    groupId,
    await endsOf(client, topics, { signal }),
    { signal },
  );
  const { connector, unasked } = target;
  const status = { connector, unasked, stored, history, groupId, sink };
  await world.stdout.write(options.format === "json" ? statusJson(status) : statusText(status));
  return exitCodes.done;
}

async function notifications(
  { client, clock, target, signal }: SnapshotSession,
): Promise<readonly SnapshotNotification[]> {
  const { notificationTopic, topicPrefix } = followable(target);
  const world = { client, clock };
  const feed = await notificationFeed(world, notificationTopic, { back: historyBack, signal });
  const all: SnapshotNotification[] = [];
  for (let empty = 0; empty < 2;) {
    const found = await feed.poll({ signal });
    empty = found.length === 0 ? empty + 1 : 0;
    all.push(...found);
  }
  return all.filter(({ connector }) => connector === null || connector === topicPrefix);
}

function concerns(snapshot: PastSnapshot, collections: readonly string[]): boolean {
  return collections.length === 0 ||
    snapshot.collections.some(({ collection }) => collections.includes(collection));
}
