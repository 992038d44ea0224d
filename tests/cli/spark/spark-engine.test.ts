import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { resolveSettings } from "../../../src/cli/settings/resolve-settings.ts";
import { runOnSpark } from "../../../src/cli/spark/run-spark.ts";
import { runCli } from "../../../src/cli/run-cli.ts";
import { loadSnapshot } from "../../../src/delta/log/snapshot.ts";
import { signal } from "../../support/delta-table.ts";
import { newLake, numberedTable } from "../../support/local-tables.ts";
import { cli, fakeWorld } from "../fake-world.ts";

const lake = newLake();
afterAll(() => rmSync(lake, { recursive: true }));

/** A command that stands for spark-sql where it does not get as far as Spark. */
function script(name: string, body: string): string {
  const file = path.join(lake, name);
  writeFileSync(file, `#!/bin/sh\n${body}\n`);
  chmodSync(file, 0o755);
  return file;
}

const commands = [
  ["optimize", []],
  ["vacuum", []],
  ["restore", ["--version", "0", "--yes"]],
] as const;

const sent = {
  optimize: (table: string) => `OPTIMIZE delta.\`${table}\``,
  vacuum: (table: string) => `VACUUM delta.\`${table}\``,
  restore: (table: string) => `RESTORE TABLE delta.\`${table}\` TO VERSION AS OF 0`,
};

describe("--engine spark", () => {
  for (const [command, flags] of commands) {
    const args = (table: string, sparkSql: string): string[] => [
      command,
      table,
      ...flags,
      "--engine",
      "spark",
      "--spark-sql",
      sparkSql,
    ];

    test(`${command}: what Spark said last is told, without its stack trace`, async () => {
      const table = path.join(lake, `failed-${command}`);
      const engine = await numberedTable(table, [["a", 1], ["b", 2]]);
      const failing = script(
        `failing-${command}`,
        `echo "$@" > ${lake}/args-${command}; echo 'Exception: no such cluster' >&2; ` +
          "printf '\\tat org.apache.X(X.java:1)\\n' >&2; exit 3",
      );
      const { code, stdout, stderr } = await cli(args(table, failing));
      expect(code).toBe(1);
      expect(stdout).toBe("");
      expect(stderr).toContain("Exception: no such cluster\nexit code 3");
      expect(stderr).not.toContain("X.java");
      expect(readFileSync(`${lake}/args-${command}`, "utf8")).toContain(`delta.\`${table}\``);
      expect((await loadSnapshot(engine, { signal })).version).toBe(1);
    });

    test(`${command}: a spark-sql that is not there is named`, async () => {
      const table = path.join(lake, `absent-${command}`);
      await numberedTable(table, [["a", 1], ["b", 2]]);
      const { code, stderr } = await cli(args(table, path.join(lake, "nowhere")));
      expect(code).toBe(1);
      expect(stderr).toMatch(/Cannot start Spark's ".*nowhere".*SPARK_HOME/);
    });

    test(`${command}: a dry run shows what Spark would be sent, and starts nothing`, async () => {
      const table = path.join(lake, `dry-${command}`);
      await numberedTable(table, [["a", 1], ["b", 2]]);
      const started = path.join(lake, `started-${command}`);
      const dry = [
        ...args(table, script(`touching-${command}`, `touch ${started}`)).filter((word) =>
          word !== "--yes"
        ),
        "--dry-run",
      ];
      const { code, stdout } = await cli(dry);
      expect(code).toBe(0);
      expect(stdout).toContain("(--dry-run)");
      expect(stdout).toContain(`Spark would run  ${sent[command](table)}\n`);
      const json = JSON.parse((await cli([...dry, "--json"])).stdout) as {
        spark?: { sql: string };
        tables?: { spark: { sql: string } }[];
      };
      expect((json.spark ?? json.tables?.[0]?.spark)?.sql).toBe(sent[command](table));
      const native = dry.map((word) => word === "spark" ? "native" : word);
      expect((await cli(native)).stdout).not.toContain("Spark");
      expect(existsSync(started)).toBe(false);
    });
  }

  test("vacuum and restore need Spark's own word for what they did", async () => {
    const silent = script("silent", "exit 0");
    for (const [command, flags] of commands.slice(1)) {
      const table = path.join(lake, `silent-${command}`);
      await numberedTable(table, [["a", 1], ["b", 2]]);
      const { code, stderr } = await cli([
        command,
        table,
        ...flags,
        "--engine",
        "spark",
        "--spark-sql",
        silent,
      ]);
      expect(code).toBe(1);
      expect(stderr).toMatch(/without/);
    }
  });

  test("--sort-by is not Spark's", async () => {
    const { code, stderr } = await cli(["optimize", "x", "--engine", "spark", "--sort-by", "a"]);
    expect(code).toBe(2);
    expect(stderr).toContain("--sort-by");
  });

  test("the process is told to end with us", async () => {
    const table = path.join(lake, "ended");
    await numberedTable(table, [["a", 1], ["b", 2]]);
    const pidFile = path.join(lake, "slow.pid");
    const slow = script("slow", `echo $$ > ${pidFile}; sleep 60`);
    const argv = ["optimize", table, "--engine", "spark", "--spark-sql", slow];
    const { world, signal: raise } = fakeWorld(argv);
    const running = runCli(world);
    while (!existsSync(pidFile) || readFileSync(pidFile, "utf8") === "") await Bun.sleep(10);
    raise("SIGINT");
    expect(await running).toBe(130);
    const pid = Number(readFileSync(pidFile, "utf8"));
    expect(() => process.kill(pid, 0)).toThrow();
  });

  test("a signal that comes before the process is not lost", async () => {
    const table = path.join(lake, "early");
    const engine = await numberedTable(table, [["a", 1], ["b", 2]]);
    const told = new AbortController();
    const uuid = (): string => {
      told.abort();
      return engine.random.uuid();
    };
    const { resolved } = resolveSettings({ flags: new Map(), env: {}, file: null });
    const sparkSql = script("sleeping", "sleep 60");
    await expect(runOnSpark({
      world: { env: process.env },
      settings: { ...resolved.values, sparkSql },
      uri: table,
      engine: { ...engine, random: { ...engine.random, uuid } },
      signal: told.signal,
    }, { sql: "OPTIMIZE x", conf: {} })).rejects.toThrow("Spark was told to end");
  });
});
