import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { runCli } from "../../../src/cli/run-cli.ts";
import { cli, fakeWorld } from "../fake-world.ts";

let folder = "";
let events = "";

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "cdcdelta-run-"));
  events = path.join(folder, "events.ndjson");
  writeFileSync(events, lines(0, 10));
});

afterAll(() => rmSync(folder, { recursive: true }));

/** Debezium values, one insert each. */
function lines(from: number, to: number, collection = "orders"): string {
  let text = "";
  for (let id = from; id < to; id++) text += `${JSON.stringify(insert(id, collection))}\n`;
  return text;
}

function insert(id: number, collection: string): object {
  const atMs = 1_769_860_800_000 + id;
  return {
    before: null,
    after: JSON.stringify({ _id: id, name: `name ${id}`, total: { $numberDecimal: "1.50" } }),
    updateDescription: null,
    source: {
      version: "3.6.1.Final",
      connector: "mongodb",
      name: "cdc",
      ts_ms: atMs,
      snapshot: "false",
      db: "shop",
      collection,
      ord: id,
    },
    op: "c",
    ts_ms: atMs,
    transaction: null,
  };
}

type LogLine = { readonly level: string; readonly message: string; readonly event?: string };

function logLines(stderr: string): LogLine[] {
  return stderr.split("\n").filter((line) => line !== "").map((line) =>
    JSON.parse(line) as LogLine
  );
}

function listing(lake: string): string[] {
  return readdirSync(lake, { recursive: true }).map(String).toSorted((a, b) => a < b ? -1 : 1);
}

const base = (name: string): string => path.join(folder, name);
// One thread is enough here and starts sooner.
const run = (...flags: readonly string[]): ReturnType<typeof cli> =>
  cli(["run", "--workers", "0", ...flags]);

describe("cdcdelta run", () => {
  test("prints the result on standard output, JSON log lines on standard error", async () => {
    const { code, stdout, stderr } = await run(
      "--source",
      events,
      "--base-path",
      base("result"),
      "--format",
      "json",
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      plan: false,
      stopped: false,
      records: 10,
      rows: 10,
      droppedRows: 0,
      deadLetters: 0,
      commits: 1,
      tables: [{ table: "shop.orders", version: 0, rows: 10, files: 1 }],
    });
    const log = logLines(stderr);
    expect(log.map(({ event }) => event)).toEqual(
      ["started", "table-opened", "schema-changed", "committed", "done"],
    );
    expect(log[3]?.message).toBe("Committed 10 rows to shop.orders as version 0");
  });

  test("run again adds nothing, over a grown file only the rest", async () => {
    const source = path.join(folder, "grows.ndjson");
    const flags = ["--source", source, "--base-path", base("grows"), "--format", "json"];
    writeFileSync(source, lines(0, 5));
    const seen: number[] = [];
    for (const content of [lines(0, 5), lines(0, 5), lines(0, 8)]) {
      writeFileSync(source, content);
      const { rows } = JSON.parse((await run(...flags)).stdout) as { readonly rows: number };
      seen.push(rows);
    }
    expect(seen).toEqual([5, 0, 3]);
  });

  test("prints a table by default", async () => {
    const { stdout } = await run("--source", events, "--base-path", base("table"));
    expect(stdout).toMatch(/^table +version +rows +files +size +location$/m);
    expect(stdout).toMatch(/^shop\.orders +0 +10 +1 /m);
    expect(stdout).toMatch(/^records +10$/m);
  });

  test("--plan prints the schema as a diff and writes nothing", async () => {
    const lake = base("plan");
    const { code, stdout } = await run("--source", events, "--base-path", lake, "--plan");
    expect(code).toBe(0);
    expect(stdout).toContain("shop.orders: create (10 rows, 1 file, ");
    expect(stdout).toMatch(/^ {2}\+ total: decimal\(38,18\)$/m);
    expect(stdout).toMatch(/^written +nothing \(--plan\)$/m);
    expect(existsSync(lake)).toBe(false);
  });

  test("--plan over a table shows only what changes", async () => {
    const lake = base("plan-change");
    const source = path.join(folder, "changes.ndjson");
    writeFileSync(source, lines(0, 2));
    await run("--source", source, "--base-path", lake);
    const grown = lines(2, 3).replace('\\"total\\"', '\\"note\\":\\"n\\",\\"total\\"');
    writeFileSync(source, lines(0, 2) + grown);
    const before = listing(lake);
    const { stdout } = await run("--source", source, "--base-path", lake, "--plan");
    expect(stdout).toContain("append to version 0 (1 row, 1 file");
    expect(stdout.split("\n").filter((line) => /^ {2}[+~-] /.test(line))).toEqual([
      "  + note: string",
    ]);
    expect(listing(lake)).toEqual(before);
    const json = await run("--source", source, "--base-path", lake, "--plan", "--format", "json");
    expect(JSON.parse(json.stdout)).toMatchObject({
      plan: true,
      commits: 0,
      tables: [{
        table: "shop.orders",
        create: false,
        changes: [{ kind: "added", path: "note", to: "string" }],
      }],
    });
  });

  test("reads standard input under the name it is given", async () => {
    const stdin = Readable.from([Buffer.from(lines(0, 3))]);
    const argv = ["run", "--workers", "0", "--source", "-", "--source-id", "pipe"];
    const { code, stdout } = await cli(
      [...argv, "--base-path", base("stdin"), "--format", "json"],
      { stdin },
    );
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ rows: 3 });
  });

  test("refuses standard input that says nowhere where its records stand", async () => {
    const stdin = Readable.from([Buffer.from(lines(0, 3))]);
    const argv = ["run", "--workers", "0", "--source", "-", "--base-path", base("unnamed")];
    const { code, stderr } = await cli(argv, { stdin });
    expect(code).toBe(2);
    expect(logLines(stderr).at(-1)).toMatchObject({
      level: "error",
      event: "failed",
      code: "usage",
    });
    expect(stderr).toContain("--source-id");
  });

  test("takes settings of one collection from the config file", async () => {
    const source = path.join(folder, "two.ndjson");
    writeFileSync(source, lines(0, 2) + lines(0, 2, "people"));
    const config = path.join(folder, "two.yaml");
    writeFileSync(
      config,
      [
        `source: ${source}`,
        `basePath: ${base("two")}`,
        "workers: 0",
        "collections:",
        "  shop\\.people:",
        "    partitionBy: none",
        '    tablePath: "{base}/folk"',
        "    excludeFields: [name]",
        "    columnTypes: {total: string}",
        "    properties: {delta.checkpointInterval: 7}",
      ].join("\n"),
    );
    const { code } = await cli(["run", "--config", config]);
    expect(code).toBe(0);
    const facts = await cli(["inspect", path.join(base("two"), "folk"), "--format", "json"]);
    const folk = JSON.parse(facts.stdout) as {
      schema: { fields: { name: string; type: string }[] };
    };
    expect(folk).toMatchObject({
      partitionColumns: [],
      configuration: { "delta.checkpointInterval": "7" },
    });
    const fields = new Map(folk.schema.fields.map(({ name, type }) => [name, type]));
    expect(fields.has("name")).toBe(false);
    expect(fields.get("total")).toBe("string");
    const orders = await cli(["inspect", path.join(base("two"), "shop", "orders")]);
    expect(orders.stdout).toMatch(/^partitioned by +_ingestion_date$/m);
  });

  test("refuses a table path that two collections would share", async () => {
    const source = path.join(folder, "shared.ndjson");
    writeFileSync(source, lines(0, 1) + lines(0, 1, "people"));
    const flags = [
      "--source",
      source,
      "--base-path",
      base("shared"),
      "--table-path",
      "{base}/{db}",
    ];
    const { code, stderr } = await run(...flags);
    expect(code).toBe(2);
    expect(stderr).toContain("a table takes one collection");
  });

  const failures: readonly (readonly [string, readonly string[], RegExp])[] = [
    ["a source that is not there", ["--source", "/nowhere/x.ndjson"], /no such file or folder/],
    ["a base path that is a file", ["--base-path", "EVENTS"], /events\.ndjson/],
  ];
  test.each(failures)("fails with 1 and one line for %s", async (_name, flags, said) => {
    const given = flags.map((flag) => flag === "EVENTS" ? events : flag);
    const { code, stdout, stderr } = await run(
      "--source",
      events,
      "--base-path",
      base("failure"),
      ...given,
    );
    expect([code, stdout]).toEqual([1, ""]);
    const last = logLines(stderr).at(-1);
    expect(last).toMatchObject({ level: "error", event: "failed" });
    expect(last?.message).toMatch(said);
    expect(last?.message).not.toContain("\n");
  });

  test("logs nothing below the level asked for", async () => {
    const { stderr } = await run(
      "--source",
      events,
      "--base-path",
      base("quiet"),
      "--log-level",
      "warn",
    );
    expect(stderr).toBe("");
  });
});

