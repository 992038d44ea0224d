import { afterAll, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { localStore } from "../../src/delta/storage/local-store.ts";
import { newTable, testEngine } from "../support/delta-table.ts";
import { projectRoot } from "../support/project-root.ts";

const folder = mkdtempSync(path.join(tmpdir(), "cdcdelta-conformance-"));

afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Ran = { readonly status: number | null; readonly stdout: string; readonly stderr: string };

/** Runs the script over a corpus of these lines: suite, table, features. */
function conformance(name: string, tables: readonly (readonly string[])[]): Ran {
  const corpus = path.join(folder, name);
  const lines = [["suite", "table", "features"], ...tables].map((cells) => cells.join("\t"));
  mkdirSync(path.join(corpus, "delta"), { recursive: true });
  writeFileSync(path.join(corpus, "delta", "MANIFEST.tsv"), `${lines.join("\n")}\n`);
  const script = path.join(projectRoot, "scripts", "conformance.ts");
  const { status, stdout, stderr } = spawnSync(process.execPath, [script], {
    encoding: "utf8",
    env: { ...process.env, CDCDELTA_CORPUS: corpus },
  });
  return { status, stdout, stderr };
}

const noLog = ["kernel-rs-golden", "no-delta-log-folder/delta", "appendOnly"];
const readable = ["duckdb-delta", "variant/basic", "variantType,appendOnly"];

test("a table that is refused as it must be is no failure, and is counted by feature", () => {
  const { status, stdout } = conformance("good", [noLog]);
  expect(stdout).toMatch(/^\| feature appendOnly +\| +1 \| +0 \| +0 \| +1 \| +0 \|/m);
  expect(stdout).toMatch(/^\| all tables +\| +1 \| +0 \| +0 \| +1 \| +0 \|/m);
  expect(stdout).toContain("All 1 tables are as they should be.");
  expect(status).toBe(0);
}, 30_000);

test("a table that should open and does not is named, with why", () => {
  const { status, stdout, stderr } = conformance("missing", [noLog, readable]);
  expect(stderr).toMatch(/WRONG duckdb-delta\/variant\/basic: There is no Delta table/);
  expect(stdout).toMatch(/^\| feature variantType +\| +1 \|(?: +0 \|)+ +1 \|$/m);
  expect(status).toBe(1);
}, 30_000);

test("so is one that opens and must not, or is not what another reader found", async () => {
  for (const [suite, table] of [noLog, readable]) {
    const place = path.join(folder, "wrong", "delta", suite!, table!);
    mkdirSync(place, { recursive: true });
    await newTable(testEngine(() => localStore(place)));
  }
  const { status, stderr } = conformance("wrong", [noLog, readable]);
  expect(stderr).toMatch(/no-delta-log-folder\/delta: it opened, and no reader may open it/);
  expect(stderr).toMatch(/variant\/basic: version 0 instead of 1/);
  expect(status).toBe(1);
}, 30_000);

test("no corpus is a failure, not a pass", () => {
  const script = path.join(projectRoot, "scripts", "conformance.ts");
  const env = { ...process.env, CDCDELTA_CORPUS: path.join(folder, "nowhere") };
  expect(spawnSync(process.execPath, [script], { env }).status).toBe(2);
}, 30_000);
