import { Buffer } from "node:buffer";
import type { FetchedBatches } from "../../../src/core/kafka/committed-batches.ts";
import { concatBytes, kafkaControlBatch, kafkaRecordBatch } from "../../support/kafka-batches.ts";

/** What happens to a partition: several producers write at the same time. */
export type LogAction =
  | { readonly kind: "append"; readonly producer: number; readonly records: number }
  | { readonly kind: "abort" | "commit"; readonly producer: number }
  /** Records outside of any transaction. */
  | { readonly kind: "plain"; readonly records: number }
  /** A batch that compaction has emptied. */
  | { readonly kind: "emptied"; readonly offsets: number };

export type PartitionLog = {
  /** Offsets of what a `read_committed` reader must get. */
  readonly committed: readonly bigint[];
  /** The last stable offset. */
  readonly stableEnd: bigint;
  /** What a broker answers: the first batch whole, the others cut off at `bytesMax`. */
  fetch(fetchOffset: bigint, bytesMax: number): FetchedBatches;
};

type LogBatch = { readonly bytes: Uint8Array; readonly base: bigint; readonly last: bigint };
type Aborted = { readonly producerId: bigint; readonly firstOffset: bigint; readonly last: bigint };

/** Writes a log as a broker does; open transactions hold back what comes after them. */
export function partitionLog(actions: readonly LogAction[]): PartitionLog {
  const batches: LogBatch[] = [];
  const committed: bigint[] = [];
  const aborted: Aborted[] = [];
  const open = new Map<number, bigint[]>();
  let next = 0n;

  const add = (bytes: Uint8Array, offsets: number): bigint[] => {
    const base = next;
    next += BigInt(offsets);
    batches.push({ bytes, base, last: next - 1n });
    return Array.from({ length: offsets }, (_, index) => base + BigInt(index));
  };
  const records = (count: number) => Array.from({ length: count }, () => ({ value: "v" }));

  for (const action of actions) {
    switch (action.kind) {
      case "append": {
        const options = { baseOffset: next, producerId: BigInt(action.producer) };
        const offsets = add(kafkaRecordBatch(records(action.records), options), action.records);
        open.set(action.producer, [...open.get(action.producer) ?? [], ...offsets]);
        break;
      }
      case "plain":
        committed.push(
          ...add(kafkaRecordBatch(records(action.records), { baseOffset: next }), action.records),
        );
        break;
      case "emptied": {
        const lastOffset = next + BigInt(action.offsets - 1);
        add(kafkaRecordBatch([], { baseOffset: next, lastOffset }), action.offsets);
        break;
      }
      case "abort":
      case "commit": {
        const offsets = open.get(action.producer);
        const [firstOffset] = offsets ?? [];
        if (offsets === undefined || firstOffset === undefined) break;
        open.delete(action.producer);
        const producerId = BigInt(action.producer);
        if (action.kind === "commit") committed.push(...offsets);
        else aborted.push({ producerId, firstOffset, last: next });
        add(kafkaControlBatch({ offset: next, kind: action.kind, producerId }), 1);
      }
    }
  }
  const firstOpen = [...open.values()].flatMap(([first]) => first ?? []);
  const stableEnd = firstOpen.reduce((least, first) => first < least ? first : least, next);
  return {
    committed: committed.filter((offset) => offset < stableEnd).sort((a, b) => Number(a - b)),
    stableEnd,
    fetch: (fetchOffset, bytesMax) => {
      const stable = batches.filter(({ base, last }) => last >= fetchOffset && base < stableEnd);
      const bytes = Buffer.from(concatBytes(stable.map((batch) => batch.bytes)));
      const cut = bytes.subarray(0, Math.max(bytesMax, stable[0]?.bytes.length ?? 0));
      const end = stable.at(-1)?.last ?? fetchOffset;
      return {
        topic: "t",
        partition: 0,
        fetchOffset,
        abortedTransactions: aborted.filter(({ firstOffset, last }) =>
          last >= fetchOffset && firstOffset <= end
        ),
        records: cut,
      };
    },
  };
}
