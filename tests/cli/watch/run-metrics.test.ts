import { describe, expect, test } from "bun:test";
import { type MetricSpec, metricTable } from "../../../src/cli/watch/metric-table.ts";
import { type RunGauges, runMetrics } from "../../../src/cli/watch/run-metrics.ts";
import type { PumpEvent } from "../../../src/core/pump/pump-events.ts";
import type { KafkaSourceEvent } from "../../../src/core/source/kafka/kafka-source-event.ts";
import { CdcDeltaError } from "../../../src/errors.ts";
import { labelSetsMax } from "../../../src/limits.ts";

const table = "shop.orders";
const gauges: RunGauges = {
  lanes: () => [
    { topic: "t", partition: 0, nextOffset: 90n, floor: 40n, endOffset: 100n },
    { topic: "t", partition: 1, nextOffset: 12n, floor: null, endOffset: 10n },
    { topic: "t", partition: 2, nextOffset: 0n, floor: null, endOffset: null },
  ],
  heldBytes: () => 77,
  heldBytesMax: 1000,
  connected: () => true,
  ready: () => false,
};
const pump = (event: PumpEvent) => ({ kind: "pump", event }) as const;
const kafka = (event: KafkaSourceEvent) => ({ kind: "kafka", event }) as const;
const metrics = () => runMetrics(gauges, () => 10_000);

async function values(from: ReturnType<typeof runMetrics>): Promise<ReadonlyMap<string, number>> {
  const lines = (await from.text()).split("\n").filter((line) => line !== "" && line[0] !== "#");
  return new Map(lines.map((line) => {
    const space = line.lastIndexOf(" ");
    return [line.slice(0, space), Number(line.slice(space + 1))];
  }));
}

