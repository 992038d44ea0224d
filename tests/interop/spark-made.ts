import type { Value } from "../../src/delta/columns/column-builder.ts";
import type { QueryReader } from "../support/table-queries.ts";

/** A row of ours for a table that Spark made. */
export type AppendedRow = {
  readonly partitionValues?: Readonly<Record<string, string>>;
  readonly row: Readonly<Record<string, Value>>;
};

/** A table that Spark makes, and what is asked of it afterwards; `{t}` in SQL is the table. */
export type SparkMade = {
  readonly name: string;
  readonly columns: string;
  /** PARTITIONED BY or CLUSTER BY. */
  readonly layout?: string;
  readonly properties: Readonly<Record<string, string>>;
  /** Rows are there after the first of them, which `restore` goes back to. */
  readonly made: readonly string[];
  /** What Spark does after our operations. */
  readonly later: readonly string[];
  /** Columns as Spark can hand them out; default all. */
  readonly select?: string;
  /** The same for DuckDB. */
  readonly duckdb?: string;
  /** The column to put rows into order by; null: a clustered table, which has its own. */
  readonly order: string | null;
  /** A row that our writer adds, or what it says instead. */
  readonly append: AppendedRow | RegExp;
  /** Engines that cannot read the table, whoever wrote it, with what they say. */
  readonly unread?: Partial<Readonly<Record<QueryReader, RegExp>>>;
  /** Whether rows have ids. */
  readonly tracked?: boolean;
  /** Whether changes are recorded. */
  readonly changes?: boolean;
};

const vectors = { "delta.enableDeletionVectors": "true" };
const byName = { "delta.columnMapping.mode": "name" };
const byId = { "delta.columnMapping.mode": "id" };
const v2 = { "delta.checkpointPolicy": "v2", "delta.checkpointInterval": "3" };
const changeFeed = { "delta.enableChangeDataFeed": "true" };
const widening = { "delta.enableTypeWidening": "true" };
const tracking = { "delta.enableRowTracking": "true" };
const commitTimes = { "delta.enableInCommitTimestamps": "true" };

/** Rows of `id` and whatever `more` makes of it, in one file. */
export function insert(from: number, to: number, more: string): string {
  return `INSERT INTO {t} SELECT /*+ COALESCE(1) */ ${more} FROM range(${from}, ${to})`;
}

/** The first two columns of most tables. */
export const idAndText = "CAST(id AS INT) AS id, concat('text ', id) AS s";
const odd =
  "element_at(array('a/b\\\\c', 'k=v', '100%', 'né 日本', 'with space', \"q'\\\"\", NULL), " +
  "CAST(id % 7 AS INT) + 1)";

