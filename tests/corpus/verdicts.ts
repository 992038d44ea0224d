import type { ErrorCode } from "../../src/errors.ts";

/** How a table is refused. */
export type Refusal = { readonly code: ErrorCode; readonly says: RegExp };

const catalogOwned: Refusal = { code: "unsupported", says: /\[catalogOwned\]/ };
const stateMissing = (action: string): Refusal => ({
  code: "log-corrupt",
  says: new RegExp(`state reconstruction failed, its log has no ${action} action`),
});

/** Tables that nobody may open, by the reason that the manifest and the protocol give. */
export const mustFail: Readonly<Record<string, Refusal>> = {
  "delta-kernel-java-workloads/basic_catalog_managed/delta": {
    code: "unsupported",
    says: /\[catalogManaged\]/,
  },
  "kernel-rs-uc/catalog_managed_0": { code: "unsupported", says: /\[catalogManaged\]/ },
  "delta-rs-err-logs/table_d": catalogOwned,
  "delta-rs-err-logs/table_f": catalogOwned,
  "delta-rs-err-logs/table_h": catalogOwned,
  "delta-rs-err-logs/table_i": catalogOwned,
  "delta-rs-err-logs/table_c": {
    code: "log-corrupt",
    says: /not contiguous: commit 12 is missing/,
  },
  "delta-rs/simple_table_features": { code: "unsupported", says: /reader version 5/ },
  "kernel-rs-data/crc-malformed": { code: "not-found", says: /no Delta table/ },
  "kernel-rs-data/table-with-geo": { code: "unsupported", says: /\[geospatial\]/ },
  "kernel-rs-golden/deltalog-state-reconstruction-from-checkpoint-missing-protocol/delta":
    stateMissing("protocol"),
  "kernel-rs-golden/deltalog-state-reconstruction-without-metadata/delta": stateMissing("metaData"),
  "trino/deltalake/type_widening_unsupported": {
    code: "unsupported",
    says: /\[typeWidening-preview\]/,
  },
  "kernel-rs-golden/no-delta-log-folder/delta": { code: "not-found", says: /no Delta table/ },
  "kernel-rs-golden/versions-not-contiguous/delta": {
    code: "log-corrupt",
    says: /not contiguous: commit 1 is missing/,
  },
};

/** Tables that must not be committed to, though they may be read. */
export const mustRefuseWrite: Readonly<Record<string, string>> = {
  "delta-golden/collations-preview-table": "collations-preview",
  "delta-rs/table_with_liquid_clustering": "liquid",
};

/** What writing to a table refuses, step by step, and by which feature; all others refuse nothing. */
export const writeRefusals: Readonly<Record<string, string>> = {
  "delta-golden/collations-preview-table":
    "metadata: collations-preview; append: collations-preview; optimize: collations-preview; checkpoint: collations-preview",
  "delta-rs/checkpoint-v2-table": "append: identityColumns",
  "delta-rs/issue-2152": "append: identityColumns",
  "delta-rs/table_with_liquid_clustering":
    "metadata: liquid; append: liquid; optimize: liquid; checkpoint: liquid",
  "delta-spark-resources/dbr_8_1_generated_columns": "append: generatedColumns",
  "delta-spark-resources/variant-stats-state-reconstruction": "optimize: variantShredding",
  "delta-spark-resources/variant-stats-with-struct-no-checkpoint": "optimize: variantShredding",
  "trino/databricks133/uniform_iceberg_v1":
    "metadata: icebergCompatV1; append: icebergCompatV1; optimize: icebergCompatV1",
  "trino/databricks143/uniform_iceberg_v2":
    "metadata: icebergCompatV2; append: icebergCompatV2; optimize: icebergCompatV2",
  "trino/deltalake/append_only": "restore: appendOnly",
};

/** delta-rs compares `/x`, `file:/x` and `/x%20y` as they stand; the protocol wants them decoded. */
export const filesByProtocol: Readonly<Record<string, number>> = {
  "kernel-rs-golden/canonicalized-paths-normal-a/delta": 0,
  "kernel-rs-golden/canonicalized-paths-normal-b/delta": 0,
  "kernel-rs-golden/canonicalized-paths-special-a/delta": 0,
  "kernel-rs-golden/canonicalized-paths-special-b/delta": 0,
};

const gone = /there is no such file/;

/**
 * Readable tables whose rows are not there to be read, with why. Everything else that fails is a
 * fault of ours.
 */
export const withoutRows: Readonly<Record<string, RegExp>> = {
  // Their suites test the log alone and made up the files' names.
  "delta-golden/corrupted-last-checkpoint": gone,
  "kernel-rs-golden/delete-re-add-same-file-different-transactions/delta": gone,
  "kernel-rs-golden/deltalog-commit-info/delta": gone,
  "kernel-rs-golden/log-replay-special-characters-b/delta": gone,
  "kernel-rs-golden/update-deleted-directory/delta": gone,
  // The log was kept, the data was not.
  "delta-rs-err-logs/table_a": gone,
  "delta-rs-err-logs/table_b": gone,
  "delta-rs-err-logs/table_g": gone,
  "delta-rs/checkpoints": gone,
  "delta-rs/checkpoints_vacuumed": gone,
  "delta-rs/spark-variant-stable-feature-checkpoint": gone,
  "kernel-rs-data/with_checkpoint_no_last_checkpoint": gone,
  "trino/databricks73/read_timestamps": gone,
  "delta-spark-resources/table-with-dv-large": gone,
  // Its deletion vector's path is a placeholder that Spark's test fills in.
  "delta-spark-resources/table-with-dv-special-char": /lies outside of the table's folder/,
  "trino/deltalake/clone_merge/clone_merge_deletion_vector_cloned":
    /lies outside of the table's folder/,
  // A shallow clone of a table in a bucket.
  "trino/deltalake/clone_merge/clone_merge_cloned": /lies outside of the table's folder/,
};
