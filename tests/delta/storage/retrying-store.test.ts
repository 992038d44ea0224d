import { describe, expect, test } from "bun:test";
import { CdcDeltaError } from "../../../src/errors.ts";
import { memoryStore } from "../../../src/delta/storage/memory-store.ts";
import { type RetryEvent, retryingStore } from "../../../src/delta/storage/retrying-store.ts";
import type { ObjectStore } from "../../../src/delta/storage/object-store.ts";
import {
  bytesOf,
  codeOf,
  errorOf,
  keysOf,
  objectStoreSuite,
  textOf,
} from "../../suites/object-store.ts";
import { flakyStore, type StoreCall } from "../../support/flaky-store.ts";

const { signal } = new AbortController();
const io = { signal };
const instant = { nowMs: () => 0, sleep: async () => {} };

objectStoreSuite("retryingStore() over a flaky memoryStore()", async () => {
  const calls = new Map<string, number>();
  const inner = flakyStore(memoryStore(), ({ operation, key }) => {
    if (operation === "putIfAbsent") return null;
    const count = calls.get(`${operation} ${key}`) ?? 0;
    calls.set(`${operation} ${key}`, count + 1);
    return (["before", "after", null] as const)[count % 3] ?? null;
  });
  const random = { uuid: () => "", next: () => 0.5 };
  return {
    store: retryingStore(inner, { clock: instant, random, attemptsMax: 5 }),
    close: async () => {},
  };
});

type Watched = {
  readonly store: ObjectStore;
  readonly delays: number[];
  readonly events: RetryEvent[];
};

function watched(inner: ObjectStore, attemptsMax: number, next = () => 1 - 2 ** -53): Watched {
  const delays: number[] = [];
  const events: RetryEvent[] = [];
  const store = retryingStore(inner, {
    clock: { nowMs: () => 0, sleep: async (ms) => void delays.push(ms) },
    random: { uuid: () => "", next },
    attemptsMax,
    delayMsMax: 1000,
    onRetry: (event) => events.push(event),
  });
  return { store, delays, events };
}

