import { beforeAll, describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import path from "node:path";
import type { ColumnBatch } from "../../src/delta/columns/column.ts";
import { rowsOfBatch } from "../../src/delta/columns/column-value.ts";
import { CdcDeltaError } from "../../src/errors.ts";
import { loadSnapshot, type Snapshot, type SnapshotAt } from "../../src/delta/log/snapshot.ts";
import { scanSnapshot } from "../../src/delta/operations/scan.ts";
import { localStore } from "../../src/delta/storage/local-store.ts";
import { firstDifference } from "../support/compare-rows.ts";
import { signal, testEngine } from "../support/delta-table.ts";
import { type NormalRow, normalRows } from "../support/normal-form.ts";
import { corpus, hasCorpus, manifest, nameOf, oracle, type Row } from "./corpus.ts";
import { digestOfRows, hasPyarrow, type PyarrowRows, pyarrowRows } from "./pyarrow-rows.ts";
import { withoutRows } from "./verdicts.ts";

/** So many tables are read and so many compared value for value today; it may only grow. */
const readAtLeast = 198;
const comparedAtLeast = 45;

type Expectation = { readonly at: SnapshotAt | null; readonly file: string };

/** Where the suites keep the rows they expect. */
function expectationsOf(row: Row): Expectation[] {
  const folder = path.join(corpus, nameOf(row), "../expected");
  const kind = row["expected"] ?? "";
  if (kind.startsWith("expected/*.parquet")) return [{ at: null, file: folder }];
  if (!kind.startsWith("expected/vN")) return [];
  return readdirSync(folder).map((name) => ({
    at: name === "latest" ? null : { kind: "version", version: Number(name.slice(1)) },
    file: path.join(folder, name, "table_content.parquet"),
  }));
}

async function open(row: Row, at: SnapshotAt | null): Promise<Snapshot | CdcDeltaError> {
  const engine = testEngine(() => localStore(path.join(corpus, nameOf(row))));
  try {
    return await loadSnapshot(engine, at === null ? { signal } : { at, signal });
  } catch (error) {
    if (!(error instanceof CdcDeltaError)) throw error;
    return error;
  }
}

async function batchesOf(row: Row, snapshot: Snapshot): Promise<ColumnBatch[]> {
  const engine = testEngine(() => localStore(path.join(corpus, nameOf(row))));
  const batches: ColumnBatch[] = [];
  for await (const batch of scanSnapshot(engine, snapshot, { signal })) batches.push(batch);
  return batches;
}

async function rowsOf(row: Row, snapshot: Snapshot): Promise<NormalRow[]> {
  const { schema } = snapshot;
  const batches = await batchesOf(row, snapshot);
  return batches.flatMap((batch) => normalRows(rowsOfBatch(batch, schema), schema));
}

/** Null when the rows are those that pyarrow found in the expectation. */
function difference(wanted: PyarrowRows | undefined, actual: readonly NormalRow[]): string | null {
  if (wanted === undefined) return "pyarrow did not read the expectation";
  if (wanted.kind === "rows") {
    return firstDifference(withoutZones(wanted.rows), withoutZones(actual));
  }
  if (wanted.count !== actual.length) return `${actual.length} rows instead of ${wanted.count}`;
  return digestOfRows(actual) === wanted.digest ? null : "the rows' digest is another one";
}

/** INT96 does not say whether it is in UTC: pyarrow gives it no zone, Delta's schema does. */
function withoutZones(rows: readonly NormalRow[]): NormalRow[] {
  const text = JSON.stringify(rows).replace(/"t:(-?\d+)Z"/g, '"t:$1"');
  return JSON.parse(text) as NormalRow[];
}

function statedRows(snapshot: Snapshot): number | null {
  let sum = 0;
  for (const { stats, deletionVector } of snapshot.files) {
    const parsed: unknown = stats === undefined || stats === "" ? null : JSON.parse(stats);
    const count = (parsed as { readonly numRecords?: unknown } | null)?.numRecords;
    if (typeof count !== "number") return null;
    sum += count - Number(deletionVector?.cardinality ?? 0n);
  }
  return sum;
}

const refused = new Map<string, string[]>();
const read: string[] = [];
const compared: string[] = [];
const missing: string[] = [];

describe.skipIf(!hasCorpus)("rows of the Delta corpus", () => {
  let expected: ReadonlyMap<string, PyarrowRows> = new Map();

  beforeAll(() => {
    if (!hasPyarrow) return;
    const files = manifest.flatMap(expectationsOf).map(({ file }) => file);
    expected = pyarrowRows(files);
  }, 120_000);

  for (const row of manifest) {
    const name = nameOf(row);
    test(name, async () => {
      const snapshot = await open(row, null);
      if (snapshot instanceof CdcDeltaError) {
        // Whether that is right is what delta-corpus.test.ts asks.
        const why = `${snapshot.code} ${snapshot.context["features"] ?? ""}`.trim();
        refused.set(why, [...refused.get(why) ?? [], name]);
        return;
      }
      const absent = withoutRows[name];
      if (absent !== undefined) {
        await expect(rowsOf(row, snapshot)).rejects.toThrow(absent);
        missing.push(name);
        return;
      }
      const batches = await batchesOf(row, snapshot);
      const rows = batches.reduce((sum, batch) => sum + batch.length, 0);
      read.push(name);
      expect(rows).toBe(statedRows(snapshot) ?? rows);
      const count = oracle.get(name)?.["rows"] ?? "-";
      if (count !== "-") expect(rows).toBe(Number(count));
      if (!hasPyarrow) return;
      for (const { at, file } of expectationsOf(row)) {
        const version = at === null ? snapshot : await open(row, at);
        if (version instanceof CdcDeltaError) throw version;
        expect(difference(expected.get(file), await rowsOf(row, version))).toBeNull();
        compared.push(name);
      }
    }, 60_000);
  }

  test("every table was read or refused, none skipped", () => {
    const seen = new Set([...read, ...missing, ...[...refused.values()].flat()]);
    expect(manifest.map(nameOf).filter((name) => !seen.has(name))).toEqual([]);
    const reasons = [...refused].map(([why, names]) => `  refused, ${why}: ${names.length}`);
    console.log(
      [
        `rows of the Delta corpus: ${manifest.length} tables`,
        `  read: ${read.length}, compared value for value: ${new Set(compared).size}`,
        `  rows not there: ${missing.length}`,
        ...reasons,
      ].join("\n"),
    );
    expect(read.length).toBeGreaterThanOrEqual(readAtLeast);
    if (hasPyarrow) expect(new Set(compared).size).toBeGreaterThanOrEqual(comparedAtLeast);
  });
});
