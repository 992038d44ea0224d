import { describe, expect, test } from "bun:test";
import { parsePartitionCondition } from "../../../src/delta/operations/partition-condition.ts";
import { sparkCommand, sparkLocation } from "../../../src/cli/spark/spark-command.ts";
import {
  optimizeStatement,
  restoreStatement,
  vacuumStatement,
} from "../../../src/cli/spark/spark-statement.ts";
import { resolveSettings } from "../../../src/cli/settings/resolve-settings.ts";

const optimizing = { where: [], zOrderBy: [], targetBytes: null };
const vacuuming = { retentionMs: null, force: false, mode: "full" } as const;

function settingsOf(env: Readonly<Record<string, string>>) {
  const { resolved, problems } = resolveSettings({ flags: new Map(), env, file: null });
  expect(problems).toEqual([]);
  return resolved.values;
}

describe("SQL for Spark", () => {
  for (
    const [written, sql] of [
      ["day >= 2026-01-31", "`day` >= '2026-01-31'"],
      ["n in (1, 2)", "`n` IN ('1', '2')"],
      ["day is not null", "`day` IS NOT NULL"],
      ["name = 'it''s'", "`name` = 'it\\'s'"],
      [String.raw`name = 'a\b'`, String.raw`${"`name`"} = 'a\\b'`],
      ["`odd``name` != x", "`odd``name` != 'x'"],
    ] as const
  ) {
    test(`${written} becomes ${sql}`, () => {
      const where = [parsePartitionCondition(written)!];
      expect(optimizeStatement("/t", { ...optimizing, where }).sql).toBe(
        `OPTIMIZE delta.\`/t\` WHERE ${sql}`,
      );
    });
  }

  test("optimize: conditions together, order, size", () => {
    const where = ["a = 1", "b = 2"].map((text) => parsePartitionCondition(text)!);
    const statement = optimizeStatement("/a`b", {
      where,
      zOrderBy: ["x", "y`z"],
      targetBytes: 1 << 20,
    });
    expect(statement.sql).toBe(
      "OPTIMIZE delta.`/a``b` WHERE `a` = '1' AND `b` = '2' ZORDER BY (`x`, `y``z`)",
    );
    expect(statement.conf["spark.databricks.delta.optimize.maxFileSize"]).toBe("1048576");
  });

  test("vacuum: retention in hours, never less than asked for", () => {
    const sqlOf = (more: object): string => vacuumStatement("/t", { ...vacuuming, ...more }).sql;
    expect(sqlOf({})).toBe("VACUUM delta.`/t`");
    expect(sqlOf({ retentionMs: 3_600_001 })).toBe("VACUUM delta.`/t` RETAIN 2 HOURS");
    expect(sqlOf({ retentionMs: 0, mode: "lite" })).toBe("VACUUM delta.`/t` LITE RETAIN 0 HOURS");
    const check = "spark.databricks.delta.retentionDurationCheck.enabled";
    expect(vacuumStatement("/t", vacuuming).conf[check]).toBeUndefined();
    expect(vacuumStatement("/t", { ...vacuuming, force: true }).conf[check]).toBe("false");
  });

  test("restore", () => {
    expect(restoreStatement("/t", 7).sql).toBe("RESTORE TABLE delta.`/t` TO VERSION AS OF 7");
  });
});

describe("the command line of spark-sql", () => {
  const options = { sparkHome: undefined, userMetadata: "cdcdelta:1", scratch: "/scratch" };

  test("has the user's configuration last, and secrets in the environment alone", () => {
    const settings = settingsOf({
      CDCDELTA_SPARK_CONF: "spark.jars=a.jar,b.jar\nspark.sql.catalogImplementation=hive",
      AWS_ACCESS_KEY_ID: "us3r",
      AWS_SECRET_ACCESS_KEY: "s3cret",
      CDCDELTA_S3_ENDPOINT: "http://127.0.0.1:9000",
    });
    const made = sparkCommand({ sql: "SELECT 1", conf: {} }, { ...options, settings });
    expect(made.command).toBe("spark-sql");
    expect(made.args.slice(-2)).toEqual(["-e", "SELECT 1"]);
    const conf = made.args.filter((_, i) => made.args[i - 1] === "--conf");
    expect(conf).toContain("spark.jars=a.jar,b.jar");
    expect(conf).toContain("spark.sql.catalogImplementation=hive");
    expect(conf).not.toContain("spark.sql.catalogImplementation=in-memory");
    expect(conf).toContain("spark.hadoop.fs.s3a.endpoint=http://127.0.0.1:9000");
    expect(conf).toContain("spark.databricks.delta.commitInfo.userMetadata=cdcdelta:1");
    expect(conf).toContain("spark.sql.variable.substitute=false");
    expect(made.args.join(" ")).not.toContain("s3cret");
    expect(made.env).toEqual({ AWS_ACCESS_KEY_ID: "us3r", AWS_SECRET_ACCESS_KEY: "s3cret" });
  });

  test("starts the one that is named, else the one of SPARK_HOME", () => {
    const statement = { sql: "", conf: {} };
    const home = { ...options, sparkHome: "/opt/spark" };
    const plain = settingsOf({});
    const named = settingsOf({ SPARK_SQL: "/usr/bin/spark-sql3" });
    expect(sparkCommand(statement, { ...home, settings: plain }).command)
      .toBe("/opt/spark/bin/spark-sql");
    expect(sparkCommand(statement, { ...home, settings: named }).command)
      .toBe("/usr/bin/spark-sql3");
  });

  test("a table on S3 needs a log store that is named", () => {
    expect(() => sparkLocation("s3://lake/a", settingsOf({}))).toThrow(/logStore/);
    const named = settingsOf({ CDCDELTA_SPARK_CONF: "spark.delta.logStore.s3a.impl=x.Y" });
    expect(sparkLocation("s3://lake/a", named)).toBe("s3a://lake/a");
    expect(sparkLocation("/data/t", settingsOf({}))).toBe("/data/t");
  });

  test("configuration that is none of Spark's is refused", () => {
    for (const text of ["master=x", "spark.x"]) {
      const { problems } = resolveSettings({
        flags: new Map(),
        env: { CDCDELTA_SPARK_CONF: text },
        file: null,
      });
      expect(problems).toHaveLength(1);
    }
  });
});
