import { expect, test } from "bun:test";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { missingFiles } from "../../../src/delta/operations/missing-files.ts";
import { localStore } from "../../../src/delta/storage/local-store.ts";
import { signal, testEngine } from "../../support/delta-table.ts";

test.each([10, 1_500])("of %d files, those behind links to folders are found", async (count) => {
  const folder = await mkdtemp(path.join(tmpdir(), "linked-"));
  try {
    const [table, elsewhere] = [path.join(folder, "table"), path.join(folder, "elsewhere")];
    await Promise.all([mkdir(path.join(table, "p=1"), { recursive: true }), mkdir(elsewhere)]);
    await symlink(elsewhere, path.join(table, "p=2"));
    const keys = Array.from({ length: count }, (_, i) => `p=${1 + i % 2}/${i}`);
    for (const key of keys) await writeFile(path.join(table, key), "x");
    const engine = { ...testEngine(), store: localStore(table) };
    expect(await missingFiles(engine, () => keys, { signal })).toEqual({ count: 0, named: [] });
    const all = [...keys, "p=2/gone", "p=1/gone"];
    expect(await missingFiles(engine, () => all, { signal })).toEqual({
      count: 2,
      named: ["p=1/gone", "p=2/gone"],
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});
