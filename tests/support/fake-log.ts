import type { FetchedData, FetchedPartition } from "../../src/core/kafka/kafka-client.ts";
import {
  concatBytes,
  kafkaControlBatch,
  kafkaRecordBatch,
  type TestRecord,
} from "./kafka-batches.ts";

/** One partition's log in memory: record batches, transactions, markers, retention. */
export type FakeLog = {
  logStart: bigint;
  /** The offset that the next record gets. */
  end: bigint;
  leader: number;
  readonly entries: LogEntry[];
};

type LogEntry = {
  readonly base: bigint;
  readonly last: bigint;
  readonly bytes: Uint8Array;
  readonly records: number;
  /** Of each record in order, as far as it was told. */
  readonly timestampsMs: readonly (number | undefined)[];
  readonly producerId: bigint | null;
  /** Markers and aborted data are never given to `read_committed` consumers. */
  state: "data" | "open" | "aborted" | "marker";
};

export function createLog(leader: number): FakeLog {
  return { logStart: 0n, end: 0n, leader, entries: [] };
}

/** Writes one batch; with a producer id as part of its open transaction. Returns its base offset. */
export function append(
  log: FakeLog,
  records: readonly TestRecord[],
  options: { readonly producerId?: bigint; readonly gap?: number } = {},
): bigint {
  const base = log.end + BigInt(options.gap ?? 0);
  const { producerId } = options;
  const bytes = kafkaRecordBatch(records, {
    baseOffset: base,
    ...(producerId === undefined ? {} : { producerId }),
  });
  const last = base + BigInt(records.length) - 1n;
  const state = producerId === undefined ? "data" : "open";
  const count = records.length;
  const timestampsMs = records.map((record) => record.timestampMs);
  const entry = { base, last, bytes, records: count, timestampsMs, state } as const;
  log.entries.push({ ...entry, producerId: producerId ?? null });
  log.end = last + 1n;
  return base;
}

/** Ends a producer's transaction here, if it has one; the marker takes an offset. */
export function endTransaction(log: FakeLog, producerId: bigint, kind: "commit" | "abort"): void {
  const open = log.entries.filter((one) => one.producerId === producerId && one.state === "open");
  if (open.length === 0) return;
  for (const entry of open) entry.state = kind === "commit" ? "data" : "aborted";
  const base = log.end;
  const bytes = kafkaControlBatch({ offset: base, kind, producerId });
  const timestampsMs: number[] = [];
  log.entries.push({
    base,
    last: base,
    bytes,
    records: 1,
    timestampsMs,
    producerId,
    state: "marker",
  });
  log.end = base + 1n;
}

/** Removes what lies below, as retention and deleteRecords do. */
export function removeBefore(log: FakeLog, offset: bigint): void {
  log.logStart = offset > log.end ? log.end : offset;
  const kept = log.entries.filter((one) => one.last >= log.logStart);
  log.entries.splice(0, log.entries.length, ...kept);
}

/** Removes what lies at and above, as an unclean leader election does. */
export function truncateTo(log: FakeLog, offset: bigint): void {
  const kept = log.entries.filter((one) => one.last < offset);
  log.entries.splice(0, log.entries.length, ...kept);
  log.end = offset;
}

export function stableEnd(log: FakeLog): bigint {
  return log.entries.find((one) => one.state === "open")?.base ?? log.end;
}

/** The first record at or after a time; -1: there is none. */
export function offsetAtTime(log: FakeLog, timestampMs: number): bigint {
  for (const { base, timestampsMs } of log.entries) {
    const index = timestampsMs.findIndex((ms) => ms !== undefined && ms >= timestampMs);
    if (index >= 0 && base + BigInt(index) >= log.logStart) return base + BigInt(index);
  }
  return -1n;
}

type Read = Omit<FetchedPartition, "topic" | "partition">;

/** A `read_committed` fetch; `bytesMax` of 0 gives no batch at all. */
export function readLog(log: FakeLog, fetchOffset: bigint, bytesMax: number, first: boolean): Read {
  const lastStableOffset = stableEnd(log);
  const facts = { highWatermark: log.end, lastStableOffset, logStartOffset: log.logStart };
  if (fetchOffset < log.logStart || fetchOffset > log.end) {
    return { ...facts, error: "OFFSET_OUT_OF_RANGE", data: [], nextOffset: fetchOffset };
  }
  const data: FetchedData[] = [];
  let nextOffset = fetchOffset;
  let taken = 0;
  let run: LogEntry[] = [];
  const endRun = (): void => {
    if (run.length === 0) return;
    const records = run.reduce((sum, one) => sum + one.records, 0);
    const bytes = concatBytes(run.map((one) => one.bytes));
    data.push({ bytes, nextOffset: run.at(-1)!.last + 1n, records });
    run = [];
  };
  for (const entry of log.entries) {
    if (entry.last < fetchOffset) continue;
    if (entry.base >= lastStableOffset) break;
    if (taken + entry.bytes.length > bytesMax && !(first && taken === 0)) break;
    taken += entry.bytes.length;
    nextOffset = entry.last + 1n;
    if (entry.state === "data") run.push(entry);
    else endRun();
  }
  endRun();
  return { ...facts, error: null, data, nextOffset };
}
