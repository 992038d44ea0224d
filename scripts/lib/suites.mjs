// Which tests there are, and how one suite of them is run and counted.
import { readdirSync } from "node:fs";
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
  announce(`test ${suite.name}`);
  const result = await run(tool("bun"), ["test", "--timeout=120000", ...suite.paths], {
    env,
    timeoutMs,
  });
  // Bun reports on stderr; tests print to stdout as they like.
  const counts = countsOf({ status: result.status, output: result.stderr });
  const detail = `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`;
  report(
    `test ${suite.name}`,
    { ...result, status: counts.failed === 0 ? 0 : 1, output: failuresOf(result.output) },
    detail,
  );
  return { ...counts, notes: notesOf(result.stderr) };
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

/** Why tests were skipped, as tests say it with `requirement()`; and the names of skipped tests. */
function notesOf(output) {
  const reasons = output.split("\n").filter((line) => line.startsWith("SKIP ")).map((line) =>
    line.slice(5)
  );
  const names = output.split("\n").filter((line) => /^\((skip|todo)\) /.test(line))
    .map((line) => line.replace(/^\(\w+\) /, ""));
  return [...new Set([...reasons.map((reason) => `reason: ${reason}`), ...names])];
}

/** The output without tests that passed, and without the headings of files that hold no others. */
function failuresOf(output) {
  // Bun names skipped and failed tests once more before its summary.
  const once = output.replace(/^\d+ tests (?:skipped|failed):\n(?:\(\w+\) .*\n|\n)*/gm, "");
  const lines = once.split("\n").filter((line) => !/^\((pass|skip|todo)\) /.test(line));
  const text = lines.join("\n").replace(
    /(?:^tests\/\S+\.test\.ts:\n\n*)+(?=^tests\/|\n*^ *\d+ )/gm,
    "",
  );
  const limit = 40_000;
  return text.length <= limit
    ? text
    : `${text.slice(0, limit / 2)}\n[…]\n${text.slice(-limit / 2)}`;
}
