import {
  parsePartitionCondition,
  type PartitionCondition,
} from "../../delta/operations/partition-condition.ts";
import { configFile, option, type OptionValues, toggleOption } from "../command-options.ts";
import { byteSize, choice } from "../settings/basic-types.ts";
import { invalid, ok, quote, type ValueType, valueType } from "../settings/value-type.ts";

const all = toggleOption("Take all Delta tables below the base path");

const format = option({
  type: choice(["table", "json"]),
  default: "table",
  description: "Form of the result on standard output",
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
  dryRun: toggleOption("Show what would be merged; write nothing"),
  config: configFile(),
  format,
} as const;

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
