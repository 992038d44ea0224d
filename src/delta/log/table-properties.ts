import { CdcDeltaError } from "../../errors.ts";

/** `delta.*` table properties that cdcdelta acts on, typed, with the protocol's defaults. */
export type TableProperties = {
  readonly appendOnly: boolean;
  /** Commits between two checkpoints. */
  readonly checkpointInterval: number;
  readonly deletedFileRetentionMs: number;
  readonly logRetentionMs: number;
  readonly expiredLogCleanup: boolean;
  /** Null: transactions are kept forever. */
  readonly transactionRetentionMs: number | null;
  readonly statisticsColumns: StatisticsColumns;
  readonly checkpointStatsAsJson: boolean;
  readonly checkpointStatsAsStruct: boolean;
  readonly changeDataFeed: boolean;
  readonly deletionVectors: boolean;
  readonly columnMappingMode: string;
  readonly inCommitTimestamps: InCommitTimestamps | null;
};

export type StatisticsColumns =
  | { readonly kind: "first"; /** Leaf columns; -1 is all. */ readonly count: number }
  | { readonly kind: "named"; readonly columns: readonly string[] };

/** Since which version commit timestamps are the log's own (`inCommitTimestamp`). */
export type InCommitTimestamps = {
  readonly enablementVersion: number;
  /** Null when the table had them from its first version. */
  readonly enablementTimestampMs: number | null;
};

type Configuration = Readonly<Record<string, string>>;

const dayMs = 86_400_000;

/** Reads the properties of `metaData.configuration`. A malformed value counts as absent. */
export function readTableProperties(configuration: Configuration): TableProperties {
  const interval = (key: string, missing: number): number =>
    parseInterval(configuration[key] ?? "") ?? missing;
  return {
    appendOnly: flag(configuration, "delta.appendOnly", false),
    checkpointInterval: positive(configuration, "delta.checkpointInterval") ?? 10,
    deletedFileRetentionMs: interval("delta.deletedFileRetentionDuration", 7 * dayMs),
    logRetentionMs: interval("delta.logRetentionDuration", 30 * dayMs),
    expiredLogCleanup: flag(configuration, "delta.enableExpiredLogCleanup", true),
    transactionRetentionMs: parseInterval(
      configuration["delta.setTransactionRetentionDuration"] ?? "",
    ),
    statisticsColumns: statisticsColumns(configuration),
    checkpointStatsAsJson: flag(configuration, "delta.checkpoint.writeStatsAsJson", true),
    checkpointStatsAsStruct: flag(configuration, "delta.checkpoint.writeStatsAsStruct", false),
    changeDataFeed: flag(configuration, "delta.enableChangeDataFeed", false),
    deletionVectors: flag(configuration, "delta.enableDeletionVectors", false),
    columnMappingMode: configuration["delta.columnMapping.mode"] ?? "none",
    inCommitTimestamps: inCommitTimestamps(configuration),
  };
}

function flag(configuration: Configuration, key: string, missing: boolean): boolean {
  const text = configuration[key]?.trim().toLowerCase();
  return text === "true" ? true : text === "false" ? false : missing;
}

function positive(configuration: Configuration, key: string): number | null {
  const text = configuration[key]?.trim() ?? "";
  const number = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  return number > 0 ? number : null;
}

function statisticsColumns(configuration: Configuration): StatisticsColumns {
  const named = configuration["delta.dataSkippingStatsColumns"];
  if (named !== undefined) return { kind: "named", columns: splitColumnNames(named) };
  const count = configuration["delta.dataSkippingNumIndexedCols"]?.trim() ?? "";
  return { kind: "first", count: /^(?:-1|\d{1,9})$/.test(count) ? Number(count) : 32 };
}

/** Splits at commas outside of back-ticks; the names keep their back-ticks. */
function splitColumnNames(text: string): string[] {
  const names = text.match(/(?:`(?:[^`]|``)*`|[^,`])+/g) ?? [];
  return names.map((name) => name.trim()).filter((name) => name !== "");
}

