import {
  type AnyCommandOption,
  configOptions,
  inspectOptions,
  runOptions,
} from "./command-options.ts";
import type { CommandName } from "./settings/setting.ts";

/** Words of a command line that belong to no flag. */
export type CommandArgument = {
  readonly name: string;
  readonly description: string;
  /** `one` is required, `any` are as many as there are, or none. */
  readonly arity: "one" | "optional" | "any";
};

/** A command as data: the program, its help and docs/cli.md are made from it. */
export type CommandSpec = {
  readonly name: CommandName;
  readonly summary: string;
  readonly description: string;
  /** What stands beside the flags, or null. */
  readonly argument: CommandArgument | null;
  readonly options: Readonly<Record<string, AnyCommandOption>>;
  readonly examples: readonly (readonly [command: string, meaning: string])[];
};

/** All commands, in the order of the help. */
export const commandSpecs: readonly CommandSpec[] = [
  {
    name: "run",
    summary: "stream change events into Delta tables, exactly once",
    description:
      "Reads Debezium change events and appends them to one Delta table per collection. " +
      "Ends at the end of the source unless told to follow it. Run again over the same source it " +
      "adds nothing; over one that grew, only the rest. The first SIGINT or SIGTERM finishes what " +
      "was read, commits and exits 0; a second one exits at once.",
    argument: null,
    options: runOptions,
    examples: [
      ["cdcdelta run --source events.ndjson --base-path ./lake", "a file into a local folder"],
      ["kcat -J … | cdcdelta run --source - --base-path s3://lake/cdc", "kcat's lines into S3"],
      ["cdcdelta run --source events/ --base-path ./lake --plan", "show what would be written"],
    ],
  },
  {
    name: "inspect",
    summary: "show a Delta table: schema, files, history, positions, rows",
    description: "Reads any Delta table that cdcdelta can read, its own or not, and prints its " +
      "version, protocol, schema, files, last commits and stored positions; or its history, its " +
      "files, its rows, or the statements that register it.",
    argument: {
      name: "table",
      description: "path, file: or s3:// URI of the table",
      arity: "one",
    },
    options: inspectOptions,
    examples: [
      ["cdcdelta inspect ./lake/shop/orders", "the table at a glance"],
      ["cdcdelta inspect s3://lake/cdc/shop/orders --history --format json", "its commits"],
      ["cdcdelta inspect ./lake/shop/orders --rows all --format ndjson", "every row"],
      ["cdcdelta inspect ./lake/shop/orders --ddl duckdb", "a view of the current state"],
    ],
  },
  {
    name: "config",
    summary: "print the effective configuration and where each value came from",
    description: "Lays flags over environment variables over the config file over the defaults, " +
      "checks everything, and prints each setting's value and origin. Secrets are masked.",
    argument: null,
    options: configOptions,
    examples: [
      ["cdcdelta config --config cdcdelta.yaml", "what a file means here"],
      ["cdcdelta config --format json", "the same for scripts"],
    ],
  },
];

/** The spec of a command. */
export function commandSpec(name: CommandName): CommandSpec {
  const spec = commandSpecs.find((each) => each.name === name);
  if (spec === undefined) throw new RangeError(`Cannot find the command "${name}"`);
  return spec;
}

/** How an argument is written in usage lines: `<table>`, `[config]`, `<collection…>`. */
export function argumentText({ name, arity }: CommandArgument): string {
  switch (arity) {
    case "one":
      return `<${name}>`;
    case "optional":
      return `[${name}]`;
    case "any":
      return `[${name}…]`;
  }
}
