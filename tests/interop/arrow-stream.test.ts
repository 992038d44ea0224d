import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { runCli } from "../../src/cli/run-cli.ts";
import { writeArrow } from "../../src/cli/inspect/arrow-stream.ts";
import { batchFromRows, type Value } from "../../src/delta/columns/column-builder.ts";
import type { ColumnBatch } from "../../src/delta/columns/column.ts";
import { nullColumn } from "../../src/delta/columns/gather.ts";
import { type DataType, field, struct, type StructType } from "../../src/delta/schema/data-type.ts";
import { fakeWorld } from "../cli/fake-world.ts";
import { arbitraryTable, type Row } from "../delta/parquet/arbitrary-rows.ts";
import { firstDifference } from "../support/compare-rows.ts";
import { localEngine } from "../support/local-tables.ts";
import { type NormalRow, normalRows } from "../support/normal-form.ts";
import { availableReaders, readByScript } from "../support/readers.ts";
import { appendRows } from "../support/written-table.ts";

const readers = availableReaders(["pyarrow", "duckdb"]);
const script = path.join(import.meta.dir, "arrow-stream.py");
const lake = mkdtempSync(path.join(tmpdir(), "cdcdelta-arrow-"));

afterAll(() => rmSync(lake, { recursive: true, force: true }));

/** Rows in batches of several kinds, as scans yield them. */
async function streamOfBatches(
  name: string,
  schema: StructType,
  rows: readonly Row[],
): Promise<string> {
  const { world, stdoutBytes } = fakeWorld([]);
  const half = Math.ceil(rows.length / 2);
  async function* batches(): AsyncGenerator<ColumnBatch> {
    yield batchFromRows(schema, rows.slice(0, half));
    // Columns longer than the batch, as those of one that was cut short are.
    yield await Promise.resolve({ ...batchFromRows(schema, rows), length: half });
    // Columns that a file lacks.
    yield { length: 2, columns: schema.fields.map(() => nullColumn(2)) };
  }
  await writeArrow(world.stdout, batches(), schema);
  const file = path.join(lake, `${name}.arrows`);
  writeFileSync(file, stdoutBytes());
  return file;
}

async function streamOf(name: string, ...flags: readonly string[]): Promise<string> {
  const argv = ["inspect", path.join(lake, "nested"), "--format", "arrow", ...flags];
  const { world, stdoutBytes, stderr } = fakeWorld(argv);
  expect([await runCli(world), stderr()]).toEqual([0, ""]);
  const file = path.join(lake, `${name}.arrows`);
  writeFileSync(file, stdoutBytes());
  return file;
}

const decimal: DataType = { kind: "decimal", precision: 38, scale: 18 };
const nested = struct([
  field("id", { kind: "long" }),
  field(
    "s",
    struct([
      field("d", decimal),
      field("l", { kind: "array", elementType: { kind: "binary" }, containsNull: true }),
    ]),
  ),
  field("part", { kind: "short" }),
]);

describe.skipIf(readers.length === 0)("an Arrow stream of rows", () => {
  const expected = new Map<string, NormalRow[]>();

  beforeAll(async () => {
    const tables = fc.sample(arbitraryTable(60), { numRuns: 40, seed: 20_261_123 });
    for (const [i, { schema, rows }] of tables.entries()) {
      const half = rows.slice(0, Math.ceil(rows.length / 2));
      const nothing = Object.fromEntries(schema.fields.map(({ name }) => [name, null]));
      const file = await streamOfBatches(`batches-${i}`, schema, rows);
      expected.set(file, normalRows([...half, ...half, nothing, nothing], schema));
    }
    const rows: Readonly<Record<string, Value>>[] = [
      { id: 1n, s: { d: 10n ** 38n - 1n, l: [new Uint8Array([0, 255]), null] } },
      { id: 2n, s: null },
      { id: -(2n ** 63n), s: { d: -(10n ** 38n) + 1n, l: null } },
    ];
    const engine = localEngine(path.join(lake, "nested"));
    const table = { schema: nested, partitionColumns: ["part"] };
    const state = await appendRows(engine, null, table, { partitionValues: { part: "-5" }, rows });
    await appendRows(engine, state, table, { partitionValues: { part: null }, rows });
    const all: Readonly<Record<string, Value>>[] = [
      ...rows.map((row) => ({ ...row, part: -5 })),
      ...rows.map((row) => ({ ...row, part: null })),
    ];
    expected.set(await streamOf("all", "--rows", "all"), normalRows(all, nested));
    expected.set(await streamOf("none", "--rows", "0"), []);
    const some = struct([field("s.d", decimal), field("id", { kind: "long" })]);
    const wanted = all.slice(0, 4).map(({ id = null, s }) => ({
      "s.d": (s as Row | null)?.["d"] ?? null,
      id,
    }));
    const file = await streamOf("some", "--rows", "4", "--columns", "s.d,id");
    expected.set(file, normalRows(wanted, some));
  }, 60_000);

  for (const reader of readers) {
    test(`is read by ${reader}`, async () => {
      const files = [...expected.keys()];
      expect(files.length).toBeGreaterThan(8);
      const results = await readByScript(reader, script, [reader, ...files]);
      for (const [file, rows] of expected) {
        const result = results.get(file);
        const difference = result?.kind === "rows"
          ? firstDifference(rows, result.rows)
          : result?.message ?? "it was not read";
        expect(`${path.basename(file)}: ${difference}`).toBe(`${path.basename(file)}: null`);
      }
    }, 120_000);
  }
});
