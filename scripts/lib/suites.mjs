// Which tests there are, and how one suite of them is run and counted.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { root, tool } from "./project.mjs";
import { announce, report, run } from "./steps.mjs";

/** Folders of tests/ that mirror src: quick tests that need nothing but Bun. */
const unitFolders = ["cli", "core", "delta"];

/**
 * Suites in the order they are run. Every other folder of tests/ that holds a test is a suite of
 * its own, so that a new one cannot be forgotten.
 */
export function findSuites() {
  const tests = path.join(root, "tests");
  const entries = readdirSync(tests, { withFileTypes: true });
  const topLevel = entries.filter((entry) => entry.isFile() && isTest(entry.name));
  const unit = [
    ...topLevel.map((entry) => `./tests/${entry.name}`),
    ...unitFolders.filter((name) => hasTests(path.join(tests, name))).map((name) =>
      `./tests/${name}/`
    ),
  ];
  const others = entries
    .filter((entry) => entry.isDirectory() && !unitFolders.includes(entry.name))
    .filter((entry) => hasTests(path.join(tests, entry.name)))
    .map((entry) => ({ name: entry.name, paths: [`./tests/${entry.name}/`] }));
  return [{ name: "unit", paths: unit }, ...others];
}

/** Suites that need neither readers nor a server: run while those are being installed. */
export const needsNothing = ["simulation", "corpus"];

function isTest(name) {
  return name.endsWith(".test.ts");
}

function hasTests(folder) {
  try {
    return readdirSync(folder, { recursive: true }).some((name) => isTest(String(name)));
  } catch {
    return false;
  }
}

/**
 * Runs one suite with Bun; prints one line, and the failures.
 * @returns {Promise<{ passed: number, failed: number, skipped: number, notes: string[] }>}
 */
export async function runSuite(suite, { env = {}, timeoutMs = 20 * 60_000 } = {}) {
  const folder = mkdtempSync(path.join(tmpdir(), "cdcdelta-suite-"));
  const junit = path.join(folder, "junit.xml");
  const args = [
    "test",
    "--timeout=120000",
    "--only-failures",
    "--reporter=junit",
    `--reporter-outfile=${junit}`,
    ...suite.paths,
  ];
  announce(`test ${suite.name}`);
  try {
    const result = await run(tool("bun"), args, { env, timeoutMs });
    // Bun reports on stderr; tests print to stdout as they like.
    const counts = countsOf({ status: result.status, output: result.stderr });
    const detail = `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`;
    const output = shortened(result.output);
    report(
      `test ${suite.name}`,
      { ...result, status: counts.failed === 0 ? 0 : 1, output },
      detail,
    );
    const names = existsSync(junit) ? skippedOf(readFileSync(junit, "utf8")) : [];
    return { ...counts, notes: [...reasonsOf(result.stderr), ...names] };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Bun's closing summary; a run that died before it, or failed without saying why, is a failure. */
export function countsOf({ status, output }) {
  // The last block of counts: what tests themselves print may look like one.
  const blocks = [...output.matchAll(/^((?: *\d+ .*\n)+)Ran \d+ tests? across/gm)];
  const summary = blocks.at(-1)?.[1] ?? "";
  const count = (word) => Number(new RegExp(`^ *(\\d+) ${word}$`, "m").exec(summary)?.[1] ?? 0);
  const counts = {
    passed: count("pass"),
    failed: count("fail"),
    skipped: count("skip") + count("todo"),
  };
  const unexplained = status !== 0 && counts.failed === 0;
  const empty = status === 0 && blocks.length === 0;
  return unexplained || empty ? { ...counts, failed: counts.failed + 1 } : counts;
}

/** Why tests were skipped, as they say it with `requirement()`. */
function reasonsOf(output) {
  const lines = output.split("\n").filter((line) => line.startsWith("SKIP "));
  return [...new Set(lines)].map((line) => `reason: ${line.slice("SKIP ".length)}`);
}

/** The names of skipped tests in a JUnit report. */
function skippedOf(xml) {
  const cases = xml.matchAll(/<testcase name="([^"]*)" classname="([^"]*)"[^>]*[^/]>\s*<skipped/g);
  return [...cases].map(([, name, group]) => text(group === "" ? name : `${group} > ${name}`));
}

function text(escaped) {
  const entities = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return escaped.replace(
    /&(?:#(\d+)|(\w+));/g,
    (all, code, name) =>
      code === undefined ? entities[name] ?? all : String.fromCodePoint(Number(code)),
  );
}

function shortened(output) {
  const limit = 40_000;
  return output.length <= limit
    ? output
    : `${output.slice(0, limit / 2)}\n[…]\n${output.slice(-limit / 2)}`;
}
