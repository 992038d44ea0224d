import { afterAll, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import path from "node:path";
import { loadSnapshot } from "../../../src/delta/log/snapshot.ts";
import { loadHistory } from "../../../src/delta/log/history.ts";
import { runCli } from "../../../src/cli/run-cli.ts";
import { signal } from "../../support/delta-table.ts";
import { counting, newLake, numberedTable, numbersOf } from "../../support/local-tables.ts";
import { cli, fakeWorld } from "../fake-world.ts";

const lake = newLake();
afterAll(() => rmSync(lake, { recursive: true }));

const two = [["a", 3], ["b", 2], ["a", 4], ["b", 1], ["a", 5]] as const;

describe("cdcdelta optimize", () => {
  test("merges the files of each partition and keeps every row", async () => {
    const table = path.join(lake, "merged");
    const engine = await numberedTable(table, two);
    const { code, stdout, stderr } = await cli(["optimize", table]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^table +files +after +size +after +groups +version$/m);
    expect(stdout).toMatch(/merged +5 +2 +\S+ KiB +\S+ K?i?B +2 +6$/m);
    expect(stdout).toMatch(/^merged +5 files, \S+ KiB$/m);
    expect(stdout).toMatch(/^into +2 files, \S+ K?i?B$/m);
    // No terminal: a line in the beginning and one at each tenth.
    expect(stderr).toContain("merged: 0 of 2 groups, 5 files,");
    expect(stderr).toContain("merged: 2 of 2 groups, 5 files,");
    expect(await numbersOf(engine)).toEqual(counting(15));
    expect((await loadSnapshot(engine, { signal })).files.length).toBe(2);
    const again = await cli(["optimize", table, "--format", "json"]);
    expect([again.code, again.stderr]).toEqual([0, ""]);
    expect(JSON.parse(again.stdout)).toMatchObject({
      dryRun: false,
      stopped: false,
      tables: [{ table, version: 6, filesBefore: 2, filesAfter: 2, groups: 0, groupsLost: 0 }],
    });
  });

  test("--dry-run writes nothing and tells files and bytes before and after", async () => {
    const table = path.join(lake, "dry");
    const engine = await numberedTable(table, two);
    const { code, stdout } = await cli(["optimize", table, "--dry-run", "--format", "json"]);
    const report = JSON.parse(stdout) as { tables: Readonly<Record<string, number>>[] };
    expect(code).toBe(0);
    expect(report).toMatchObject({
      dryRun: true,
      tables: [{ version: 4, filesBefore: 5, filesAfter: 2, filesRemoved: 5, filesAdded: 2 }],
    });
    expect(report.tables[0]?.["bytesBefore"]).toBeGreaterThan(1000);
    expect((await loadSnapshot(engine, { signal })).version).toBe(4);
    expect((await cli(["optimize", table, "--dry-run"])).stdout).toContain("nothing (--dry-run)");
  });

  test("--where takes only the partitions that meet all conditions, and says so in the log", async () => {
    const table = path.join(lake, "where");
    const engine = await numberedTable(table, two);
    const { code } = await cli(["optimize", table, "--where", "day>a", "--where", "day != c"]);
    expect(code).toBe(0);
    const { files } = await loadSnapshot(engine, { signal });
    expect(files.map((file) => file.partitionValues["day"]).sort()).toEqual(["a", "a", "a", "b"]);
    const [entry] = await loadHistory(engine, { limit: 1, signal });
    expect(entry?.operationParameters).toMatchObject({ predicate: '["day>a","day != c"]' });
  });

  test("--z-order puts rows into order, with a dry run before and nothing to do after", async () => {
    const table = path.join(lake, "ordered");
    const engine = await numberedTable(table, two);
    const args = ["optimize", table, "--z-order", "n,TEXT", "--spill-dir", lake];
    const dry = await cli([...args, "--dry-run"]);
    expect(dry.stdout).toMatch(/^to order +5 files, \S+ KiB$/m);
    expect((await loadSnapshot(engine, { signal })).version).toBe(4);
    const { code, stdout, stderr } = await cli(args);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^ordered +5 files, \S+ KiB$/m)]);
    expect(stderr).toContain("ordered: 2 of 2 groups, 5 files,");
    expect(stderr).toContain("to put into order");
    expect(await numbersOf(engine)).toEqual(counting(15));
    const [entry] = await loadHistory(engine, { limit: 1, signal });
    expect(entry?.operationParameters).toMatchObject({ zOrderBy: '["n","text"]' });
    const again = await cli([...args, "--format", "json"]);
    expect(JSON.parse(again.stdout)).toMatchObject({ tables: [{ groups: 0, version: 6 }] });
  });

  test("--sort-by with --where sorts the partitions that are meant", async () => {
    const table = path.join(lake, "sorted");
    const engine = await numberedTable(table, two);
    const args = ["optimize", table, "--sort-by", "text", "--where", "day=a", "--format", "json"];
    const { code, stdout } = await cli(args);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ tables: [{ filesRemoved: 3, filesAdded: 1 }] });
    expect(await numbersOf(engine)).toEqual(counting(15));
  });

  test("a column that there is not, or that rows cannot be ordered by, is named", async () => {
    const table = path.join(lake, "wrong-order");
    await numberedTable(table, [["a", 1]]);
    const absent = await cli(["optimize", table, "--z-order", "n,m"]);
    expect([absent.code, absent.stdout]).toEqual([2, ""]);
    expect(absent.stderr).toMatch(/"m" \(--z-order\): .* no such column, it has n, text, day/);
    const partition = await cli(["optimize", table, "--sort-by", "day"]);
    expect(partition.code).toBe(2);
    expect(partition.stderr).toMatch(/"day" \(--sort-by\): the table is partitioned by it/);
  });

  test("a condition on another column names the partition columns", async () => {
    const table = path.join(lake, "wrong");
    await numberedTable(table, [["a", 1]]);
    const { code, stdout, stderr } = await cli(["optimize", table, "--where", "n=1"]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/"n=1" on .*wrong: it is not partitioned by "n", it is by day/);
  });

  test("--all takes every table below the base path; one that fails does not keep the others", async () => {
    const base = path.join(lake, "all");
    await numberedTable(path.join(base, "shop", "orders"), two);
    await numberedTable(path.join(base, "shop", "items"), [["a", 1], ["a", 1]]);
    await numberedTable(path.join(base, "_dead_letters"), [["a", 1]]);
    await Bun.write(
      path.join(base, "shop", "broken", "_delta_log", "00000000000000000000.json"),
      "{",
    );
    const args = ["optimize", "--all", "--base-path", base, "--format", "json"];
    const { code, stdout, stderr } = await cli(args);
    expect(code).toBe(1);
    expect(stderr).toContain("broken");
    const report = JSON.parse(stdout) as { tables: Readonly<Record<string, unknown>>[] };
    expect(report.tables.map((each) => [each["table"], each["filesAfter"] ?? "error"])).toEqual([
      [`${base}/_dead_letters`, 1],
      [`${base}/shop/broken`, "error"],
      [`${base}/shop/items`, 1],
      [`${base}/shop/orders`, 2],
    ]);
  });

  test("SIGINT ends after the group under way; what is done stands", async () => {
    const table = path.join(lake, "stopped");
    const engine = await numberedTable(table, two);
    const fake = fakeWorld(["optimize", table, "--format", "json"]);
    let said = "";
    const stderr = {
      ...fake.world.stderr,
      write: (text: string) => {
        said += text;
        // The first line comes when the groups are known and none is begun.
        if (said.includes("0 of 2 groups") && !said.includes("SIGINT")) fake.signal("SIGINT");
        return Promise.resolve();
      },
    };
    expect(await runCli({ ...fake.world, stderr })).toBe(130);
    expect(said).toContain("SIGINT: ending after the group under way");
    const report = JSON.parse(fake.stdout()) as { tables: Readonly<Record<string, number>>[] };
    expect(report).toMatchObject({ stopped: true });
    expect(report.tables[0]?.["groups"]).toBeLessThan(2);
    expect(await numbersOf(engine)).toEqual(counting(15));
    expect((await cli(["optimize", table])).code).toBe(0);
    expect(await numbersOf(engine)).toEqual(counting(15));
    expect((await loadSnapshot(engine, { signal })).files.length).toBe(2);
  });

  test("what was done before a failure stands and is told", async () => {
    const table = path.join(lake, "failed");
    const engine = await numberedTable(table, two);
    const { files } = await loadSnapshot(engine, { signal });
    const fake = fakeWorld(["optimize", table, "--format", "json"]);
    let said = "";
    const stderr = {
      ...fake.world.stderr,
      write: (text: string) => {
        said += text;
        // One group is committed, the other not begun: its files go, as others' no longer matter.
        if (text.includes("1 of 2 groups")) {
          for (const file of files) rmSync(path.join(table, file.path), { force: true });
        }
        return Promise.resolve();
      },
    };
    expect(await runCli({ ...fake.world, stderr })).not.toBe(0);
    expect(said).toContain("there is no such file");
    const report = JSON.parse(fake.stdout()) as { tables: Readonly<Record<string, number>>[] };
    expect(report).toMatchObject({
      stopped: false,
      tables: [{ table, version: null, filesBefore: 5, groups: 1, filesAdded: 1 }],
    });
    const [of] = report.tables;
    expect(of).toMatchObject({
      filesAfter: 6 - of!["filesRemoved"]!,
      error: { code: "not-found" },
    });
    expect((await loadSnapshot(engine, { signal })).files.length).toBe(of!["filesAfter"]!);
  });

  const wrong: readonly (readonly [line: string, said: RegExp])[] = [
    ["optimize", /\[table…\]: is missing: no table is named/],
    ["optimize --all", /--base-path: is missing: --all takes the tables below it/],
    ["optimize x --all --base-path y", /--all: takes every table .* "x" is named as well/],
    ["optimize x --where day", /--where: "day" is no condition/],
    ["optimize x --z-order a --sort-by b", /--z-order, --sort-by: both say how rows are ordered/],
    ["optimize x --z-order a,,b", /--z-order: "a,,b" has an empty name/],
    ["optimize x --sort-by a,a", /--sort-by: "a" is named twice/],
    ["optimize x --spill-dir y", /--spill-dir: is of no use/],
    ["optimize x --target-size 5", /--target-size: "5" is out of range/],
  ];
  for (const [line, said] of wrong) {
    test(`${line} is wrong usage`, async () => {
      const { code, stderr } = await cli(line.split(" "));
      expect(code).toBe(2);
      expect(stderr).toMatch(said);
    });
  }

  test("there is no table", async () => {
    const { code, stderr } = await cli(["optimize", path.join(lake, "nowhere")]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/There is no Delta table at .*nowhere/);
    const all = await cli(["optimize", "--all", "--base-path", path.join(lake, "nowhere")]);
    expect(all.code).toBe(1);
    expect(all.stderr).toMatch(/There is no Delta table below .*nowhere/);
  });
});
