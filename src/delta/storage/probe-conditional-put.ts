import { CdcDeltaError } from "../../errors.ts";
import type { Random } from "../clock.ts";
import type { IoOptions, ObjectStore } from "./object-store.ts";
import { retryDelayMs, type RetryOptions } from "./retrying-store.ts";

/** Where probes are put, below the base path; no table lives in this folder. */
export const probePrefix = "_cdcdelta/probe-";

/** A probe whose first PUT proves nothing is repeated under a new name; this many in all. */
const refusalsMax = 3;

/** What the probe needs besides the store. */
export type ProbeOptions = IoOptions & {
  readonly random: Pick<Random, "uuid">;
  /** How often a store that is away is asked, after which waits: it may be about to start. */
  readonly retry: RetryOptions;
};

/**
 * Proves that the store refuses to replace an object by a conditional PUT: puts a new object twice
 * and deletes it. Each try has a new name, so that trying again is safe here. Throws code
 * `store-unsafe` when the second PUT is accepted; the last error of the store passes through.
 */
export async function proveConditionalPut(
  store: ObjectStore,
  { random, retry, signal }: ProbeOptions,
): Promise<void> {
  for (let refusals = 0, failures = 0; refusals < refusalsMax;) {
    const key = `${probePrefix}${random.uuid()}`;
    try {
      if (await probeOnce(store, key, { signal })) return;
      refusals++;
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof CdcDeltaError) || !error.retryable) throw error;
      if (++failures >= retry.attemptsMax) throw error;
      const delayMs = retryDelayMs(failures, retry);
      retry.onRetry?.({ operation: "put", key, attempt: failures, delayMs, error });
      await retry.clock.sleep(delayMs, signal);
    }
  }
  throw unsafe(store, "it refuses objects that were never there");
}

/**
 * True when proved. False when the first PUT was refused: below us something sent it twice after a
 * cut connection, or the store refuses everything.
 */
async function probeOnce(store: ObjectStore, key: string, io: IoOptions): Promise<boolean> {
  const bytes = new TextEncoder().encode("cdcdelta: does this store keep the first object?\n");
  // A probe left behind harms nobody; credentials that may not delete are no reason to stop.
  const remove = (): Promise<void> => store.delete([key], io).catch(() => {});
  const first = await store.putIfAbsent(key, bytes, io).catch(async (error: unknown) => {
    // A store that cannot even be reached is not asked to delete as well: that is tried for long.
    if (!(error instanceof CdcDeltaError && error.context["inDoubt"] === false)) await remove();
    throw error;
  });
  try {
    if (first === "exists") return false;
    if (await store.putIfAbsent(key, bytes, io) === "exists") return true;
    throw unsafe(store, "it accepts a second object for one key");
  } finally {
    await remove();
  }
}

function unsafe(store: ObjectStore, what: string): CdcDeltaError {
  return new CdcDeltaError(
    "store-unsafe",
    `Cannot write exactly once to ${store.uri}: asked for a PUT only if the object is absent ` +
      `(If-None-Match: *), ${what}. Two writers could replace each other's commits. ` +
      `Use a store with conditional PUT (AWS S3, MinIO, R2, a recent Ceph) or a local folder`,
    { context: { store: store.uri } },
  );
}
