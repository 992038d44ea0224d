import type { ObjectMeta, ObjectStore } from "../../src/delta/storage/object-store.ts";
import type { StoreCall } from "../support/flaky-store.ts";

/**
 * Where a process dies: at which of its requests, and what of that request still happens. Of the keys
 * of a delete, one half may be gone, since stores delete in any order.
 */
export type Death = {
  readonly step: number;
  readonly happens: "nothing" | "first half" | "second half" | "all";
};

export type MortalStore = {
  readonly store: ObjectStore;
  /** The requests so far; a listing is one, and one more for every few objects. */
  readonly calls: readonly (StoreCall & { readonly keys: number })[];
  readonly isDead: () => boolean;
};

/** What a dead process would see, if it could see anything. */
export class Killed extends Error {}

const pageKeys = 4;

/** The store as a process sees it that dies; from then on it reaches nothing any more. */
export function mortalStore(inner: ObjectStore, death: Death | null): MortalStore {
  const calls: (StoreCall & { keys: number })[] = [];
  let dead = false;
  const step = async <T>(
    call: StoreCall & { readonly keys: number },
    effect: () => Promise<T>,
    part: (happens: "first half" | "second half") => Promise<unknown> = () => Promise.resolve(),
  ): Promise<T> => {
    if (dead) throw new Killed();
    calls.push(call);
    if (calls.length !== death?.step) return await effect();
    dead = true;
    if (death.happens === "all") await effect();
    else if (death.happens !== "nothing") await part(death.happens);
    throw new Killed();
  };
  const one = { keys: 1 };
  return {
    calls,
    isDead: () => dead,
    store: {
      uri: inner.uri,
      get: (key, io) => step({ operation: "get", key, ...one }, () => inner.get(key, io)),
      head: (key, io) => step({ operation: "head", key, ...one }, () => inner.head(key, io)),
      async *list(prefix, io): AsyncGenerator<ObjectMeta> {
        let listed = 0;
        for await (const meta of inner.list(prefix, io)) {
          if (listed++ % pageKeys === 0) {
            await step({ operation: "list", key: meta.key, ...one }, () => Promise.resolve());
          }
          if (dead) throw new Killed();
          yield meta;
        }
        if (listed === 0) {
          await step({ operation: "list", key: prefix, ...one }, () => Promise.resolve());
        }
      },
      put: (key, chunks, io) =>
        step({ operation: "put", key, ...one }, () => inner.put(key, chunks, io)),
      putIfAbsent: (key, bytes, io) =>
        step({ operation: "putIfAbsent", key, ...one }, () => inner.putIfAbsent(key, bytes, io)),
      delete: (keys, io) => {
        const half = Math.floor(keys.length / 2);
        return step(
          { operation: "delete", key: keys[0] ?? "", keys: keys.length },
          () => inner.delete(keys, io),
          (happens) =>
            inner.delete(happens === "first half" ? keys.slice(0, half) : keys.slice(half), io),
        );
      },
    },
  };
}

/** Every way in which a process that made these requests could have died. */
export function deathsOf(calls: MortalStore["calls"]): Death[] {
  return calls.flatMap(({ operation, keys }, i): Death[] => {
    const step = i + 1;
    switch (operation) {
      case "get":
      case "head":
      case "list":
        return [{ step, happens: "nothing" }];
      case "put":
      case "putIfAbsent":
        return [{ step, happens: "nothing" }, { step, happens: "all" }];
      case "delete": {
        const ends = ["nothing", "all"] as const;
        const halves = ["first half", "second half"] as const;
        return [...ends, ...(keys > 1 ? halves : [])].map((happens) => ({ step, happens }));
      }
    }
  });
}
