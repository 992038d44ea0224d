import { afterAll, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { batchToNdjson } from "../../src/delta/columns/row-json.ts";
import { bytesSource, openParquet, readRowGroup } from "../../src/delta/parquet/reader.ts";
import { field, struct } from "../../src/delta/schema/data-type.ts";
import { requirement } from "../support/requirement.ts";

const venv = path.join(
  process.env["CDCDELTA_CACHE"] ?? path.join(homedir(), ".cache", "cdcdelta"),
  "venv",
);
const hasDuckdb = requirement(
  existsSync(path.join(venv, ".ready")),
  "DuckDB is not installed: scripts/readers/install.sh installs it",
);
const folder = mkdtempSync(path.join(tmpdir(), "cdcdelta-variants-"));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** All variant columns of a file as JSON, one object a row. */
async function read(file: string): Promise<unknown[]> {
  const opened = await openParquet(bytesSource(readFileSync(file)));
  const wanted = struct(
    opened.fields.filter((node) => node.leaf < 0).map((node) =>
      field(node.name, { kind: "variant" })
    ),
  );
  const lines: unknown[] = [];
  for (let i = 0; i < opened.rowGroups.length; i++) {
    const text = batchToNdjson(await readRowGroup(opened, i, wanted), wanted);
    lines.push(...text.trimEnd().split("\n").map((line): unknown => JSON.parse(line)));
  }
  return lines;
}

test.skipIf(!hasDuckdb)("variants shredded by DuckDB are read as it reads them", async () => {
  const script = path.join(import.meta.dir, "shredded-variants.py");
  const { stdout, stderr, status } = spawnSync(
    path.join(venv, "bin", "python3"),
    [script, folder],
    {
      encoding: "utf8",
    },
  );
  expect(`${status}: ${stderr}`).toBe("0: ");
  const files = stdout.trimEnd().split("\n").map((line) =>
    JSON.parse(line) as { readonly file: string; readonly rows: readonly string[] }
  );
  expect(files).toHaveLength(4);
  for (const { file, rows } of files.slice(0, -1)) {
    expect(rows).toHaveLength(8);
    expect(await read(file)).toEqual(rows.map((json): unknown => ({ v: JSON.parse(json) })));
  }
  expect(await read(files.at(-1)!.file)).toEqual([{
    t: -1,
    s: -2,
    i: 3,
    f: 1.5,
    d: 12.345,
    dd: -12.345,
    dt: "2024-02-03",
    ts: "2024-02-03T01:02:03.456000",
    tz: "2024-02-03T01:02:03.456000Z",
    bl: "AQI=",
    bo: true,
    u: "00112233-4455-6677-8899-aabbccddeeff",
    tm: "01:02:03.000000",
    st: "x",
  }]);
}, 60_000);
