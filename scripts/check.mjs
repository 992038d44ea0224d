// The gate: everything that must hold before a commit, one line a step. `npm run check`
import process from "node:process";
import { build } from "./build.mjs";
import { staticSteps } from "./lib/gate.mjs";
import { ensureInstalled } from "./lib/project.mjs";
import { report, step } from "./lib/steps.mjs";
import { findSuites, runSuite } from "./lib/suites.mjs";

ensureInstalled();
const start = performance.now();
const failed = [];
for (const [name, command, args] of staticSteps()) {
  const { status } = await step(name, command, args);
  if (status !== 0) failed.push(name);
}

const suites = findSuites();
const suite = async (name) => {
  const found = suites.find((one) => one.name === name);
  if (found === undefined) return;
  const counts = await runSuite(found);
  if (counts.failed > 0) failed.push(`test ${name}`);
};
await suite("unit");
const built = await build();
report("build dist/cdcdelta", built);
if (built.status === 0) await suite("smoke");
else failed.push("build");

const seconds = ((performance.now() - start) / 1000).toFixed(0);
console.log(
  failed.length === 0 ? `all ok in ${seconds} s` : `FAILED in ${seconds} s: ${failed.join(", ")}`,
);
process.exitCode = failed.length === 0 ? 0 : 1;
