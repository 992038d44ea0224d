// Everything: the static gate, the build, every suite. `npm test`
// With CDCDELTA_REQUIRE_ALL=1 (CI) the readers and MinIO are installed meanwhile and required;
// without it, tests whose engine is not on this machine are skipped, and the reasons are printed.
// The last line is the total of all suites: `N passed, N failed, N skipped`.
import { writeFileSync } from "node:fs";
import process from "node:process";
import { build } from "./build.mjs";
import { staticSteps } from "./lib/gate.mjs";
import { startInstallers } from "./lib/installers.mjs";
import { ensureInstalled, requireAll } from "./lib/project.mjs";
import { report, step } from "./lib/steps.mjs";
import { findSuites, needsNothing, runSuite } from "./lib/suites.mjs";

ensureInstalled();
const start = performance.now();
const total = { passed: 0, failed: 0, skipped: 0 };
const notes = [];
const count = (ok) => {
  if (ok) total.passed++;
  else total.failed++;
};

const installers = requireAll ? startInstallers() : [];
for (const [name, command, args] of staticSteps()) {
  count((await step(name, command, args)).status === 0);
}
const built = await build();
report("build dist/cdcdelta", built);
count(built.status === 0);

const suites = findSuites();
const early = installers.length === 0
  ? []
  : suites.filter(({ name }) => needsNothing.includes(name));
for (const suite of early) await runAndCount(suite);
for (const installer of installers) {
  const result = await installer.done;
  report(installer.name, result);
  count(result.status === 0);
}
for (const suite of suites.filter((each) => !early.includes(each))) await runAndCount(suite);

if (notes.length > 0) console.log(`\nskipped:\n${notes.map((note) => `  ${note}`).join("\n")}`);
console.log(`\n${((performance.now() - start) / 60_000).toFixed(1)} minutes`);
const line = `${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`;
console.log(line);
if (process.env.CDCDELTA_TOTALS_FILE) writeFileSync(process.env.CDCDELTA_TOTALS_FILE, `${line}\n`);
process.exitCode = total.failed === 0 ? 0 : 1;

async function runAndCount(suite) {
  const counts = await runSuite(suite);
  total.passed += counts.passed;
  total.failed += counts.failed;
  total.skipped += counts.skipped;
  notes.push(...counts.notes.map((note) => `${suite.name}: ${note}`));
}
