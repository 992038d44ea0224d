import { expect, test } from "bun:test";
import { writeCheckpoint } from "../../../src/delta/log/checkpoint-writer.ts";
import { classicCheckpointKey, commitKey } from "../../../src/delta/log/log-path.ts";
import { listLog } from "../../../src/delta/log/log-reader.ts";
import { loadSnapshot } from "../../../src/delta/log/snapshot.ts";
import type { ObjectStore } from "../../../src/delta/storage/object-store.ts";
import {
  addFile,
  appendDraft,
  mustCommit,
  newTable,
  signal,
  testEngine,
} from "../../support/delta-table.ts";

type Seen = { parts: number[]; aborted: number };

/** A store that takes parts of 64 KiB; from part `failing` on it is full. */
function inParts(store: ObjectStore, seen: Seen, failing = Infinity): ObjectStore {
  return {
    ...store,
    uploads: {
      partBytes: 1 << 16,
      begin: (key) => {
        const parts: Uint8Array[] = [];
        return Promise.resolve({
          putPart: (index, bytes) => {
            if (index >= failing) return Promise.reject(new Error("no space left"));
            seen.parts.push(bytes.length);
            parts[index] = bytes.slice();
            return Promise.resolve();
          },
          complete: (count, io) => store.put(key, parts.slice(0, count), io),
          abort: () => {
            seen.aborted += 1;
            return Promise.resolve();
          },
        });
      },
    },
  };
}

/** Files whose paths and statistics do not compress well. */
async function tableOf(files: number, seen: Seen, failing?: number) {
  const engine = testEngine((store) => inParts(store, seen, failing));
  const adds = Array.from({ length: files }, (_, i) => ({
    ...addFile(`${crypto.randomUUID()}-${i}`),
    stats: JSON.stringify({ numRecords: i, minValues: { id: crypto.randomUUID() } }),
  }));
  await mustCommit(engine, await newTable(engine), { ...appendDraft("x"), adds });
  return engine;
}

test("a checkpoint is written in parts while files are still read", async () => {
  const seen: Seen = { parts: [], aborted: 0 };
  const engine = await tableOf(12_000, seen);
  const { sizeInBytes, numOfAddFiles } = await writeCheckpoint(engine, 1, { signal });
  expect(seen.parts.length).toBeGreaterThan(5);
  expect(Math.max(...seen.parts)).toBe(1 << 16);
  expect(seen.parts.reduce((sum, size) => sum + size, 0)).toBe(sizeInBytes ?? 0);
  expect(numOfAddFiles).toBe(12_001);
  await engine.store.delete([0, 1].map(commitKey), {
    signal,
  });
  expect((await loadSnapshot(engine, { signal })).files).toHaveLength(12_001);
});

test("a checkpoint whose writing fails is given up, and nobody sees it", async () => {
  const seen: Seen = { parts: [], aborted: 0 };
  const engine = await tableOf(12_000, seen, 3);
  await expect(writeCheckpoint(engine, 1, { signal })).rejects.toThrow("no space left");
  expect(seen.aborted).toBe(1);
  expect((await listLog(engine, { from: 0, signal })).checkpoints).toEqual([]);
  expect(await engine.store.head(classicCheckpointKey(1), { signal })).toBeNull();
});
