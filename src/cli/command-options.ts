import { choice, toggle } from "./settings/basic-types.ts";
import { httpUrl } from "./settings/checked-types.ts";
import {
  invalid,
  ok,
  quote,
  type Reading,
  type ValueType,
  valueType,
} from "./settings/value-type.ts";

/** A flag of one command that is no setting: it says what to do now, not how things are. */
export type CommandOption<T, D extends T | null = T> = {
  readonly type: ValueType<T>;
  readonly default: D;
  readonly description: string;
};

export type AnyCommandOption = CommandOption<unknown, unknown>;

type OptionTable = Readonly<Record<string, AnyCommandOption>>;

/** The values of a table of options. */
export type OptionValues<Table extends OptionTable> = {
  readonly [K in keyof Table]: Table[K] extends CommandOption<infer T, infer D> ? T | D : never;
};

/** `--json`, which every command knows that has `--format`. */
export const jsonFlag = toggleOption("Short for --format json");

/** `--format` and `--json`. */
export const resultFormat = {
  format: option({
    type: choice(["table", "json"]),
    default: "table",
    description: "Form of the result on standard output",
  }),
  json: jsonFlag,
} as const;

/** Flags of `run`. */
export const runOptions = {
  untilLatest: option({
    type: toggle(),
    default: false,
    description: "Read Kafka up to what was the end when the run started, commit, and end, once " +
      "other members of the group have committed up to there as well: for cron and CI",
  }),
  plan: option({
    type: toggle(),
    default: false,
    description:
      "Read and infer only: print per table the schema it would create or change, rows " +
      "and files; write nothing",
  }),
  adopt: option({
    type: toggle(),
    default: false,
    description: "Take over the positions of another pipeline that fed the same tables and no " +
      "longer runs",
  }),
  config: configFile(),
  ...resultFormat,
} as const;

/** Flags of `health`. */
export const healthOptions = {
  live: option({
    type: toggle(),
    default: false,
    description: "Ask whether the process is alive, not whether it can do its work just now",
  }),
  url: option({
    type: httpUrl(),
    default: null,
    description: "Where to ask (default: this machine, at the port of the run)",
  }),
  config: configFile(),
} as const;

/** Flags of `deploy-connector`. */
export const deployConnectorOptions = {
  dryRun: toggleOption("Check and show what would change; change nothing, create no topic"),
  yes: toggleOption("Answer every question with yes, for scripts"),
  recreate: toggleOption("Delete the connector and make it anew, although nothing needs it"),
  resetOffsets: toggleOption(
    "Forget where the connector was: stop it, delete its offsets and make it anew (or --delete it)",
  ),
  delete: toggleOption("Delete the connector; its offsets stay unless --reset-offsets is given"),
  restart: toggleOption("Restart the connector and its tasks, and see them run"),
  pause: toggleOption("Pause it: its task stays, idle"),
  resume: toggleOption("Resume it when it is paused or stopped, and see it run"),
  status: toggleOption("Show its state, the traces of failures and all connectors"),
  offsets: toggleOption("Show where in MongoDB's change stream it is"),
  config: configFile(),
  ...resultFormat,
} as const;

/** Flags of `config`. */
export const configOptions = {
  config: configFile(),
  ...resultFormat,
} as const;

/** The options that were read for a command, with the types of its table. */
export function optionsOf<Table extends OptionTable>(
  _table: Table,
  values: Readonly<Record<string, unknown>>,
): OptionValues<Table> {
  // `parseArgv` read each value by the table's own type, or took its default.
  return values as OptionValues<Table>;
}

/** Keeps the literal types of one option. */
export function option<T, const D extends T | null>(
  definition: CommandOption<T, D>,
): CommandOption<T, D> {
  return definition;
}

/** A flag that is off unless given. */
export function toggleOption(description: string): CommandOption<boolean, false> {
  return option({ type: toggle(), default: false, description });
}

/** `--config`. */
export function configFile(): CommandOption<string, null> {
  return option({
    type: valueType<string>({
      placeholder: "<file>",
      form: "path of a YAML or JSON file",
      read: (input) =>
        typeof input === "string" && input !== ""
          ? ok(input)
          : invalid("the path is empty", "write the path of a YAML or JSON file"),
      show: (value) => value,
    }),
    default: null,
    description: "YAML or JSON file of settings (also CDCDELTA_CONFIG)",
  });
}

/** Milliseconds since the epoch of an ISO 8601 time; without a zone it is UTC. */
export function timestamp(): ValueType<number> {
  return valueType<number>({
    placeholder: "<time>",
    form: "ISO 8601 time, UTC where no zone is given",
    read: readTimestamp,
    show: (value) => new Date(value).toISOString(),
  });
}

/** Reads such a time. Pure. */
export function readTimestamp(input: unknown): Reading<number> {
  const text = String(input).trim().replace(" ", "T");
  const shape = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?)?$/i;
  const match = shape.exec(text);
  const zoned = match?.[1] === undefined || match[4] !== undefined ? text : `${text}Z`;
  const ms = match === null ? Number.NaN : Date.parse(zoned);
  return Number.isNaN(ms)
    ? invalid(
      `${quote(input)} is not a time`,
      "write a time such as 2026-01-31T12:00:00Z or a date such as 2026-01-31",
    )
    : ok(ms);
}

/** A number, or `all`, which is `Infinity`. */
export function rowCount(): ValueType<number> {
  return valueType<number>({
    placeholder: "<n|all>",
    form: "a number, or `all`",
    read: (input) => {
      if (input === "all") return ok(Number.POSITIVE_INFINITY);
      const text = String(input).trim();
      return /^\d{1,15}$/.test(text)
        ? ok(Number(text))
        : invalid(`${quote(input)} is no number`, "write a number, or all");
    },
    show: (value) => value === Number.POSITIVE_INFINITY ? "all" : value,
  });
}
