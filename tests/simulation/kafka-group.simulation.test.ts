import { describe, expect, test } from "bun:test";
import process from "node:process";
import { runKafkaSeed } from "./run-kafka-seed.ts";

/**
 * Deterministic simulation of a consumer group: one to three real Kafka sources, each with a real
 * pump, on a cluster and a store in memory. `SEED=n` repeats one seed and prints what happened;
 * `SEEDS=n` sets how many are played (CI: 150).
 */
const only = process.env["SEED"];
const inCi = process.env["CDCDELTA_REQUIRE_ALL"] === "1";
const count = Number(process.env["SEEDS"] ?? (inCi ? 150 : 30));
const seeds = only === undefined
  ? Array.from({ length: count }, (_, index) => index + 1)
  : [Number(only)];

describe("consumer group simulation", () => {
  test(`tables equal the topics in seeds ${seeds[0]}..${seeds.at(-1)}`, async () => {
    const failed: string[] = [];
    for (const seed of seeds) {
      const report = await runKafkaSeed(seed);
      if (only !== undefined) process.stderr.write(`${report.log.join("\n")}\n`);
      if (report.faults.length === 0) continue;
      failed.push(`SEED=${seed}: ${report.faults.slice(0, 5).join("; ")}`);
      if (failed.length >= 5) break;
    }
    expect(failed).toEqual([]);
  }, 1_800_000);
});
