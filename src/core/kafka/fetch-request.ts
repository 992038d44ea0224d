import { Buffer } from "node:buffer";
import { errorName } from "./error-names.ts";
import type { FetchRequest, KafkaErrorName, TopicPartition } from "./kafka-client.ts";
import type { KafkaRequest } from "./kafka-request.ts";

/** A partition of a fetch answer as the broker sent it: nothing is decoded or filtered. */
export type RawFetchedPartition = TopicPartition & {
  readonly error: KafkaErrorName | null;
  readonly highWatermark: bigint;
  readonly lastStableOffset: bigint;
  readonly logStartOffset: bigint;
  /** In no particular order. */
  readonly abortedTransactions: readonly AbortedTransaction[];
  /** Record batches; the last one may be cut off. A view of the answer, not a copy. */
  readonly records: Buffer;
};

export type AbortedTransaction = { readonly producerId: bigint; readonly firstOffset: bigint };

/** What is wrong with the fetch as a whole, or its partitions in the broker's order. */
export type RawFetchAnswer = {
  readonly error: KafkaErrorName | null;
  readonly partitions: readonly RawFetchedPartition[];
};

/**
 * A `read_committed` fetch outside of any fetch session. From version 13 (Kafka 3.1) on topics are
 * asked for by id, so that nothing of a topic that was made anew is taken for the one before it.
 */
export function fetchRequest(request: FetchRequest): KafkaRequest<RawFetchAnswer> {
  const byId = request.partitions.every(({ topicId }) => (topicId ?? "") !== "");
  const names = new Map(request.partitions.map(({ topic, topicId }) => [topicId ?? "", topic]));
  return {
    name: "Fetch",
    apiKey: 1,
    versionMin: 4,
    versionMax: byId ? 13 : 11,
    flexibleFrom: 12,
    waitMsMax: request.waitMsMax,
    encode(writer, version) {
      writer.int32(-1);
      writer.int32(request.waitMsMax);
      writer.int32(request.bytesMin);
      writer.int32(request.bytesMax);
      writer.int8(readCommitted);
      if (version >= 7) {
        writer.int32(0);
        writer.int32(noSession);
      }
      writer.array(inTopics(request.partitions), ({ topic, partitions }) => {
        if (version >= 13) writer.raw(Buffer.from(partitions[0]!.topicId!, "hex"));
        else writer.string(topic);
        writer.array(partitions, (partition) => {
          writer.int32(partition.partition);
          if (version >= 9) writer.int32(-1);
          writer.int64(partition.fetchOffset);
          if (version >= 12) writer.int32(-1);
          if (version >= 5) writer.int64(-1n);
          writer.int32(partition.bytesMax);
          writer.tags();
        });
        writer.tags();
      });
      if (version >= 7) writer.array([], () => {});
      if (version >= 11) writer.string("");
      writer.tags();
    },
    decode(reader, version) {
      reader.throttle();
      let error = null;
      if (version >= 7) {
        error = errorName(reader.int16());
        reader.int32();
      }
      const topics = reader.array(() => {
        const topic = version >= 13 ? names.get(reader.uuid()) ?? "" : reader.string();
        const partitions = reader.array((): RawFetchedPartition => {
          const partition = reader.int32();
          const partitionError = errorName(reader.int16());
          const highWatermark = reader.int64();
          const lastStableOffset = reader.int64();
          const logStartOffset = version >= 5 ? reader.int64() : -1n;
          const abortedTransactions = reader.array(() => {
            const transaction = { producerId: reader.int64(), firstOffset: reader.int64() };
            reader.tags();
            return transaction;
          });
          if (version >= 11) reader.int32();
          const records = reader.bytes();
          reader.tags();
          return {
            topic,
            partition,
            error: partitionError,
            highWatermark,
            lastStableOffset,
            logStartOffset,
            abortedTransactions,
            records,
          };
        });
        reader.tags();
        return partitions;
      });
      reader.tags();
      return { error, partitions: topics.flat() };
    },
  };
}

/** Isolation level: nothing of open or aborted transactions. */
export const readCommitted = 1;

const noSession = -1;

/** Topics with their partitions; a topic comes again where keeping the order needs it. */
export function inTopics<P extends TopicPartition>(
  partitions: readonly P[],
): readonly { readonly topic: string; readonly partitions: readonly P[] }[] {
  const topics: { topic: string; partitions: P[] }[] = [];
  for (const partition of partitions) {
    const last = topics.at(-1);
    if (last?.topic === partition.topic) last.partitions.push(partition);
    else topics.push({ topic: partition.topic, partitions: [partition] });
  }
  return topics;
}
