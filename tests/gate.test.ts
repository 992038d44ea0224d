import { expect, test } from "bun:test";

type Counts = { readonly passed: number; readonly failed: number; readonly skipped: number };

// Plain JavaScript, since the scripts run before anything is installed.
const suites = new URL("../scripts/lib/suites.mjs", import.meta.url).href;
const { countsOf } = await import(suites) as {
  readonly countsOf: (result: { status: number; output: string }) => Counts;
};

/** What bun prints at the end of a run. */
function summary(...lines: readonly string[]): string {
  return `bun test v1\n\n(pass) one\n\n${lines.join("\n")}\nRan 9 tests across 2 files. [8.00ms]\n`;
}

test.each<[string, number, string, Counts]>([
  ["all passed", 0, summary(" 9 pass", " 0 fail"), { passed: 9, failed: 0, skipped: 0 }],
  [
    "skipped and to be written count as skipped",
    0,
    summary(" 4 pass", " 3 skip", " 2 todo", " 0 fail"),
    { passed: 4, failed: 0, skipped: 5 },
  ],
  ["failed", 1, summary(" 7 pass", " 2 fail", " 1 error"), { passed: 7, failed: 2, skipped: 0 }],
  ["a failing exit code alone", 1, summary(" 9 pass", " 0 fail"), {
    passed: 9,
    failed: 1,
    skipped: 0,
  }],
  ["died before the summary", 139, "(pass) one\n", { passed: 0, failed: 1, skipped: 0 }],
  ["ended without a summary", 0, "", { passed: 0, failed: 1, skipped: 0 }],
  [
    "numbers a test printed",
    0,
    "9 pass\n" + summary(" 1 pass", " 0 fail"),
    { passed: 1, failed: 0, skipped: 0 },
  ],
])("the total of a suite: %s", (_name, status, output, expected) => {
  expect(countsOf({ status, output })).toEqual(expected);
});
