import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { CdcDeltaError } from "../../src/errors.ts";
import { compareKeys } from "../../src/delta/storage/object-key.ts";
import type { ListOptions, ObjectMeta, ObjectStore } from "../../src/delta/storage/object-store.ts";
import { subStore } from "../../src/delta/storage/object-store.ts";
import { proveConditionalPut } from "../../src/delta/storage/probe-conditional-put.ts";

/** A fresh and empty store for one test. */
export type StoreUnderTest = { readonly store: ObjectStore; close(): Promise<void> };

const signal = new AbortController().signal;
const io = { signal };

/** Keys that are easy to get wrong: encodings, quotes, order of characters, look-alikes. */
const oddKeys: readonly string[] = [
  "plain.txt",
  "with space.txt",
  " leading and trailing ",
  "a%3Ab",
  "a%20b",
  "a+b",
  "a=b/c=d e/f=%2F.parquet",
  "a&b<c>d\"e'f",
  "hash#question?semi;colon:at@",
  "back\\slash",
  "star*[brackets]{braces}|pipe`tick^~",
  "ünïcödé/日本語/emoji-😀.txt",
  "combining-e\u0301",
  "composed-\u00e9",
  "private-\uffee-use",
  "...",
  "..a/b..",
  "_delta_log/00000000000000000000.json",
  "new\nline\ttab",
];

/** Names whose order in a folder is not their order as keys, and whose UTF-16 order is not UTF-8. */
const orderedKeys: readonly string[] = [
  "a-b",
  "a-b/z",
  "a.b",
  "a.b/z",
  "a/b",
  "a/b-c",
  "a/b.c/d",
  "a/b/c",
  "a/b0",
  "a0",
  "b",
  "e",
  "z",
  "é",
  "\uffee",
  "😀",
].filter((key) => !["a-b", "a.b", "a/b"].includes(key));

export function objectStoreSuite(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`${name} as ObjectStore`, () => {
    let opened: StoreUnderTest;
    let store: ObjectStore;
    beforeEach(async () => {
      opened = await open();
      store = opened.store;
    });
    afterEach(() => opened.close());

    readAndWriteTests(() => store);
    putIfAbsentTests(() => store);
    listTests(() => store);
    deleteTests(() => store);
    uploadTests(() => store);
    refusalTests(() => store);
  });
}

