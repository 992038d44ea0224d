import process from "node:process";
import type { CompactionEvent } from "../../core/compaction/compaction-event.ts";
import type { PumpEvent } from "../../core/pump/pump-events.ts";
import type { KafkaSourceEvent } from "../../core/source/kafka/kafka-source-event.ts";
import type { LaneProgress } from "../../core/source/source.ts";
import { versionText } from "../version.ts";
import { type MetricRegistry, metricRegistry } from "./metric-registry.ts";
import type { RunEvent } from "./run-event.ts";

/** What is asked for when metrics are read. */
export type RunGauges = {
  readonly lanes: () => readonly LaneProgress[];
  readonly heldBytes: () => number;
  readonly heldBytesMax: number;
  /** Null: no broker is needed. */
  readonly connected: () => boolean | null;
  readonly ready: () => boolean;
};

export type RunMetrics = {
  observe(event: RunEvent): void;
  /** The page of /metrics. */
  text(): Promise<string>;
  readonly contentType: string;
};

/** The metrics of a run; `nowMs` is the time of day. */
export function runMetrics(gauges: RunGauges, nowMs: () => number): RunMetrics {
  const registry = metricRegistry();
  registry.set("cdcdelta_build_info", 1, { version: versionText, runtime: runtimeText() });
  registry.set("cdcdelta_start_time_seconds", nowMs() / 1000);
  return {
    observe(event) {
      switch (event.kind) {
        case "pump":
          countPump(registry, event.event, nowMs());
          break;
        case "kafka":
          countKafka(registry, event.event);
          break;
        case "compaction":
          countCompaction(registry, event.event);
          break;
        case "store-retry": {
          const { operation } = event.event;
          registry.add("cdcdelta_retries_total", 1, { target: "store", operation });
          break;
        }
        case "store-answer":
        case "stopping":
          break;
      }
    },
    async text() {
      readGauges(registry, gauges);
      return await registry.text();
    },
    contentType: registry.contentType,
  };
}

function countPump(registry: MetricRegistry, event: PumpEvent, nowMs: number): void {
  switch (event.kind) {
    case "committed":
      countCommit(registry, event, nowMs);
      break;
    case "flushed":
      registry.add("cdcdelta_flushes_total", 1, { reason: event.reason });
      registry.add("cdcdelta_events_total", event.counts.records);
      registry.add("cdcdelta_input_bytes_total", event.counts.bytes);
      registry.add("cdcdelta_tombstones_total", event.counts.tombstones);
      registry.add("cdcdelta_rowless_events_total", event.counts.rowless);
      registry.add("cdcdelta_dropped_rows_total", event.droppedRows);
      registry.observe("cdcdelta_flush_duration_seconds", event.latencyMs / 1000);
      break;
    case "rescued":
      for (const { path, reason, count } of event.columns) {
        const labels = { table: event.table, column: path, reason };
        registry.add("cdcdelta_rescued_values_total", count, labels);
      }
      break;
    case "widened":
      for (const { path } of event.columns) {
        const labels = { table: event.table, column: path };
        registry.add("cdcdelta_widened_columns_total", 1, labels);
      }
      break;
    case "dead-letters":
      registry.add("cdcdelta_dead_letters_total", event.count);
      break;
    case "conflict":
      registry.add("cdcdelta_conflicts_total", 1, { table: event.table });
      break;
    case "commit-in-doubt":
      registry.add("cdcdelta_commits_in_doubt_total", 1);
      break;
    case "restarted":
      registry.add("cdcdelta_restarts_total", 1);
      break;
    default:
      // The others are for the log.
  }
}

function countCompaction(registry: MetricRegistry, event: CompactionEvent): void {
  const { table } = event;
  switch (event.kind) {
    case "compacted":
      registry.add("cdcdelta_compacted_files_total", event.removedFiles, { table });
      registry.add("cdcdelta_compacted_bytes_total", event.removedBytes, { table });
      break;
    case "compaction-failed":
      registry.add("cdcdelta_compaction_failures_total", 1, { table });
      break;
    case "compaction-paused":
      // For the log.
  }
}

function countCommit(
  registry: MetricRegistry,
  event: Extract<PumpEvent, { readonly kind: "committed" }>,
  nowMs: number,
): void {
  const { table, rows, files, bytes, version, latencyMs, newestSourceMs } = event;
  registry.add("cdcdelta_rows_total", rows, { table });
  registry.add("cdcdelta_files_total", files, { table });
  registry.add("cdcdelta_written_bytes_total", bytes, { table });
  registry.set("cdcdelta_table_version", version, { table });
  registry.set("cdcdelta_last_commit_timestamp_seconds", nowMs / 1000, { table });
  registry.observe("cdcdelta_commit_duration_seconds", latencyMs / 1000);
  if (newestSourceMs === null) return;
  // Clocks differ a little between machines.
  const freshness = Math.max(0, nowMs - newestSourceMs) / 1000;
  registry.observe("cdcdelta_freshness_seconds", freshness);
  registry.set("cdcdelta_last_freshness_seconds", freshness, { table });
}

function countKafka(registry: MetricRegistry, event: KafkaSourceEvent): void {
  switch (event.kind) {
    case "joined":
      registry.add("cdcdelta_rebalances_total", 1);
      break;
    case "evicted":
      registry.add("cdcdelta_evictions_total", 1);
      break;
    case "floors-failed":
      registry.add("cdcdelta_floor_commit_failures_total", 1);
      break;
    case "data-loss": {
      const { topic, partition, lost } = event.loss;
      const labels = { topic, partition: String(partition) };
      registry.add("cdcdelta_lost_records_total", Number(lost), labels);
      break;
    }
    case "retry": {
      // "fetch from broker 1": the broker is not part of the kind of request.
      const operation = event.what.replace(/[:\d"].*$/, "").trim();
      registry.add("cdcdelta_retries_total", 1, { target: "kafka", operation });
      break;
    }
    default:
      // The others are for the log.
  }
}

function readGauges(registry: MetricRegistry, gauges: RunGauges): void {
  const lanes = gauges.lanes();
  registry.clear("cdcdelta_lag_records");
  registry.clear("cdcdelta_floor_lag_records");
  for (const { topic, partition, nextOffset, floor, endOffset } of lanes) {
    if (endOffset === null) continue;
    const labels = { topic, partition: String(partition) };
    registry.set("cdcdelta_lag_records", lag(endOffset, nextOffset), labels);
    if (floor !== null) registry.set("cdcdelta_floor_lag_records", lag(endOffset, floor), labels);
  }
  registry.set("cdcdelta_partitions", lanes.length);
  registry.set("cdcdelta_held_bytes", gauges.heldBytes());
  registry.set("cdcdelta_held_bytes_max", gauges.heldBytesMax);
  const connected = gauges.connected();
  if (connected !== null) registry.set("cdcdelta_kafka_connected", connected ? 1 : 0);
  registry.set("cdcdelta_ready", gauges.ready() ? 1 : 0);
  registry.set("process_resident_memory_bytes", process.memoryUsage().rss);
  const { user, system } = process.cpuUsage();
  registry.set("process_cpu_seconds_total", (user + system) / 1e6);
}

/** Offsets from a position to the end; what is read may be ahead of what the last fetch told. */
function lag(end: bigint, position: bigint): number {
  return end > position ? Number(end - position) : 0;
}

function runtimeText(): string {
  const { bun, deno, node } = process.versions;
  if (bun !== undefined) return `bun ${bun}`;
  return deno === undefined ? `node ${node}` : `deno ${deno}`;
}
