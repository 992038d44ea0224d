import {
  configFile,
  option,
  type OptionValues,
  resultFormat,
  toggleOption,
} from "../command-options.ts";
import { text } from "../settings/basic-types.ts";
import { names } from "../settings/list-types.ts";
import { replayPoint } from "./replay-point.ts";

/** Flags of `replay`. */
export const replayOptions = {
  from: option({
    type: replayPoint(),
    default: null,
    description: "Where the range begins: offset:<topic>:<partition>:<offset> (several times, or " +
      "with commas between), the first record of it; timestamp:<time> as Kafka has it, before " +
      "its first record at or after that time; or version:<v>, behind the rows of that version",
  }),
  to: option({
    type: replayPoint(),
    default: null,
    description: "Where the range ends, in the same forms: before the record at that offset or " +
      "time, which is not part of it, or behind the rows of that version, which are. With " +
      "--into same it may not lie before what the tables have",
  }),
  collection: option({
    type: names({ placeholder: "<db.coll>", form: "collections separated by commas" }),
    default: null,
    description: "Only the tables of these collections (default: all that have rows of the range)",
  }),
  into: option({
    type: text({ placeholder: "<same|table>", form: "`same`, or a path or URI" }),
    default: null,
    description: "same: the tables themselves; or the path or URI of a shadow table, which is " +
      "made, or gone on with",
  }),
  compare: toggleOption(
    "With a shadow table: show the rows of the range that differ; exit code 1 when some do",
  ),
  dryRun: toggleOption("Show what would leave the tables and be read again; write nothing"),
  yes: toggleOption("Do not ask, for scripts"),
  config: configFile(),
  ...resultFormat,
} as const;

export type ReplayFlags = OptionValues<typeof replayOptions>;
