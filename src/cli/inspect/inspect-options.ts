import {
  configFile,
  jsonFlag,
  option,
  type OptionValues,
  rowCount,
  timestamp,
  toggleOption,
} from "../command-options.ts";
import { choice, wholeNumber } from "../settings/basic-types.ts";
import { changeRange, columnPaths, kafkaPosition, rowCondition } from "./inspect-types.ts";

/** Flags of `inspect`. */
export const inspectOptions = {
  version: option({
    type: wholeNumber({ min: 0, max: Number.MAX_SAFE_INTEGER, example: "12", placeholder: "<v>" }),
    default: null,
    description: "Look at this version of the table",
  }),
  timestamp: option({
    type: timestamp(),
    default: null,
    description: "Look at the version that was the newest at this time",
  }),
  history: toggleOption("List the commits, newest first"),
  files: toggleOption("List the data files"),
  rows: option({
    type: rowCount(),
    default: null,
    description: "Print rows: the first n, or all",
  }),
  changes: option({
    type: changeRange(),
    default: null,
    description: "Print the rows that commits changed, with _change_type, _commit_version and " +
      "_commit_timestamp: from one version or time to another, both included; an open end goes " +
      "as far as the log",
  }),
  columns: option({
    type: columnPaths(),
    default: null,
    description: "Columns of --rows or --changes, and fields of structs: a,b.c",
  }),
  where: option({
    type: rowCondition(),
    default: null,
    description:
      "Only rows of --rows or --changes that meet a condition: =, !=, <, <=, >, >=, in " +
      "(…), between, is null, and, or, not; files that cannot hold any are not read",
  }),
  offset: option({
    type: kafkaPosition(),
    default: null,
    description: "Find a Kafka record: the version that committed it, its file and its row; the " +
      "table may be a folder of tables",
  }),
  limit: option({
    type: wholeNumber({ min: 1, max: 1_000_000_000, example: "20", placeholder: "<n>" }),
    default: null,
    description: "Commits, files or changed rows to list at most (default: all of them)",
  }),
  health: toggleOption(
    "Show how the table is kept: log, file sizes, what could be deleted; and what would mend it",
  ),
  ddl: option({
    type: choice(["spark", "duckdb"]),
    default: null,
    description: "Print the statements that register the table and a view of its current state",
  }),
  config: configFile(),
  format: option({
    type: choice(["table", "json", "ndjson", "csv", "arrow"]),
    default: "table",
    description: "Form of the result on standard output; arrow is an Arrow IPC stream of rows",
  }),
  json: jsonFlag,
} as const;

export type InspectOptions = OptionValues<typeof inspectOptions>;
