import type { TableKey } from "../encode/encode-job.ts";

/** What the compaction beside a run does, in the order it happens. */
export type CompactionEvent =
  /** A table's closed partitions hold no small files any more. */
  | {
    readonly kind: "compacted";
    readonly table: TableKey;
    readonly removedFiles: number;
    readonly removedBytes: number;
    readonly addedFiles: number;
    readonly addedBytes: number;
    readonly elapsedMs: number;
  }
  /** The input came faster than it was read: what is left of the table waits for a quiet moment. */
  | { readonly kind: "compaction-paused"; readonly table: TableKey; readonly lag: bigint }
  /** Nothing is lost by it: the files stay as they are, and it is tried again. */
  | { readonly kind: "compaction-failed"; readonly table: TableKey; readonly why: string };

export type CompactionObserver = (event: CompactionEvent) => void;