describe("runMetrics()", () => {
  test("has the metrics of the table, named by Prometheus' habits", async () => {
    const text = await metrics().text();
    const shown = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name, type]) => [
      name,
      type,
    ]);
    expect(shown).toEqual(
      Object.entries<MetricSpec>(metricTable).map(([name, { type }]) => [name, type]),
    );
    for (const [name, spec] of Object.entries<MetricSpec>(metricTable)) {
      expect(name).toMatch(/^(cdcdelta|process)_[a-z_]+$/);
      expect([name, name.endsWith("_total")]).toEqual([name, spec.type === "counter"]);
      if (spec.type === "histogram") expect(name).toEndWith("_seconds");
    }
  });

  test("reads gauges when asked; no lag where no end is known, none below zero", async () => {
    const found = await values(metrics());
    expect(found.get('cdcdelta_lag_records{topic="t",partition="0"}')).toBe(10);
    expect(found.get('cdcdelta_floor_lag_records{topic="t",partition="0"}')).toBe(60);
    expect(found.get('cdcdelta_lag_records{topic="t",partition="1"}')).toBe(0);
    expect(found.has('cdcdelta_floor_lag_records{topic="t",partition="1"}')).toBe(false);
    expect(found.has('cdcdelta_lag_records{topic="t",partition="2"}')).toBe(false);
    expect(found.get("cdcdelta_partitions")).toBe(3);
    expect(found.get("cdcdelta_held_bytes")).toBe(77);
    expect([found.get("cdcdelta_kafka_connected"), found.get("cdcdelta_ready")]).toEqual([1, 0]);
    expect(found.get("process_resident_memory_bytes")).toBeGreaterThan(1e6);
  });

  test("forgets partitions that went to another instance", async () => {
    let lanes = gauges.lanes();
    const watched = runMetrics({ ...gauges, lanes: () => lanes }, () => 0);
    await watched.text();
    lanes = [];
    expect(await watched.text()).not.toContain('topic="t"');
  });

  test("counts what is committed", async () => {
    const watched = metrics();
    for (let version = 0; version < 2; version++) {
      watched.observe(pump({
        kind: "committed",
        table,
        version,
        rows: 5,
        files: 1,
        bytes: 600,
        latencyMs: 200,
        reason: "age",
        attempts: 1,
        newestSourceMs: 9000,
        traceparent: null,
      }));
    }
    watched.observe(pump({
      kind: "flushed",
      reason: "age",
      counts: { records: 12, bytes: 900, tombstones: 1, rowless: 2 },
      rows: 9,
      droppedRows: 3,
      deadLetters: 1,
      tables: 1,
      latencyMs: 300,
    }));
    const found = await values(watched);
    const wanted: Readonly<Record<string, number>> = {
      'cdcdelta_rows_total{table="shop.orders"}': 10,
      'cdcdelta_files_total{table="shop.orders"}': 2,
      'cdcdelta_written_bytes_total{table="shop.orders"}': 1200,
      'cdcdelta_table_version{table="shop.orders"}': 1,
      'cdcdelta_last_commit_timestamp_seconds{table="shop.orders"}': 10,
      "cdcdelta_commit_duration_seconds_count": 2,
      'cdcdelta_commit_duration_seconds_bucket{le="0.1"}': 0,
      'cdcdelta_commit_duration_seconds_bucket{le="0.25"}': 2,
      "cdcdelta_freshness_seconds_sum": 2,
      'cdcdelta_last_freshness_seconds{table="shop.orders"}': 1,
      'cdcdelta_flushes_total{reason="age"}': 1,
      cdcdelta_events_total: 12,
      cdcdelta_input_bytes_total: 900,
      cdcdelta_tombstones_total: 1,
      cdcdelta_rowless_events_total: 2,
      cdcdelta_dropped_rows_total: 3,
    };
    for (const [name, value] of Object.entries(wanted)) {
      expect([name, found.get(name)]).toEqual([name, value]);
    }
  });

  test("counts what needs a look", async () => {
    const watched = metrics();
    const columns = [{ path: "/a", reason: "type", count: 4 }] as const;
    watched.observe(pump({ kind: "rescued", table, columns }));
    watched.observe(pump({ kind: "dead-letters", count: 2, location: "/a" }));
    watched.observe(pump({ kind: "restarted", table, why: "" }));
    watched.observe(pump({ kind: "conflict", table, reason: "", winnerVersion: 1 }));
    watched.observe(pump({ kind: "commit-in-doubt", table, version: 1, why: "" }));
    const loss = {
      topic: "t",
      partition: 0,
      cause: "removed",
      expected: 1n,
      available: 9n,
      lost: 8n,
    } as const;
    watched.observe(kafka({ kind: "data-loss", loss }));
    watched.observe(kafka({ kind: "evicted", why: "", lanes: [] }));
    for (const broker of [1, 2]) {
      const what = `fetch from broker ${broker}`;
      watched.observe(kafka({ kind: "retry", what, attempt: 1, delayMs: 1, error: "" }));
    }
    const error = new CdcDeltaError("store", "down", { retryable: true });
    const event = { operation: "put", key: "k", attempt: 1, delayMs: 1, error } as const;
    watched.observe({ kind: "store-retry", event });
    const found = await values(watched);
    const rescued = 'cdcdelta_rescued_values_total{table="shop.orders",column="/a",reason="type"}';
    expect(found.get(rescued)).toBe(4);
    expect(found.get("cdcdelta_dead_letters_total")).toBe(2);
    expect(found.get("cdcdelta_restarts_total")).toBe(1);
    expect(found.get('cdcdelta_conflicts_total{table="shop.orders"}')).toBe(1);
    expect(found.get("cdcdelta_commits_in_doubt_total")).toBe(1);
    expect(found.get('cdcdelta_lost_records_total{topic="t",partition="0"}')).toBe(8);
    expect(found.get("cdcdelta_evictions_total")).toBe(1);
    const retries = 'cdcdelta_retries_total{target="kafka",operation="fetch from broker"}';
    expect(found.get(retries)).toBe(2);
    expect(found.get('cdcdelta_retries_total{target="store",operation="put"}')).toBe(1);
  });

  test("does not grow without end when every document brings new paths", async () => {
    const watched = metrics();
    for (let i = 0; i < labelSetsMax + 10; i++) {
      const columns = [{ path: `/${i}`, reason: "type", count: 1 }] as const;
      watched.observe(pump({ kind: "rescued", table, columns }));
    }
    const found = await values(watched);
    const sets = [...found.keys()].filter((name) => name.startsWith("cdcdelta_rescued"));
    expect(sets).toHaveLength(labelSetsMax + 1);
    const other = 'table="(other)",column="(other)",reason="(other)"';
    expect(found.get(`cdcdelta_rescued_values_total{${other}}`)).toBe(10);
  });
});
