import { expect, test } from "bun:test";
import { memoryStore } from "../../../src/delta/storage/memory-store.ts";
import { bytesOf, codeOf, objectStoreSuite } from "../../suites/object-store.ts";

const { signal } = new AbortController();

objectStoreSuite("memoryStore()", async () => ({ store: memoryStore(), close: async () => {} }));

test("memoryStore() takes times from its clock", async () => {
  let nowMs = 1000;
  const store = memoryStore({ clock: { nowMs: () => nowMs } });
  await store.put("a", [bytesOf("x")], { signal });
  nowMs = 2000;
  await store.putIfAbsent("a", bytesOf("y"), { signal });
  expect((await store.head("a", { signal }))?.modifiedMs).toBe(1000);
  await store.put("a", [bytesOf("z")], { signal });
  expect((await store.head("a", { signal }))?.modifiedMs).toBe(2000);
});

test("memoryStore() names itself in errors", async () => {
  const store = memoryStore({ uri: "memory:lake" });
  expect(await codeOf(store.get("a", { signal }))).toBe("not-found");
  await expect(store.get("a", { signal })).rejects.toThrow('Cannot read "a" in memory:lake');
});
