import { afterAll, describe, expect, test } from "bun:test";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { batchToNdjson } from "../../src/delta/columns/row-json.ts";
import type { Engine } from "../../src/delta/engine.ts";
import { loadSnapshot, type Snapshot } from "../../src/delta/log/snapshot.ts";
import { featuresBlockingWrite } from "../../src/delta/log/table-features.ts";
import { removalOf, rewriteFile } from "../../src/delta/operations/rewrite-file.ts";
import { scanSnapshot } from "../../src/delta/operations/scan.ts";
import { localStore } from "../../src/delta/storage/local-store.ts";
import { CdcDeltaError } from "../../src/errors.ts";
import { mustCommit, signal, testEngine } from "../support/delta-table.ts";
import { corpus, hasCorpus, manifest, nameOf } from "./corpus.ts";
import { withoutRows } from "./verdicts.ts";

/** So many tables are written anew today; it may only grow. */
const rewrittenAtLeast = 176;

const lake = mkdtempSync(path.join(tmpdir(), "cdcdelta-rewrites-"));
afterAll(() => rmSync(lake, { recursive: true, force: true }));

/** All rows as JSON, in an order of their own. */
async function rowsOf(engine: Engine, snapshot: Snapshot): Promise<string[]> {
  const rows: string[] = [];
  for await (const batch of scanSnapshot(engine, snapshot, { signal })) {
    const lines = batchToNdjson(batch, snapshot.schema).split("\n");
    for (const line of lines.slice(0, -1)) rows.push(line);
  }
  return rows.sort();
}

/** Null when the table must not be rewritten. */
async function open(engine: Engine): Promise<Snapshot | null> {
  try {
    const snapshot = await loadSnapshot(engine, { signal });
    const { uri } = engine.store;
    return featuresBlockingWrite(snapshot, uri, "rearrange").length === 0 ? snapshot : null;
  } catch (error) {
    if (!(error instanceof CdcDeltaError)) throw error;
    return null;
  }
}

let rewritten = 0;
const shredded: string[] = [];

describe.skipIf(!hasCorpus)("tables of the Delta corpus, every file written anew", () => {
  for (const row of manifest) {
    const name = nameOf(row);
    if (withoutRows[name] !== undefined) continue;
    test(name, async () => {
      const copy = path.join(lake, name);
      cpSync(path.join(corpus, name), copy, { recursive: true });
      const engine = testEngine(() => localStore(copy));
      engine.nowMs = Date.now();
      const snapshot = await open(engine);
      if (snapshot === null || snapshot.files.length === 0) return;
      const before = await rowsOf(engine, snapshot);
      const adds = [];
      try {
        for (const file of snapshot.files) {
          adds.push(...await rewriteFile(engine, snapshot, file, { signal }));
        }
      } catch (error) {
        if (!(error instanceof CdcDeltaError) || !error.message.includes("shredded")) throw error;
        shredded.push(name);
        return;
      }
      await mustCommit(engine, snapshot, {
        operation: "OPTIMIZE",
        operationParameters: {},
        reads: { kind: "files", paths: new Set(snapshot.files.map((file) => file.path)) },
        dataChange: false,
        adds,
        removes: snapshot.files.map((file) => removalOf(file, engine.nowMs)),
      });
      const after = await loadSnapshot(engine, { signal });
      expect(after.files.every((file) => file.deletionVector === undefined)).toBeTrue();
      expect(await rowsOf(engine, after)).toEqual(before);
      rewritten += 1;
    }, 60_000);
  }

  test("are as many as before", () => {
    console.log(`tables of the Delta corpus written anew: ${rewritten}, shredded: ${shredded}`);
    expect(rewritten).toBeGreaterThanOrEqual(rewrittenAtLeast);
  });
});
