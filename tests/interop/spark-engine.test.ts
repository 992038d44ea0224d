import { afterAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { loadHistory } from "../../src/delta/log/history.ts";
import { loadSnapshot } from "../../src/delta/log/snapshot.ts";
import { signal } from "../support/delta-table.ts";
import { counting, localEngine, numberedTable, numbersOf } from "../support/local-tables.ts";
import { projectRoot } from "../support/project-root.ts";
import { availableReaders } from "../support/readers.ts";

const present = availableReaders(["spark"]).length > 0;
const lake = mkdtempSync(path.join(tmpdir(), "cdcdelta-spark-engine-"));
afterAll(() => rmSync(lake, { recursive: true }));

const cache = process.env["CDCDELTA_CACHE"] ?? path.join(homedir(), ".cache", "cdcdelta");

/** The Spark that the readers use, as a user's own: its home in the environment, the rest as flags. */
function spark(): { readonly env: Record<string, string>; readonly flags: string[] } {
  const lib = path.join(cache, "venv-spark", "lib");
  const python = readdirSync(lib).find((name) => name.startsWith("python3")) ?? "";
  const home = path.join(lib, python, "site-packages", "pyspark");
  expect(existsSync(path.join(home, "bin", "spark-sql"))).toBe(true);
  const jars = path.join(cache, "spark-jars");
  const conf = {
    "spark.master": "local[2]",
    "spark.jars": readdirSync(jars).filter((name) => name.endsWith(".jar"))
      .map((name) => path.join(jars, name)).join(","),
    "spark.ui.enabled": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.databricks.delta.snapshotPartitions": "2",
    "spark.sql.sources.parallelPartitionDiscovery.parallelism": "2",
    "spark.driver.memory": "1g",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.session.timeZone": "UTC",
  };
  return {
    env: { SPARK_HOME: home, SPARK_LOCAL_IP: "127.0.0.1" },
    flags: [
      "--engine",
      "spark",
      ...Object.entries(conf).flatMap(([name, value]) => ["--spark-conf", `${name}=${value}`]),
    ],
  };
}

/** What a command of ours prints; Spark takes its time to start. */
function cdcdelta(args: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  const main = path.join(projectRoot, "src", "cli", "main.ts");
  const { HOME = "", PATH = "" } = process.env;
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, ...args], {
    encoding: "utf8",
    env: { HOME, PATH, ...env },
    timeout: 300_000,
  });
  if (status !== 0) throw new Error(`cdcdelta ${args[0]} ended with ${status}:\n${stderr}`);
  return stdout;
}

type Tables = { readonly tables: readonly Readonly<Record<string, unknown>>[] };

describe.skipIf(!present)("--engine spark on a real Spark", () => {
  test("optimizes, vacuums and restores, with results of our shape", async () => {
    const table = path.join(lake, "numbers");
    const engine = localEngine(table);
    await numberedTable(table, [["a", 3], ["b", 2], ["a", 4], ["b", 1], ["c", 5]]);
    const { env, flags } = spark();
    const json = ["--format", "json", ...flags];

    const optimized = JSON.parse(
      cdcdelta(["optimize", table, "--where", "day in ('a', 'c')", "--z-order", "n", ...json], env),
    ) as Tables;
    const metadata = await historyOf(table, "OPTIMIZE");
    expect(metadata?.operationParameters?.["zOrderBy"]).toContain("n");
    expect(metadata?.operationParameters?.["predicate"]).toContain("day");
    expect(metadata?.engineInfo).toMatch(/Spark/);
    const after = (await loadSnapshot(engine, { signal })).files.length;
    expect(optimized.tables[0]).toMatchObject({
      table,
      version: 5,
      filesBefore: 5,
      filesAfter: after,
      groups: 1,
    });
    expect(optimized.tables[0]?.["filesRemoved"]).toBe(Number(
      metadata?.operationMetrics?.["numRemovedFiles"],
    ));
    expect(await numbersOf(engine)).toEqual(counting(15));

    const restored = JSON.parse(
      cdcdelta(["restore", table, "--version", "1", "--yes", ...json], env),
    ) as Readonly<Record<string, unknown>>;
    expect(restored).toMatchObject({ restoredVersion: 6, version: 1 });
    expect(await numbersOf(engine)).toEqual(counting(5));

    const vacuumed = JSON.parse(
      cdcdelta(["vacuum", table, "--retention", "0", "--force", ...json], env),
    ) as Tables;
    expect(vacuumed.tables[0]?.["files"]).toBeGreaterThanOrEqual(3);
    expect(await numbersOf(engine)).toEqual(counting(5));
    // What is left is what the table needs.
    expect(JSON.parse(
      cdcdelta(["vacuum", table, "--retention", "0", "--force", "--format", "json"], env),
    ) as Tables).toMatchObject({ tables: [{ files: 0 }] });
  }, 900_000);
});

async function historyOf(table: string, operation: string) {
  const history = await loadHistory(localEngine(table), { signal });
  return history.find((entry) => entry.operation === operation);
}