describe("retryingStore()", () => {
  test("waits longer each time, up to the bound, then throws the last error", async () => {
    const calls: StoreCall[] = [];
    const flaky = flakyStore(memoryStore(), (call) => (calls.push(call), "before"));
    const { store, delays, events } = watched(flaky, 7);
    expect((await errorOf(store.get("a", io))).message).toContain("on purpose");
    expect(calls).toHaveLength(7);
    expect(delays).toEqual([100, 200, 400, 800, 1000, 1000]);
    expect(events.map(({ operation, key, attempt }) => [operation, key, attempt])).toEqual(
      [1, 2, 3, 4, 5, 6].map((attempt) => ["get", "a", attempt]),
    );
    expect(events.map(({ delayMs }) => delayMs)).toEqual(delays);
  });

  test("spreads waits over the upper half of the range", async () => {
    const flaky = flakyStore(memoryStore(), () => "before");
    const draws = [0, 0.5, 0.25];
    const { store, delays } = watched(flaky, 4, () => draws.shift() ?? 0);
    await errorOf(store.head("a", io));
    expect(delays).toEqual([50, 150, 250]);
  });

  for (const operation of ["get", "head", "list", "put", "delete"] as const) {
    test(`repeats ${operation}() after a retryable error only`, async () => {
      const call = (store: ObjectStore): Promise<unknown> => {
        switch (operation) {
          case "get":
            return store.get("a", io);
          case "head":
            return store.head("a", io);
          case "list":
            return keysOf(store.list("", io));
          case "put":
            return store.put("a", [bytesOf("x")], io);
          case "delete":
            return store.delete(["a"], io);
        }
      };
      const memory = memoryStore();
      await memory.put("a", [bytesOf("x")], io);
      let count = 0;
      const twice = watched(flakyStore(memory, () => ++count <= 2 ? "before" : null), 3);
      await call(twice.store);
      expect(twice.events.map((event) => event.operation)).toEqual([operation, operation]);
      const final = watched(failing(new CdcDeltaError("permission", "no")), 3);
      expect(await codeOf(call(final.store))).toBe("permission");
      const odd = watched(failing(new TypeError("odd")), 3);
      await expect(call(odd.store)).rejects.toBeInstanceOf(TypeError);
      expect([...final.delays, ...odd.delays]).toEqual([]);
    });
  }

  test("never repeats putIfAbsent(), whatever the error says", async () => {
    const memory = memoryStore();
    for (const fault of ["before", "after"] as const) {
      const calls: StoreCall[] = [];
      const { store, delays } = watched(
        flakyStore(memory, (call) => (calls.push(call), fault)),
        5,
      );
      expect(await errorOf(store.putIfAbsent(fault, bytesOf("x"), io))).toMatchObject({
        code: "store",
        retryable: true,
      });
      expect(calls).toHaveLength(1);
      expect(delays).toEqual([]);
    }
    expect(await keysOf(memory.list("", io))).toEqual(["after"]);
  });

  test("goes on with a listing after the last key, and counts anew after progress", async () => {
    const memory = memoryStore();
    const keys = Array.from({ length: 20 }, (_, index) => `k${`${index}`.padStart(2, "0")}`);
    for (const key of keys) await memory.put(key, [], io);
    const seen: string[] = [];
    let isSecond = false;
    const flaky = flakyStore(memory, ({ key }) => {
      seen.push(key);
      isSecond = !isSecond;
      return isSecond ? "before" : null;
    });
    const { store, events } = watched(flaky, 2);
    expect(await keysOf(store.list("k", { signal, startAfter: "k04" }))).toEqual(keys.slice(5));
    expect(events.every(({ attempt }) => attempt === 1)).toBe(true);
    expect(seen).toEqual(keys.slice(5).flatMap((key) => [key, key]));
  });

  test("gives a listing up when it makes no progress", async () => {
    const memory = memoryStore();
    for (const key of ["a", "b", "c"]) await memory.put(key, [], io);
    const { store } = watched(flakyStore(memory, ({ key }) => key === "b" ? "before" : null), 3);
    const keys: string[] = [];
    const read = async (): Promise<void> => {
      for await (const { key } of store.list("", io)) keys.push(key);
    };
    expect(await codeOf(read())).toBe("store");
    expect(keys).toEqual(["a"]);
  });

  test("does not repeat when the reader of a listing throws", async () => {
    const memory = memoryStore();
    for (const key of ["a", "b"]) await memory.put(key, [], io);
    const { store, delays } = watched(memory, 3);
    const mine = new CdcDeltaError("store", "the reader's own", { retryable: true });
    const read = async (): Promise<void> => {
      for await (const _ of store.list("", io)) throw mine;
    };
    await expect(read()).rejects.toBe(mine);
    expect(delays).toEqual([]);
  });

  test("ends a wait when aborted", async () => {
    const stop = new AbortController();
    const reason = new Error("enough");
    let calls = 0;
    const store = retryingStore(flakyStore(memoryStore(), () => (calls++, "before")), {
      clock: {
        nowMs: () => 0,
        sleep: async (_, sleeping) => {
          stop.abort(reason);
          sleeping.throwIfAborted();
        },
      },
      random: { uuid: () => "", next: () => 0 },
      attemptsMax: 5,
    });
    await expect(store.get("a", { signal: stop.signal })).rejects.toBe(reason);
    expect(calls).toBe(1);
  });

  test("repeats a put() that had landed, to the same end", async () => {
    const memory = memoryStore();
    let count = 0;
    const { store } = watched(flakyStore(memory, () => ++count === 1 ? "after" : null), 3);
    await store.put("a", [bytesOf("x")], io);
    expect(textOf(await memory.get("a", io))).toBe("x");
    expect(count).toBe(2);
  });
});

function failing(error: Error): ObjectStore {
  const fail = async (): Promise<never> => {
    throw error;
  };
  return {
    uri: "failing:",
    get: fail,
    head: fail,
    list: () => ({ [Symbol.asyncIterator]: () => ({ next: fail }) }),
    put: fail,
    putIfAbsent: fail,
    delete: fail,
  };
}
