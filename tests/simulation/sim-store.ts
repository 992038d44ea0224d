import type { ObjectStore } from "../../src/delta/storage/object-store.ts";
import { CdcDeltaError } from "../../src/errors.ts";
import type { Process, Scheduler } from "./scheduler.ts";
import type { SeededRandom } from "./seeded-random.ts";

/** How often a store misbehaves; every seed has its own mix, some have none of a kind. */
export type StoreFaults = {
  /** The request fails and has no effect. */
  readonly failBefore: number;
  /** The request takes effect, but its answer is lost. */
  readonly failAfter: number;
  /** A conditional PUT is answered 409 without effect. */
  readonly conflict409: number;
  /** The request takes many times as long. */
  readonly slow: number;
};

export const noFaults: StoreFaults = { failBefore: 0, failAfter: 0, conflict409: 0, slow: 0 };

export type SimStoreOptions = {
  readonly inner: ObjectStore;
  readonly scheduler: Scheduler;
  readonly process: Process;
  readonly random: SeededRandom;
  readonly faults: () => StoreFaults;
};

/** A store over the network of the simulation, as one process sees it. */
export function simStore(
  { inner, scheduler, process, random, faults }: SimStoreOptions,
): ObjectStore {
  const call = <T>(effect: () => Promise<T>, isPutIfAbsent = false): Promise<T> => {
    const now = faults();
    const delayMs = 1 + random.int(20) + (random.chance(now.slow) ? 5_000 + random.int(60_000) : 0);
    const before = random.chance(now.failBefore);
    const conflict = isPutIfAbsent && random.chance(now.conflict409);
    const after = random.chance(now.failAfter);
    return scheduler.wait(process, delayMs, async () => {
      if (before || conflict) throw failure(conflict ? "409 conflict" : "503 slow down");
      const value = await effect();
      if (after) throw failure("the connection was cut before the answer");
      return value;
    });
  };
  return {
    uri: inner.uri,
    get: (key, options) => call(() => inner.get(key, options)),
    head: (key, options) => call(() => inner.head(key, options)),
    async *list(prefix, options) {
      const found = await call(async () => {
        const all = [];
        for await (const meta of inner.list(prefix, options)) all.push(meta);
        return all;
      });
      yield* found;
    },
    put: (key, chunks, options) => call(() => inner.put(key, chunks, options)),
    putIfAbsent: (key, bytes, options) => call(() => inner.putIfAbsent(key, bytes, options), true),
    delete: (keys, options) => call(() => inner.delete(keys, options)),
  };
}

function failure(what: string): CdcDeltaError {
  return new CdcDeltaError("store", `simulated: ${what}`, {
    retryable: true,
    context: { inDoubt: true },
  });
}
