import type { TableState } from "../../delta/log/table-state.ts";
import type { PartitionId, TableKey } from "../encode/encode-job.ts";
import type { KafkaFacts } from "./kafka-facts.ts";
import type { Offsets } from "./replay-range.ts";
import type { RowCount } from "./row-counts.ts";
import type { UndoneCommit } from "./undone-commits.ts";
import type { ReplayBase } from "./version-before.ts";

/** Files and bytes. */
export type FileAmount = { readonly files: number; readonly bytes: number };

/** All that is looked up of a table before anything is decided. */
export type TableFacts = {
  /** Null: the collection is not known, only where its table lies. */
  readonly key: TableKey | null;
  readonly uri: string;
  readonly newest: TableState;
  readonly base: ReplayBase;
  readonly leaving: FileAmount;
  readonly returning: FileAmount;
  /** Why the version cannot be restored, naming files that are gone; null: it can. */
  readonly restoreRefused: string | null;
  /** Rows that leave and are not among those that stay or come back. */
  readonly rows: readonly RowCount[];
  readonly undone: readonly UndoneCommit[];
};

/** What is asked for. */
export type ReplayRequest = {
  /** Where the range begins, by partition; empty when a version says it. */
  readonly starts: Offsets;
  /** Where it ends; null: it has no end. */
  readonly ends: Offsets | null;
  readonly pipelineId: string;
};

/** One partition that is read again. */
export type PartitionReplay = PartitionId & {
  /** Where reading begins. */
  readonly from: bigint;
  /** The table's watermark before; everything up to it is read again. */
  readonly was: bigint;
  /** Its watermark in the version that comes back; null: it had none. */
  readonly becomes: bigint | null;
  /** Rows that leave. */
  readonly rows: number;
};

/** What would be done to one table, and what forbids it. */
export type TableReplay = {
  readonly key: TableKey | null;
  readonly uri: string;
  readonly newestVersion: number;
  /** The version that comes back; null: none, all rows leave. */
  readonly version: number | null;
  /** False: the version before the range cannot be opened, and so nothing is known of it. */
  readonly known: boolean;
  readonly leaving: FileAmount;
  readonly returning: FileAmount;
  readonly partitions: readonly PartitionReplay[];
  /** Reasons in full sentences; none: it can be done. */
  readonly refusals: readonly string[];
};

export type DecideTable = {
  readonly table: TableFacts;
  readonly kafka: KafkaFacts;
  readonly request: ReplayRequest;
};
