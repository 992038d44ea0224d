import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { firstDifference } from "../support/compare-rows.ts";
import type { NormalRow } from "../support/normal-form.ts";
import { availableReaders } from "../support/readers.ts";
import { type SparkSession, startSpark } from "../support/spark-session.ts";
import { startTableQueries, type TableQueries } from "../support/table-queries.ts";
import { idAndText, insert, type SparkMade, sparkMade } from "./spark-made.ts";
import { type Tour, tourOf } from "./spark-tour.ts";

const present = availableReaders(["spark", "delta-rs", "duckdb"]).length === 3;
const lake = mkdtempSync(path.join(tmpdir(), "cdcdelta-spark-made-"));

afterAll(() => rmSync(lake, { recursive: true, force: true }));

/** Statements that make the table; the version that has the first rows, and those rows. */
async function make(tour: Tour) {
  const { one: { columns, layout = "", properties, made } } = tour;
  const listed = Object.entries(properties).map(([key, value]) => `'${key}' = '${value}'`);
  await tour.sql(
    `CREATE TABLE {t} (${columns}) USING delta ${layout} TBLPROPERTIES (${listed.join(", ")})`,
  );
  const [first = "", ...rest] = made;
  await tour.sql(first);
  const version = await tour.version();
  const rows = await tour.sparkRows();
  for (const statement of rest) await tour.sql(statement);
  return { version, rows };
}

describe.skipIf(!present)("a table that Spark made", () => {
  let spark: SparkSession;
  let queries: TableQueries;

  beforeAll(async () => {
    queries = startTableQueries({});
    spark = await startSpark();
    await spark.sql("SET spark.databricks.delta.retentionDurationCheck.enabled = false");
  }, 400_000);

  afterAll(async () => {
    await spark.close();
    await queries.stop();
  });

  test.each(sparkMade.map((one) => [one.name, one] as const))("%s", async (name, one) => {
    const tour = tourOf(one, path.join(lake, name.replaceAll(/\W+/g, "-")), { spark, queries });
    const first = await make(tour);
    const made = await tour.version();
    const rows = await tour.sparkRows();
    expect(await tour.differences(rows)).toEqual({});

    await tour.run("optimize");
    if (one.order === null) {
      await expect(tour.run("optimize", "--sort-by", "id")).rejects.toThrow(/clustered table/);
    } else {
      await tour.run("optimize", "--sort-by", one.order);
      expect(await tour.differences(rows)).toEqual({});
      await tour.run("optimize", "--z-order", [...new Set(["id", one.order])].join(","));
    }
    await tour.run("checkpoint");
    expect(await tour.differences(rows)).toEqual({});
    if (one.changes === true) {
      expect(await tour.changeDifference(made - 1, await tour.version())).toBeNull();
    }

    await tour.run("restore", "--version", String(first.version), "--yes");
    expect(await tour.differences(first.rows)).toEqual({});
    await tour.run("restore", "--version", String(made), "--yes");
    expect(await tour.differences(rows)).toEqual({});
    const restored = await tour.version();

    const wanted = await appended(tour, rows);
    await checkDetails(tour);

    for (const statement of one.later) await tour.sql(statement);
    const later = await tour.sparkRows();
    expect(later).not.toEqual(wanted);
    await tour.run("optimize");
    expect(await tour.differences(later)).toEqual({});
    if (one.changes === true) {
      expect(await tour.changeDifference(restored + 1, await tour.version())).toBeNull();
    }
    await tour.sql("OPTIMIZE {t}");
    await tour.run("vacuum", "--mode", "lite", "--retention", "0", "--force");
    await tour.run("vacuum", "--retention", "0", "--force");
    expect(await tour.differences(later)).toEqual({});
    expect(await tour.leftovers()).toEqual([]);
  }, 600_000);

  test("is vacuumed by Spark and by us, in turns", async () => {
    const one: SparkMade = {
      name: "vacuums",
      columns: "id INT, s STRING",
      properties: { "delta.enableDeletionVectors": "true" },
      made: [insert(0, 10, idAndText), insert(10, 20, idAndText), "DELETE FROM {t} WHERE id = 1"],
      later: [],
      order: "s",
      append: { row: { id: 1000, s: "ours" } },
    };
    const folder = path.join(lake, "vacuums");
    const tour = tourOf(one, folder, { spark, queries });
    const ours = async (mode: "full" | "lite", ...flags: string[]): Promise<number> => {
      const rest = ["--retention", "0", "--force", ...flags];
      const told = await tour.run("vacuum", "--mode", mode, ...rest);
      return (told as VacuumTold).tables[0]?.files ?? -1;
    };
    const reached = (): number => {
      const info = readFileSync(path.join(folder, "_delta_log", "_last_vacuum_info"), "utf8");
      return (JSON.parse(info) as { readonly [name: string]: number })[lastVacuumField] ?? -1;
    };
    const change = async (id: number): Promise<void> => {
      await tour.sql(`DELETE FROM {t} WHERE id = ${id}`);
      await tour.sql(insert(100 * id, 100 * id + 1, idAndText));
      await tour.sql("OPTIMIZE {t}");
    };
    await make(tour);
    await tour.sql("OPTIMIZE {t}");
    await tour.sql("VACUUM {t} LITE RETAIN 0 HOURS");
    expect(await tour.leftovers()).toEqual([]);
    expect(await ours("lite", "--dry-run")).toBe(0);
    const bySpark = reached();
    await change(2);
    expect(await ours("lite")).toBeGreaterThanOrEqual(3);
    expect(await tour.leftovers()).toEqual([]);
    expect(reached()).toBeGreaterThan(bySpark);
    expect(await tour.sql("VACUUM {t} LITE RETAIN 0 HOURS DRY RUN")).toEqual([]);
    // What came after our vacuum is found from where it ended.
    await change(3);
    expect((await tour.leftovers()).length).toBeGreaterThanOrEqual(3);
    await tour.sql("VACUUM {t} LITE RETAIN 0 HOURS");
    expect(await tour.leftovers()).toEqual([]);
    await change(4);
    await tour.sql("VACUUM {t} RETAIN 0 HOURS");
    expect(await ours("full", "--dry-run")).toBe(0);
    await change(5);
    expect(await ours("full")).toBeGreaterThanOrEqual(3);
    expect(await tour.sql("VACUUM {t} RETAIN 0 HOURS DRY RUN")).toEqual([]);
    const rows = await tour.sparkRows();
    expect(rows.length).toBe(19);
    expect(await tour.differences(rows)).toEqual({});
  }, 600_000);
});

