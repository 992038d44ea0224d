/** The threads must also be found inside a compiled binary, started where no sources are. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../../", import.meta.url));
let folder = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "cdcdelta-compiled-"));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A program of the same layout as src: a main file of its own and the pool's worker. */
function program(): string {
  const source = (path: string) => JSON.stringify(join(root, "src", path));
  return `
    import { workerPool } from ${source("core/encode/worker-pool.ts")};
    const defaults = { partitionBy: [], columnTypes: {}, includeFields: [], excludeFields: [],
      rename: {}, mask: {}, maskKey: null, keepDocument: false, keepTransactionId: false, decimalAsString: false,
      columnsMax: 100, depthMax: 10 };
    const pool = workerPool({ size: 1, rules: { defaults, overrides: [] } });
    const job = { batches: [], tables: [], ingestionTimestampMs: 0 };
    pool.run(job, { signal: new AbortController().signal })
      .then((result) => "answered " + result.counts.records,
        (error) => error.code === "worker" ? "no thread: " + error.message : "answered error")
      .then((text) => { process.stdout.write(text); return pool.close(); })
      .then(() => process.exit(0));
  `;
}

test("a compiled binary starts its threads and gets answers", () => {
  const main = join(folder, "main.ts");
  const binary = join(folder, "pool-check");
  writeFileSync(main, program());
  const built = spawnSync(process.execPath, [
    "build",
    "--compile",
    "--minify",
    "--bytecode",
    "--format=esm",
    "--root",
    join(root, "src"),
    main,
    join(root, "src/core/encode/encode-worker.ts"),
    "--outfile",
    binary,
  ], { encoding: "utf8", cwd: root });
  expect(built.stderr).not.toContain("error");
  expect(built.status).toBe(0);
  const ran = spawnSync(binary, [], { encoding: "utf8", cwd: folder, timeout: 10_000 });
  expect(ran.stdout).toStartWith("answered");
}, 30_000);
