import type { RecordBatch } from "../event/record-batch.ts";
import type { FloorTable } from "../position/floor-store.ts";

/**
 * A lane is a stream whose records have one order: a Kafka (topic, partition), a file, standard
 * input. Lanes are independent of each other.
 */
export type Lane = string;

export type SourceEvent =
  | { readonly kind: "records"; readonly lane: Lane; readonly batch: RecordBatch }
  /** Nothing more is ready to be read just now: small batches may be flushed. */
  | { readonly kind: "idle" }
  /**
   * Everything of ours is read, but the input goes on: others are waited for, who may wait for us.
   * What is held is to be flushed now.
   */
  | { readonly kind: "drained" }
  /** The last line of a file has no end yet: it was left for the next run. */
  | { readonly kind: "cut-line"; readonly lane: Lane; readonly offset: bigint }
  /**
   * The lane was read up to `nextOffset` without a record on the way: control records, aborted
   * ones, what compaction left out.
   */
  | { readonly kind: "position"; readonly lane: Lane; readonly nextOffset: bigint }
  /** The lane was read to its end (files without `--follow`, Kafka with `--until-latest`). */
  | { readonly kind: "lane-end"; readonly lane: Lane }
  /**
   * Lanes became ours whose records others may have committed a moment ago: what is held is to be
   * committed without theirs, so that its `_ingestion_timestamp` is not older than those.
   */
  | { readonly kind: "lanes-gained" }
  /** The lanes are no longer ours: what is held of them must be dropped uncommitted. */
  | { readonly kind: "lanes-lost"; readonly lanes: readonly Lane[] };

/** Everything of a lane before `nextOffset` is committed, dead-lettered or deliberately rowless. */
export type Floor = {
  readonly lane: Lane;
  readonly nextOffset: bigint;
  /** Tables that hold rows of what is below: without one of them the floor is worth nothing. */
  readonly tables: readonly FloorTable[];
};

export type Source = {
  /** For messages: the file's path, `standard input`, the brokers. */
  readonly description: string;
  /**
   * Events in order per lane. Pull-based: nothing is read ahead beyond one batch while the consumer
   * does not ask. Ends when the input ends; with the signal aborted it ends after the current event.
   */
  events(options: { readonly signal: AbortSignal }): AsyncIterable<SourceEvent>;
  /** Remembers floors; called only after the Delta commits they stand for. */
  commitFloors(floors: readonly Floor[], options: { readonly signal: AbortSignal }): Promise<void>;
  /** Takes back the memory of batches that nobody will look at again. */
  release(batches: readonly RecordBatch[]): void;
  /**
   * Total bytes of the input when known, for progress, and bytes read so far (compressed bytes for
   * compressed files).
   */
  progress(): { readonly bytesRead: number; readonly bytesTotal: number | null };
  /** How far each lane of ours is, for metrics; empty where lanes have no known end. */
  lanes(): readonly LaneProgress[];
  close(): Promise<void>;
};

export type LaneProgress = {
  readonly topic: string;
  readonly partition: number;
  /** The offset of the next record to be read. */
  readonly nextOffset: bigint;
  /** The floor that was remembered last; null: none yet. */
  readonly floor: bigint | null;
  /** The last stable offset, as told by the last fetch; null: not known yet. */
  readonly endOffset: bigint | null;
};
