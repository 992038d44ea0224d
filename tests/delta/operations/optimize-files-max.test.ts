import { expect, test } from "bun:test";
import { loadSnapshot } from "../../../src/delta/log/snapshot.ts";
import type { TableState } from "../../../src/delta/log/table-state.ts";
import { optimize } from "../../../src/delta/operations/optimize.ts";
import { field, struct } from "../../../src/delta/schema/data-type.ts";
import { signal, testEngine } from "../../support/delta-table.ts";
import { appendRows } from "../../support/written-table.ts";

const schema = struct([field("n", { kind: "long" })]);

test.each([
  // What came of three, and the rest.
  { files: 7, removed: [3, 3, 3] },
  { files: 9, removed: [3, 3, 3, 3] },
  { files: 3, removed: [3] },
  { files: 2, removed: [2] },
])("merges $files files three at once, and what came of them again", async ({ files, removed }) => {
  const engine = testEngine();
  let state: TableState | null = null;
  for (let n = 0; n < files; n++) {
    const rows = [{ n: BigInt(n) }];
    state = await appendRows(engine, state, { schema, partitionColumns: [] }, {
      partitionValues: {},
      rows,
    });
  }
  const merged: number[] = [];
  const options = { targetBytes: 1 << 20, where: () => true, predicate: [], filesMax: 3, signal };
  await optimize(engine, { ...options, onBin: (bin) => merged.push(bin.removedFiles) });
  expect(merged).toEqual([...removed]);
  const left = (await loadSnapshot(engine, { signal })).files;
  const records = left.map(({ stats }) => Number(/"numRecords":(\d+)/.exec(stats ?? "")?.[1]));
  expect(records).toEqual([files]);
  // Nothing is left to do.
  expect((await optimize(engine, options)).removedFiles).toBe(0);
});
