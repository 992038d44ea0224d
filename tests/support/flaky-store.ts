import { CdcDeltaError } from "../../src/errors.ts";
import type { ObjectMeta, ObjectStore } from "../../src/delta/storage/object-store.ts";

/** Which call is about to be made. */
export type StoreCall = {
  readonly operation: "get" | "head" | "list" | "put" | "putIfAbsent" | "delete";
  readonly key: string;
};

/** Before: the call fails and does nothing. After: it is done and fails all the same. */
export type Fault = "before" | "after" | null;

/** The store with faults; `faultOf` is asked at each call and, in listings, at each object. */
export function flakyStore(inner: ObjectStore, faultOf: (call: StoreCall) => Fault): ObjectStore {
  const run = async <Result>(call: StoreCall, work: () => Promise<Result>): Promise<Result> => {
    const fault = faultOf(call);
    if (fault === "before") throw flaw(call);
    const result = await work();
    if (fault === "after") throw flaw(call);
    return result;
  };
  return {
    uri: inner.uri,
    get: (key, io) => run({ operation: "get", key }, () => inner.get(key, io)),
    head: (key, io) => run({ operation: "head", key }, () => inner.head(key, io)),
    async *list(prefix, io): AsyncGenerator<ObjectMeta> {
      for await (const meta of inner.list(prefix, io)) {
        const call: StoreCall = { operation: "list", key: meta.key };
        const fault = faultOf(call);
        if (fault === "before") throw flaw(call);
        yield meta;
        if (fault === "after") throw flaw(call);
      }
    },
    put: (key, chunks, io) => run({ operation: "put", key }, () => inner.put(key, chunks, io)),
    putIfAbsent: (key, bytes, io) =>
      run({ operation: "putIfAbsent", key }, () => inner.putIfAbsent(key, bytes, io)),
    delete: (keys, io) =>
      run({ operation: "delete", key: keys[0] ?? "" }, () => inner.delete(keys, io)),
  };
}

function flaw({ operation, key }: StoreCall): CdcDeltaError {
  return new CdcDeltaError("store", `The ${operation} of "${key}" failed on purpose`, {
    retryable: true,
  });
}
