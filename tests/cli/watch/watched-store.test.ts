import { expect, test } from "bun:test";
import { watchedStore } from "../../../src/cli/watch/watched-store.ts";
import { memoryStore } from "../../../src/delta/storage/memory-store.ts";
import type { ObjectStore } from "../../../src/delta/storage/object-store.ts";
import { CdcDeltaError } from "../../../src/errors.ts";

const { signal } = new AbortController();
const bytes = new Uint8Array([1]);

test("every call tells that the store answers, a missing object too", async () => {
  const heard: (string | null)[] = [];
  const store = watchedStore(memoryStore(), (why) => heard.push(why));
  await store.put("a", [bytes], { signal });
  expect(await store.get("a", { signal })).toEqual(bytes);
  expect(await store.head("b", { signal })).toBeNull();
  expect(await store.putIfAbsent("a", bytes, { signal })).toBe("exists");
  for await (const { key } of store.list("", { signal })) expect(key).toBe("a");
  await store.delete(["a"], { signal });
  await expect(store.get("a", { signal })).rejects.toThrow();
  expect(heard.length).toBeGreaterThanOrEqual(7);
  expect(new Set(heard)).toEqual(new Set([null]));
});

test("a call that fails although it should not tells why", async () => {
  const heard: (string | null)[] = [];
  const down = new CdcDeltaError("store", "down", { retryable: true });
  const broken: ObjectStore = {
    ...memoryStore(),
    putIfAbsent: () => Promise.reject(down),
    // oxlint-disable-next-line require-yield
    async *list() {
      throw down;
    },
  };
  const store = watchedStore(broken, (why) => heard.push(why));
  await expect(store.putIfAbsent("a", bytes, { signal })).rejects.toThrow("down");
  await expect(store.list("", { signal })[Symbol.asyncIterator]().next()).rejects.toThrow("down");
  expect(heard).toEqual(["down", "down"]);
});
