import type { RecordFields } from "../event/change-event.ts";
import { unescapedText } from "../event/json-string.ts";
import type { TableKey } from "./encode-job.ts";
import type { RecordPlace } from "./position-tracker.ts";

/** The topic that a record names, or that it was fetched from; null: a file's name is none. */
export function topicOf({ partition }: RecordPlace, { topic }: RecordFields): string | null {
  if (topic.buffer !== null && topic.buffer[topic.start] === 34) {
    return unescapedText(topic.buffer, topic.start);
  }
  return partition.hashed ? null : partition.id.topic;
}

/** The collection that a record named before it turned out to be unusable; null: none. */
export function collectionOf({ db, collection }: RecordFields): TableKey | null {
  if (db.buffer === null || collection.buffer === null) return null;
  try {
    const database = unescapedText(db.buffer, db.start - 1);
    return `${database}.${unescapedText(collection.buffer, collection.start - 1)}`;
  } catch {
    return null;
  }
}