function readAndWriteTests(store: () => ObjectStore): void {
  test("put() makes an object that get() and head() see at once", async () => {
    const before = Date.now() - 60_000;
    await store().put("folder/a", [bytesOf("one "), bytesOf(""), bytesOf("two")], io);
    expect(textOf(await store().get("folder/a", io))).toBe("one two");
    const meta = await store().head("folder/a", io);
    expect(meta).toMatchObject({ key: "folder/a", size: 7 });
    expect(meta?.modifiedMs).toBeGreaterThan(before);
    expect(meta?.modifiedMs).toBeLessThan(Date.now() + 60_000);
  });

  test("put() replaces the whole object", async () => {
    await store().put("a", [bytesOf("a long first text")], io);
    await store().put("a", [bytesOf("short")], io);
    expect(textOf(await store().get("a", io))).toBe("short");
    expect((await store().head("a", io))?.size).toBe(5);
  });

  test("put() takes no chunk at all as an empty object", async () => {
    await store().put("empty", [], io);
    expect(await store().get("empty", io)).toHaveLength(0);
    expect((await store().head("empty", io))?.size).toBe(0);
  });

  test("put() keeps nothing of the caller's array", async () => {
    const bytes = bytesOf("before");
    await store().put("a", [bytes], io);
    await store().putIfAbsent("b", bytes, io);
    bytes.fill(0);
    expect(textOf(await store().get("a", io))).toBe("before");
    expect(textOf(await store().get("b", io))).toBe("before");
    (await store().get("a", io)).fill(0);
    expect(textOf(await store().get("a", io))).toBe("before");
  });

  test("put() keeps a large object of uneven chunks byte for byte", async () => {
    const chunks = [7, 5 << 20, 1, (9 << 20) + 3, 8 << 20].map(patterned);
    await store().put("large", chunks, io);
    const whole = new Uint8Array(await new Blob(chunks as BlobPart[]).arrayBuffer());
    const read = await store().get("large", io);
    expect(read.length).toBe(whole.length);
    expect(Buffer.compare(read, whole)).toBe(0);
    const start = (5 << 20) - 2;
    const range = await store().get("large", { signal, range: { start, end: start + 100 } });
    expect([...range]).toEqual([...whole.subarray(start, start + 100)]);
  });

  const ranges: readonly [start: number, end: number, expected: string][] = [
    [0, 4, "0123"],
    [3, 7, "3456"],
    [6, 10, "6789"],
    [6, 1000, "6789"],
    [0, 1000, "0123456789"],
    [4, 4, ""],
    [0, 0, ""],
    [10, 12, ""],
    [1000, 1001, ""],
  ];
  for (const [start, end, expected] of ranges) {
    test(`get() of the range ${start}–${end} of ten bytes gives "${expected}"`, async () => {
      await store().put("ten", [bytesOf("0123456789")], io);
      const range = await store().get("ten", { signal, range: { start, end } });
      expect(textOf(range)).toBe(expected);
    });
  }

  test("get() of a range of an empty object gives nothing", async () => {
    await store().put("empty", [], io);
    expect(await store().get("empty", { signal, range: { start: 0, end: 5 } })).toHaveLength(0);
  });

  test("get() of a missing object is not-found, head() is null", async () => {
    await store().put("folder/a", [bytesOf("x")], io);
    for (const key of ["b", "folder", "folder/b", "folder/a/b"]) {
      expect(await codeOf(store().get(key, io))).toBe("not-found");
      const range = { start: 1, end: 1 };
      expect(await codeOf(store().get(key, { signal, range }))).toBe("not-found");
      expect(await store().head(key, io)).toBeNull();
    }
  });

  for (const key of oddKeys) {
    test(`keeps the key ${JSON.stringify(key)} as it is`, async () => {
      await store().put(key, [bytesOf(key)], io);
      expect(textOf(await store().get(key, io))).toBe(key);
      expect((await store().head(key, io))?.key).toBe(key);
      expect(await keysOf(store().list("", io))).toEqual([key]);
      expect(await keysOf(store().list(key, io))).toEqual([key]);
      expect(await keysOf(store().list("", { signal, startAfter: key }))).toEqual([]);
      expect(await store().putIfAbsent(key, bytesOf("other"), io)).toBe("exists");
      await store().delete([key, `${key}-none`], io);
      expect(await keysOf(store().list("", io))).toEqual([]);
    });
  }

  test("keys that differ only in case, encoding or normal form are different objects", async () => {
    const keys = ["A", "a", "%41", "é", "e\u0301"];
    for (const key of keys) await store().put(key, [bytesOf(key)], io);
    for (const key of keys) expect(textOf(await store().get(key, io))).toBe(key);
  });
}

function putIfAbsentTests(store: () => ObjectStore): void {
  test("putIfAbsent() creates once and never replaces", async () => {
    expect(await store().putIfAbsent("log/1", bytesOf("first"), io)).toBe("created");
    expect(await store().putIfAbsent("log/1", bytesOf("second"), io)).toBe("exists");
    expect(textOf(await store().get("log/1", io))).toBe("first");
    await store().put("log/1", [bytesOf("replaced")], io);
    expect(await store().putIfAbsent("log/1", bytesOf("third"), io)).toBe("exists");
    await store().delete(["log/1"], io);
    expect(await store().putIfAbsent("log/1", bytesOf("fourth"), io)).toBe("created");
    expect(textOf(await store().get("log/1", io))).toBe("fourth");
  });

  test("putIfAbsent() creates an empty object once", async () => {
    expect(await store().putIfAbsent("empty", bytesOf(""), io)).toBe("created");
    expect(await store().putIfAbsent("empty", bytesOf(""), io)).toBe("exists");
  });

  test("putIfAbsent() lets exactly one of 16 writers create", async () => {
    for (let round = 0; round < 3; round++) {
      const key = `log/${round}.json`;
      const writers = Array.from(
        { length: 16 },
        (_, writer) => store().putIfAbsent(key, bytesOf(`writer ${writer}`), io),
      );
      const outcomes = await Promise.all(writers);
      expect(outcomes.filter((outcome) => outcome === "created")).toHaveLength(1);
      const winner = outcomes.indexOf("created");
      expect(textOf(await store().get(key, io))).toBe(`writer ${winner}`);
    }
    expect(await keysOf(store().list("", io))).toHaveLength(3);
  });

  test("proveConditionalPut() is content and leaves nothing behind", async () => {
    const random = { uuid: () => crypto.randomUUID(), next: () => 0 };
    const clock = { nowMs: () => 0, sleep: async () => {} };
    const retry = { clock, random, attemptsMax: 1 };
    await proveConditionalPut(store(), { random, retry, signal });
    await proveConditionalPut(store(), { random, retry, signal });
    expect(await keysOf(store().list("", io))).toEqual([]);
  });
}

