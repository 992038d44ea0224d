import { describe, expect, test } from "bun:test";
import { Buffer } from "node:buffer";
import type { Engine } from "../../../src/delta/engine.ts";
import { commitKey, versionPrefix } from "../../../src/delta/log/log-path.ts";
import { loadSnapshot } from "../../../src/delta/log/snapshot.ts";
import { writeCheckpoint } from "../../../src/delta/log/checkpoint-writer.ts";
import {
  addFile,
  appendDraft,
  mustCommit,
  newTable,
  signal,
  testEngine,
} from "../../support/delta-table.ts";

const uuid = "80a083e8-7026-4e79-81be-64bd76c43a11";

/** A table of two versions whose checkpoint at 1 is the given JSON lines alone. */
async function tableWith(lines: (engine: Engine) => Promise<readonly object[]>): Promise<Engine> {
  const engine = testEngine();
  const state = await newTable(engine);
  await mustCommit(engine, state, { ...appendDraft("x"), adds: [addFile("second", { size: 5 })] });
  const { protocol, metadata: metaData } = state;
  const actions = [{ checkpointMetadata: { version: 1 } }, { protocol }, { metaData }];
  const text = [...actions, ...await lines(engine)].map((one) => `${JSON.stringify(one)}\n`).join(
    "",
  );
  const key = `${versionPrefix(1)}.checkpoint.${uuid}.json`;
  await engine.store.put(key, [new Uint8Array(Buffer.from(text))], { signal });
  await engine.store.delete([0, 1].map(commitKey), { signal });
  return engine;
}

describe("a V2 checkpoint in JSON", () => {
  test("may hold the files itself", async () => {
    const engine = await tableWith(() => Promise.resolve([{ add: addFile("inline") }]));
    const { files, version } = await loadSnapshot(engine, { signal });
    expect({ version, paths: files.map((file) => file.path) }).toEqual({
      version: 1,
      paths: ["inline"],
    });
  });

  test("or name the sidecars that do", async () => {
    const engine = await tableWith(async (engine) => {
      // A classic checkpoint has the columns of a sidecar, and more.
      await writeCheckpoint(engine, 1, { signal });
      const classic = `${versionPrefix(1)}.checkpoint.parquet`;
      const bytes = await engine.store.get(classic, { signal });
      await engine.store.put("_delta_log/_sidecars/one.parquet", [bytes], { signal });
      await engine.store.delete([classic], { signal });
      const sidecar = { path: "one.parquet", sizeInBytes: bytes.length, modificationTime: 1 };
      return [{ sidecar }];
    });
    const { files } = await loadSnapshot(engine, { signal });
    expect(files.map((file) => [file.path, file.size])).toContainEqual(["second", 5]);
  });

  test("refuses a sidecar that is not there, or not one", async () => {
    const gone = { sidecar: { path: "gone.parquet", sizeInBytes: 10, modificationTime: 1 } };
    const engine = await tableWith(() => Promise.resolve([gone]));
    await expect(loadSnapshot(engine, { signal })).rejects.toThrow("gone.parquet");
    const broken = await tableWith(() => Promise.resolve([{ sidecar: { path: "x" } }]));
    await expect(loadSnapshot(broken, { signal })).rejects.toMatchObject({ code: "log-corrupt" });
  });
});
