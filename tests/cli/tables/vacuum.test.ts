import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { loadHistory } from "../../../src/delta/log/history.ts";
import { bytesSource, openParquet } from "../../../src/delta/parquet/reader.ts";
import { signal } from "../../support/delta-table.ts";
import { counting, newLake, numberedTable, numbersOf } from "../../support/local-tables.ts";
import { cli } from "../fake-world.ts";

const lake = newLake();
afterAll(() => rmSync(lake, { recursive: true }));

const five = [["a", 3], ["b", 2], ["a", 4], ["b", 1], ["a", 5]] as const;

/** A table whose five small files are merged into two, and an upload that nobody committed. */
async function mergedTable(name: string) {
  const table = path.join(lake, name);
  const engine = await numberedTable(table, five);
  const { code } = await cli(["optimize", table]);
  expect(code).toBe(0);
  const orphan = path.join(table, "day=a", "part-00000-orphan.parquet");
  writeFileSync(orphan, "upload");
  const longAgo = Date.now() / 1000 - 30 * 86_400;
  utimesSync(orphan, longAgo, longAgo);
  // Deletion times and the clock are whole milliseconds.
  await new Promise((resolve) => setTimeout(resolve, 5));
  return { table, engine };
}

const dataFiles = (table: string): string[] =>
  readdirSync(table, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".parquet") && !name.startsWith("_delta_log")).sort();

