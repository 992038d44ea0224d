import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { requireTableState } from "../../src/delta/log/table-state.ts";
import { optimize } from "../../src/delta/operations/optimize.ts";
import { widenTable } from "../../src/delta/operations/widen-table.ts";
import { field, struct, type StructType } from "../../src/delta/schema/data-type.ts";
import { signal } from "../support/delta-table.ts";
import { localEngine } from "../support/local-tables.ts";
import { availableReaders, readWith } from "../support/readers.ts";
import { type SparkSession, startSpark } from "../support/spark-session.ts";
import { appendRows } from "../support/written-table.ts";

const isThere = availableReaders(["spark"]).length > 0;
const lake = mkdtempSync(path.join(tmpdir(), "cdcdelta-spark-tables-"));
const everything = { targetBytes: 1 << 30, where: () => true, predicate: [], signal };

afterAll(() => rmSync(lake, { recursive: true, force: true }));

describe.skipIf(!isThere)("tables that Spark made", () => {
  let spark: SparkSession;

  beforeAll(async () => {
    spark = await startSpark();
  }, 400_000);

  afterAll(async () => {
    await spark.close();
  });

  const folder = (name: string): string => path.join(lake, name);
  const table = (name: string): string => `delta.\`${folder(name)}\``;

  async function create(
    name: string,
    columns: string,
    properties: Readonly<Record<string, string>>,
  ): Promise<void> {
    const listed = Object.entries(properties).map(([key, value]) => `'${key}' = '${value}'`);
    await spark.sql(
      `CREATE TABLE ${table(name)} (${columns}) USING delta TBLPROPERTIES (${listed.join(", ")})`,
    );
  }

  const trackings: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
    ["plain", {}],
    ["mapped-by-name", { "delta.columnMapping.mode": "name" }],
    ["mapped-by-id", { "delta.columnMapping.mode": "id" }],
  ];
  test.each([...trackings])("keep row ids in an optimize, %s", async (name, more) => {
    const tracked = `tracked-${name}`;
    await create(tracked, "id INT, v STRING", {
      "delta.enableRowTracking": "true",
      "delta.enableDeletionVectors": "true",
      ...more,
    });
    const ids = () =>
      spark.sql(
        `SELECT id, v, _metadata.row_id, _metadata.row_commit_version FROM ${table(tracked)} ` +
          "ORDER BY id",
      );
    for (const from of [0, 100, 200]) {
      await spark.sql(
        `INSERT INTO ${table(tracked)} SELECT /*+ COALESCE(1) */ CAST(id AS INT), ` +
          `CAST(id AS STRING) FROM range(${from}, ${from + 50})`,
      );
    }
    await spark.sql(`DELETE FROM ${table(tracked)} WHERE id % 7 = 0`);
    await spark.sql(`UPDATE ${table(tracked)} SET v = 'new' WHERE id % 10 = 3`);
    const before = await ids();
    expect(before.length).toBe(128);
    const engine = localEngine(folder(tracked));
    expect((await optimize(engine, everything)).addedFiles).toBe(1);
    expect(await ids()).toEqual(before);
    // Rows that are rewritten again bring their ids along, new ones get ids that none had.
    await spark.sql(`DELETE FROM ${table(tracked)} WHERE id BETWEEN 100 AND 120`);
    await spark.sql(`INSERT INTO ${table(tracked)} VALUES (1000, 'last')`);
    const after = await ids();
    expect((await optimize(engine, everything)).addedFiles).toBe(1);
    expect(await ids()).toEqual([...after]);
    const state = await requireTableState(engine, { signal });
    await appendRows(engine, state, { schema: state.schema, partitionColumns: [] }, {
      partitionValues: {},
      rows: [{ id: 2000, v: "ours" }],
    });
    const appended = await ids();
    expect(appended.slice(0, -1)).toEqual([...after]);
    expect(new Set(appended.map((row) => row[2])).size).toBe(appended.length);
  }, 400_000);

  type Made = {
    readonly what: string;
    readonly table: (name: string) => string;
    readonly rows: readonly string[];
    readonly shown?: string;
  };
  const plain = "id INT, day DATE, text STRING";
  const someRows = [
    "SELECT 1, DATE'2026-01-30', 'a'",
    "SELECT 2, DATE'2026-01-31', 'b'",
    "SELECT 3, NULL, NULL",
  ];
  const madeTables: readonly Made[] = [
    {
      what: "with variants",
      table: (name) => `${name} (id INT, v VARIANT) USING delta`,
      rows: [
        `SELECT 1, parse_json('{"a":[1,"x",null]}')`,
        "SELECT 2, NULL",
        "SELECT 3, 1.5::VARIANT",
      ],
      shown: "id, CAST(v AS STRING)",
    },
    {
      what: "clustered",
      table: (name) => `${name} (${plain}) USING delta CLUSTER BY (day, text)`,
      rows: someRows,
    },
    {
      what: "with commit timestamps, V2 checkpoints and a change feed",
      table: (name) =>
        `${name} (${plain}) USING delta TBLPROPERTIES ('delta.enableInCommitTimestamps' = 'true', ` +
        "'delta.checkpointPolicy' = 'v2', 'delta.enableChangeDataFeed' = 'true', " +
        "'delta.checkpointInterval' = '2')",
      rows: someRows,
    },
    {
      what: "with generated columns, defaults and a constraint",
      table: (name) =>
        `${name} (id INT, day DATE, text STRING DEFAULT 'none', next INT GENERATED ALWAYS AS (id + 1)) ` +
        "USING delta TBLPROPERTIES ('delta.feature.allowColumnDefaults' = 'supported', " +
        "'delta.constraints.positive' = 'id > 0')",
      rows: someRows.map((row) => row.replace("SELECT", "(id, day, text) SELECT")),
    },
    {
      what: "whose types were widened",
      table: (name) =>
        `${name} (${plain}) USING delta TBLPROPERTIES ('delta.enableTypeWidening' = 'true')`,
      rows: someRows,
    },
  ];
  test.each([...madeTables])("keep their rows in an optimize, $what", async (made) => {
    const name = made.what.replaceAll(/\W/g, "-");
    await spark.sql(`CREATE TABLE ${made.table(table(name))}`);
    for (const rows of made.rows) await spark.sql(`INSERT INTO ${table(name)} ${rows}`);
    if (name.includes("widened")) {
      await spark.sql(`ALTER TABLE ${table(name)} ALTER COLUMN id TYPE BIGINT`);
      await spark.sql(`INSERT INTO ${table(name)} VALUES (4294967296, NULL, 'wide')`);
    }
    const all = () => spark.sql(`SELECT ${made.shown ?? "*"} FROM ${table(name)} ORDER BY id`);
    const before = await all();
    const engine = localEngine(folder(name));
    expect((await optimize(engine, everything)).addedFiles).toBe(1);
    expect(await all()).toEqual([...before]);
    await spark.sql(`INSERT INTO ${table(name)} ${made.rows[0]}`);
    expect((await all()).length).toBe(before.length + 1);
  }, 400_000);

  test("keep row ids when columns are widened", async () => {
    await create("widened", "id INT, v FLOAT", { "delta.enableRowTracking": "true" });
    await spark.sql(`INSERT INTO ${table("widened")} VALUES (1, 0.5), (2, 1.5)`);
    const query = "SELECT id, v, _metadata.row_id, _metadata.row_commit_version";
    const ids = () => spark.sql(`${query} FROM ${table("widened")} ORDER BY id`);
    const before = await ids();
    const engine = localEngine(folder("widened"));
    const state = await requireTableState(engine, { signal });
    const wide = struct([field("id", { kind: "long" }), field("v", { kind: "double" })]);
    const options = { strategy: "rewrite", bytesMax: 1e9, signal } as const;
    expect((await widenTable(engine, state, wide, options)).kind).toBe("widened");
    expect(await ids()).toEqual(before);
  }, 120_000);

  test.each(["name", "id"])("take our rows, mapped by %s", async (mode) => {
    const name = `mapped-${mode}`;
    const columns = "region STRING, `odd name` STRING, dropped INT, n INT, " +
      "inner STRUCT<x: INT, list: ARRAY<STRUCT<y: INT>>, m: MAP<STRING, INT>>";
    await spark.sql(
      `CREATE TABLE ${table(name)} (${columns}) USING delta PARTITIONED BY (region) ` +
        `TBLPROPERTIES ('delta.columnMapping.mode' = '${mode}')`,
    );
    const value = "named_struct('x', 1, 'list', array(named_struct('y', 2)), 'm', map('k', 3))";
    await spark.sql(`INSERT INTO ${table(name)} VALUES ('eu', 'spark', 0, 1, ${value})`);
    await spark.sql(`ALTER TABLE ${table(name)} DROP COLUMN dropped`);
    await spark.sql(`ALTER TABLE ${table(name)} RENAME COLUMN n TO number`);
    const engine = localEngine(folder(name));
    const state = await requireTableState(engine, { signal });
    const rows = [{
      "odd name": "ours",
      number: 2n,
      inner: { x: 10, list: [{ y: 20, z: "new" }], m: new Map([["k", 30]]) },
      added: 1.5,
    }];
    const grown = grow(state.schema);
    const options = { strategy: "rewrite", bytesMax: 1e9, signal } as const;
    const widened = await widenTable(engine, state, grown, options);
    expect(widened.kind).toBe("widened");
    const { schema } = widened.state;
    await appendRows(engine, widened.state, { schema, partitionColumns: ["region"] }, {
      partitionValues: { region: "eu" },
      rows,
    });
    const query = `SELECT region, \`odd name\`, number, inner.x, inner.list, inner.m['k'], added ` +
      `FROM ${table(name)} ORDER BY number`;
    const expected = [
      ["eu", "spark", 1, 1, [[2, null]], 3, null],
      ["eu", "ours", 2, 10, [[20, "new"]], 30, 1.5],
    ];
    expect(await spark.sql(query)).toEqual(expected);
    expect((await optimize(engine, everything)).addedFiles).toBe(1);
    expect(await spark.sql(query)).toEqual(expected);
    await spark.sql(`INSERT INTO ${table(name)} (region, number) VALUES ('us', 3)`);
    expect((await spark.sql(query)).length).toBe(3);
    // Statistics and partition values are found by their physical names.
    const found = `SELECT count(*) FROM ${table(name)} WHERE number > 1 AND region = 'eu'`;
    expect(await spark.sql(found)).toEqual([[1]]);
    const others = availableReaders(["delta-rs", "duckdb"]);
    for (const reader of others) {
      const result = (await readWith(reader, [folder(name)])).get(folder(name));
      expect(result?.kind === "rows" ? result.rows.length : result?.message).toBe(3);
    }
  }, 400_000);
});

/** The schema with a wider column and new ones, at the top and further down. */
function grow(schema: StructType): StructType {
  const fields = schema.fields.map((each) => {
    if (each.name === "number") return { ...each, type: { kind: "long" } as const };
    if (each.name !== "inner" || each.type.kind !== "struct") return each;
    const inner = each.type.fields.map((one) => {
      if (one.type.kind !== "array" || one.type.elementType.kind !== "struct") return one;
      const elementType = struct([...one.type.elementType.fields, field("z", { kind: "string" })]);
      return { ...one, type: { ...one.type, elementType } };
    });
    return { ...each, type: struct(inner) };
  });
  return struct([...fields, field("added", { kind: "double" })]);
}
