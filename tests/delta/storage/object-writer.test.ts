import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { memoryStore } from "../../../src/delta/storage/memory-store.ts";
import type { ObjectStore, Upload } from "../../../src/delta/storage/object-store.ts";
import { objectWriter } from "../../../src/delta/storage/object-writer.ts";
import { retryingStore } from "../../../src/delta/storage/retrying-store.ts";
import { CdcDeltaError } from "../../../src/errors.ts";
import { testEngine } from "../../support/delta-table.ts";

const signal = new AbortController().signal;
const io = { signal };

type Log = { puts: number; parts: number[]; completed: number; aborted: number };

/** A store that takes parts of four bytes; `fault` may fail a call. */
function partStore(log: Log, fault: (call: string) => void = () => undefined): ObjectStore {
  const inner = memoryStore();
  return {
    ...inner,
    put: async (key, chunks, options) => {
      log.puts += 1;
      await inner.put(key, chunks, options);
    },
    uploads: {
      partBytes: 4,
      async begin(key): Promise<Upload> {
        const parts: Uint8Array[] = [];
        return {
          async putPart(index, bytes) {
            await Promise.resolve();
            fault(`part ${index}`);
            log.parts.push(index);
            parts[index] = bytes.slice();
          },
          async complete(count) {
            fault("complete");
            log.completed += 1;
            await inner.put(key, parts.slice(0, count), io);
          },
          async abort() {
            log.aborted += 1;
          },
        };
      },
    },
  };
}

const newLog = (): Log => ({ puts: 0, parts: [], completed: 0, aborted: 0 });

describe("objectWriter()", () => {
  test("writes any pieces as they are, into stores with parts and without", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.uint8Array({ maxLength: 11 }), { maxLength: 8 }),
        fc.boolean(),
        async (pieces, withParts) => {
          const log = newLog();
          const store = withParts ? partStore(log) : memoryStore();
          const writer = objectWriter(store, "a", io);
          for (const piece of pieces) await writer.write(piece);
          const all = pieces.flatMap((piece) => [...piece]);
          expect(await writer.finish()).toBe(all.length);
          expect([...await store.get("a", io)]).toEqual(all);
          if (withParts) {
            expect([log.puts, log.completed]).toEqual(all.length > 4 ? [0, 1] : [1, 0]);
          }
        },
      ),
    );
  });

  test("a part that fails for a while is put again, and so is the end", async () => {
    const log = newLog();
    const failed = new Set<string>();
    const store = retryingStore(
      partStore(log, (call) => {
        if (failed.has(call)) return;
        failed.add(call);
        throw new CdcDeltaError("store", "away", { retryable: true });
      }),
      { ...testEngine(), attemptsMax: 3 },
    );
    const writer = objectWriter(store, "a", io);
    await writer.write(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9));
    await writer.finish();
    expect([...await store.get("a", io)]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect([...failed].sort()).toEqual(["complete", "part 0", "part 1", "part 2"]);
  });

  test("a part that fails for good ends the writing; nothing is made of the object", async () => {
    const log = newLog();
    const store = partStore(log, (call) => {
      if (call === "part 1") throw new CdcDeltaError("store", "no more room");
    });
    const writer = objectWriter(store, "a", io);
    const writing = async (): Promise<void> => {
      await writer.write(new Uint8Array(40));
      await writer.finish();
    };
    await expect(writing()).rejects.toThrow("no more room");
    await writer.abort();
    expect([log.completed, log.aborted, log.puts]).toEqual([0, 1, 0]);
    expect(await store.head("a", io)).toBeNull();
  });
});
