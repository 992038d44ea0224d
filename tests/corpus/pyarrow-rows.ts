import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import process from "node:process";
import type { NormalRow } from "../support/normal-form.ts";
import { projectRoot } from "../support/project-root.ts";
import { requirement } from "../support/requirement.ts";

const cache = process.env["CDCDELTA_CACHE"] ?? path.join(homedir(), ".cache", "cdcdelta");
const python = path.join(cache, "venv", "bin", "python3");

/** Whether pyarrow is there to read expectations with. */
export const hasPyarrow = requirement(
  existsSync(path.join(cache, "venv", ".ready")),
  "pyarrow is not installed: scripts/readers/install.sh installs it",
);

/** What pyarrow read: the rows, or the digest of many. */
export type PyarrowRows =
  | { readonly kind: "rows"; readonly rows: readonly NormalRow[] }
  | { readonly kind: "digest"; readonly count: number; readonly digest: string };

/** `digest` of read-parquet.py: SHA-256 of the rows' texts, sorted. */
export function digestOfRows(rows: readonly NormalRow[]): string {
  const lines = rows.map((row) => {
    const names = Object.keys(row).sort();
    return JSON.stringify(Object.fromEntries(names.map((name) => [name, row[name]])));
  });
  return createHash("sha256").update(lines.sort().join("\n")).digest("hex");
}

/** Rows of Parquet files, or folders of them, as pyarrow reads them. Throws when it cannot. */
export function pyarrowRows(paths: readonly string[]): ReadonlyMap<string, PyarrowRows> {
  const script = path.join(projectRoot, "tests", "corpus", "read-parquet.py");
  const readers = path.join(projectRoot, "scripts", "readers");
  const { stdout, stderr, status } = spawnSync(python, [script, readers, ...paths], {
    encoding: "utf8",
    maxBuffer: 1 << 30,
  });
  if (status !== 0) throw new Error(`pyarrow failed: ${stderr}`);
  const found = new Map<string, PyarrowRows>();
  let table = "";
  let rows: NormalRow[] = [];
  for (const text of stdout.split("\n").filter((line) => line !== "")) {
    const line = JSON.parse(text) as {
      readonly table?: string;
      readonly error?: string;
      readonly row?: NormalRow;
      readonly end?: number;
      readonly rows?: number;
      readonly digest?: string;
    };
    if (line.table !== undefined) {
      table = line.table;
      rows = [];
    }
    if (line.error !== undefined) throw new Error(`pyarrow cannot read ${table}: ${line.error}`);
    if (line.digest !== undefined) {
      found.set(table, { kind: "digest", count: line.rows ?? 0, digest: line.digest });
    }
    if (line.row !== undefined) rows.push(line.row);
    if (line.end !== undefined) found.set(table, { kind: "rows", rows });
  }
  return found;
}