describe("cdcdelta vacuum", () => {
  test("deletes by the table's own retention what nobody needs, and no more", async () => {
    const { table, engine } = await mergedTable("own");
    const { code, stdout } = await cli(["vacuum", table]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/own +1 +6 B +7d +-$/m);
    expect(stdout).toMatch(/^deleted +1 file, 6 B$/m);
    // Five that were merged stay for readers of earlier versions.
    expect(dataFiles(table).length).toBe(7);
    expect(await numbersOf(engine)).toEqual(counting(15));
  });

  test("deletes the files in the making that a killed writer left", async () => {
    const { table } = await mergedTable("killed");
    const leftover = path.join(table, "day=b", ".tmp-2cbb7b98-5e55-4748-933c-559b51d4732a");
    writeFileSync(leftover, "half");
    const longAgo = Date.now() / 1000 - 30 * 86_400;
    utimesSync(leftover, longAgo, longAgo);
    const { code, stdout } = await cli(["vacuum", table]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^deleted +2 files, 10 B$/m);
    expect(readdirSync(path.join(table, "day=b"))).not.toContain(path.basename(leftover));
  });

  test("a shorter retention than the table's own is refused without --force", async () => {
    const { table } = await mergedTable("refused");
    const { code, stdout, stderr } = await cli(["vacuum", table, "--retention", "1h"]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(/retention of 1 h: its own is 168 h/);
    expect(dataFiles(table).length).toBe(8);
  });

  test("--dry-run lists what would go and which versions stop being readable", async () => {
    const { table } = await mergedTable("dry");
    const flags = ["vacuum", table, "--retention", "0", "--force", "--dry-run"];
    const { code, stdout } = await cli([...flags, "--limit", "3"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^day=a\/part-00000-\S+\.parquet +\S+ B +\S+Z$/m);
    expect(stdout).toContain("and 3 more (--limit all lists them)");
    expect(stdout).toMatch(/dry +6 +\S+ KiB +0 +versions 0 to 5$/m);
    expect(stdout).toMatch(/^0 to 5 +20\S+Z +20\S+Z$/m);
    expect(stdout).toMatch(/^would go +6 files, \S+ KiB$/m);
    expect(dataFiles(table).length).toBe(8);
    const json = await cli([...flags, "--limit", "all", "--format", "json"]);
    expect(JSON.parse(json.stdout)).toMatchObject({
      dryRun: true,
      tables: [{
        table,
        files: 6,
        retentionMs: 0,
        unreadable: { versions: [{ first: 0, last: 5 }], changes: [{ first: 0, last: 4 }] },
        leftAlone: [],
      }],
    });
    const listed = JSON.parse(json.stdout) as { tables: { listed: { path: string }[] }[] };
    expect(listed.tables[0]?.listed.length).toBe(6);
  });

  test("--mode lite finds what left the table by the log, and no upload", async () => {
    const { table, engine } = await mergedTable("lite");
    const flags = ["vacuum", table, "--mode", "lite", "--retention", "0", "--force"];
    const dry = await cli([...flags, "--dry-run"]);
    expect(dry.stdout).toMatch(/^file +size +left the table$/m);
    expect(dry.stdout).toMatch(/^would go +5 files, /m);
    const { code, stdout } = await cli([...flags, "--format", "json"]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ tables: [{ mode: "lite", files: 5 }] });
    expect(dataFiles(table).length).toBe(3);
    expect(await numbersOf(engine)).toEqual(counting(15));
    const log = path.join(table, "_delta_log");
    expect(readdirSync(log)).toContain("_last_vacuum_info");
    const again = await cli(flags);
    expect(again.stdout).toMatch(/^deleted +0 files, 0 B$/m);
    expect(again.stdout).toMatch(/not worked out$/m);
    expect((await cli(["vacuum", table, "--mode", "light"])).stderr).toContain(
      "write full or lite",
    );
  });

  test("--dry-run tells what a restore kept, what it cost, and which folders are not its own", async () => {
    const { table } = await mergedTable("restored");
    expect((await cli(["restore", table, "--version", "2", "--yes"])).code).toBe(0);
    const berg = path.join(table, "berg", "metadata");
    mkdirSync(berg, { recursive: true });
    writeFileSync(path.join(berg, "v1.metadata.json"), "{}");
    await new Promise((resolve) => setTimeout(resolve, 5));
    const flags = ["vacuum", table, "--retention", "0", "--force", "--dry-run"];
    const { stdout } = await cli(flags);
    expect(stdout).toMatch(/ versions 3 to 6; changes of 7$/m);
    expect(stdout).toMatch(/^left alone +\S+restored\/berg\/ \(Iceberg\)$/m);
    const [first] = (JSON.parse((await cli([...flags, "--format", "json"])).stdout) as {
      tables: { leftAlone: object }[];
    }).tables;
    expect(first?.leftAlone).toEqual([{ folder: "berg/", format: "iceberg" }]);
    await cli(flags.slice(0, -1));
    const gone = await cli(["restore", table, "--version", "5", "--dry-run"]);
    expect(gone.stderr).toContain("Restore another version");
    expect((await cli(["restore", table, "--version", "2", "--dry-run"])).code).toBe(0);
  });

  test("--force deletes what left the table; the newest version reads the same", async () => {
    const { table, engine } = await mergedTable("forced");
    const { code, stdout, stderr } = await cli(["vacuum", table, "--retention", "0", "--force"]);
    expect(code).toBe(0);
    expect(stderr).toContain("deleting 6 files");
    expect(stdout).toMatch(/^deleted +6 files/m);
    expect(dataFiles(table).length).toBe(2);
    expect(await numbersOf(engine)).toEqual(counting(15));
    const operations = (await loadHistory(engine, { limit: 2, signal })).map((e) => e.operation);
    expect(operations).toEqual(["VACUUM END", "VACUUM START"]);
    const early = await cli(["inspect", table, "--version", "0", "--rows", "all"]);
    expect(early.code).toBe(1);
    const again = await cli(["vacuum", table, "--retention", "0", "--force"]);
    expect(again.stdout).toMatch(/^deleted +0 files, 0 B$/m);
  });
});

const commands: readonly (readonly [command: string, ...flags: string[]])[] = [
  ["optimize", "--dry-run"],
  ["vacuum", "--dry-run"],
  ["checkpoint"],
];
test.each(commands)(
  "%s takes a table once, however often and in whatever form it is named",
  async (command, ...flags) => {
    const table = path.join(lake, `named-${command}`);
    await numberedTable(table, five);
    const other = path.relative(process.cwd(), table);
    const names = [`${table}/`, table, `file://${table}`, `${lake}/./named-${command}`, other];
    const { code, stdout } = await cli([command, ...names, ...flags, "--format", "json"]);
    expect(code).toBe(0);
    const { tables } = JSON.parse(stdout) as { tables: { table: string }[] };
    expect(tables.map((each) => each.table)).toEqual([`${table}/`]);
    const wrong = await cli([command, table, "ftp://x", ...flags, "--format", "json"]);
    expect([wrong.code, (JSON.parse(wrong.stdout) as { tables: object[] }).tables.length])
      .toEqual([1, 2]);
  },
);

describe("cdcdelta checkpoint", () => {
  test("writes one although none is due, and tells its size", async () => {
    const table = path.join(lake, "checkpointed");
    const engine = await numberedTable(table, five);
    const { code, stdout } = await cli(["checkpoint", table, "--format", "json"]);
    expect(code).toBe(0);
    const [report] = (JSON.parse(stdout) as { tables: Readonly<Record<string, number>>[] }).tables;
    // Protocol, metadata, one transaction and five files.
    expect(report).toMatchObject({ version: 4, files: 5, actions: 8, deletedLogFiles: 0 });
    expect(report?.["sizeInBytes"]).toBeGreaterThan(1000);
    const log = path.join(table, "_delta_log");
    expect(readdirSync(log)).toContain("00000000000000000004.checkpoint.parquet");
    for (const name of readdirSync(log)) {
      if (/^0+[0-4]\.json$/.test(name)) rmSync(path.join(log, name));
    }
    expect(await numbersOf(engine)).toEqual(counting(15));
    expect((await cli(["checkpoint", table])).stdout).toMatch(
      /checkpointed +4 +\S+ KiB +8 +5 +0$/m,
    );
  });

  test("writes statistics as structs where the table wants them", async () => {
    const table = path.join(lake, "structs");
    await numberedTable(table, [["a", 1]], { "delta.checkpoint.writeStatsAsStruct": "true" });
    const log = path.join(table, "_delta_log", "00000000000000000000.json");
    const text = await Bun.file(log).text();
    await Bun.write(log, text.replace('"minWriterVersion":2', '"minWriterVersion":3'));
    const { code, stderr } = await cli(["checkpoint", table]);
    expect([code, stderr]).toEqual([0, ""]);
    const written = readFileSync(log.replace(/json$/, "checkpoint.parquet"));
    const { fields } = await openParquet(bytesSource(written));
    const add = fields.find((node) => node.name === "add");
    expect(add?.children.map((node) => node.name)).toContain("stats_parsed");
  });
});
