import { afterAll, describe, expect, test } from "bun:test";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { loadSnapshot } from "../../src/delta/log/snapshot.ts";
import { signal } from "../support/delta-table.ts";
import { localEngine } from "../support/local-tables.ts";
import { corpus, hasCorpus, manifest, nameOf, type Row } from "./corpus.ts";
import { mustFail, withoutRows, writeRefusals } from "./verdicts.ts";
import { exerciseWrites, refusalsOf } from "./write-table.ts";

const copies = mkdtempSync(path.join(tmpdir(), "cdcdelta-corpus-writes-"));

afterAll(() => rmSync(copies, { recursive: true, force: true }));

/** The smallest table with each feature and each kind of checkpoint; all are too many for a test. */
const chosen: ReadonlySet<Row> = new Set(
  ["features", "checkpoint"].flatMap((column) => {
    const smallest = new Map<string, Row>();
    const size = (row: Row): number => Number(row["bytes"]);
    for (const row of manifest) {
      if (mustFail[nameOf(row)] !== undefined || withoutRows[nameOf(row)] !== undefined) continue;
      for (const trait of (row[column] ?? "").split(/[,+]/)) {
        const known = smallest.get(trait);
        if (known === undefined || size(row) < size(known)) smallest.set(trait, row);
      }
    }
    return [...smallest.values()];
  }),
);

describe.skipIf(!hasCorpus)("writing to tables of the corpus", () => {
  for (const row of chosen) {
    const name = nameOf(row);
    test(`${name}: ${writeRefusals[name] ?? "all of it"}`, async () => {
      const folder = path.join(copies, name.replaceAll("/", "_"));
      cpSync(path.join(corpus, name), folder, { recursive: true });
      const engine = localEngine(folder);
      const snapshot = await loadSnapshot(engine, { signal });
      const results = await exerciseWrites(engine, snapshot, { readable: true });
      expect(refusalsOf(results)).toBe(writeRefusals[name] ?? "");
    }, 60_000);
  }
});
