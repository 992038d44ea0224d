import { describe, expect, test } from "bun:test";
import process from "node:process";
import { runTableSeed } from "./run-table-seed.ts";

/**
 * Deterministic simulation of table operations that race: two sinks, optimize, vacuum, restore,
 * checkpoint and another engine on one table. `SEED=n` repeats one seed and prints what happened;
 * `SEEDS=n` sets how many are played (CI: 120).
 */
const only = process.env["SEED"];
const inCi = process.env["CDCDELTA_REQUIRE_ALL"] === "1";
const count = Number(process.env["SEEDS"] ?? (inCi ? 120 : 40));
const seeds = only === undefined
  ? Array.from({ length: count }, (_, index) => index + 1)
  : [Number(only)];

describe("table operations simulation", () => {
  test(`the table equals the model in seeds ${seeds[0]}..${seeds.at(-1)}`, async () => {
    const failed: string[] = [];
    for (const seed of seeds) {
      const report = await runTableSeed(seed);
      if (only !== undefined) process.stderr.write(`${report.log.join("\n")}\n`);
      if (report.faults.length === 0) continue;
      failed.push(`SEED=${seed}: ${report.faults.slice(0, 5).join("; ")}`);
      if (failed.length >= 5) break;
    }
    expect(failed).toEqual([]);
  }, 1_800_000);
});
