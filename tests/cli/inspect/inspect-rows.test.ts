import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { appendFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { runCli } from "../../../src/cli/run-cli.ts";
import { newLake, numberedTable } from "../../support/local-tables.ts";
import { cli, fakeWorld } from "../fake-world.ts";

const lake = newLake();
const table = path.join(lake, "numbered");

beforeAll(async () => {
  await numberedTable(table, [["a", 3], ["b", 2], ["a", 4]]);
});

afterAll(() => rmSync(lake, { recursive: true }));

type Result = { readonly lines: readonly string[]; readonly stderr: string };

async function inspect(...flags: readonly string[]): Promise<Result> {
  const { code, stdout, stderr } = await cli(["inspect", table, "--format", "ndjson", ...flags]);
  expect([flags, code]).toEqual([flags, 0]);
  return { lines: stdout.split("\n").slice(0, -1), stderr };
}

describe("cdcdelta inspect --rows --columns --where", () => {
  test("prints some columns of some rows and says what was read for them", async () => {
    const { lines, stderr } = await inspect(
      "--rows",
      "all",
      "--columns",
      "text,n",
      "--where",
      "n >= 4 and day = a",
    );
    expect(lines).toEqual([5, 6, 7, 8].map((n) => `{"text":"row ${n}","n":${n}}`));
    expect(stderr).toBe("cdcdelta: read 1 of 3 files, and 1 of 1 row group in them\n");
  });

  test("reads no further than the last row that is wanted", async () => {
    const { lines, stderr } = await inspect("--rows", "1", "--where", "n is not null");
    expect(lines).toHaveLength(1);
    expect(stderr).toBe(
      "cdcdelta: stopped after 1 row, having read 1 of the first 1 file, and 1 of 1 row group in " +
        "them\n",
    );
  });

  test("counts all files when there are no more rows than asked for", async () => {
    const { lines, stderr } = await inspect("--rows", "9", "--where", "n = 8");
    expect(lines).toHaveLength(1);
    expect(stderr).toBe("cdcdelta: read 1 of 3 files, and 1 of 1 row group in them\n");
    const changes = await inspect("--changes", "1..", "--limit", "1", "--where", "n = 8");
    expect(changes.stderr).toContain("cdcdelta: stopped after 1 row, having read ");
  });

  test("works in every form", async () => {
    const flags = ["--rows", "all", "--columns", "n", "--where", "n = 8"];
    const outputs: readonly (readonly [string, string])[] = [
      ["json", '[\n{"n":8}\n]\n'],
      ["csv", "n\r\n8\r\n"],
      ["table", "n\n8\n"],
    ];
    for (const [format, wanted] of outputs) {
      const { stdout } = await cli(["inspect", table, ...flags, "--format", format]);
      expect(stdout).toBe(wanted);
    }
  });
});

describe("cdcdelta inspect --changes", () => {
  test("says that changes are derived, and limits them", async () => {
    const { lines, stderr } = await inspect("--changes", "1..", "--limit", "3", "--columns", "n");
    expect(lines).toEqual(['{"n":3}', '{"n":4}', '{"n":5}']);
    expect(stderr).toMatch(/^cdcdelta: the table records no change data feed .*\n$/);
  });

  test("says when only a part of the changes is derived", async () => {
    const folder = path.join(lake, "recorded-later");
    await numberedTable(folder, [["a", 1]]);
    const log = path.join(folder, "_delta_log");
    const commits = readdirSync(log).filter((name) => name.endsWith(".json")).sort();
    const metadata = commits.map((name) => readFileSync(path.join(log, name), "utf8")).join("\n")
      .split("\n").find((line) => line.includes('"metaData"'))!;
    const configuration = '"configuration":{"delta.enableChangeDataFeed":"true"}';
    writeFileSync(
      path.join(log, `${String(commits.length).padStart(20, "0")}.json`),
      metadata.replace(/"configuration":\{[^}]*\}/, configuration),
    );
    const { stderr } = await cli(["inspect", folder, "--changes", "0..", "--format", "ndjson"]);
    expect(stderr).toStartWith(
      "cdcdelta: for a part of these versions the table recorded no change data feed ",
    );
  });

  test("shows the columns of changes", async () => {
    const { lines } = await inspect("--changes", "1..1", "--where", "n = 3");
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({
      n: 3,
      _change_type: "insert",
      _commit_version: 1,
      _commit_timestamp: expect.stringMatching(/^\d{4}-.*Z$/) as unknown,
    });
  });

  test("of no commit are none", async () => {
    const { lines, stderr } = await inspect("--changes", "2999-01-01..");
    expect(lines).toEqual([]);
    expect(stderr).toBe("cdcdelta: no commit lies in 2999-01-01..\n");
  });
});

