import { expect, test } from "bun:test";
import type { Engine } from "../../../src/delta/engine.ts";
import { loadHistory } from "../../../src/delta/log/history.ts";
import { vacuum } from "../../../src/delta/operations/vacuum.ts";
import { planVacuum } from "../../../src/delta/operations/vacuum-plan.ts";
import { localError } from "../../../src/delta/storage/local-errors.ts";
import { newTable, signal, testEngine } from "../../support/delta-table.ts";

const own = { retentionMs: null, force: false, signal } as const;

/** A table with a leftover to delete; until one is deleted, no commit can be written. */
async function fullTable(code: string): Promise<Engine> {
  let full = false;
  const engine = testEngine((store) => ({
    ...store,
    putIfAbsent: (key, body, options) => {
      if (!full) return store.putIfAbsent(key, body, options);
      const error = Object.assign(new Error("write"), { code });
      return Promise.reject(localError(error, `Cannot create "${key}"`, signal));
    },
    delete: async (keys, options) => {
      await store.delete(keys, options);
      full = false;
    },
  }));
  await engine.store.put("leftover", [new Uint8Array(3)], { signal });
  await newTable(engine);
  engine.nowMs += 8 * 24 * 3_600_000;
  full = true;
  return engine;
}

const isThere = async (engine: Engine): Promise<boolean> =>
  await engine.store.head("leftover", { signal }) !== null;

test.each(["ENOSPC", "EDQUOT"])(
  "a full disk does not keep vacuum from freeing it: %s",
  async (code) => {
    const engine = await fullTable(code);
    const done = await vacuum(engine, await planVacuum(engine, own), { signal });
    expect(done).toEqual({ files: 1, bytes: 3, ended: true });
    expect(await isThere(engine)).toBe(false);
    const history = await loadHistory(engine, { signal });
    expect(history.map(({ operation }) => operation)).toEqual(["VACUUM END", "STREAMING UPDATE"]);
  },
);

test("another fault of the log ends it before anything is deleted", async () => {
  const engine = await fullTable("EIO");
  await expect(vacuum(engine, await planVacuum(engine, own), { signal })).rejects.toThrow("write");
  expect(await isThere(engine)).toBe(true);
});
