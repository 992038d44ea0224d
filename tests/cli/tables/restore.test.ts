import { afterAll, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import path from "node:path";
import { runCli } from "../../../src/cli/run-cli.ts";
import { loadTableState } from "../../../src/delta/log/table-state.ts";
import { signal } from "../../support/delta-table.ts";
import {
  counting,
  newLake,
  numberedSchema,
  numberedTable,
  numbersOf,
} from "../../support/local-tables.ts";
import { appendRows } from "../../support/written-table.ts";
import { cli, fakeWorld } from "../fake-world.ts";

const lake = newLake();
afterAll(() => rmSync(lake, { recursive: true }));

const three = [["a", 3], ["b", 2], ["a", 4]] as const;

describe("cdcdelta restore", () => {
  test("--dry-run shows files and rows that come and go, and what positions do", async () => {
    const table = path.join(lake, "dry");
    const engine = await numberedTable(table, three);
    const { code, stdout } = await cli(["restore", table, "--version", "0", "--dry-run"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^newest +version 2: 3 files, 9 rows, /m);
    expect(stdout).toMatch(/^restored to +version 0 \(20\S+Z\): 1 file, 3 rows, \S+ B$/m);
    expect(stdout).toMatch(/^come back +0 files, 0 rows, 0 B$/m);
    expect(stdout).toMatch(/^leave +2 files, 6 rows, \S+ B$/m);
    expect(stdout).toMatch(/^positions +1 stored \(txn\), kept as they are: a running sink/m);
    expect(stdout).toContain("is not written again");
    expect(stdout).toMatch(/^written +nothing \(--dry-run\)$/m);
    expect(await numbersOf(engine)).toEqual(counting(9));
  });

  test("without a terminal it needs --yes, and then restores; positions stay", async () => {
    const table = path.join(lake, "yes");
    const engine = await numberedTable(table, three);
    const refused = await cli(["restore", table, "--version", "1"]);
    expect([refused.code, refused.stdout]).toEqual([2, ""]);
    expect(refused.stderr).toMatch(/run it again with --yes\. Nothing was changed/);
    expect(await numbersOf(engine)).toEqual(counting(9));
    const done = await cli(["restore", table, "--version", "1", "--yes", "--format", "json"]);
    expect(done.code).toBe(0);
    expect(JSON.parse(done.stdout)).toMatchObject({
      dryRun: false,
      restoredVersion: 3,
      version: 1,
      newestVersion: 2,
      before: { files: 3, rows: 9 },
      after: { files: 2, rows: 5 },
      returning: { files: 0, rows: 0 },
      leaving: { files: 1, rows: 4 },
      positionsKept: 1,
    });
    expect(await numbersOf(engine)).toEqual(counting(5));
    const state = await loadTableState(engine, { signal });
    expect(state?.transactions.get("app")?.version).toBe(5n);
    // And forward again: the version between is still there.
    expect((await cli(["restore", table, "--version", "2", "--yes"])).code).toBe(0);
    expect(await numbersOf(engine)).toEqual(counting(9));
  });

  test("asks on a terminal; no and Ctrl-C change nothing", async () => {
    const table = path.join(lake, "asked");
    const engine = await numberedTable(table, three);
    const asked: string[] = [];
    const answering = (answer: string | null) => ({
      ask: (question: string) => {
        asked.push(question);
        return Promise.resolve(answer);
      },
    });
    const args = ["restore", table, "--version", "0"];
    const no = await cli(args, answering("n"));
    expect(no.code).toBe(1);
    expect(no.stderr).toMatch(/^leave +2 files, 6 rows/m);
    expect(no.stderr).toContain("Nothing was changed");
    expect((await cli(args, answering(null))).code).toBe(130);
    expect(await numbersOf(engine)).toEqual(counting(9));
    expect((await cli(args, answering("y"))).code).toBe(0);
    expect(await numbersOf(engine)).toEqual(counting(3));
    expect(asked[0]).toMatch(/^Restore .*asked to version 0\? \[y\/N\] $/);
  });

  test("takes nothing out that was committed while it asked", async () => {
    const table = path.join(lake, "meanwhile");
    const engine = await numberedTable(table, three);
    const ask = async (): Promise<string> => {
      const state = await loadTableState(engine, { signal });
      await appendRows(engine, state, { schema: numberedSchema, partitionColumns: ["day"] }, {
        partitionValues: { day: "c" },
        rows: [{ n: 9n, text: "late", day: "c" }],
      });
      return "y";
    };
    const { code, stderr } = await cli(["restore", table, "--version", "0"], { ask });
    expect(code).toBe(1);
    expect(stderr).toContain("version 3 is the newest one by now, planned was to follow version 2");
    expect(await numbersOf(engine)).toEqual(counting(10));
  });

  test("told to end before its commit, it changes nothing and says so", async () => {
    const table = path.join(lake, "ended");
    const engine = await numberedTable(table, three);
    const fake = fakeWorld(["restore", table, "--version", "0"], {
      ask: () => {
        fake.signal("SIGTERM");
        return Promise.resolve("y");
      },
    });
    expect(await runCli(fake.world)).toBe(143);
    expect(fake.stderr()).toContain("SIGTERM: ending; a commit under way is finished first");
    expect(fake.stderr()).toMatch(/Nothing was changed\n$/);
    expect(await numbersOf(engine)).toEqual(counting(9));
  });

  test("by time, and refused when a vacuum deleted what it needs", async () => {
    const table = path.join(lake, "time");
    const engine = await numberedTable(table, three);
    const facts = JSON.parse(
      (await cli(["inspect", table, "--version", "1", "--format", "json"])).stdout,
    ) as { timestamp: string };
    const { code } = await cli(["restore", table, "--timestamp", facts.timestamp, "--yes"]);
    expect(code).toBe(0);
    expect(await numbersOf(engine)).toEqual(counting(5));
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect((await cli(["vacuum", table, "--retention", "0", "--force"])).code).toBe(0);
    const refused = await cli(["restore", table, "--version", "2", "--yes"]);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/1 of its files is gone, deleted by a vacuum: day=a\/part-/);
  });

  const wrong: readonly (readonly [line: string, said: RegExp])[] = [
    ["restore", /<table>: is missing/],
    ["restore x", /--version, --timestamp: are missing/],
    ["restore x --version 1 --timestamp 2026-01-01", /both say which version comes back/],
    ["restore x y --version 1", /"y" belongs to no flag/],
  ];
  for (const [line, said] of wrong) {
    test(`${line} is wrong usage`, async () => {
      const { code, stderr } = await cli(line.split(" "));
      expect(code).toBe(2);
      expect(stderr).toMatch(said);
    });
  }
});
