/** What a metric means; the registry and docs/metrics.md are made from it. */
export type MetricSpec = {
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds of a histogram's buckets. */
  readonly buckets?: readonly number[];
};

const latencyBuckets = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** All metrics by name: base units, `_total` for what only grows. */
export const metricTable = {
  cdcdelta_build_info: {
    type: "gauge",
    help: "Always 1; the labels say which cdcdelta runs on what",
    labels: ["version", "runtime"],
  },
  cdcdelta_start_time_seconds: {
    type: "gauge",
    help: "When the run started, seconds since the epoch",
    labels: [],
  },
  cdcdelta_ready: {
    type: "gauge",
    help: "1 while /readyz answers 200",
    labels: [],
  },
  cdcdelta_kafka_connected: {
    type: "gauge",
    help: "1 while the brokers answer",
    labels: [],
  },
  cdcdelta_partitions: {
    type: "gauge",
    help: "Partitions that this instance reads",
    labels: [],
  },
  cdcdelta_lag_records: {
    type: "gauge",
    help: "Offsets between what was read and the last stable offset",
    labels: ["topic", "partition"],
  },
  cdcdelta_floor_lag_records: {
    type: "gauge",
    help: "Offsets between what is committed for good and the last stable offset",
    labels: ["topic", "partition"],
  },
  cdcdelta_events_total: {
    type: "counter",
    help: "Records whose flush was committed",
    labels: [],
  },
  cdcdelta_input_bytes_total: {
    type: "counter",
    help: "Bytes of those records",
    labels: [],
  },
  cdcdelta_tombstones_total: {
    type: "counter",
    help: "Records without a value, which make no row",
    labels: [],
  },
  cdcdelta_rowless_events_total: {
    type: "counter",
    help: "Other records that make no row: heartbeats, signals, filtered ones",
    labels: [],
  },
  cdcdelta_dropped_rows_total: {
    type: "counter",
    help: "Rows that were in their table already when they were read again",
    labels: [],
  },
  cdcdelta_dead_letters_total: {
    type: "counter",
    help: "Records that are no events, kept in the table of dead letters",
    labels: [],
  },
  cdcdelta_rows_total: {
    type: "counter",
    help: "Rows committed",
    labels: ["table"],
  },
  cdcdelta_files_total: {
    type: "counter",
    help: "Data files committed",
    labels: ["table"],
  },
  cdcdelta_written_bytes_total: {
    type: "counter",
    help: "Bytes of those files",
    labels: ["table"],
  },
  cdcdelta_table_version: {
    type: "gauge",
    help: "Version of the last commit",
    labels: ["table"],
  },
  cdcdelta_last_commit_timestamp_seconds: {
    type: "gauge",
    help: "When the last commit was made, seconds since the epoch",
    labels: ["table"],
  },
  cdcdelta_commit_duration_seconds: {
    type: "histogram",
    help: "Time to write the files of a table and to commit them",
    labels: [],
    buckets: latencyBuckets,
  },
  cdcdelta_flush_duration_seconds: {
    type: "histogram",
    help: "Time from the end of a batch to its last commit",
    labels: [],
    buckets: latencyBuckets,
  },
  cdcdelta_flushes_total: {
    type: "counter",
    help: "Batches committed, by why they were due",
    labels: ["reason"],
  },
  cdcdelta_freshness_seconds: {
    type: "histogram",
    help: "Source time of a commit's newest row to the moment it can be read",
    labels: [],
    buckets: [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60, 120, 300, 900, 3600],
  },
  cdcdelta_last_freshness_seconds: {
    type: "gauge",
    help: "The same of the last commit",
    labels: ["table"],
  },
  cdcdelta_rescued_values_total: {
    type: "counter",
    help: "Values kept in _rescued_data because they fit no column",
    labels: ["table", "column", "reason"],
  },
  cdcdelta_widened_columns_total: {
    type: "counter",
    help: "Columns that got a wider type",
    labels: ["table", "column"],
  },
  cdcdelta_conflicts_total: {
    type: "counter",
    help: "Commits prepared again because another writer was first",
    labels: ["table"],
  },
  cdcdelta_commits_in_doubt_total: {
    type: "counter",
    help: "Commits that were read back because the store's answer was unclear",
    labels: [],
  },
  cdcdelta_compacted_files_total: {
    type: "counter",
    help: "Small files of closed partitions that were merged into larger ones",
    labels: ["table"],
  },
  cdcdelta_compacted_bytes_total: {
    type: "counter",
    help: "Bytes of those files",
    labels: ["table"],
  },
  cdcdelta_compaction_failures_total: {
    type: "counter",
    help: "Compactions of closed partitions that failed; they are tried again",
    labels: ["table"],
  },
  cdcdelta_retries_total: {
    type: "counter",
    help: "Requests tried again; target is kafka or store",
    labels: ["target", "operation"],
  },
  cdcdelta_restarts_total: {
    type: "counter",
    help: "Times that reading went back to the committed positions",
    labels: [],
  },
  cdcdelta_rebalances_total: {
    type: "counter",
    help: "Times that the group gave us partitions",
    labels: [],
  },
  cdcdelta_evictions_total: {
    type: "counter",
    help: "Times that the group took all partitions away",
    labels: [],
  },
  cdcdelta_floor_commit_failures_total: {
    type: "counter",
    help: "Offsets that could not be committed to Kafka; costs reading again, nothing else",
    labels: [],
  },
  cdcdelta_lost_records_total: {
    type: "counter",
    help: "Offsets that were gone from Kafka before they were read",
    labels: ["topic", "partition"],
  },
  cdcdelta_held_bytes: {
    type: "gauge",
    help: "Input read and not committed yet",
    labels: [],
  },
  cdcdelta_held_bytes_max: {
    type: "gauge",
    help: "Input that may be held; reading waits above it",
    labels: [],
  },
  process_resident_memory_bytes: {
    type: "gauge",
    help: "Memory of the process",
    labels: [],
  },
  process_cpu_seconds_total: {
    type: "counter",
    help: "Processor time of the process",
    labels: [],
  },
} as const satisfies Readonly<Record<string, MetricSpec>>;

export type MetricName = keyof typeof metricTable;
