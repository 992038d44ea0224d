// What every script needs and nothing has to be installed for: the project's root, its tools, and
// `npm ci` when node_modules is missing or older than the lock file.
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** The project's root folder. */
export const root = fileURLToPath(new URL("../..", import.meta.url)).replace(/[/\\]$/, "");

/** Where readers and the MinIO binary are kept between runs. */
export const cache = process.env.CDCDELTA_CACHE ?? path.join(homedir(), ".cache", "cdcdelta");

/** True when a missing engine or server is a failure and not a reason to skip (CI). */
export const requireAll = process.env.CDCDELTA_REQUIRE_ALL === "1";

/** The compiled binary. */
export const binary = path.join(
  root,
  "dist",
  process.platform === "win32" ? "cdcdelta.exe" : "cdcdelta",
);

/** Installs the exact versions of package-lock.json unless they are there already. */
export function ensureInstalled() {
  if (Number(process.versions.node.split(".")[0]) < 20) {
    fail(`Node ${process.versions.node} is too old: install Node 20 or newer`);
  }
  const reason = staleReason();
  if (reason === null) return;
  console.log(`installing dependencies (npm ci): ${reason}`);
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const args = ["ci", "--no-audit", "--no-fund", "--loglevel=error"];
  for (let attempt = 1; attempt <= 3; attempt++) {
    const { status } = spawnSync(npm, args, { cwd: root, stdio: "inherit", env: quietEnv() });
    if (status === 0) return;
    console.error(`npm ci failed (attempt ${attempt} of 3)`);
  }
  fail("Cannot install the dependencies: see npm's message above");
}

/** Why node_modules does not fit the lock file, or null when it does. */
function staleReason() {
  const hidden = path.join(root, "node_modules", ".package-lock.json");
  if (!existsSync(hidden)) return "node_modules is missing";
  const wanted = JSON.parse(readFileSync(path.join(root, "package-lock.json"), "utf8")).packages;
  const present = JSON.parse(readFileSync(hidden, "utf8")).packages;
  for (const [place, entry] of Object.entries(wanted)) {
    if (place === "" || entry.optional) continue;
    if (present[place]?.version !== entry.version) {
      return `${place} is ${present[place]?.version ?? "missing"}, wanted ${entry.version}`;
    }
  }
  return null;
}

/** The path of a tool among the dev dependencies; `bun` also without its install script. */
export function tool(name) {
  if (name === "bun") {
    const places = ["bun/bin/bun.exe"];
    const scope = path.join(root, "node_modules", "@oven");
    for (const folder of existsSync(scope) ? readdirSync(scope) : []) {
      places.push(`@oven/${folder}/bin/bun`, `@oven/${folder}/bin/bun.exe`);
    }
    for (const place of places) {
      const file = path.join(root, "node_modules", place);
      if (existsSync(file) && runs(file)) return file;
    }
    fail("Bun is installed but does not start: remove node_modules and run the command again");
  }
  return path.join(root, "node_modules", ".bin", name);
}

function runs(file) {
  return spawnSync(file, ["--version"], { stdio: "ignore" }).status === 0;
}

/** The environment without npm's own variables, which leak this run's settings into children. */
export function quietEnv(extra = {}) {
  const kept = Object.entries(process.env).filter(([name]) =>
    !/^npm_(config|lifecycle|package)_/.test(name)
  );
  return { ...Object.fromEntries(kept), NO_COLOR: "1", ...extra };
}

/** Ends the script with a message. */
export function fail(message) {
  console.error(message);
  process.exit(1);
}
