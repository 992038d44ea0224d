import { afterAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { HealthFacts } from "../../../src/cli/inspect/health-report.ts";
import { healthFindings } from "../../../src/cli/inspect/health-findings.ts";
import { newLake, numberedTable } from "../../support/local-tables.ts";
import { cli } from "../fake-world.ts";

const lake = newLake();
afterAll(() => rmSync(lake, { recursive: true }));

const five = [["a", 3], ["b", 2], ["a", 4], ["b", 1], ["a", 5]] as const;

type Report = HealthFacts & {
  readonly healthy: boolean;
  readonly findings: readonly {
    readonly finding: string;
    readonly message: string;
    readonly mend: string;
  }[];
};

async function health(table: string): Promise<Report> {
  const { code, stdout, stderr } = await cli(["inspect", table, "--health", "--format", "json"]);
  expect([code, stderr]).toEqual([0, ""]);
  return JSON.parse(stdout) as Report;
}

describe("cdcdelta inspect --health", () => {
  test("finds small files, late checkpoints and orphans, and each goes by its command", async () => {
    const table = path.join(lake, "it's unkept");
    const configuration = {
      "delta.checkpointInterval": "2",
      "delta.setTransactionRetentionDuration": "interval 1 days",
    };
    await numberedTable(table, five, configuration);
    const orphan = path.join(table, "day=a", "part-00000-orphan.parquet");
    writeFileSync(orphan, "upload");
    const longAgo = Date.now() / 1000 - 30 * 86_400;
    utimesSync(orphan, longAgo, longAgo);

    const sick = await health(table);
    expect(sick).toMatchObject({
      version: 4,
      healthy: false,
      log: { commits: 5, checkpointVersion: null, checkpointDebt: 5, expiredFiles: 0 },
      files: { count: 5, smallRatio: 1, mergeable: 5, mergedInto: 2 },
      deletionVectors: { files: 0, deletedRows: 0, deletedRatio: 0 },
      unneeded: { tombstones: 0, vacuum: { files: 1, sizeInBytes: 6 } },
      transactions: { count: 1, expired: 0, retentionMs: 86_400_000 },
      partitions: { columns: ["day"], count: 2, largest: { values: { day: "a" }, files: 3 } },
    });
    expect(sick.findings.map(({ finding }) => finding))
      .toEqual(["checkpoint-debt", "small-files", "unneeded-files"]);
    const text = (await cli(["inspect", table, "--health"])).stdout;
    expect(text).toMatch(/^checkpoint +none; commits since then 5$/m);
    expect(text).toMatch(/^to vacuum +1 file, 6 B$/m);
    expect(text).toContain("what could be better\n 5 commits since the last checkpoint");

    for (const { mend } of sick.findings) {
      const [, command = "", word = ""] = /^cdcdelta (\w+) (.*)$/.exec(mend) ?? [];
      expect(word).toBe(`'${table.replaceAll("'", "'\\''")}'`);
      expect((await cli([command, table])).code).toBe(0);
    }
    // Optimize and vacuum committed after the checkpoint, which is not late yet.
    const well = await health(table);
    expect(well).toMatchObject({ files: { count: 2 }, unneeded: { tombstones: 5 } });
    expect(well.findings).toEqual([]);
    expect(well.healthy).toBe(true);
    expect((await cli(["inspect", table, "--health"])).stdout).toContain("nothing to mend");
  });

  test("finds a checksum file that contradicts the log", async () => {
    const table = path.join(lake, "checksum");
    await numberedTable(table, [["a", 1], ["b", 2]]);
    expect((await cli(["checkpoint", table])).code).toBe(0);
    const file = path.join(table, "_delta_log", `${"1".padStart(20, "0")}.crc`);
    const checksum = JSON.parse(readFileSync(file, "utf8")) as object;
    expect((await health(table)).log.wrongChecksum).toEqual([]);
    writeFileSync(file, JSON.stringify({ ...checksum, numFiles: 7 }));
    const { findings, log } = await health(table);
    expect(log.wrongChecksum).toEqual(["numFiles"]);
    expect(findings).toMatchObject([{ finding: "wrong-checksum", mend: `rm ${file}` }]);
  });

  test("names a commit that a crash left empty, and its command heals it", async () => {
    const table = path.join(lake, "empty-commit");
    await numberedTable(table, [["a", 1], ["b", 2]]);
    const file = path.join(table, "_delta_log", `${"2".padStart(20, "0")}.json`);
    writeFileSync(file, "");
    const { findings, log, unneeded } = await health(table);
    expect(log.emptyCommits).toEqual([2]);
    expect(unneeded.vacuum).toBeNull();
    const found = findings.find(({ finding }) => finding === "empty-commit");
    expect(found?.mend).toEndWith(`> ${file}`);
    execFileSync("sh", ["-c", found?.mend ?? "false"]);
    expect((await health(table)).log.emptyCommits).toEqual([]);
    expect((await cli(["vacuum", table, "--dry-run"])).code).toBe(0);
  });

  test("names files that are gone", async () => {
    const table = path.join(lake, "missing-files");
    await numberedTable(table, [["a", 1], ["b", 2]]);
    const [gone] = readdirSync(table, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".parquet") && !name.startsWith("_delta_log"));
    expect((await health(table)).files.missing).toEqual({ count: 0, named: [] });
    rmSync(path.join(table, gone!));
    const { findings, files } = await health(table);
    expect(files.missing).toEqual({ count: 1, named: [gone!] });
    expect(findings[0]).toMatchObject({ finding: "missing-files" });
    expect(findings[0]?.message).toContain(`1 file that the table needs is gone (${gone})`);
  });

  const wrong: readonly (readonly [line: string, said: RegExp])[] = [
    ["inspect x --health --files", /--files, --health: show different things/],
    ["inspect x --health --version 1", /--version: health is that of the newest version/],
    ["inspect x --health --format csv", /csv is for lists/],
  ];
  for (const [line, said] of wrong) {
    test(`${line} is wrong usage`, async () => {
      const { code, stderr } = await cli(line.split(" "));
      expect(code).toBe(2);
      expect(stderr).toMatch(said);
    });
  }
});

