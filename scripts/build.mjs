// Compiles dist/cdcdelta: Bun, our sources and the worker in one file.
//   node scripts/build.mjs [--target bun-linux-arm64] [--outfile FILE]
// The same sources give the same bytes: the version and the commit are all that is put in.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { workers } from "./lib/gate.mjs";
import { binary, ensureInstalled, fail, root, tool } from "./lib/project.mjs";
import { announce, report, run } from "./lib/steps.mjs";

/** Compiles the binary; returns the step's result. */
export async function build({ target, outfile = binary } = {}) {
  for (const file of ["src/cli/main.ts", ...workers]) {
    if (!existsSync(path.join(root, file))) {
      return { status: 1, output: `Cannot build: ${file} is missing\n`, seconds: 0 };
    }
  }
  announce("build");
  mkdirSync(path.dirname(outfile), { recursive: true });
  const { version } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
  const define = (name, value) => ["--define", `process.env.${name}=${JSON.stringify(value)}`];
  return run(tool("bun"), [
    "build",
    "--compile",
    "--minify",
    "--bytecode",
    "--format=esm",
    // src/collect-garbage.ts: memory that huge logs leave behind is collected when we know of it.
    "--compile-exec-argv=--expose-gc",
    // A .env or bunfig.toml in the folder where somebody starts the binary is none of its business.
    "--no-compile-autoload-dotenv",
    "--no-compile-autoload-bunfig",
    ...define("CDCDELTA_BUILD_VERSION", version),
    ...define("CDCDELTA_BUILD_COMMIT", commit()),
    ...(target === undefined ? [] : [`--target=${target}`]),
    "src/cli/main.ts",
    // Referenced by `new URL("./…", import.meta.url)`: only extra entry points are carried along.
    ...workers,
    "--outfile",
    outfile,
  ]);
}

/** The commit of the sources, with `-dirty` when they differ from it; empty outside of git. */
function commit() {
  const git = (...args) => spawnSync("git", args, { cwd: root, encoding: "utf8" });
  const head = git("rev-parse", "--short=12", "HEAD");
  if (head.status !== 0) return "";
  const changed = git("status", "--porcelain", "--", "src", "package-lock.json").stdout !== "";
  return head.stdout.trim() + (changed ? "-dirty" : "");
}

function option(name) {
  const at = process.argv.findIndex((arg) => arg === name || arg.startsWith(`${name}=`));
  if (at === -1) return undefined;
  const arg = process.argv[at];
  const value = arg === name ? process.argv[at + 1] : arg.slice(name.length + 1);
  return value ?? fail(`${name} needs a value`);
}

if (process.argv[1] === path.join(root, "scripts", "build.mjs")) {
  ensureInstalled();
  const outfile = option("--outfile") ?? binary;
  const result = await build({ target: option("--target"), outfile });
  const megabytes = result.status === 0 ? `${(statSync(outfile).size / 1e6).toFixed(1)} MB` : "";
  report(`build ${path.relative(process.cwd(), outfile)}`, result, megabytes);
  process.exitCode = result.status === 0 ? 0 : 1;
}
