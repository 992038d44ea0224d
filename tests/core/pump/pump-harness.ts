import { Buffer } from "node:buffer";
import { randomUUID } from "node:crypto";
import type { CollectionRules } from "../../../src/core/encode/encode-job.ts";
import type { EncodePool } from "../../../src/core/encode/encode-pool.ts";
import { inlinePool } from "../../../src/core/encode/inline-pool.ts";
import { runPump } from "../../../src/core/pump/pump.ts";
import type { PumpEvent, PumpSummary } from "../../../src/core/pump/pump-events.ts";
import type { PumpSettings } from "../../../src/core/pump/session.ts";
import type { Source, SourceEvent } from "../../../src/core/source/source.ts";
import { valueAt } from "../../../src/delta/columns/column-value.ts";
import type { Value } from "../../../src/delta/columns/column-builder.ts";
import type { Engine } from "../../../src/delta/engine.ts";
import { loadSnapshot, type Snapshot } from "../../../src/delta/log/snapshot.ts";
import { scanSnapshot } from "../../../src/delta/operations/scan.ts";
import { memoryStore } from "../../../src/delta/storage/memory-store.ts";
import { type ObjectStore, subStore } from "../../../src/delta/storage/object-store.ts";
import { mappingRules } from "../../support/mapping-rules.ts";

export const { signal } = new AbortController();

export type Lake = { readonly store: ObjectStore; now: number };

export function newLake(): Lake {
  const lake: Lake = {
    now: Date.UTC(2026, 0, 31),
    store: memoryStore({ clock: { nowMs: () => lake.now } }),
  };
  return lake;
}

export function tableEngine(lake: Lake, key: string): Engine {
  return {
    store: subStore(lake.store, key.replace("$", "").replace(".", "/")),
    clock: { nowMs: () => lake.now, sleep: () => Promise.resolve() },
    random: { uuid: () => randomUUID(), next: () => Math.random() },
  };
}

/** One change event of collection `shop.<collection>` as a bare Debezium value. */
export function changeLine(
  op: "c" | "u" | "d" | "r",
  document: Readonly<Record<string, unknown>>,
  collection = "orders",
): string {
  return JSON.stringify({
    before: null,
    after: JSON.stringify(document),
    source: { ts_ms: 1_700_000_000_000, db: "shop", collection },
    op,
    ts_ms: 1_700_000_000_001,
  });
}

export type LinesOptions = {
  readonly identity?: string;
  readonly topic?: string;
  readonly linesPerBatch?: number;
  /** Called between batches. */
  readonly between?: (batch: number) => Promise<SourceEvent | null> | SourceEvent | null;
};

/** A source of lines with file positions. */
export function lineSource(lines: readonly string[], options: LinesOptions = {}): Source {
  const { identity = "1111", topic = "orders.ndjson", linesPerBatch = 3 } = options;
  return {
    description: "lines",
    async *events({ signal: stop }) {
      let offset = 0;
      let count = 0;
      for (let at = 0; at < lines.length && !stop.aborted; at += linesPerBatch) {
        const text = lines.slice(at, at + linesPerBatch).map((line) => `${line}\n`).join("");
        const bytes = new Uint8Array(Buffer.from(text));
        const position = { topic, partition: 0, baseOffset: BigInt(offset), identity };
        offset += bytes.length;
        yield { kind: "records", lane: topic, batch: { framing: "lines", bytes, position } };
        const extra = await options.between?.(++count);
        if (extra !== null && extra !== undefined) yield extra;
      }
      yield { kind: "lane-end", lane: topic };
    },
    commitFloors: () => Promise.resolve(),
    release: () => undefined,
    lanes: () => [],
    progress: () => ({ bytesRead: 0, bytesTotal: null }),
    close: () => Promise.resolve(),
  };
}

export const pumpSettings: PumpSettings = {
  pipelineId: "test",
  adopt: false,
  flush: { rowsMin: 100, bytesMax: 1 << 20, ageMsMax: 60_000, heldBytesMax: 4 << 20 },
  jobBytesMax: 700,
  stateAgeMsMax: 300_000,
  widen: "rewrite",
  widenBytesMax: 1 << 30,
  plan: false,
};

export type PumpRun = { readonly summary: PumpSummary; readonly events: readonly PumpEvent[] };

export type PumpChanges = {
  readonly settings?: Partial<PumpSettings>;
  readonly rules?: Partial<CollectionRules>;
  readonly stop?: AbortSignal;
  readonly pool?: EncodePool;
  /** Properties of tables that are created. */
  readonly configuration?: Readonly<Record<string, string>>;
};

export async function pump(
  lake: Lake,
  source: Source,
  { settings, rules, stop = signal, pool, configuration = {} }: PumpChanges = {},
): Promise<PumpRun> {
  const events: PumpEvent[] = [];
  const world = {
    source,
    pool: pool ?? inlinePool({ size: 2, rules: mappingRules(rules) }),
    clock: {
      nowMs: () => lake.now,
      sleep: (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, Math.min(ms, 5))),
    },
    random: { uuid: () => randomUUID(), next: () => Math.random() },
    locate: (key: string) => ({
      uri: `memory:/${key}`,
      engine: tableEngine(lake, key),
      configuration,
    }),
  };
  const merged = { ...pumpSettings, ...settings };
  const observe = (event: PumpEvent): void => void events.push(event);
  const summary = await runPump(world, merged, observe, { signal, stop });
  return { summary, events };
}

export type Row = Readonly<Record<string, Value>>;

export async function readTable(
  lake: Lake,
  key: string,
): Promise<{ readonly snapshot: Snapshot; readonly rows: readonly Row[] }> {
  const engine = tableEngine(lake, key);
  const snapshot = await loadSnapshot(engine, { signal });
  const rows: Row[] = [];
  for await (const batch of scanSnapshot(engine, snapshot, { signal })) {
    for (let row = 0; row < batch.length; row++) {
      rows.push(Object.fromEntries(
        snapshot.schema.fields.map((field, index) =>
          [field.name, valueAt(batch.columns[index]!, field.type, row)] as const
        ),
      ));
    }
  }
  return { snapshot, rows };
}