function inCommitTimestamps(configuration: Configuration): InCommitTimestamps | null {
  // Before the feature was final its properties ended so.
  const suffix = ["", "-preview"].find((end) =>
    flag(configuration, `delta.enableInCommitTimestamps${end}`, false)
  );
  if (suffix === undefined) return null;
  const since = `delta.inCommitTimestampEnablement`;
  return {
    enablementVersion: positive(configuration, `${since}Version${suffix}`) ?? 0,
    enablementTimestampMs: positive(configuration, `${since}Timestamp${suffix}`),
  };
}

const unitMs: Readonly<Record<string, number>> = {
  week: 7 * dayMs,
  day: dayMs,
  hour: 3_600_000,
  minute: 60_000,
  second: 1000,
  millisecond: 1,
  microsecond: 0.001,
  nanosecond: 0.000001,
};

/**
 * `interval 1 week 2 days` → milliseconds (whole, rounded down); null when it is not an interval.
 * The word `interval` may be absent. Months and years have no fixed length and are not allowed.
 */
export function parseInterval(text: string): number | null {
  const words = text.trim().toLowerCase().split(/\s+/);
  if (words[0] === "interval") words.shift();
  if (words.length === 0 || words.length % 2 !== 0) return null;
  let total = 0;
  for (let i = 0; i < words.length; i += 2) {
    const amount = words[i] ?? "";
    const unit = unitMs[(words[i + 1] ?? "").replace(/s$/, "")];
    if (!/^-?\d{1,15}$/.test(amount) || unit === undefined) return null;
    total += Number(amount) * unit;
  }
  return Math.floor(total);
}

type Rule = { readonly accepts: (value: string) => boolean; readonly wants: string };

const boolean: Rule = { accepts: (v) => /^(?:true|false)$/i.test(v), wants: "true or false" };
const interval: Rule = {
  accepts: (v) => (parseInterval(v) ?? -1) >= 0,
  wants: 'a duration such as "interval 7 days"',
};
const count: Rule = { accepts: (v) => /^[1-9]\d{0,8}$/.test(v), wants: "a positive integer" };

/** Properties a new table may carry; those that would switch a table feature on are not among them. */
const settable: Readonly<Record<string, Rule>> = {
  "delta.appendOnly": boolean,
  "delta.autoOptimize.autoCompact": { accepts: () => true, wants: "" },
  "delta.autoOptimize.optimizeWrite": boolean,
  "delta.checkpoint.writeStatsAsJson": boolean,
  "delta.checkpoint.writeStatsAsStruct": boolean,
  "delta.checkpointInterval": count,
  "delta.checkpointRetentionDuration": interval,
  "delta.dataSkippingNumIndexedCols": {
    accepts: (v) => /^(?:-1|\d{1,9})$/.test(v),
    wants: "a number of columns, or -1 for all",
  },
  "delta.dataSkippingStatsColumns": { accepts: () => true, wants: "" },
  "delta.deletedFileRetentionDuration": interval,
  "delta.enableExpiredLogCleanup": boolean,
  "delta.isolationLevel": { accepts: (v) => v === "Serializable", wants: "Serializable" },
  "delta.logRetentionDuration": interval,
  "delta.parquet.compression.codec": {
    accepts: (v) => /^zstd$/i.test(v),
    wants: "zstd, the only codec that cdcdelta writes",
  },
  "delta.setTransactionRetentionDuration": interval,
  "delta.targetFileSize": { accepts: () => true, wants: "" },
  "delta.tuneFileSizesForRewrites": boolean,
};

/** Names of the `delta.*` properties that `checkNewTableProperties` lets through; sorted. */
export const settableTableProperties: readonly string[] = Object.keys(settable).sort();

/**
 * Checks the `delta.*` properties of a table about to be created. Throws `usage`, naming every
 * property that cannot be set.
 */
export function checkNewTableProperties(configuration: Configuration): void {
  const problems: string[] = [];
  for (const [key, value] of Object.entries(configuration)) {
    if (!key.startsWith("delta.")) continue;
    const rule = Object.hasOwn(settable, key) ? settable[key] : undefined;
    if (rule === undefined) {
      problems.push(`"${key}" is not a property that cdcdelta can set on a new table`);
    } else if (!rule.accepts(value.trim())) {
      problems.push(`"${key}" must be ${rule.wants}: it is "${value}"`);
    }
  }
  if (problems.length > 0) {
    throw new CdcDeltaError("usage", `Cannot create the table: ${problems.join("; ")}`);
  }
}
