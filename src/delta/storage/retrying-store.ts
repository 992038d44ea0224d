import { CdcDeltaError } from "../../errors.ts";
import type { Clock, Random } from "../clock.ts";
import {
  type ListOptions,
  type ObjectMeta,
  type ObjectStore,
  withUploads,
} from "./object-store.ts";

/** What `onRetry` is told before each wait. */
export type RetryEvent = {
  /** The store's method. */
  readonly operation: "get" | "head" | "list" | "put" | "delete";
  /** Key, prefix, or the first of the keys. */
  readonly key: string;
  /** How many attempts have failed, from 1. */
  readonly attempt: number;
  readonly delayMs: number;
  readonly error: CdcDeltaError;
};

/** Settings of `retryingStore`. */
export type RetryOptions = {
  readonly clock: Clock;
  readonly random: Random;
  /** Calls made in all, the first one included; a listing counts anew after each key it yields. */
  readonly attemptsMax: number;
  /** Upper bound of the first wait; doubles each time. Default 100. */
  readonly delayMsFirst?: number;
  /** Upper bound of any wait. Default 10,000. */
  readonly delayMsMax?: number;
  readonly onRetry?: (event: RetryEvent) => void;
};

/**
 * Tries again what can be tried again: retryable errors of get, head, list, put and delete, after
 * exponential waits with jitter. A listing goes on after the last key it has yielded.
 * `putIfAbsent` is never repeated: its first attempt may have landed, and only the committer can
 * tell whose object that is. The last error is thrown as it came.
 */
export function retryingStore(inner: ObjectStore, options: RetryOptions): ObjectStore {
  const waitBeforeRetry = async (
    operation: RetryEvent["operation"],
    key: string,
    attempt: number,
    error: unknown,
    signal: AbortSignal,
  ): Promise<void> => {
    signal.throwIfAborted();
    if (!(error instanceof CdcDeltaError) || !error.retryable) throw error;
    if (attempt >= options.attemptsMax) throw error;
    const delayMs = retryDelayMs(attempt, options);
    options.onRetry?.({ operation, key, attempt, delayMs, error });
    await options.clock.sleep(delayMs, signal);
  };

  const repeat = async <Result>(
    operation: RetryEvent["operation"],
    key: string,
    signal: AbortSignal,
    call: () => Promise<Result>,
  ): Promise<Result> => {
    for (let attempt = 1;; attempt++) {
      try {
        return await call();
      } catch (error) {
        await waitBeforeRetry(operation, key, attempt, error, signal);
      }
    }
  };

  async function* list(prefix: string, listOptions: ListOptions): AsyncGenerator<ObjectMeta> {
    const { signal } = listOptions;
    let position = listOptions;
    for (let attempt = 1;; attempt++) {
      try {
        for await (const meta of inner.list(prefix, position)) {
          yield meta;
          position = { ...listOptions, startAfter: meta.key };
          attempt = 1;
        }
        return;
      } catch (error) {
        await waitBeforeRetry("list", prefix, attempt, error, signal);
      }
    }
  }

  return {
    uri: inner.uri,
    get: (key, io) => repeat("get", key, io.signal, () => inner.get(key, io)),
    head: (key, io) => repeat("head", key, io.signal, () => inner.head(key, io)),
    list,
    put: (key, chunks, io) => repeat("put", key, io.signal, () => inner.put(key, chunks, io)),
    putIfAbsent: (key, bytes, io) => inner.putIfAbsent(key, bytes, io),
    delete: (keys, io) => repeat("delete", keys[0] ?? "", io.signal, () => inner.delete(keys, io)),
    ...withUploads(inner, ({ partBytes, begin }) => ({
      partBytes,
      begin: async (key, first) => {
        const put = <Result>(signal: AbortSignal, call: () => Promise<Result>) =>
          repeat("put", key, signal, call);
        const upload = await put(first.signal, () => begin(key, first));
        return {
          putPart: (index, bytes, io) => put(io.signal, () => upload.putPart(index, bytes, io)),
          complete: (count, io) => put(io.signal, () => upload.complete(count, io)),
          abort: () => upload.abort(),
        };
      },
    })),
  };
}

/**
 * The wait after so many failed attempts: half of the bound for certain, so that many attempts
 * outlast an outage, the rest at random, so that clients do not come back at once.
 */
export function retryDelayMs(attempt: number, options: RetryOptions): number {
  const first = options.delayMsFirst ?? 100;
  const bound = Math.min(options.delayMsMax ?? 10_000, first * 2 ** Math.min(attempt - 1, 30));
  return Math.floor(bound * (1 + options.random.next()) / 2);
}
