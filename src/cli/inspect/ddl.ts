import type { StructType } from "../../delta/schema/data-type.ts";
import { parseTableUri } from "../../delta/storage/table-uri.ts";

export type DdlDialect = "spark" | "duckdb";

type Dialect = {
  readonly name: (identifier: string) => string;
  readonly text: (literal: string) => string;
};

const spark: Dialect = {
  name: (identifier) => `\`${identifier.replaceAll("`", "``")}\``,
  text: (literal) => `'${literal.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`,
};

const duckdb: Dialect = {
  name: (identifier) => `"${identifier.replaceAll('"', '""')}"`,
  text: (literal) => `'${literal.replaceAll("'", "''")}'`,
};

/** Columns without which there is no current state to be seen. */
const neededColumns = [
  "_cdc_key",
  "_cdc_operation",
  "_cdc_timestamp",
  "_kafka_topic",
  "_kafka_partition",
  "_kafka_offset",
];

/**
 * Statements that register a table and a view of its current state: the last row of each key,
 * without the deleted ones. Within a topic or file that row is the last by (partition, offset);
 * offsets of several say nothing of each other, so of their last rows the latest by source time
 * counts. A table of somebody else gets no view. Pure.
 */
export function ddlText(dialect: DdlDialect, uri: string, schema: StructType): string {
  const columns = schema.fields.map((field) => field.name);
  const ours = neededColumns.every((name) => columns.includes(name));
  const [folder, name] = namesOf(uri);
  switch (dialect) {
    case "spark":
      return sparkDdl(uri, { folder, name }, ours ? columns : null);
    case "duckdb":
      return duckdbDdl(uri, { folder, name }, ours ? columns : null);
  }
}

type Names = { readonly folder: string; readonly name: string };

function sparkDdl(uri: string, names: Names, columns: readonly string[] | null): string {
  const qualified = (name: string): string => `${spark.name(names.folder)}.${spark.name(name)}`;
  const location = uri.startsWith("s3://")
    ? uri.replace(/^s3:/, "s3a:")
    : `file://${localPath(uri)}`;
  const statements = [
    `CREATE SCHEMA IF NOT EXISTS ${spark.name(names.folder)};`,
    `CREATE TABLE IF NOT EXISTS ${qualified(names.name)} USING DELTA\n` +
    `LOCATION ${spark.text(location)};`,
  ];
  if (columns === null) return script(statements, noViewNote);
  const listed = columns.map((column) => `  ${spark.name(column)}`).join(",\n");
  const [rank, topicRank] = [spark.name("_cdc_rank"), spark.name("_cdc_topic_rank")];
  statements.push(
    `CREATE OR REPLACE VIEW ${qualified(`${names.name}_current`)} AS\nSELECT\n${listed}\n` +
      `FROM (\n  SELECT *, row_number() OVER (\n${lastOfKey(spark, "    ")}\n  ) AS ${rank}\n` +
      `  FROM (\n    SELECT *, row_number() OVER (\n${lastOfTopic(spark, "      ")}\n` +
      `    ) AS ${topicRank}\n    FROM ${qualified(names.name)}\n  )\n` +
      `  WHERE ${topicRank} = 1\n)\n` +
      `WHERE ${rank} = 1 AND ${spark.name("_cdc_operation")} <> 'delete';`,
  );
  return script(statements, orderNote);
}

function duckdbDdl(uri: string, names: Names, columns: readonly string[] | null): string {
  const qualified = (name: string): string => `${duckdb.name(names.folder)}.${duckdb.name(name)}`;
  const location = uri.startsWith("s3://") ? uri : localPath(uri);
  const statements = [
    "INSTALL delta;",
    "LOAD delta;",
    `CREATE SCHEMA IF NOT EXISTS ${duckdb.name(names.folder)};`,
    `CREATE OR REPLACE VIEW ${qualified(names.name)} AS\n` +
    `SELECT * FROM delta_scan(${duckdb.text(location)});`,
  ];
  if (columns === null) return script(statements, noViewNote);
  statements.push(
    `CREATE OR REPLACE VIEW ${qualified(`${names.name}_current`)} AS\n` +
      `SELECT * FROM (\n  SELECT * FROM (\n    SELECT * FROM ${qualified(names.name)}\n` +
      `    QUALIFY row_number() OVER (\n${lastOfTopic(duckdb, "      ")}\n    ) = 1\n  )\n` +
      `  QUALIFY row_number() OVER (\n${lastOfKey(duckdb, "    ")}\n  ) = 1\n)\n` +
      `WHERE ${duckdb.name("_cdc_operation")} <> 'delete';`,
  );
  return script(statements, orderNote);
}

const orderNote =
  "The last row of a key: by (partition, offset) in a topic or file, by source time across them.";
const noViewNote =
  "No view of the current state: the table lacks the columns that cdcdelta writes.";

function script(statements: readonly string[], note: string): string {
  return `-- ${note}\n${statements.join("\n")}\n`;
}

function lastOfTopic({ name }: Dialect, margin: string): string {
  return `${margin}PARTITION BY ${name("_cdc_key")}, ${name("_kafka_topic")}\n` +
    `${margin}ORDER BY ${name("_kafka_partition")} DESC, ${name("_kafka_offset")} DESC`;
}

function lastOfKey({ name }: Dialect, margin: string): string {
  return `${margin}PARTITION BY ${name("_cdc_key")}\n` +
    `${margin}ORDER BY ${name("_cdc_timestamp")} DESC, ${name("_kafka_topic")} DESC`;
}

/** Schema and table name from the last two folders of a location. */
function namesOf(uri: string): readonly [string, string] {
  const path = uri.startsWith("s3://") ? uri.slice("s3://".length) : localPath(uri);
  const parts = path.split("/").filter((part) => part !== "");
  return [parts.at(-2) ?? "default", parts.at(-1) ?? "table"];
}

function localPath(uri: string): string {
  const location = parseTableUri(uri);
  return location.kind === "local" ? location.path : uri;
}
