import { describe, expect, test } from "bun:test";
import { batchFromRows } from "../../../src/delta/columns/column-builder.ts";
import { rowsOfBatch } from "../../../src/delta/columns/column-value.ts";
import { loadSnapshot } from "../../../src/delta/log/snapshot.ts";
import { writeDataFile } from "../../../src/delta/operations/append.ts";
import { fileFormatOf } from "../../../src/delta/operations/file-format.ts";
import { mergeFiles } from "../../../src/delta/operations/merge-files.ts";
import { scanFile } from "../../../src/delta/operations/scan.ts";
import { bytesSource, openParquet } from "../../../src/delta/parquet/reader.ts";
import { mergeStatistics } from "../../../src/delta/parquet/statistics.ts";
import { encodeWithStatistics } from "../../../src/delta/parquet/writer.ts";
import { field, struct } from "../../../src/delta/schema/data-type.ts";
import type { ObjectStore } from "../../../src/delta/storage/object-store.ts";
import { signal, type TestEngine, testEngine } from "../../support/delta-table.ts";
import { appendRows } from "../../support/written-table.ts";

const schema = struct([field("n", { kind: "long" }), field("text", { kind: "string" })]);

async function tableOf(engine: TestEngine, texts: readonly string[]) {
  let state = null;
  for (const [i, text] of texts.entries()) {
    const rows = [{ n: BigInt(i), text }];
    const table = { schema, partitionColumns: [] };
    state = await appendRows(engine, state, table, { partitionValues: {}, rows });
  }
  return await loadSnapshot(engine, { signal });
}

describe("mergeFiles", () => {
  test("ends a row group before its rows take too much memory", async () => {
    const engine = testEngine();
    const large = "x".repeat(25 << 20);
    const snapshot = await tableOf(engine, [large, large, large, "small"]);
    const adds = await mergeFiles(engine, snapshot, snapshot.files, {
      targetBytes: 1 << 30,
      signal,
    });
    expect(adds.length).toBe(1);
    const file = await openParquet(bytesSource(await engine.store.get(adds[0]!.path, { signal })));
    expect(file.rowGroups.length).toBe(3);
  });

  test("fetches small files ahead, each once, and not all at once", async () => {
    const gets = new Map<string, number>();
    let [open, most, reading] = [0, 0, false];
    const counting = (store: ObjectStore): ObjectStore => ({
      ...store,
      get: async (key, options) => {
        if (!reading) return await store.get(key, options);
        gets.set(key, (gets.get(key) ?? 0) + 1);
        most = Math.max(most, ++open);
        await new Promise((resolve) => setTimeout(resolve, 1));
        open -= 1;
        return await store.get(key, options);
      },
    });
    const engine = testEngine(counting);
    const snapshot = await tableOf(engine, Array.from({ length: 40 }, (_, i) => `${i}`));
    reading = true;
    await mergeFiles(engine, snapshot, snapshot.files, { targetBytes: 1 << 20, signal });
    expect(gets.size).toBe(40);
    expect([...gets.values()].every((times) => times === 1)).toBe(true);
    expect(most).toBeGreaterThan(4);
    expect(most).toBeLessThanOrEqual(16);
  });

  test("a file that cannot be fetched is told of, in its turn", async () => {
    const engine = testEngine();
    const snapshot = await tableOf(engine, ["a", "b", "c"]);
    await engine.store.delete([snapshot.files[2]!.path], { signal });
    await expect(mergeFiles(engine, snapshot, snapshot.files, { targetBytes: 1 << 20, signal }))
      .rejects.toThrow(snapshot.files[2]!.path);
  });

  test("rows of uncompressed files, whose columns lie in the file's bytes, stay what they are", async () => {
    const engine = testEngine();
    const rows = (from: number) =>
      Array.from({ length: 20 }, (_, i) => ({ n: BigInt(from + i), text: `text ${from + i}` }));
    // Too many different texts for a dictionary, whose values would be copied.
    const groups = [0, 20].map((from) =>
      encodeWithStatistics(batchFromRows(schema, rows(from)), schema, { codec: "uncompressed" })
    );
    const state = await tableOf(engine, ["first"]);
    const add = await writeDataFile(engine, {
      schema,
      format: fileFormatOf(state),
      partitionValues: {},
      rowGroups: groups.map(({ rowGroup }) => rowGroup),
      statistics: mergeStatistics(groups.map(({ statistics }) => statistics)),
    }, { signal });
    const adds = await mergeFiles(engine, state, [add, ...state.files, add], {
      targetBytes: 1 << 30,
      signal,
    });
    const texts: unknown[] = [];
    for await (const batch of scanFile(engine, state, adds[0]!, { signal })) {
      for (const row of rowsOfBatch(batch, schema)) texts.push(row["text"]);
    }
    const all = Array.from({ length: 40 }, (_, i) => `text ${i}`);
    expect(texts).toEqual([...all, "first", ...all]);
  });
});
