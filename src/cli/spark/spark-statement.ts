import type { PartitionCondition } from "../../delta/operations/partition-condition.ts";

/** A statement for Spark, and the configuration it needs. */
export type SparkStatement = {
  readonly sql: string;
  readonly conf: Readonly<Record<string, string>>;
};

export type SparkOptimize = {
  readonly where: readonly PartitionCondition[];
  readonly zOrderBy: readonly string[];
  /** Null: Spark's own. */
  readonly targetBytes: number | null;
};

/** `OPTIMIZE` of a table at Spark's location. Pure. */
export function optimizeStatement(
  location: string,
  { where, zOrderBy, targetBytes }: SparkOptimize,
): SparkStatement {
  const conditions = where.map(conditionText).join(" AND ");
  const order = zOrderBy.map(columnText).join(", ");
  return {
    sql: `OPTIMIZE ${tableText(location)}` +
      (conditions === "" ? "" : ` WHERE ${conditions}`) +
      (order === "" ? "" : ` ZORDER BY (${order})`),
    conf: targetBytes === null ? {} : {
      "spark.databricks.delta.optimize.maxFileSize": String(targetBytes),
      "spark.databricks.delta.optimize.minFileSize": String(targetBytes),
    },
  };
}

export type SparkVacuum = {
  /** Null: the table's own. */
  readonly retentionMs: number | null;
  readonly force: boolean;
  readonly mode: "full" | "lite";
};

const hourMs = 3_600_000;

/** `VACUUM`; Spark counts in hours, and parts of one are more retention, never less. Pure. */
export function vacuumStatement(
  location: string,
  { retentionMs, force, mode }: SparkVacuum,
): SparkStatement {
  const retain = retentionMs === null ? "" : ` RETAIN ${Math.ceil(retentionMs / hourMs)} HOURS`;
  return {
    sql: `VACUUM ${tableText(location)}${mode === "lite" ? " LITE" : ""}${retain}`,
    conf: {
      "spark.databricks.delta.vacuum.logging.enabled": "true",
      ...(force ? { "spark.databricks.delta.retentionDurationCheck.enabled": "false" } : {}),
    },
  };
}

/** `RESTORE` to a version. Pure. */
export function restoreStatement(location: string, version: number): SparkStatement {
  return { sql: `RESTORE TABLE ${tableText(location)} TO VERSION AS OF ${version}`, conf: {} };
}

const tableText = (location: string): string => `delta.${columnText(location)}`;

function columnText(name: string): string {
  return `\`${name.replaceAll("`", "``")}\``;
}

function conditionText({ column, operator, values }: PartitionCondition): string {
  const name = columnText(column);
  const literals = values.map(literalText);
  switch (operator) {
    case "is null":
    case "is not null":
      return `${name} ${operator.toUpperCase()}`;
    case "in":
      return `${name} IN (${literals.join(", ")})`;
    case "=":
    case "!=":
    case "<":
    case "<=":
    case ">":
    case ">=":
      return `${name} ${operator} ${literals[0] ?? "NULL"}`;
  }
}

/** Spark reads backslashes in its literals, and casts texts to the type of the column. */
function literalText(value: string): string {
  return `'${value.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
