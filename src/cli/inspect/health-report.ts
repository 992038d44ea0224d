import type { PartitionValues } from "../../delta/log/actions.ts";

/** How a table is kept, in the names that scripts rely on. */
export type HealthFacts = {
  readonly table: string;
  readonly version: number;
  readonly log: {
    readonly commits: number;
    readonly sizeInBytes: number;
    /** The newest checkpoint; null: there is none. */
    readonly checkpointVersion: number | null;
    /** Commits that a reader has to read after it. */
    readonly checkpointDebt: number;
    readonly checkpointInterval: number;
    /** Files past the retention of the log. */
    readonly expiredFiles: number;
    /** False: nothing cleans up (`delta.enableExpiredLogCleanup`). */
    readonly isCleanedUp: boolean;
    readonly retentionMs: number;
    /** Versions whose commit file has no bytes, some of them: what they did is not known. */
    readonly emptyCommits: readonly number[];
    /** What the version's checksum file says otherwise than the log. */
    readonly wrongChecksum: readonly string[];
  };
  readonly files: {
    readonly count: number;
    /** Files and deletion vectors that the table needs and that are gone; some of them by name. */
    readonly missing: { readonly count: number; readonly named: readonly string[] };
    readonly sizeInBytes: number;
    readonly averageSizeInBytes: number;
    readonly targetSizeInBytes: number;
    /** Files below three quarters of the target, as a part of all. */
    readonly smallRatio: number;
    /** What an optimize would merge, and the files that would be left of them. */
    readonly mergeable: number;
    readonly mergedInto: number;
  };
  readonly deletionVectors: {
    readonly files: number;
    /** As a part of all files. */
    readonly ratio: number;
    readonly deletedRows: number;
    /** As a part of all rows of the files; null without statistics. */
    readonly deletedRatio: number | null;
  };
  readonly unneeded: {
    /** Files that left the table and are still remembered. */
    readonly tombstones: number;
    readonly tombstoneBytes: number;
    /** What a vacuum would delete, orphans included; null: cdcdelta cannot vacuum the table. */
    readonly vacuum: { readonly files: number; readonly sizeInBytes: number } | null;
  };
  readonly transactions: {
    readonly count: number;
    readonly expired: number;
    /** Null: they are kept forever. */
    readonly retentionMs: number | null;
  };
  readonly partitions: {
    readonly columns: readonly string[];
    readonly count: number;
    readonly medianSizeInBytes: number;
    readonly largest: {
      readonly values: PartitionValues;
      readonly files: number;
      readonly sizeInBytes: number;
      /** Its size over the median. */
      readonly skew: number;
    } | null;
  };
};