export const sparkMade: readonly SparkMade[] = [
  {
    name: "vectors in odd partitions",
    columns: "id INT, s STRING, p STRING, d DATE",
    layout: "PARTITIONED BY (p, d)",
    properties: vectors,
    made: [
      insert(0, 14, `${idAndText}, ${odd}, DATE'2024-02-29'`),
      insert(14, 28, `${idAndText}, ${odd}, DATE'2024-02-29'`),
      "DELETE FROM {t} WHERE id % 5 = 0",
      "UPDATE {t} SET s = 'updated' WHERE id % 7 = 2",
      "MERGE INTO {t} USING (SELECT 1 AS id UNION ALL SELECT 100) u ON {t}.id = u.id " +
      "WHEN MATCHED THEN UPDATE SET s = 'merged' " +
      "WHEN NOT MATCHED THEN INSERT (id, s, p, d) VALUES (u.id, 'merged', 'k=v', NULL)",
    ],
    later: ["DELETE FROM {t} WHERE id IN (3, 17)"],
    order: "s",
    append: {
      partitionValues: { p: "a/b\\c", d: "2024-02-29" },
      row: { id: 1000, s: "ours" },
    },
  },
  {
    name: "mapped by name",
    columns: "id INT, s STRING, gone STRING, n INT, `odd, name` STRUCT<`x y`: INT, z: STRING>, " +
      "p STRING",
    layout: "PARTITIONED BY (p)",
    properties: { ...byName, ...vectors },
    made: [
      insert(0, 6, `${idAndText}, 'gone', CAST(id AS INT), named_struct('x y', 1, 'z', 'z'), 'a'`),
      "ALTER TABLE {t} RENAME COLUMN n TO number",
      "ALTER TABLE {t} DROP COLUMN gone",
      "ALTER TABLE {t} RENAME COLUMN p TO part",
      "ALTER TABLE {t} ADD COLUMN (added DOUBLE)",
      insert(6, 12, `${idAndText}, CAST(id AS INT), NULL, 'b', 0.5D`),
      "DELETE FROM {t} WHERE number IN (1, 7)",
    ],
    later: ["UPDATE {t} SET part = 'c' WHERE number = 2", "DELETE FROM {t} WHERE number = 3"],
    order: "number",
    append: {
      partitionValues: { part: "a" },
      row: { id: 1000, s: "ours", number: 9, "odd, name": { "x y": 5, z: null }, added: 1.5 },
    },
    // Its own fault: partition columns are null in mapped tables.
    unread: { duckdb: /p(art)?: null/ },
  },
  {
    name: "mapped by id with changes",
    columns: "id INT, s STRING, gone INT",
    properties: { ...byId, ...changeFeed, ...vectors },
    made: [
      insert(0, 6, `${idAndText}, 1`),
      "ALTER TABLE {t} DROP COLUMN gone",
      "ALTER TABLE {t} RENAME COLUMN s TO text",
      insert(6, 12, "CAST(id AS INT), concat('text ', id)"),
      "DELETE FROM {t} WHERE id IN (1, 7)",
      "UPDATE {t} SET text = 'new' WHERE id IN (2, 8)",
    ],
    later: ["DELETE FROM {t} WHERE id = 3", "UPDATE {t} SET text = 'last' WHERE id = 4"],
    order: "text",
    append: { row: { id: 1000, text: "ours" } },
    changes: true,
  },
  {
    name: "changes in partitions, without vectors",
    columns: "id INT, s STRING, p INT",
    layout: "PARTITIONED BY (p)",
    properties: { ...changeFeed, "delta.enableDeletionVectors": "false" },
    made: [
      insert(0, 10, `${idAndText}, CAST(id % 2 AS INT)`),
      "DELETE FROM {t} WHERE id = 3",
      "UPDATE {t} SET p = 7 WHERE id = 4",
    ],
    later: ["DELETE FROM {t} WHERE id = 5", "UPDATE {t} SET s = 'last' WHERE id = 6"],
    order: "s",
    append: { partitionValues: { p: "1" }, row: { id: 1000, s: "ours" } },
    changes: true,
  },
  {
    name: "V2 checkpoints",
    columns: "id INT, s STRING, p INT",
    layout: "PARTITIONED BY (p)",
    properties: { ...v2, ...vectors },
    made: [
      insert(0, 4, `${idAndText}, CAST(id % 2 AS INT)`),
      insert(4, 8, `${idAndText}, CAST(id % 2 AS INT)`),
      insert(8, 12, `${idAndText}, CAST(id % 2 AS INT)`),
      "DELETE FROM {t} WHERE id IN (3, 5)",
    ],
    later: ["DELETE FROM {t} WHERE id = 6", insert(20, 24, `${idAndText}, 3`)],
    order: "id",
    append: { partitionValues: { p: "1" }, row: { id: 1000, s: "ours" } },
  },
  {
    name: "wider types",
    columns: "id INT, b BYTE, l INT, d FLOAT, m DECIMAL(5, 2), n INT, t DATE, s STRUCT<x: SHORT>",
    properties: { ...widening, ...vectors, "delta.feature.timestampNtz": "supported" },
    made: [
      insert(
        0,
        4,
        "CAST(id AS INT), CAST(id AS BYTE), CAST(id AS INT), CAST(0.1 AS FLOAT), " +
          "CAST(1.25 AS DECIMAL(5, 2)), CAST(id AS INT), DATE'1969-12-31', " +
          "named_struct('x', CAST(id AS SHORT))",
      ),
      "ALTER TABLE {t} CHANGE COLUMN b TYPE SHORT",
      "ALTER TABLE {t} CHANGE COLUMN l TYPE BIGINT",
      "ALTER TABLE {t} CHANGE COLUMN d TYPE DOUBLE",
      "ALTER TABLE {t} CHANGE COLUMN m TYPE DECIMAL(12, 4)",
      "ALTER TABLE {t} CHANGE COLUMN n TYPE DOUBLE",
      "ALTER TABLE {t} CHANGE COLUMN t TYPE TIMESTAMP_NTZ",
      "ALTER TABLE {t} CHANGE COLUMN s.x TYPE INT",
      insert(
        4,
        8,
        "CAST(id AS INT), CAST(300 AS SHORT), 5000000000, 0.1D, CAST(12345678.1234 AS " +
          "DECIMAL(12, 4)), 0.5D, TIMESTAMP_NTZ'2024-01-02 03:04:05.678901', " +
          "named_struct('x', 70000)",
      ),
      "ALTER TABLE {t} CHANGE COLUMN b TYPE INT",
      "DELETE FROM {t} WHERE id IN (1, 5)",
    ],
    later: [
      "ALTER TABLE {t} CHANGE COLUMN b TYPE BIGINT",
      "UPDATE {t} SET b = 5000000000 WHERE id = 2",
    ],
    order: "l",
    append: {
      row: {
        id: 1000,
        b: 100000,
        l: 2n ** 60n,
        d: 0.1,
        m: 123n,
        n: 1.5,
        t: 1n,
        s: { x: 100000 },
      },
    },
    unread: { "delta-rs": /TypeWidening/i },
  },
  {
    name: "clustered",
    columns: "id INT, s STRING, a INT",
    layout: "CLUSTER BY (a, s)",
    properties: vectors,
    made: [
      insert(0, 20, `${idAndText}, CAST(id % 3 AS INT)`),
      insert(20, 40, `${idAndText}, CAST(id % 3 AS INT)`),
      "OPTIMIZE {t}",
      insert(40, 60, `${idAndText}, CAST(id % 3 AS INT)`),
      "DELETE FROM {t} WHERE id % 10 = 1",
    ],
    later: [insert(60, 64, `${idAndText}, 1`), "OPTIMIZE {t} FULL"],
    order: null,
    append: { row: { id: 1000, s: "ours", a: 1 } },
  },
  {
    name: "row ids and in-commit timestamps",
    columns: "id INT, s STRING, p STRING",
    layout: "PARTITIONED BY (p)",
    properties: { ...tracking, ...commitTimes, ...vectors },
    made: [
      insert(0, 10, `${idAndText}, 'a'`),
      insert(10, 20, `${idAndText}, 'a'`),
      "DELETE FROM {t} WHERE id IN (1, 11)",
      "UPDATE {t} SET s = 'new' WHERE id IN (2, 12)",
    ],
    later: ["UPDATE {t} SET s = 'last' WHERE id IN (3, 13)", "DELETE FROM {t} WHERE id = 4"],
    order: "s",
    append: { partitionValues: { p: "a" }, row: { id: 1000, s: "ours" } },
    tracked: true,
  },
  {
    name: "rules for new rows",
    columns: "id INT NOT NULL, s STRING DEFAULT 'none', at TIMESTAMP, " +
      "day DATE GENERATED ALWAYS AS (CAST(at AS DATE)), k BIGINT GENERATED BY DEFAULT AS IDENTITY",
    layout: "PARTITIONED BY (day)",
    properties: { "delta.feature.allowColumnDefaults": "supported" },
    made: [
      "INSERT INTO {t} (id, at) SELECT /*+ COALESCE(1) */ CAST(id AS INT), " +
      "TIMESTAMP'2024-02-29 01:02:03.456789' FROM range(0, 5)",
      "ALTER TABLE {t} ADD CONSTRAINT small CHECK (id < 100000)",
      "INSERT INTO {t} (id, s, at) VALUES (10, 'ten', TIMESTAMP'1969-12-31 23:59:59')",
      "INSERT INTO {t} (id, s, at) VALUES (11, NULL, NULL)",
    ],
    later: [
      "INSERT INTO {t} (id, at) VALUES (12, TIMESTAMP'2024-02-29 05:00:00')",
      "DELETE FROM {t} WHERE id = 2",
    ],
    order: "id",
    append: /check|generated|default|identity/i,
  },
  {
    name: "variants and local times",
    columns: "id INT, v VARIANT, t TIMESTAMP_NTZ, p TIMESTAMP_NTZ",
    layout: "PARTITIONED BY (p)",
    properties: vectors,
    made: [
      insert(
        0,
        4,
        'CAST(id AS INT), parse_json(concat(\'{"a":[1,"x",null],"b":1\', id, \'.5}\')), ' +
          "TIMESTAMP_NTZ'0001-01-01 00:00:00.000001', TIMESTAMP_NTZ'2024-02-29 12:34:56.789'",
      ),
      insert(4, 8, "CAST(id AS INT), NULL, NULL, TIMESTAMP_NTZ'2024-02-29 12:34:56.789'"),
      "DELETE FROM {t} WHERE id IN (2, 6)",
    ],
    later: [insert(8, 10, "CAST(id AS INT), parse_json('\"text\"'), NULL, NULL")],
    select: "* EXCEPT (v), to_json(v) AS v",
    duckdb: "* REPLACE (nullif(CAST(CAST(v AS JSON) AS VARCHAR), 'null') AS v)",
    unread: { "delta-rs": /"metadata":"x:/ },
    order: "t",
    append: { partitionValues: {}, row: { id: 1000, t: 5n } },
  },
  {
    name: "everything at once, by name",
    columns: "id INT, s STRING, gone INT, n INT, t TIMESTAMP_NTZ",
    layout: "CLUSTER BY (s)",
    properties: {
      ...byName,
      ...vectors,
      ...v2,
      ...changeFeed,
      ...widening,
      ...tracking,
      ...commitTimes,
    },
    made: [
      insert(0, 10, `${idAndText}, 1, CAST(id AS INT), TIMESTAMP_NTZ'2024-02-29 12:34:56'`),
      "ALTER TABLE {t} DROP COLUMN gone",
      "ALTER TABLE {t} RENAME COLUMN n TO number",
      "ALTER TABLE {t} CHANGE COLUMN number TYPE BIGINT",
      insert(10, 20, `${idAndText}, 5000000000 + id, NULL`),
      "DELETE FROM {t} WHERE id IN (1, 11)",
      "UPDATE {t} SET number = -1 WHERE id IN (2, 12)",
    ],
    later: [
      "DELETE FROM {t} WHERE id = 3",
      "UPDATE {t} SET s = 'last' WHERE id = 4",
      "OPTIMIZE {t}",
    ],
    order: null,
    append: { row: { id: 1000, s: "ours", number: 2n ** 60n, t: 7n } },
    unread: { "delta-rs": /TypeWidening/i },
    tracked: true,
    changes: true,
  },
  {
    name: "everything at once, by id in partitions",
    columns: "id INT, v VARIANT, s STRING, p DATE",
    layout: "PARTITIONED BY (p)",
    properties: { ...byId, ...vectors, ...v2, ...changeFeed, ...tracking, ...commitTimes },
    made: [
      insert(0, 10, "CAST(id AS INT), parse_json('{\"a\":1}'), concat('s', id), DATE'2024-02-29'"),
      insert(10, 20, "CAST(id AS INT), parse_json('[true]'), concat('s', id), DATE'2024-02-29'"),
      "ALTER TABLE {t} RENAME COLUMN p TO day",
      "DELETE FROM {t} WHERE id IN (1, 11)",
      "UPDATE {t} SET s = 'new' WHERE id IN (2, 12)",
    ],
    later: ["DELETE FROM {t} WHERE id = 3", "UPDATE {t} SET s = 'last' WHERE id = 4"],
    select: "* EXCEPT (v), to_json(v) AS v",
    duckdb: "* REPLACE (nullif(CAST(CAST(v AS JSON) AS VARCHAR), 'null') AS v)",
    unread: { "delta-rs": /"metadata":"x:/, duckdb: /(day|p): null/ },
    order: "s",
    append: { partitionValues: { day: "2024-02-29" }, row: { id: 1000, s: "ours" } },
    tracked: true,
    changes: true,
  },
];
