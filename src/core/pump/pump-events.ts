import type { StructType } from "../../delta/schema/data-type.ts";
import type { RecordCounts, RescuedCount, TableKey, WidenedColumn } from "../encode/encode-job.ts";
import type { FlushReason } from "./flush-policy.ts";

/** What an operator may like to know, in the order it happens; nothing per record. */
export type PumpEvent =
  | {
    readonly kind: "table-opened";
    readonly table: TableKey;
    readonly uri: string;
    /** Null: the table does not exist yet. */
    readonly version: number | null;
  }
  | {
    readonly kind: "schema-changed";
    readonly table: TableKey;
    readonly before: StructType | null;
    readonly after: StructType;
  }
  | {
    readonly kind: "committed";
    readonly table: TableKey;
    readonly version: number;
    readonly rows: number;
    readonly files: number;
    readonly bytes: number;
    readonly latencyMs: number;
    readonly reason: FlushReason;
    readonly attempts: number;
    /** Source time of the newest row, ms since the epoch. */
    readonly newestSourceMs: number | null;
    /** W3C `traceparent` of the last row that was traced; null: none was. */
    readonly traceparent: string | null;
  }
  | {
    readonly kind: "rescued";
    readonly table: TableKey;
    readonly columns: readonly RescuedCount[];
  }
  | {
    readonly kind: "widened";
    readonly table: TableKey;
    readonly columns: readonly WidenedColumn[];
  }
  | { readonly kind: "widening-refused"; readonly table: TableKey; readonly why: string }
  /** Records that are no events; `location` is their table's. */
  | { readonly kind: "dead-letters"; readonly count: number; readonly location: string }
  /** A table was created, and its partition columns have no value in any row. */
  | {
    readonly kind: "partition-columns-empty";
    readonly table: TableKey;
    readonly columns: readonly string[];
  }
  /** The table holds rows of a topic of the same name that was deleted; this one is another. */
  | {
    readonly kind: "topic-recreated";
    readonly table: TableKey;
    readonly topic: string;
    readonly partition: number;
  }
  /** The last line of a file has no end yet: it was left for the next run. */
  | { readonly kind: "cut-line"; readonly source: string; readonly offset: bigint }
  /** The store's answer to a commit does not tell whether it landed; it is read back. */
  | {
    readonly kind: "commit-in-doubt";
    readonly table: TableKey;
    readonly version: number;
    readonly why: string;
  }
  | {
    readonly kind: "conflict";
    readonly table: TableKey;
    readonly reason: string;
    readonly winnerVersion: number;
  }
  | { readonly kind: "restarted"; readonly table: TableKey; readonly why: string }
  | { readonly kind: "checkpoint"; readonly table: TableKey; readonly version: number }
  | { readonly kind: "maintenance-failed"; readonly table: TableKey; readonly why: string }
  | {
    readonly kind: "flushed";
    readonly reason: FlushReason;
    readonly counts: RecordCounts;
    readonly rows: number;
    readonly droppedRows: number;
    readonly deadLetters: number;
    readonly tables: number;
    readonly latencyMs: number;
  };

export type PumpObserver = (event: PumpEvent) => void;

/** Totals of a run. */
export type PumpSummary = RecordCounts & {
  readonly rows: number;
  readonly droppedRows: number;
  readonly deadLetters: number;
  readonly flushes: number;
  readonly commits: number;
  readonly tables: readonly TableSummary[];
};

export type TableSummary = {
  readonly table: TableKey;
  readonly uri: string;
  /** Null: nothing was committed and the table does not exist. */
  readonly version: number | null;
  readonly rows: number;
  readonly files: number;
  readonly bytes: number;
  /** The schema before and after; before is null when the table did not exist. */
  readonly schemaBefore: StructType | null;
  readonly schemaAfter: StructType;
};
