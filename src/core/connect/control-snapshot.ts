import { notificationFeed } from "./notification-feed.ts";
import type { SnapshotNotification } from "./notification.ts";
import { sendSignal } from "./send-signal.ts";
import { type Signal, signalRecord } from "./signal.ts";
import type { SnapshotChannels } from "./snapshot-connector.ts";
import type { TopicWorld } from "./topic-reader.ts";

/** What a running incremental snapshot is told. */
export type SnapshotControl = Extract<Signal, { kind: "pause" | "resume" | "stop" }>;

export type ControlOptions = {
  readonly control: SnapshotControl;
  readonly id: string;
  readonly channels: SnapshotChannels & { readonly notificationTopic: string };
  readonly answerMsMax: number;
  readonly signal: AbortSignal;
};

export type ControlOutcome =
  | { readonly kind: "done"; readonly notification: SnapshotNotification }
  /** Nobody said that it was done: most often, because nothing is running. */
  | { readonly kind: "unanswered" };

/** Sends a signal to the snapshot that is running and waits until Debezium has heard it. */
export async function sendControl(
  world: TopicWorld,
  { control, id, channels, answerMsMax, signal }: ControlOptions,
): Promise<ControlOutcome> {
  const { notificationTopic, signalTopic, topicPrefix } = channels;
  const feed = await notificationFeed(world, notificationTopic, { back: 0n, signal });
  const record = signalRecord(control, { id, topicPrefix });
  await sendSignal(world, { topic: signalTopic, record, signal });
  if (control.kind === "stop" && control.collections.length === 0) {
    // A snapshot that is paused hears of a stop only once it goes on; others do not mind.
    const resume = signalRecord({ kind: "resume" }, { id: `${id}-resume`, topicPrefix });
    await sendSignal(world, { topic: signalTopic, record: resume, signal });
  }
  const sentMs = world.clock.nowMs();
  for (;;) {
    for (const notification of await feed.poll({ signal })) {
      if (isAnswer(notification, control, topicPrefix)) return { kind: "done", notification };
    }
    if (world.clock.nowMs() - sentMs >= answerMsMax) return { kind: "unanswered" };
  }
}

/** True for the notification that says so. These carry the snapshot's id, not the signal's. Pure. */
export function isAnswer(
  { aggregate, connector, news }: SnapshotNotification,
  control: SnapshotControl,
  topicPrefix: string,
): boolean {
  if (aggregate !== "incremental" || (connector !== null && connector !== topicPrefix)) {
    return false;
  }
  switch (control.kind) {
    case "pause":
      return news.kind === "paused";
    case "resume":
      return news.kind === "resumed";
    case "stop":
      return news.kind === "aborted";
  }
}