function listTests(store: () => ObjectStore): void {
  test("list() gives nothing where nothing is", async () => {
    expect(await keysOf(store().list("", io))).toEqual([]);
    expect(await keysOf(store().list("none/", { signal, startAfter: "none/5" }))).toEqual([]);
    await store().put("file", [bytesOf("x")], io);
    expect(await keysOf(store().list("file/", io))).toEqual([]);
  });

  test("list() gives size and time of each object", async () => {
    await store().put("a/b", [bytesOf("four")], io);
    const [meta] = await Array.fromAsync(store().list("", io));
    expect(meta).toMatchObject({ key: "a/b", size: 4 });
    const head = await store().head("a/b", io);
    // HEAD tells whole seconds on S3, a listing more.
    expect(Math.abs((head?.modifiedMs ?? 0) - (meta?.modifiedMs ?? 0))).toBeLessThan(1000);
  });

  test("list() is in byte order of the whole key, cut by prefix and startAfter", async () => {
    await Promise.all(orderedKeys.map((key) => store().put(key, [bytesOf(key)], io)));
    expect(await keysOf(store().list("", io))).toEqual([...orderedKeys]);
    const cuts = ["", "a", "a-", "a-b", "a/", "a/b", "a/b.c", "a/b/", "a/b/c", "é", "\uffff", "zz"];
    for (const prefix of cuts) {
      for (const startAfter of [undefined, "", ...cuts, ...orderedKeys]) {
        const options: ListOptions = startAfter === undefined ? io : { signal, startAfter };
        const expected = orderedKeys.filter((key) =>
          key.startsWith(prefix) &&
          (startAfter === undefined || compareKeys(key, startAfter) > 0)
        );
        const found = await keysOf(store().list(prefix, options));
        expect({ prefix, startAfter, found }).toEqual({ prefix, startAfter, found: expected });
      }
    }
  });

  test("list() goes on after the first thousand, and ends when the reader has enough", async () => {
    const keys = Array.from({ length: 1105 }, (_, index) => `log/${`${index}`.padStart(20, "0")}`);
    for (let start = 0; start < keys.length; start += 64) {
      const group = keys.slice(start, start + 64);
      await Promise.all(group.map((key) => store().put(key, [bytesOf("x")], io)));
    }
    expect(await keysOf(store().list("log/", io))).toEqual(keys);
    const startAfter = keys[1101] ?? "";
    expect(await keysOf(store().list("log/", { signal, startAfter }))).toEqual(keys.slice(1102));
    for await (const meta of store().list("log/", io)) {
      expect(meta.key).toBe(keys[0] ?? "");
      break;
    }
    await store().delete(keys, io);
    expect(await keysOf(store().list("", io))).toEqual([]);
  }, 60_000);

  test("subStore() sees and names only what is below it", async () => {
    await store().put("db/shop/a", [bytesOf("x")], io);
    await store().put("db/shop2/b", [bytesOf("x")], io);
    const shop = subStore(store(), "/db/shop/");
    await shop.put("c/d", [bytesOf("x")], io);
    expect(await keysOf(shop.list("", io))).toEqual(["a", "c/d"]);
    expect(await keysOf(shop.list("", { signal, startAfter: "a" }))).toEqual(["c/d"]);
    expect(await keysOf(store().list("db/", io))).toEqual([
      "db/shop/a",
      "db/shop/c/d",
      "db/shop2/b",
    ]);
  });
}

function deleteTests(store: () => ObjectStore): void {
  test("delete() removes what is there and minds nothing missing", async () => {
    await store().put("a/b", [bytesOf("x")], io);
    await store().put("a/c", [bytesOf("x")], io);
    await store().delete([], io);
    await store().delete(["a/b", "a/none", "none/none", "a/c/d"], io);
    expect(await keysOf(store().list("", io))).toEqual(["a/c"]);
    await store().delete(["a/c"], io);
    await store().delete(["a/c"], io);
    expect(await keysOf(store().list("", io))).toEqual([]);
  });
}

