import { describe, expect, test } from "bun:test";
import { writeCheckpoint } from "../../../src/delta/log/checkpoint-writer.ts";
import { classicCheckpointKey, commitKey } from "../../../src/delta/log/log-path.ts";
import { loadSnapshot } from "../../../src/delta/log/snapshot.ts";
import { requireTableState } from "../../../src/delta/log/table-state.ts";
import {
  appendDraft,
  mustCommit,
  newTable,
  signal,
  type TestEngine,
  testEngine,
} from "../../support/delta-table.ts";

/** Six versions with a file each, and checkpoints of 2 and 4. */
async function table(): Promise<TestEngine> {
  const engine = testEngine();
  let state = await newTable(engine);
  for (let version = 1; version <= 5; version++) {
    state = await mustCommit(engine, state, appendDraft(`f${version}`, BigInt(version)));
    if (version % 2 === 0) await writeCheckpoint(engine, version, { signal });
  }
  return engine;
}

type Damage = (bytes: Uint8Array) => Uint8Array;
const damages: Readonly<Record<string, Damage>> = {
  "no Parquet": () => new TextEncoder().encode("this is no Parquet file at all"),
  "cut off": (bytes) => bytes.subarray(0, bytes.length >> 1),
  // The footer stands, the pages do not.
  "other pages": (bytes) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const footer = view.getUint32(bytes.length - 8, true) + 8;
    return bytes.slice().fill(0xee, 4, bytes.length - footer);
  },
};

async function damage(engine: TestEngine, version: number, how: Damage): Promise<void> {
  const key = classicCheckpointKey(version);
  const bytes = await engine.store.get(key, { signal });
  await engine.store.put(key, [how(bytes)], { signal });
}

const all = ["first", "f1", "f2", "f3", "f4", "f5"];

describe("a checkpoint that cannot be read", () => {
  for (const [name, how] of Object.entries(damages)) {
    test(`${name}: the older one serves`, async () => {
      const engine = await table();
      await engine.store.delete([commitKey(0), commitKey(1)], { signal });
      await damage(engine, 4, how);
      const { files, version, transactions } = await loadSnapshot(engine, { signal });
      expect(version).toBe(5);
      expect(files.map(({ path }) => path).sort()).toEqual(all.toSorted());
      expect(transactions.get("app")?.version).toBe(5n);
      expect((await requireTableState(engine, { signal })).version).toBe(5);
    });

    test(`${name}: without an older one the commits serve`, async () => {
      const engine = await table();
      await damage(engine, 4, how);
      await damage(engine, 2, how);
      const { files } = await loadSnapshot(engine, { signal });
      expect(files.map(({ path }) => path)).toEqual(all);
    });

    test(`${name}: it is an error, with its name, where the log does not reach back`, async () => {
      const engine = await table();
      await engine.store.delete([0, 1, 2].map(commitKey), { signal });
      await damage(engine, 2, how);
      await damage(engine, 4, how);
      const opened = loadSnapshot(engine, { signal });
      expect(opened).rejects.toMatchObject({ code: "log-corrupt" });
      expect(opened).rejects.toThrow(classicCheckpointKey(4));
    });
  }

  test("a version that nothing but the checkpoint has is not given up", async () => {
    const engine = await table();
    await engine.store.delete([commitKey(4), commitKey(5)], { signal });
    await damage(engine, 4, damages["no Parquet"]!);
    expect(loadSnapshot(engine, { signal })).rejects.toMatchObject({ code: "log-corrupt" });
    const older = await loadSnapshot(engine, { signal, at: { kind: "version", version: 3 } });
    expect(older.files).toHaveLength(4);
  });
});
