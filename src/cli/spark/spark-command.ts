import { CdcDeltaError } from "../../errors.ts";
import { parseTableUri } from "../../delta/storage/table-uri.ts";
import type { Settings } from "../settings/settings.ts";
import type { SparkStatement } from "./spark-statement.ts";

type SparkSettings = Pick<
  Settings,
  | "sparkSql"
  | "sparkConf"
  | "s3Endpoint"
  | "s3Region"
  | "s3PathStyle"
  | "s3AccessKeyId"
  | "s3SecretAccessKey"
  | "s3SessionToken"
>;

/** A process to start. Secrets are in the environment, where other users do not see them. */
export type SparkCommand = {
  readonly command: string;
  readonly args: readonly string[];
  /** Added to the environment. */
  readonly env: Readonly<Record<string, string>>;
};

const logStores = ["spark.delta.logStore.s3a.impl", "spark.delta.logStore.class"];

/**
 * Where Spark finds a table. Errors: `unsupported` on S3 unless the configuration names Spark's log
 * store: the usual one writes commits without asking whether the version is taken, and so could
 * overwrite those of a writer beside it.
 */
export function sparkLocation(uri: string, { sparkConf }: SparkSettings): string {
  const location = parseTableUri(uri);
  if (location.kind === "local") return location.path;
  if (!logStores.some((name) => sparkConf[name] !== undefined)) {
    throw new CdcDeltaError(
      "unsupported",
      `Cannot hand ${uri} to Spark: its usual log store for S3 can overwrite commits that others ` +
        "(cdcdelta run, delta-rs) make at the same time. Name the log store of your cluster with " +
        `--spark-conf ${logStores[0]}=…; where nobody else writes meanwhile, ` +
        "io.delta.storage.S3SingleDriverLogStore is enough",
      { context: { table: uri } },
    );
  }
  const { bucket, prefix } = location;
  return `s3a://${bucket}${prefix === "" ? "" : `/${prefix}`}`;
}

export type SparkCommandOptions = {
  readonly settings: SparkSettings;
  readonly sparkHome: string | undefined;
  /** Marks the commits of the statement, by which they are found again. */
  readonly userMetadata: string;
  /** A folder for what Spark drops beside its work. */
  readonly scratch: string;
};

/** The command line for a statement: the user's configuration comes last and wins. Pure. */
export function sparkCommand(
  { sql, conf }: SparkStatement,
  { settings, sparkHome, userMetadata, scratch }: SparkCommandOptions,
): SparkCommand {
  const all: Readonly<Record<string, string>> = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    // A table is named by its path: no metastore is needed, nor one that falls into the folder.
    "spark.sql.catalogImplementation": "in-memory",
    "spark.sql.warehouse.dir": scratch,
    // Names and values are to be taken letter by letter.
    "spark.sql.variable.substitute": "false",
    ...s3Conf(settings),
    ...conf,
    ...settings.sparkConf,
    "spark.databricks.delta.commitInfo.userMetadata": userMetadata,
  };
  return {
    command: settings.sparkSql ??
      (sparkHome === undefined ? "spark-sql" : `${sparkHome}/bin/spark-sql`),
    args: [
      ...Object.entries(all).flatMap(([name, value]) => ["--conf", `${name}=${value}`]),
      "-e",
      sql,
    ],
    env: s3Env(settings),
  };
}

function s3Conf({ s3Endpoint, s3Region, s3PathStyle }: SparkSettings): Record<string, string> {
  const conf: Record<string, string> = {};
  if (s3Endpoint !== null) conf["spark.hadoop.fs.s3a.endpoint"] = s3Endpoint;
  if (s3Region !== null) conf["spark.hadoop.fs.s3a.endpoint.region"] = s3Region;
  if (s3PathStyle !== "auto") conf["spark.hadoop.fs.s3a.path.style.access"] = s3PathStyle;
  return conf;
}

function s3Env(
  { s3AccessKeyId, s3SecretAccessKey, s3SessionToken }: SparkSettings,
): Record<string, string> {
  const env: Record<string, string> = {};
  if (s3AccessKeyId !== null) env["AWS_ACCESS_KEY_ID"] = s3AccessKeyId;
  if (s3SecretAccessKey !== null) env["AWS_SECRET_ACCESS_KEY"] = s3SecretAccessKey;
  if (s3SessionToken !== null) env["AWS_SESSION_TOKEN"] = s3SessionToken;
  return env;
}