/** Stores that take objects part by part; the others have nothing to show. */
function uploadTests(store: () => ObjectStore): void {
  const parts = (partBytes: number): readonly [Uint8Array, Uint8Array, Uint8Array] => [
    patterned(partBytes),
    patterned(partBytes).reverse(),
    patterned(1000),
  ];

  test("an upload is seen when it is complete, not before, in the order of its parts", async () => {
    const { uploads } = store();
    if (uploads === undefined) return;
    const [one, two, three] = parts(uploads.partBytes);
    const upload = await uploads.begin("up/loaded", io);
    await upload.putPart(1, one, io);
    await upload.putPart(1, two, io);
    await upload.putPart(2, three, io);
    await upload.putPart(0, one, io);
    expect(await store().head("up/loaded", io)).toBeNull();
    expect(await keysOf(store().list("", io))).toEqual([]);
    await upload.complete(3, io);
    await upload.complete(3, io);
    const bytes = await store().get("up/loaded", io);
    expect(bytes.length).toBe(2 * uploads.partBytes + 1000);
    const same = [one, two, three].every((part, i) => {
      const start = i * uploads.partBytes;
      return part.every((byte, at) => bytes[start + at] === byte);
    });
    expect(same).toBe(true);
  });

  test("an upload that is given up leaves nothing, and what was there stays", async () => {
    const { uploads } = store();
    if (uploads === undefined) return;
    await store().put("a", [bytesOf("before")], io);
    const upload = await uploads.begin("a", io);
    await upload.putPart(0, parts(uploads.partBytes)[0], io);
    await upload.abort();
    expect(textOf(await store().get("a", io))).toBe("before");
    const all: string[] = await keysOf(store().list("", { ...io, leftovers: true }));
    expect(all).toEqual(["a"]);
  });
}

function refusalTests(store: () => ObjectStore): void {
  const keys = [
    "",
    "/a",
    "a/",
    "a//b",
    ".",
    "..",
    "a/../b",
    "../a",
    "./a",
    "a/.",
    "a\0b",
    "\ud800",
  ];
  for (const key of keys) {
    test(`refuses the key ${JSON.stringify(key)}`, async () => {
      expect(await codeOf(store().get(key, io))).toBe("usage");
      expect(await codeOf(store().head(key, io))).toBe("usage");
      expect(await codeOf(store().put(key, [bytesOf("x")], io))).toBe("usage");
      expect(await codeOf(store().putIfAbsent(key, bytesOf("x"), io))).toBe("usage");
      expect(await codeOf(store().delete([key], io))).toBe("usage");
    });
  }
  for (const prefix of ["/", "../", "a/../b", "a//b", "\0"]) {
    test(`refuses to list ${JSON.stringify(prefix)}`, async () => {
      expect(await codeOf(keysOf(store().list(prefix, io)))).toBe("usage");
    });
  }

  test("rejects with the signal's reason when aborted", async () => {
    const reason = new Error("enough");
    const aborted = { signal: AbortSignal.abort(reason) };
    await expect(store().get("a", aborted)).rejects.toBe(reason);
    await expect(store().head("a", aborted)).rejects.toBe(reason);
    await expect(store().put("a", [bytesOf("x")], aborted)).rejects.toBe(reason);
    await expect(store().putIfAbsent("a", bytesOf("x"), aborted)).rejects.toBe(reason);
    await expect(store().delete(["a"], aborted)).rejects.toBe(reason);
    await expect(keysOf(store().list("", aborted))).rejects.toBe(reason);
    expect(await keysOf(store().list("", io))).toEqual([]);
  });
}

/** The code of the error that a call ends in; fails when it does not, or with another error. */
export async function codeOf(call: Promise<unknown>): Promise<string> {
  return (await errorOf(call)).code;
}

/** The error that a call ends in; fails when it does not, or with another kind of error. */
export async function errorOf(call: Promise<unknown>): Promise<CdcDeltaError> {
  const error: unknown = await call.then(() => new Error("the call succeeded"), (thrown) => thrown);
  if (error instanceof CdcDeltaError) return error;
  throw error;
}

/** The keys of a listing. */
export async function keysOf(list: AsyncIterable<ObjectMeta>): Promise<string[]> {
  const keys: string[] = [];
  for await (const meta of list) keys.push(meta.key);
  return keys;
}

/** UTF-8 bytes of a text. */
export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Text of UTF-8 bytes. */
export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** Bytes in which every place differs from its neighbours. */
export function patterned(size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  for (let index = 0; index < size; index++) bytes[index] = (index * 31 + (index >>> 8)) & 0xff;
  return bytes;
}
