// Hours of kills, for a release: `npm run soak`. Two instances read a topic without end and are
// killed at any time; then the table must hold every record once.
//   KILLS=1000 npm run soak     more than the 100 of the default
//   SEED=7 npm run soak         the same moments again
import process from "node:process";
import { build } from "../build.mjs";
import { ensureInstalled } from "../lib/project.mjs";
import { report } from "../lib/steps.mjs";
import { runSuite } from "../lib/suites.mjs";

ensureInstalled();
const kills = process.env.KILLS ?? "100";
const built = await build();
report("build dist/cdcdelta", built);
if (built.status !== 0) process.exit(1);
const { passed, failed, skipped, notes } = await runSuite(
  { name: `soak (${kills} kills)`, paths: ["./tests/e2e/kills.test.ts"] },
  { env: { KILLS: kills }, timeoutMs: Number(kills) * 6000 + 10 * 60_000 },
);
for (const note of notes) console.log(`skipped: ${note}`);
process.exitCode = failed === 0 && passed > 0 && skipped === 0 ? 0 : 1;
