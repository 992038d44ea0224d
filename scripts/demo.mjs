// The demo: installs, builds, runs the main job on the shipped events, inspects the result.
// `npm run demo`; with `-- --keep FOLDER` the tables stay in FOLDER.
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { build } from "./build.mjs";
import { binary, ensureInstalled, fail, root } from "./lib/project.mjs";
import { report } from "./lib/steps.mjs";

ensureInstalled();
const built = await build();
report("build dist/cdcdelta", built);
if (built.status !== 0) process.exit(1);

const keep = process.argv.indexOf("--keep");
const lake = keep === -1
  ? mkdtempSync(path.join(tmpdir(), "cdcdelta-demo-"))
  : path.resolve(process.argv[keep + 1] ?? fail("--keep needs a folder"));
const events = path.join(root, "examples", "events");

try {
  say("Debezium events of MongoDB collections become Delta tables:");
  cdcdelta("run", "--source", events, "--base-path", lake);
  say("The same command again adds nothing: positions are in the Delta log.");
  cdcdelta("run", "--source", events, "--base-path", lake);
  const tables = findTables(lake);
  if (tables.length === 0) fail(`No table was written below ${lake}`);
  say(`${tables.length} tables: ${tables.map((table) => path.relative(lake, table)).join(", ")}`);
  for (const table of tables.filter((each) => !each.includes("dead")).slice(0, 1)) {
    say("One of them:");
    cdcdelta("inspect", table);
    say("And its first rows:");
    cdcdelta("inspect", table, "--rows", "3");
  }
  console.log(
    keep === -1 ? "\nDone. `npm run demo -- --keep lake` keeps the tables." : `\nDone: ${lake}`,
  );
} finally {
  if (keep === -1) rmSync(lake, { recursive: true, force: true });
}

function say(text) {
  console.log(`\n# ${text}`);
}

/** Shows a command as a user would type it, runs it, ends the demo if it fails. */
function cdcdelta(...args) {
  const shown = args.map((arg) => path.isAbsolute(arg) ? path.relative(root, arg) : arg);
  console.log(
    `$ dist/cdcdelta ${
      shown.map((arg) => arg.startsWith("../") ? path.resolve(root, arg) : arg).join(" ")
    }`,
  );
  const { status } = spawnSync(binary, args, { cwd: root, stdio: "inherit" });
  if (status !== 0) fail(`cdcdelta ended with exit code ${status}`);
}

function findTables(folder) {
  if (existsSync(path.join(folder, "_delta_log"))) return [folder];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap((entry) => findTables(path.join(folder, entry.name)))
    .sort();
}