test("cdcdelta inspect --files lists thousands in pieces that are one list", async () => {
  const many = path.join(lake, "many");
  await numberedTable(many, [["a", 1]]);
  const actions = Array.from({ length: 1201 }, (_, i) =>
    JSON.stringify({
      add: {
        path: `f${i}`,
        partitionValues: { day: "a" },
        size: 1,
        modificationTime: 1,
        dataChange: true,
      },
    }));
  writeFileSync(path.join(many, "_delta_log", `${"1".padStart(20, "0")}.json`), actions.join("\n"));
  const list = async (...flags: readonly string[]): Promise<string> =>
    (await cli(["inspect", many, "--files", ...flags])).stdout;
  const files = JSON.parse(await list("--format", "json")) as unknown[];
  expect(files).toHaveLength(1202);
  expect(new Set(files.map((file) => JSON.stringify(file))).size).toBe(1202);
  expect((await list("--format", "ndjson")).trimEnd().split("\n")).toHaveLength(1202);
  expect((await list("--format", "csv")).trimEnd().split("\r\n")).toHaveLength(1203);
  expect((await list()).match(/^path /gm)).toHaveLength(3);
  for (const limit of ["1", "500", "501", "1202", "5000"]) {
    const some = JSON.parse(await list("--format", "json", "--limit", limit)) as unknown[];
    expect(some).toHaveLength(Math.min(Number(limit), 1202));
  }
});

