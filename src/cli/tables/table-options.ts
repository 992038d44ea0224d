import {
  parsePartitionCondition,
  type PartitionCondition,
} from "../../delta/operations/partition-condition.ts";
import {
  configFile,
  option,
  type OptionValues,
  resultFormat,
  rowCount,
  timestamp,
  toggleOption,
} from "../command-options.ts";
import { byteSize, choice, duration, text, wholeNumber } from "../settings/basic-types.ts";
import { names } from "../settings/list-types.ts";
import { invalid, ok, quote, type ValueType, valueType } from "../settings/value-type.ts";

const all = toggleOption("Take all Delta tables below the base path");

const engine = option({
  type: choice(["native", "spark"]),
  default: "native",
  description: "Who does the work: cdcdelta itself, or your Spark cluster through spark-sql, for " +
    "tables too big for one machine",
});

/** Flags of `optimize`. */
export const optimizeOptions = {
  all,
  where: option({
    type: partitionConditions(),
    default: null,
    description: "Only the partitions that meet this condition (=, !=, <, <=, >, >=, in (…), is " +
      "null, is not null); given several times, all of them",
  }),
  targetSize: option({
    type: byteSize({ min: 1 << 20, max: 2 ** 31, example: "128MiB" }),
    default: null,
    description: "Size that files are filled up to (default: the table's delta.targetFileSize, " +
      "else 128MiB)",
  }),
  zOrder: option({
    type: names({ placeholder: "<columns>", form: "columns separated by commas" }),
    default: null,
    description: "Put rows that are near each other in all of these columns into the same files, " +
      "so that a filter on any of them reads few files",
  }),
  sortBy: option({
    type: names({ placeholder: "<columns>", form: "columns separated by commas" }),
    default: null,
    description: "Sort the rows of each partition by these columns, nulls first, within and " +
      "across its files; best where filters are on the first of them",
  }),
  spillDir: option({
    type: text({ placeholder: "<folder>", form: "a folder" }),
    default: null,
    description: "Folder for rows that do not fit into memory while they are put into order; it " +
      "takes about as much as the partition is large (default: the system's temporary folder)",
  }),
  dryRun: toggleOption("Show what would be written anew; write nothing"),
  engine,
  config: configFile(),
  ...resultFormat,
} as const;

/** Flags of `vacuum`. */
export const vacuumOptions = {
  all,
  retention: option({
    type: duration({ min: 0, max: 3_660 * 86_400_000, example: "7d" }),
    default: null,
    description: "Files that left the table longer ago go (default: the table's own, " +
      "delta.deletedFileRetentionDuration, else 7d); a shorter one than the table's own needs " +
      "--force",
  }),
  force: toggleOption(
    "Allow a shorter retention than the table's own: readers of earlier versions and writers " +
      "that are slower than that lose their files. Allow an empty commit in the log: the files that " +
      "it added go",
  ),
  mode: option({
    type: choice(["full", "lite"]),
    default: "full",
    description:
      "How files are found: full lists the table; lite reads the commits since the last " +
      "vacuum, which is faster on large tables and leaves what killed writers left behind. " +
      "full does not look behind symbolic links to folders",
  }),
  dryRun: toggleOption("Show what would go, and which versions stop being readable"),
  limit: option({
    type: rowCount(),
    default: 20,
    description:
      "Files, and ranges of versions, that --dry-run lists for each table: a number, or all",
  }),
  engine,
  config: configFile(),
  ...resultFormat,
} as const;

/** Flags of `restore`. */
export const restoreOptions = {
  version: option({
    type: wholeNumber({ min: 0, max: Number.MAX_SAFE_INTEGER, example: "12", placeholder: "<v>" }),
    default: null,
    description: "Make this version the newest again",
  }),
  timestamp: option({
    type: timestamp(),
    default: null,
    description: "The version that was the newest at this time",
  }),
  dryRun: toggleOption("Show which files and rows would come and go; write nothing"),
  yes: toggleOption("Do not ask, for scripts"),
  engine,
  config: configFile(),
  ...resultFormat,
} as const;

/** Flags of `checkpoint`. */
export const checkpointOptions = { all, config: configFile(), ...resultFormat } as const;

export type VacuumFlags = OptionValues<typeof vacuumOptions>;
export type RestoreFlags = OptionValues<typeof restoreOptions>;
export type CheckpointFlags = OptionValues<typeof checkpointOptions>;
export type OptimizeFlags = OptionValues<typeof optimizeOptions>;

function partitionConditions(): ValueType<readonly PartitionCondition[]> {
  return valueType<readonly PartitionCondition[]>({
    placeholder: "<condition>",
    form: "a comparison with a partition column",
    arity: "repeatable",
    read: (input) => {
      const conditions: PartitionCondition[] = [];
      for (const text of Array.isArray(input) ? input.map(String) : [String(input)]) {
        const condition = parsePartitionCondition(text);
        if (condition === null) {
          const fix = "write a comparison such as \"day>=2026-01-31\" or \"region in ('a', 'b')\"";
          return invalid(`${quote(text)} is no condition`, fix);
        }
        conditions.push(condition);
      }
      return ok(conditions);
    },
    show: (value) => value.map(({ text }) => text),
  });
}