describe("healthFindings()", () => {
  const well: HealthFacts = {
    table: "/t",
    version: 9,
    log: {
      commits: 10,
      sizeInBytes: 1,
      checkpointVersion: 0,
      checkpointDebt: 9,
      checkpointInterval: 10,
      expiredFiles: 0,
      isCleanedUp: true,
      retentionMs: 30 * 86_400_000,
      emptyCommits: [],
      wrongChecksum: [],
    },
    files: {
      missing: { count: 0, named: [] },
      count: 10,
      sizeInBytes: 1,
      averageSizeInBytes: 1,
      targetSizeInBytes: 1,
      smallRatio: 0.5,
      mergeable: 2,
      mergedInto: 1,
    },
    deletionVectors: { files: 1, ratio: 0.1, deletedRows: 1, deletedRatio: 0.05 },
    unneeded: { tombstones: 9, tombstoneBytes: 9, vacuum: null },
    transactions: { count: 1, expired: 0, retentionMs: null },
    partitions: {
      columns: ["day"],
      count: 2,
      medianSizeInBytes: 1 << 20,
      largest: { values: { day: null }, files: 1, sizeInBytes: 1 << 29, skew: 512 },
    },
  };
  const largest = { values: { day: null }, files: 1, sizeInBytes: 1 << 30, skew: 1024 };
  const cases: readonly (readonly [string, Partial<HealthFacts>, readonly string[]])[] = [
    ["nothing", {}, []],
    ["debt", { log: { ...well.log, checkpointDebt: 20 } }, []],
    ["debt", { log: { ...well.log, checkpointDebt: 21 } }, ["checkpoint-debt"]],
    ["log", { log: { ...well.log, expiredFiles: 1 } }, ["expired-log"]],
    ["long log", { log: { ...well.log, commits: 20_000 } }, []],
    ["long log", { log: { ...well.log, commits: 20_001 } }, ["long-log"]],
    ["a long log of a week", {
      log: { ...well.log, commits: 20_001, retentionMs: 7 * 86_400_000 },
    }, []],
    ["an empty commit", { log: { ...well.log, emptyCommits: [4] } }, ["empty-commit"]],
    ["checksum", { log: { ...well.log, wrongChecksum: ["numFiles"] } }, ["wrong-checksum"]],
    ["files", { files: { ...well.files, mergeable: 3 } }, ["small-files"]],
    ["missing", { files: { ...well.files, missing: { count: 1, named: ["a"] } } }, [
      "missing-files",
    ]],
    [
      "deleted rows",
      { deletionVectors: { ...well.deletionVectors, deletedRatio: 0.06 } },
      ["deleted-rows"],
    ],
    [
      "transactions",
      { transactions: { count: 1, expired: 1, retentionMs: 5 } },
      ["expiring-positions", "expired-transactions"],
    ],
    ["skew", { partitions: { ...well.partitions, largest } }, ["skew"]],
  ];
  for (const [name, change, wanted] of cases) {
    test(`${name}: ${wanted.join() || "none"}`, () => {
      const found = healthFindings({ ...well, ...change }, { hasPositions: true });
      expect(found.map(({ finding }) => finding)).toEqual(
        [...wanted] as typeof found[0]["finding"][],
      );
    });
  }
});
