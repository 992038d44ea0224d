/** Frames and causes shown at most. */
const linesMax = 12;
const lineCharsMax = 400;

/** A Java stack trace in short: its messages and causes without the frames. Pure. */
export function shortTrace(trace: string): string[] {
  const kept: string[] = [];
  let dropped = 0;
  for (const line of trace.split("\n").map((each) => each.trimEnd())) {
    const isFrame = /^\s*(at |\.\.\. \d+ (more|common))/.test(line);
    if (isFrame || line.trim() === "") dropped += isFrame ? 1 : 0;
    else kept.push(cut(line.trim()));
  }
  const shown = kept.slice(0, linesMax);
  if (kept.length > linesMax) shown.push(`… ${kept.length - linesMax} more lines`);
  if (dropped > 0) {
    shown.push(
      `(${dropped} stack ${dropped === 1 ? "frame" : "frames"} left out; --json has them)`,
    );
  }
  return shown;
}

function cut(line: string): string {
  return line.length > lineCharsMax ? `${line.slice(0, lineCharsMax)}…` : line;
}

const causes: readonly (readonly [RegExp, string])[] = [
  [
    /ChangeStreamHistoryLost|resume (point|token).*(oplog|not found)|no longer (available|in the oplog)|Resume of change stream was not possible/i,
    "the stored position is no longer in MongoDB's oplog: run this with --reset-offsets for a new " +
    "snapshot, or set snapshot.mode=when_needed; then give the oplog more room",
  ],
  [
    /Signal channel kafka configuration is invalid/i,
    "set signal.kafka.bootstrap.servers to the brokers as Connect reaches them",
  ],
  [
    /BSONObjectTooLarge|exceed(s|ed)? (the )?maximum.*16/i,
    "a change event is larger than 16 MB: set cursor.oversize.handling.mode=split (MongoDB 6.0.9 " +
    "and later), or skip, which loses those changes",
  ],
  [
    /RecordTooLargeException|MESSAGE_TOO_LARGE/i,
    "a record is larger than Kafka takes: raise producer.override.max.request.size and the " +
    "topics' max.message.bytes",
  ],
  [
    /AuthenticationFailed|MongoSecurityException|Exception authenticating/i,
    "MongoDB refuses user or password: check mongodb.connection.string",
  ],
  [
    /not authorized on|Unauthorized|error 13\b/i,
    "the MongoDB user may not do this: grant read and changeStream on what is captured, and " +
    "readWrite on the signal collection",
  ],
  [
    /MongoTimeoutException|MongoSocket\w*Exception|Timed out while waiting for a server|UnknownHostException/i,
    "Connect cannot reach MongoDB: check host, port and network as seen from Connect's host",
  ],
  [
    /ProducerFencedException|InvalidProducerEpoch|newer epoch/i,
    "another task with the same transactional id took over: see that no second Connect cluster " +
    "with this group.id and connector name is running, then --restart",
  ],
  [
    /TransactionalIdAuthorization/i,
    "allow Connect's principal the transactional ids connect-cluster-* (Write, Describe)",
  ],
  [
    /TopicAuthorizationException|ClusterAuthorizationException|GroupAuthorizationException/i,
    "allow Connect's principal to write and create the topics, and to read the signal topic",
  ],
  [
    /ExtractNewDocumentState|SchemaBuilderException|MongoDataConverter/i,
    "the flattening transform does not take this document: deploy the plain envelope " +
    "(debezium-mongodb.json)",
  ],
  [
    /DataException.*convert|SerializationException/i,
    "a converter does not take this record: use JsonConverter for key and value",
  ],
  [
    /ClassNotFoundException|NoClassDefFoundError|NoSuchMethodError/i,
    "the plugin's folder is incomplete or mixed: install it again in one version",
  ],
  [
    /PatternSyntaxException/i,
    "a pattern is no regular expression of Java: correct the include and exclude lists",
  ],
  [
    /OutOfMemoryError/i,
    "Connect ran out of memory: raise its heap, or lower max.queue.size and max.batch.size",
  ],
];

/** What to do about a failure whose cause is known, or null. Pure. */
export function failureHint(trace: string): string | null {
  return causes.find(([pattern]) => pattern.test(trace))?.[1] ?? null;
}
