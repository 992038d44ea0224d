import { availableParallelism, totalmem } from "node:os";
import type { CollectionRules, MappingRules, TableKey } from "../core/encode/encode-job.ts";
import type { EncodePool } from "../core/encode/encode-pool.ts";
import { type Compaction, compaction } from "../core/compaction/compact-tables.ts";
import { inlinePool } from "../core/encode/inline-pool.ts";
import { workerPool } from "../core/encode/worker-pool.ts";
import type { TableHome } from "../core/pump/open-table.ts";
import type { PumpSettings, PumpWorld } from "../core/pump/session.ts";
import type { ReadRange } from "../core/source/kafka/kafka-source-options.ts";
import type { Engine } from "../delta/engine.ts";
import { loadTableState } from "../delta/log/table-state.ts";
import { proveConditionalPut } from "../delta/storage/probe-conditional-put.ts";
import { farewellMsMax, jobBytesMax } from "../limits.ts";
import { systemClock } from "./clock.ts";
import { defaultMemory, fetchBytes, heldBytesWithin } from "./memory-budget.ts";
import { systemRandom } from "./random.ts";
import type { ResolvedSettings } from "./settings/resolve-settings.ts";
import type { Settings } from "./settings/settings.ts";
import { type StoreAccess, storeAccess } from "./store-access.ts";
import { collectionValues, tableLocator, withOverride } from "./table-location.ts";
import { meteredSource } from "./watch/held-bytes.ts";
import type { SourceState } from "./watch/readiness.ts";
import type { RunObserver } from "./watch/run-event.ts";
import { type SourceTables, wireFiles, wireKafka } from "./wire-source.ts";

/** The only place where real clocks, stores, sources and threads are put together. */

/** Everything a run works with, and how to let go of it. */
export type WiredRun = {
  readonly pump: PumpWorld;
  readonly settings: PumpSettings;
  /** Works beside the pump; null: not wanted, or there is no such time as a quiet moment. */
  readonly compaction: Compaction | null;
  /** What the source depends on; null: nothing that could be away. */
  readonly sourceState: () => SourceState | null;
  /** Bytes that were read and not committed yet. */
  readonly heldBytes: () => number;
  /** One small request to the store, not repeated. */
  readonly askStore: (signal: AbortSignal) => Promise<unknown>;
  /** Proves that the store refuses a second conditional PUT. Errors: `store-unsafe`, the store's. */
  prove(signal: AbortSignal): Promise<void>;
  /**
   * Leaves the consumer group and closes all connections; takes `farewellMsMax` at most. A second
   * call is the first one.
   */
  close(): Promise<void>;
};

export type RunFlags = {
  readonly plan: boolean;
  readonly adopt: boolean;
  readonly untilLatest: boolean;
  /** Default: none, the tables of the pipeline are written. */
  readonly shadow?: ShadowRun;
};

/** One table, beside those of the pipeline, that a range of Kafka is read into. */
export type ShadowRun = {
  readonly key: TableKey;
  readonly uri: string;
  readonly pipelineId: string;
  /** Table properties beside those of the settings. */
  readonly properties: Readonly<Record<string, string>>;
  readonly range: ReadonlyMap<string, ReadRange>;
};

export type RunPorts = {
  readonly stdin: AsyncIterable<Uint8Array>;
  /** Hears of what sources and stores do. */
  readonly observe: RunObserver;
};

