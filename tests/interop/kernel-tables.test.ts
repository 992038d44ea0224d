import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { firstDifference } from "../support/compare-rows.ts";
import { normalRows } from "../support/normal-form.ts";
import { availableReaders, type Reader, type ReaderResult, readWith } from "../support/readers.ts";
import { interopCases } from "./cases.ts";
import { makeTable } from "./table-maker.ts";

const engines: readonly Reader[] = ["delta-rs", "duckdb", "polars", "spark"];
const present = availableReaders(engines);
const lake = mkdtempSync(path.join(tmpdir(), "cdcdelta-interop-"));

function folderOf(name: string): string {
  return path.join(lake, name);
}

function madeCases(): typeof interopCases {
  return interopCases.filter(({ name }) => !unmade.has(name));
}

/** As clean-up does: Spark wants the commit that a checkpoint stands at, older ones are gone. */
function deleteCommitsBeforeCheckpoint(table: string): void {
  const log = path.join(table, "_delta_log");
  const checkpoints = readdirSync(log).filter((name) =>
    /\.checkpoint\.(?:.*\.)?parquet$/.test(name)
  );
  const newest = checkpoints.sort((a, b) => a < b ? -1 : 1).at(-1);
  if (newest === undefined) throw new Error(`no checkpoint in ${log}`);
  for (const name of readdirSync(log)) {
    if (/^\d{20}\.json$/.test(name) && name.slice(0, 20) < newest.slice(0, 20)) {
      rmSync(path.join(log, name));
    }
  }
}

const unmade = new Map<string, unknown>();

beforeAll(async () => {
  for (const one of interopCases) {
    try {
      await makeTable(folderOf(one.name), one);
      if (one.checkpointOnly === true) deleteCommitsBeforeCheckpoint(folderOf(one.name));
    } catch (error) {
      unmade.set(one.name, error);
    }
  }
}, 120_000);

afterAll(() => rmSync(lake, { recursive: true, force: true }));

describe.each([...engines])("%s", (reader) => {
  let results: ReadonlyMap<string, ReaderResult> = new Map();

  beforeAll(async () => {
    if (!present.includes(reader)) return;
    results = await readWith(reader, madeCases().map(({ name }) => folderOf(name)));
  }, 600_000);

  test.skipIf(!present.includes(reader)).each(interopCases.map(({ name }) => name))(
    "reads %s value for value",
    (name) => {
      if (unmade.has(name)) throw unmade.get(name);
      const one = interopCases.find((each) => each.name === name);
      const result = results.get(folderOf(name));
      if (one === undefined || result === undefined) throw new Error(`${name} was not read`);
      if (one.refusedBy?.includes(reader) === true) return expect(result.kind).toBe("error");
      const difference = result.kind === "error"
        ? result.message
        : firstDifference(normalRows(one.truth, one.schema), result.rows);
      expect(difference).toBeNull();
    },
  );
});
