import { writeSync } from "node:fs";
import process from "node:process";
import { watchAllocations } from "./allocations.ts";
import { fuzzCase } from "./fuzz-case.ts";
import { fuzzTables } from "./fuzz-tables.ts";

/**
 * Plays the seeds from the first argument on, for so many milliseconds or cases as the others say.
 * Tells each seed before it is begun, so that whoever watches knows which one hangs.
 */
const [from = 1, count = 1, forMs = 10_000] = process.argv.slice(2).map(Number);
const say = (line: object): void => void writeSync(1, `${JSON.stringify(line)}\n`);

const tables = await fuzzTables();
const allocations = watchAllocations();
const startedMs = performance.now();
let [cases, refused] = [0, 0];
for (let seed = from; seed < from + count && performance.now() - startedMs < forMs; seed++) {
  say({ seed });
  const report = await fuzzCase(seed, tables);
  cases += 1;
  if (report.isRefused) refused += 1;
  const faults = [...report.faults, ...allocations.take()];
  if (faults.length > 0) say({ seed, what: report.what, faults });
}
say({ cases, refused });