describe("signals", () => {
  const follow = ["run", "--workers", "0", "--follow", "--flush-interval", "1h", "--flush-rows"];

  const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

  test("the first commits what was read and ends with 0", async () => {
    const taken = Promise.withResolvers<void>();
    async function* endless(): AsyncGenerator<Buffer> {
      yield Buffer.from(lines(0, 4));
      taken.resolve();
      await new Promise(() => undefined);
    }
    const argv = ["run", "--workers", "0", "--source", "-", "--source-id", "pipe"];
    // Neither rows nor age make a flush due.
    argv.push("--flush-rows", "1000", "--flush-interval", "1h", "--format", "json");
    const { world, stdout, stderr, signal, exits } = fakeWorld(
      [...argv, "--base-path", base("stopped")],
      { stdin: Readable.from(endless()) },
    );
    const running = runCli(world);
    await taken.promise;
    signal("SIGTERM");
    expect([await running, logLines(stderr()).filter(({ level }) => level === "error")])
      .toEqual([0, []]);
    expect(JSON.parse(stdout())).toMatchObject({ stopped: true, rows: 4 });
    expect(stderr()).toContain("a second signal exits at once");
    expect(exits).toEqual([]);
  });

  test("the first ends a followed file with 0", async () => {
    const argv = [...follow, "1", "--source", events, "--base-path", base("follow")];
    const { world, stdout, stderr, signal } = fakeWorld([...argv, "--format", "json"]);
    const running = runCli(world);
    while (!stderr().includes('"committed"')) await pause();
    signal("SIGINT");
    expect(await running).toBe(0);
    expect(JSON.parse(stdout())).toMatchObject({ stopped: true, rows: 10 });
  });

  test("the second exits at once with the signal's own code", async () => {
    for (const [name, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
      const argv = [...follow, "1", "--source", events, "--base-path", base(`second-${name}`)];
      const { world, stderr, signal, exits } = fakeWorld(argv);
      const running = runCli(world);
      while (!stderr().includes('"started"')) await pause();
      signal(name);
      signal(name);
      expect(exits).toEqual([code]);
      await running;
    }
  });
});
