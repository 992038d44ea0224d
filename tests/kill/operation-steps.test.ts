import { afterAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { cpSync, readdirSync, readFileSync, rmSync, utimesSync } from "node:fs";
import path from "node:path";
import { lintTable } from "../support/log-linter.ts";
import {
  counting,
  localEngine,
  newLake,
  numberedTable,
  numbersOf,
} from "../support/local-tables.ts";
import { requirement } from "../support/requirement.ts";
import { isBinaryBuilt, runBinary } from "../support/run-binary.ts";
import { allStepsMs, failuresOf } from "./cases.ts";
import { tracedCalls } from "./local-lake.ts";

const canTrace = requirement(
  spawnSync("strace", ["-f", "-qq", "-o", "/dev/null", "true"]).status === 0,
  "strace is missing or may not trace: apt-get install strace",
);

const lake = newLake();
afterAll(() => rmSync(lake, { recursive: true, force: true }), 60_000);

type Operation = {
  readonly name: string;
  readonly args: (table: string) => string[];
  readonly after: readonly number[];
};

/** Two small files a day of two days, five rows each, one after another. */
const before = counting(20);
const operations: readonly Operation[] = [
  { name: "optimize", args: (table) => ["optimize", table], after: before },
  {
    name: "vacuum",
    args: (table) => ["vacuum", table, "--retention", "0", "--force"],
    after: before,
  },
  {
    name: "restore",
    args: (table) => ["restore", table, "--version", "1", "--yes"],
    after: counting(10),
  },
  { name: "checkpoint", args: (table) => ["checkpoint", table], after: before },
];

async function prepare({ name }: Operation): Promise<string> {
  const table = path.join(lake, `${name}-0`);
  await numberedTable(table, [["a", 5], ["b", 5], ["a", 5], ["b", 5]]);
  if (name === "vacuum") await must(["optimize", table]);
  age(table);
  return table;
}

/** Makes the files look old, so that no upload is thought under way. */
function age(table: string): void {
  const longAgo = Date.now() / 1000 - 30 * 86_400;
  for (const name of readdirSync(table, { recursive: true, encoding: "utf8" })) {
    const isLog = name.startsWith("_delta_log") && !path.basename(name).startsWith(".tmp-");
    if (!isLog) utimesSync(path.join(table, name), longAgo, longAgo);
  }
}

async function must(args: readonly string[]): Promise<void> {
  const { status, stderr } = await runBinary(args);
  if (status !== 0) throw new Error(`${args.join(" ")} ended with ${status}: ${stderr}`);
}

type Point = { readonly syscall: string; readonly nth: number };

/** The calls that change something on the disk, numbered in the thread that makes the most. */
async function pointsOf(operation: Operation, table: string): Promise<Point[]> {
  const copy = copyOf(table, "traced");
  const trace = path.join(lake, `${operation.name}.trace`);
  const wrapper = ["strace", "-f", "-qq", "-o", trace, "-e", `trace=${tracedCalls.join()}`];
  const { status, stderr } = await runBinary(operation.args(copy), { wrapper });
  if (status !== 0) throw new Error(`${operation.name} ended with ${status}: ${stderr}`);
  const byThread = new Map<string, number>();
  for (const line of readFileSync(trace, "utf8").split("\n")) {
    const [, thread, syscall = ""] = /^(\d+) +(\w+)\(/.exec(line) ?? [];
    if (!tracedCalls.includes(syscall)) continue;
    byThread.set(`${thread} ${syscall}`, (byThread.get(`${thread} ${syscall}`) ?? 0) + 1);
  }
  const most = new Map<string, number>();
  for (const [name, count] of byThread) {
    const syscall = name.split(" ")[1] ?? "";
    most.set(syscall, Math.max(most.get(syscall) ?? 0, count));
  }
  return [...most].flatMap(([syscall, count]) =>
    Array.from({ length: count }, (_, i) => ({ syscall, nth: i + 1 }))
  );
}

function copyOf(table: string, name: string): string {
  const copy = `${table}-${name}`;
  cpSync(table, copy, { recursive: true, preserveTimestamps: true });
  return copy;
}

/** The hint may be older than the checkpoint of a process that was killed. */
const isOldHint = (finding: string): boolean =>
  /^_last_checkpoint (?:is missing|names \d+, not \d+)$/.test(finding);

async function expectLegal(table: string, allowed: readonly (readonly number[])[]): Promise<void> {
  const engine = localEngine(table);
  const rows = (await numbersOf(engine)).join();
  if (!allowed.some((one) => one.join() === rows)) throw new Error(`the rows are ${rows}`);
  const findings = (await lintTable(engine.store)).filter((finding) => !isOldHint(finding));
  if (findings.length > 0) throw new Error(findings.join("; "));
}

/** Kills the operation there and judges what is left; false: it came to its end before. */
async function killAt(
  operation: Operation,
  table: string,
  { syscall, nth }: Point,
): Promise<boolean> {
  const copy = copyOf(table, `${syscall}-${nth}`);
  const wrapper = [
    ...["strace", "-f", "-qq", "-o", "/dev/null", "-e", `trace=${syscall}`],
    ...["-e", `inject=${syscall}:signal=KILL:when=${nth}`],
  ];
  const ended = await runBinary(operation.args(copy), { wrapper });
  await expectLegal(copy, [before, operation.after]);
  await must(operation.args(copy));
  await expectLegal(copy, [operation.after]);
  age(copy);
  // Nothing is left that the newest version does not need, but for what its log tells.
  await must(["vacuum", copy, "--retention", "0", "--force"]);
  await expectLegal(copy, [operation.after]);
  const left = readdirSync(copy, { recursive: true, encoding: "utf8" })
    .filter((name) => path.basename(name).startsWith(".tmp-"));
  if (left.length > 0) throw new Error(`unfinished files are left: ${left.join()}`);
  rmSync(copy, { recursive: true });
  // A tracer ends by the signal of what it traced, or tells it as a shell does.
  return ended.signal === "SIGKILL" || ended.status === 137;
}

describe.skipIf(!isBinaryBuilt() || !canTrace)("operations of the binary, killed at every", () => {
  test.each(operations.map((operation) => [operation.name, operation] as const))(
    "system call of %s",
    async (_name, operation) => {
      const table = await prepare(operation);
      const points = await pointsOf(operation, table);
      let reached = 0;
      const failures = await failuresOf(points, async (point) => {
        if (await killAt(operation, table, point)) reached += 1;
      });
      expect(failures).toEqual([]);
      // Calls are counted by thread, and which thread does what is another in every run.
      expect(points.length).toBeGreaterThan(2);
      expect(reached).toBeGreaterThan(points.length / 2);
    },
    allStepsMs,
  );
});
