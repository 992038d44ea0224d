import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { rowsOfBatch } from "../../src/delta/columns/column-value.ts";
import { openChangeFeed } from "../../src/delta/operations/change-feed.ts";
import { bindSelection } from "../../src/delta/operations/select-rows.ts";
import { corpus, hasCorpus } from "../corpus/corpus.ts";
import { firstDifference } from "../support/compare-rows.ts";
import { signal } from "../support/delta-table.ts";
import { localEngine } from "../support/local-tables.ts";
import { type NormalRow, normalRows } from "../support/normal-form.ts";
import { availableReaders, readByScript, type ReaderResult } from "../support/readers.ts";

const script = path.join(import.meta.dir, "change-feed.py");
const lake = mkdtempSync(path.join(tmpdir(), "cdcdelta-change-feed-"));

afterAll(() => rmSync(lake, { recursive: true, force: true }));

/** Changes of a table from its first version on, as we read them. */
async function changesOf(table: string): Promise<NormalRow[]> {
  const engine = localEngine(table);
  const feed = await openChangeFeed(engine, { from: null, to: null }, { signal });
  const selection = bindSelection({ columns: null, where: null }, feed.schema, table);
  const counts = { files: 0, filesRead: 0, rowGroups: 0, rowGroupsRead: 0 };
  const rows: NormalRow[] = [];
  for await (const batch of feed.batches({ selection, counts, signal })) {
    rows.push(...normalRows(rowsOfBatch(batch, feed.schema), feed.schema));
  }
  return rows;
}

/** What differs from the changes that an engine read; null: nothing. */
async function differenceOf(
  table: string,
  reader: string,
  result: ReaderResult,
): Promise<string | null> {
  if (result.kind === "error") return result.message;
  // delta-rs takes the time from the commit, where the table does not ask for that, and no zone.
  const comparable = (rows: readonly NormalRow[]): NormalRow[] =>
    reader === "spark" ? [...rows] : rows.map(({ _commit_timestamp: _, ...row }) => row);
  return firstDifference(comparable(result.rows), comparable(await changesOf(table)));
}

/** Tables of the corpus whose changes Spark reads. */
const corpusTables = [
  "delta-rs/simple_table_with_cdc",
  "kernel-rs-data/cdf-table-data-change",
  "kernel-rs-data/cdf-table-delete-conditional-all-rows",
  "kernel-rs-data/cdf-table-delete-conditional-two-rows",
  "kernel-rs-data/cdf-table-non-partitioned",
  "kernel-rs-data/cdf-table-partitioned",
  "kernel-rs-data/cdf-table-simple",
  "kernel-rs-data/cdf-table-update-ops",
  "kernel-rs-data/cdf-table-with-cdc-and-dvs",
  "trino/deltalake/deletion_vector_pages",
].map((name) => path.join(corpus, name));

describe("the change feed of tables that other engines made", () => {
  const readers = availableReaders(["delta-rs", "spark"]);
  for (const [reader, made] of [["delta-rs", 2], ["spark", 3]] as const) {
    const further = reader === "spark" && hasCorpus ? corpusTables : [];
    test.skipIf(!readers.includes(reader))(`is what ${reader} reads`, async () => {
      const results = await readByScript(reader, script, [
        reader,
        path.join(lake, reader),
        ...further,
      ]);
      const differences: string[] = [];
      let compared = 0;
      for (const [table, result] of results) {
        const difference = await differenceOf(table, reader, result);
        if (difference === null) compared += 1;
        else differences.push(`${table}: ${difference}`);
      }
      expect(differences).toEqual([]);
      expect(compared).toBeGreaterThanOrEqual(made);
    }, 1_200_000);
  }
});