/** Puts a run together; nothing is read or written yet. Errors: `usage`. */
export function wireRun(
  { values, collections }: ResolvedSettings,
  basePath: string,
  flags: RunFlags,
  { stdin, observe }: RunPorts,
): WiredRun {
  const stores = storeAccess(values, {
    onRetry: (event) => observe({ kind: "store-retry", event }),
    watch: (why) => observe({ kind: "store-answer", why }),
  });
  const locationOf = tableLocator({ settings: values, collections, basePath });
  const { shadow } = flags;
  const locate = (key: string): TableHome => {
    const uri = shadow?.uri ?? locationOf(key);
    const { properties } = collectionValues(values, collections, key);
    const configuration = { ...properties, ...shadow?.properties };
    return { uri, engine: engineAt(stores, uri), configuration };
  };
  const settings = pumpSettings(values, flags);
  const tables: SourceTables = {
    owner: settings,
    basePath,
    store: stores.open(basePath),
    transactionsOf: async (key, options) =>
      (await loadTableState(locate(key).engine, options))?.transactions ?? null,
    engineAt: (uri) => engineAt(stores, uri),
  };
  const wired = values.source === null
    ? wireKafka(values, collections, {
      ...flags,
      range: shadow?.range ?? null,
      onEvent: (event) => observe({ kind: "kafka", event }),
    }, tables)
    : wireFiles(values, values.source, stdin, tables);
  const source = meteredSource(wired.source);
  const follows = values.source === null && !flags.untilLatest && !flags.plan;
  const beside = { clock: systemClock, random: systemRandom, locate, lanes: () => source.lanes() };
  const quiet = { afterMs: values.compactAfter, quietMs: values.compactQuiet };
  const asked = stores.openOnce(basePath);
  const pool = openPool(values, mappingRules(values, { collections }));
  return {
    pump: { source, pool, clock: systemClock, random: systemRandom, locate },
    settings,
    compaction: follows && values.compact
      ? compaction(beside, quiet, (event) => observe({ kind: "compaction", event }))
      : null,
    sourceState: wired.state,
    heldBytes: () => source.heldBytes(),
    askStore: (signal) => asked.head("_cdcdelta/readiness", { signal }),
    prove: (signal) =>
      proveConditionalPut(stores.open(shadow?.uri ?? basePath), {
        random: systemRandom,
        retry: stores.retry,
        signal,
      }),
    close: once(async () => {
      // Brokers that do not answer are told nothing: they notice by themselves.
      await within(farewellMsMax, Promise.all([wired.close(), pool.close()]));
      stores.close();
    }),
  };
}

/** Waits for a task, but not longer than so many milliseconds. */
async function within(ms: number, task: Promise<unknown>): Promise<void> {
  const done = new AbortController();
  const limit = systemClock.sleep(ms, done.signal).catch(() => undefined);
  try {
    await Promise.race([task, limit]);
  } finally {
    done.abort();
  }
}

function once(task: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | null = null;
  return () => done ??= task();
}

function engineAt(stores: StoreAccess, uri: string): Engine {
  return {
    store: stores.open(uri),
    clock: systemClock,
    random: systemRandom,
    openOutside: stores.outsideOf(uri),
  };
}

function openPool(values: Settings, rules: MappingRules): EncodePool {
  const size = workersOf(values);
  return size === 0 ? inlinePool({ size: 1, rules }) : workerPool({ size, rules });
}

/** What encode jobs have to know of the settings; plain data for the worker threads. */
export function mappingRules(
  values: Settings,
  { collections }: Pick<ResolvedSettings, "collections">,
): MappingRules {
  const rulesOf = (override: (typeof collections)[number] | undefined): CollectionRules => {
    const { tablePath: _path, properties: _properties, decimals, ...rules } = withOverride(
      values,
      override,
    );
    return { ...rules, maskKey: values.maskKey, decimalAsString: decimals === "string" };
  };
  return {
    defaults: rulesOf(undefined),
    overrides: collections.map((override) => ({
      pattern: override.pattern,
      rules: rulesOf(override),
    })),
  };
}

/** Both are numbers once settings are resolved; `auto` stands for what holds without a machine. */
const workersOf = ({ workers }: Settings): number =>
  workers === "auto" ? availableParallelism() : workers;
const memoryOf = ({ memory }: Settings): number =>
  memory === "auto" ? defaultMemory(totalmem()) : memory;

function pumpSettings(values: Settings, flags: RunFlags): PumpSettings {
  return {
    pipelineId: flags.shadow?.pipelineId ?? values.pipelineId ?? values.kafkaConsumerGroup,
    ...(flags.shadow === undefined ? {} : { only: flags.shadow.key }),
    adopt: flags.adopt,
    flush: {
      rowsMin: values.flushRows,
      bytesMax: values.flushBytes,
      ageMsMax: values.flushInterval,
      heldBytesMax: heldBytesWithin(
        memoryOf(values),
        workersOf(values),
        values.source === null ? fetchBytes(values.kafkaFetchBytesMax) : 0,
      ),
    },
    jobBytesMax,
    stateAgeMsMax: values.schemaCacheTtl,
    widen: values.widen,
    widenBytesMax: values.widenRewriteBytesMax,
    plan: flags.plan,
  };
}