describe("cdcdelta inspect --offset", () => {
  const cdc = path.join(lake, "cdc");
  const source = path.join(lake, "orders.ndjson");
  const offsets: number[] = [];
  let end = 0;

  function event(n: number): string {
    const after = JSON.stringify({ _id: n });
    const place = { db: "shop", collection: "orders", ts_ms: 1_769_860_800_000 + n };
    return JSON.stringify({ op: "c", after, source: place });
  }

  async function run(lines: readonly string[]): Promise<void> {
    for (const line of lines) {
      offsets.push(end);
      end += line.length + 1;
      appendFileSync(source, `${line}\n`);
    }
    const { code, stderr } = await cli(["run", "--source", source, "--base-path", cdc]);
    expect([code, code === 0 ? "" : stderr]).toEqual([0, ""]);
  }

  type Place = {
    readonly table: string;
    readonly outcome: string;
    readonly commit: { readonly version: number } | null;
    readonly committedFile: string | null;
    readonly file: string | null;
    readonly row: number | null;
  };
  type Report = { readonly outcome: string; readonly tables: readonly Place[] };

  async function locate(where: string, offset: number | undefined): Promise<Report> {
    const position = `orders.ndjson:0:${offset}`;
    const argv = ["inspect", where, "--offset", position, "--format", "json"];
    const { code, stdout, stderr } = await cli(argv);
    expect([code, stderr]).toEqual([0, ""]);
    return JSON.parse(stdout) as Report;
  }

  const orders = path.join(cdc, "shop", "orders");

  beforeAll(async () => {
    await run([event(0), event(1)]);
    await run([event(2), "{no event", event(4)]);
  });

  test("tells the version, the file and the row", async () => {
    const { outcome, tables } = await locate(cdc, offsets[1]);
    expect(outcome).toBe("row");
    expect(tables).toMatchObject([{ table: orders, commit: { version: 0 }, row: 1 }]);
    expect((await locate(orders, offsets[2])).tables).toMatchObject([{ commit: { version: 1 } }]);
    const { stdout } = await cli(["inspect", cdc, "--offset", `orders.ndjson:0:${offsets[4]}`]);
    expect(stdout).toMatch(/of orders\.ndjson: a row\n/);
    expect(stdout).toMatch(/^version +1, \d{4}-/m);
    expect(stdout).toMatch(/^_cdc_operation +insert$/m);
  });

  test("tells dead letters, records without a row, and those to come", async () => {
    const letter = await locate(cdc, offsets[3]);
    expect(letter.outcome).toBe("dead-letter");
    expect(letter.tables).toMatchObject([{ table: path.join(cdc, "_dead_letters"), row: 0 }]);
    expect(await locate(cdc, (offsets[1] ?? 0) + 1)).toMatchObject({ outcome: "no-row" });
    expect(await locate(orders, offsets[3])).toMatchObject({ outcome: "no-row" });
    expect(await locate(cdc, end)).toMatchObject({ outcome: "not-yet" });
    const other = await cli(["inspect", cdc, "--offset", "other:0:1"]);
    expect(other.stdout).toContain("no table here knows the topic and the partition");
  });

  test("tells where an optimize moved a row, also when its file is gone", async () => {
    const before = (await locate(orders, offsets[1])).tables[0];
    expect((await cli(["optimize", orders])).code).toBe(0);
    const after = (await locate(orders, offsets[1])).tables[0];
    expect(after).toMatchObject({ outcome: "row", commit: { version: 0 } });
    expect(after?.committedFile).toBe(before?.file ?? "");
    expect(after?.file).not.toBe(before?.file ?? null);
    const { code } = await cli(["inspect", path.join(lake, "nothing"), "--offset", "a:0:1"]);
    expect(code).toBe(1);
    expect(readdirSync(orders).length).toBeGreaterThan(1);
  });
});

test("an Arrow stream is refused by a terminal", async () => {
  const { world, stderr, stdoutBytes } = fakeWorld([
    "inspect",
    table,
    "--rows",
    "all",
    "--format",
    "arrow",
  ]);
  const code = await runCli({ ...world, stdout: { ...world.stdout, isTTY: true } });
  expect([code, stdoutBytes().length]).toEqual([2, 0]);
  expect(stderr()).toMatch(/Cannot write an Arrow stream to a terminal/);
});

const wrong: readonly (readonly [line: string, said: RegExp])[] = [
  ["--where n=1", /--where: is for rows/],
  ["--files --columns n", /--columns: is for rows/],
  ["--rows 1 --where n=", /"n=" is no condition: it ends where a value should be/],
  ["--rows 1 --columns a,,b", /"a,,b" is no list of columns/],
  ["--rows 1 --columns n,n", /Column "n" of .* is asked for twice/],
  ["--rows 1 --columns x", /There is no column "x" in .*Its columns are n, text, day/],
  ["--rows 1 --where n=x", /"x" is no long, the type of "n"/],
  ["--changes 3", /"3" is no range/],
  ["--changes a..b", /"a" is neither a version nor a time/],
  ["--changes 2..1", /the range goes backwards/],
  ["--changes 1.. --version 1", /--version: changes are those of a range of versions/],
  ["--offset a:1", /"a:1" is no position of a record/],
  ["--offset a:0:1 --rows 1", /--rows, --offset: show different things/],
  ["--health --format arrow", /arrow is for rows/],
];
for (const [line, said] of wrong) {
  test(`inspect ${line} is wrong usage`, async () => {
    const { code, stdout, stderr } = await cli(["inspect", table, ...line.split(" ")]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(said);
  });
}