type VacuumTold = { readonly tables: readonly { readonly files: number }[] };

const lastVacuumField = "latestCommitVersionOutsideOfRetentionWindow";

/** Adds a row of ours where the table allows it; the rows then. */
async function appended(tour: Tour, rows: readonly NormalRow[]): Promise<readonly NormalRow[]> {
  const { append } = tour.one;
  if (append instanceof RegExp) {
    await expect(tour.append({ row: { id: 1000 } })).rejects.toThrow(append);
    return rows;
  }
  await tour.append(append);
  const more = await tour.sparkRows();
  expect(more.length).toBe(rows.length + 1);
  expect(await tour.differences(more)).toEqual({});
  // The rows before are what they were, ids and all.
  expect(firstDifference(rows, more.filter(({ id }) => id !== "i:1000"))).toBeNull();
  return more;
}

/** Spark's own view of the table and of what we did to it. */
async function checkDetails(tour: Tour): Promise<void> {
  const history = await tour.normal("DESCRIBE HISTORY {t}");
  const count = (name: string): number =>
    history.filter(({ operation }) => operation === `s:${name}`).length;
  expect(count("RESTORE")).toBe(2);
  expect(count("OPTIMIZE")).toBeGreaterThanOrEqual(tour.one.order === null ? 1 : 3);
  const [detail = {}] = await tour.normal("DESCRIBE DETAIL {t}");
  const { layout = "" } = tour.one;
  const isEmpty = (name: string): boolean => (detail[name] as readonly unknown[]).length === 0;
  expect(isEmpty("clusteringColumns")).toBe(!layout.startsWith("CLUSTER"));
  expect(isEmpty("partitionColumns")).toBe(!layout.startsWith("PARTITION"));
}
