import { availableParallelism, totalmem } from "node:os";
import { Readable } from "node:stream";
import type { CollectionRules, MappingRules } from "../core/encode/encode-job.ts";
import type { EncodePool } from "../core/encode/encode-pool.ts";
import { inlinePool } from "../core/encode/inline-pool.ts";
import { workerPool } from "../core/encode/worker-pool.ts";
import { objectFloorStore } from "../core/position/floor-store.ts";
import type { TableHome } from "../core/pump/open-table.ts";
import type { PumpSettings, PumpWorld } from "../core/pump/session.ts";
import { fileSource } from "../core/source/file-source.ts";
import { rememberFloors } from "../core/source/remember-floors.ts";
import type { Engine } from "../delta/engine.ts";
import { loadTableState } from "../delta/log/table-state.ts";
import { proveConditionalPut } from "../delta/storage/probe-conditional-put.ts";
import type { RetryEvent } from "../delta/storage/retrying-store.ts";
import { jobBytesMax } from "../limits.ts";
import { systemClock } from "./clock.ts";
import { defaultMemory, heldBytesWithin } from "./memory-budget.ts";
import { systemRandom } from "./random.ts";
import type { ResolvedSettings } from "./settings/resolve-settings.ts";
import type { Settings } from "./settings/settings.ts";
import { type StoreAccess, storeAccess } from "./store-access.ts";
import { collectionValues, tableLocator, withOverride } from "./table-location.ts";

/** The only place where real clocks, stores, sources and threads are put together. */

/** Everything a run works with, and how to let go of it. */
export type WiredRun = {
  readonly pump: PumpWorld;
  readonly settings: PumpSettings;
  /** Proves that the store refuses a second conditional PUT. Errors: `store-unsafe`, the store's. */
  prove(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
};

export type RunFlags = { readonly plan: boolean; readonly adopt: boolean };

export type RunPorts = {
  readonly stdin: AsyncIterable<Uint8Array>;
  /** Hears of every store call that is repeated. */
  readonly onRetry: (event: RetryEvent) => void;
};

/** Puts a run together; nothing is read or written yet. Errors: `usage`. */
export function wireRun(
  { values, collections }: ResolvedSettings,
  required: { readonly source: string; readonly basePath: string },
  flags: RunFlags,
  { stdin, onRetry }: RunPorts,
): WiredRun {
  const stores = storeAccess(values, onRetry);
  const locationOf = tableLocator({ settings: values, collections, basePath: required.basePath });
  const locate = (key: string): TableHome => {
    const uri = locationOf(key);
    const { properties } = collectionValues(values, collections, key);
    return { uri, engine: engineAt(stores, uri), configuration: properties };
  };
  const settings = pumpSettings(values, flags);
  const files = fileSource({
    path: required.source,
    follow: values.follow,
    sourceId: values.sourceId,
    clock: systemClock,
    stdin: stdin instanceof Readable ? stdin : null,
  });
  const floors = objectFloorStore(stores.open(required.basePath), {
    owner: settings,
    transactionsOf: async (key, options) =>
      (await loadTableState(locate(key).engine, options))?.transactions ?? null,
  });
  const source = rememberFloors(files, floors);
  const pool = openPool(values, mappingRules(values, { collections }));
  return {
    pump: { source, pool, clock: systemClock, random: systemRandom, locate },
    settings,
    prove: (signal) =>
      proveConditionalPut(stores.open(required.basePath), { random: systemRandom, signal }),
    async close() {
      await Promise.all([source.close(), pool.close()]);
      stores.close();
    },
  };
}

/** The engine of one table, to look at it. */
export function wireTable(
  values: Settings,
  uri: string,
): { readonly engine: Engine; readonly close: () => void } {
  const stores = storeAccess(values);
  return { engine: engineAt(stores, uri), close: () => stores.close() };
}

function engineAt(stores: StoreAccess, uri: string): Engine {
  return { store: stores.open(uri), clock: systemClock, random: systemRandom };
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
    return { ...rules, decimalAsString: decimals === "string" };
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
    pipelineId: values.pipelineId ?? values.kafkaConsumerGroup,
    adopt: flags.adopt,
    flush: {
      rowsMin: values.flushRows,
      bytesMax: values.flushBytes,
      ageMsMax: values.flushInterval,
      heldBytesMax: heldBytesWithin(memoryOf(values), workersOf(values)),
    },
    jobBytesMax,
    stateAgeMsMax: values.schemaCacheTtl,
    widen: values.widen,
    widenBytesMax: values.widenRewriteBytesMax,
    plan: flags.plan,
  };
}
