import { CdcDeltaError } from "../../errors.ts";
import type { Random } from "../clock.ts";
import type { IoOptions, ObjectStore } from "./object-store.ts";

/** Where probes are put, below the base path; no table lives in this folder. */
export const probePrefix = "_cdcdelta/probe-";

/** A probe whose first PUT proves nothing is repeated under a new name; this many in all. */
const attemptsMax = 3;

/** What the probe needs besides the store. */
export type ProbeOptions = IoOptions & { readonly random: Pick<Random, "uuid"> };

/**
 * Proves that the store refuses to replace an object by a conditional PUT: puts a new object twice
 * and deletes it. Throws code `store-unsafe` when the second PUT is accepted; errors of the store
 * pass through.
 */
export async function proveConditionalPut(
  store: ObjectStore,
  { random, signal }: ProbeOptions,
): Promise<void> {
  for (let attempt = 1; attempt <= attemptsMax; attempt++) {
    const key = `${probePrefix}${random.uuid()}`;
    try {
      if (await probeOnce(store, key, { signal })) return;
    } catch (error) {
      const mayPass = error instanceof CdcDeltaError && error.retryable;
      if (!mayPass || attempt === attemptsMax) throw error;
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
