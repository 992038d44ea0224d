import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { requirement } from "../support/requirement.ts";
import { isBinaryBuilt } from "../support/run-binary.ts";
import { allStepsMs, failuresOf, spread } from "./cases.ts";
import { pairPieces } from "./events.ts";
import { survives, undisturbedContent } from "./lake-check.ts";
import { type LocalKill, localLake, tracedCalls } from "./local-lake.ts";

const input = { pieces: pairPieces(), sourceId: "shop" };

const canTrace = requirement(
  spawnSync("strace", ["-f", "-qq", "-o", "/dev/null", "true"]).status === 0,
  "strace is missing or may not trace: apt-get install strace",
);

describe.skipIf(!isBinaryBuilt() || !canTrace)("the binary, killed at system calls", () => {
  test("every event is there exactly once, nothing unfinished is seen", async () => {
    const content = await undisturbedContent(localLake(input));
    const first = await killPoints();
    const middle: LocalKill = { syscall: "fsync", nth: 25 };
    const cases = [
      ...spread(first, 12).map((kill) => [kill]),
      ...spread(first, 6).map((kill) => [middle, kill]),
    ];
    let reached = 0;
    const failures = await failuresOf(cases, async (kills) => {
      const { unreached } = await survives(localLake(input), kills, content);
      if (unreached === 0) reached++;
    });
    expect(failures).toEqual([]);
    // Calls are counted by thread, and which thread does what is another in every run.
    expect(reached).toBeGreaterThanOrEqual(Math.floor(cases.length * 0.5));
  }, allStepsMs);
});

/** The calls of a run, numbered in the thread that makes the most of each kind. */
async function killPoints(): Promise<LocalKill[]> {
  const folder = mkdtempSync(path.join(tmpdir(), "cdcdelta-trace-"));
  const file = path.join(folder, "trace");
  const lake = localLake(input);
  await lake.trace(file);
  const counts = countCalls(readFileSync(file, "utf8"));
  lake.drop();
  rmSync(folder, { recursive: true });
  const points = [...counts].flatMap(([syscall, count]) =>
    Array.from({ length: count }, (_, i): LocalKill => ({ syscall, nth: i + 1 }))
  );
  // What the protocol stands on must have been met, or the trace tells nothing.
  for (const call of ["fsync", "link", "rename", "unlink", "mkdir"]) {
    expect([...counts.keys()].map((name) => name.replace(/at2?$/, ""))).toContain(call);
  }
  return points;
}

/** Kind → calls of the thread with the most of them. */
function countCalls(trace: string): Map<string, number> {
  const byThread = new Map<string, number>();
  for (const line of trace.split("\n")) {
    const [, thread, syscall = ""] = /^(\d+) +(\w+)\(/.exec(line) ?? [];
    if (!tracedCalls.includes(syscall)) continue;
    const name = `${thread} ${syscall}`;
    byThread.set(name, (byThread.get(name) ?? 0) + 1);
  }
  const most = new Map<string, number>();
  for (const [name, count] of byThread) {
    const syscall = name.split(" ")[1] ?? "";
    most.set(syscall, Math.max(most.get(syscall) ?? 0, count));
  }
  return most;
}
