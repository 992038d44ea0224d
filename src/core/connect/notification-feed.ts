import { readNotification, type SnapshotNotification } from "./notification.ts";
import { readTopicFrom, type TopicWorld } from "./topic-reader.ts";

type Options = { readonly signal: AbortSignal };

/** Reads the notifications of a connector from where it was opened. */
export type NotificationFeed = {
  poll(options: Options): Promise<readonly SnapshotNotification[]>;
  /** Records that are no JSON: the topic is written by a converter that we cannot read. */
  unreadable(): number;
};

/** Opens a feed at the end of the notification topic, or `back` offsets before it. Errors: `kafka`. */
export async function notificationFeed(
  world: TopicWorld,
  topic: string,
  { back, signal }: { readonly back: bigint; readonly signal: AbortSignal },
): Promise<NotificationFeed> {
  const reader = await readTopicFrom(world, topic, { back, signal });
  let unreadable = 0;
  return {
    async poll(options) {
      const found: SnapshotNotification[] = [];
      for (const { value } of await reader.poll(options)) {
        const reading = readNotification(value);
        if (reading.kind === "snapshot") found.push(reading.notification);
        else if (reading.kind === "unreadable") unreadable++;
      }
      // Random keys spread over partitions, where there are several; their times restore the order.
      return found.toSorted((a, b) => a.timestampMs - b.timestampMs);
    },
    unreadable: () => unreadable,
  };
}
