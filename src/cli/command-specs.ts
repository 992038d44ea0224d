import {
  type AnyCommandOption,
  configOptions,
  deployConnectorOptions,
  healthOptions,
  runOptions,
} from "./command-options.ts";
import { inspectOptions } from "./inspect/inspect-options.ts";
import { type CommandName, kebabCase } from "./settings/setting.ts";
import {
  checkpointOptions,
  optimizeOptions,
  restoreOptions,
  vacuumOptions,
} from "./tables/table-options.ts";
import { replayOptions } from "./replay/replay-options.ts";
import { snapshotOptions } from "./snapshot/snapshot-options.ts";

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

const tableArgument: CommandArgument = {
  name: "table",
  description: "path, file: or s3:// URI of the table",
  arity: "one",
};

const tablesArgument: CommandArgument = {
  name: "table",
  description: "paths, file: or s3:// URIs of tables; or --all",
  arity: "any",
};

/** All commands, in the order of the help. */
export const commandSpecs: readonly CommandSpec[] = [
  {
    name: "run",
    summary: "stream change events into Delta tables, exactly once",
    description:
      "Reads Debezium change events and appends them to one Delta table per collection: all " +
      "topics of Kafka that match KAFKA_TOPIC_PATTERN, or with --source files. Kafka is followed " +
      "unless --until-latest or --plan is given; files are read to their end unless --follow is. " +
      "Run again over the same source it adds nothing; over one that grew, only the rest. The " +
      "first SIGINT or SIGTERM finishes what was read, commits, leaves the consumer group and " +
      "exits 0 within --shutdown-grace; a second one exits at once. While Kafka is followed, " +
      "/metrics, /healthz and /readyz answer at --http-port.",
    argument: null,
    options: runOptions,
    examples: [
      ["cdcdelta run --config cdcdelta.yaml", "all topics of Kafka that the file names"],
      ["cdcdelta run --config cdcdelta.yaml --until-latest", "what is there by now, for cron"],
      ["cdcdelta run --source events.ndjson --base-path ./lake", "a file into a local folder"],
      ["kcat -J … | cdcdelta run --source - --base-path s3://lake/cdc", "kcat's lines into S3"],
      ["cdcdelta run --source events/ --base-path ./lake --plan", "show what would be written"],
    ],
  },
  {
    name: "snapshot",
    summary: "read collections again, and follow the rows into the tables",
    description: "Asks the Debezium connector by a Kafka signal to read collections again, and " +
      "follows it until the rows are in the Delta tables (committed by the consumer group of " +
      "cdcdelta run). It succeeds only when every collection was read to its end. Its rows " +
      "are of operation read and are added to the table; a view of the current state takes the " +
      "last of each document, so running it again is safe. SIGINT ends the following, not the " +
      "snapshot.",
    argument: { name: "db.coll", description: "collections to read again", arity: "any" },
    options: snapshotOptions,
    examples: [
      ["cdcdelta snapshot shop.orders shop.items", "two collections, while changes go on"],
      [
        `cdcdelta snapshot shop.orders --where '{"status": "open"}'`,
        "only the documents that match",
      ],
      ["cdcdelta snapshot shop.orders --type blocking", "changes wait meanwhile"],
      ["cdcdelta snapshot --status", "what is running, and how the last ones ended"],
      ["cdcdelta snapshot --stop shop.orders", "leave it where it is"],
    ],
  },
  {
    name: "deploy-connector",
    summary: "deploy the Debezium connector and see it run; or look at it, pause it, delete it",
    description:
      "Waits for Kafka Connect, checks plugin, worker, topics, MongoDB and the configuration, shows " +
      "what would change against what is deployed, deploys it, and polls until the connector and " +
      "every task run. Asks before a connector is deleted, be it to make it anew. Exits 1 unless " +
      "the connector runs in the end; nothing to change is no failure.",
    argument: {
      name: "connector.json",
      description: "connector's configuration, {name, config} or the configuration alone, with " +
        "${VARIABLES}; without it the one that is built in (deploy/kafka-connect)",
      arity: "optional",
    },
    options: deployConnectorOptions,
    examples: [
      ["cdcdelta deploy-connector --dry-run", "check everything, change nothing"],
      ["cdcdelta deploy-connector connector.json --yes", "deploy from a script"],
      ["cdcdelta deploy-connector --status", "its state, and that of all connectors"],
      ["cdcdelta deploy-connector --reset-offsets", "make it anew, with a new snapshot"],
    ],
  },
  {
    name: "inspect",
    summary: "show a Delta table: schema, files, history, positions, rows",
    description: "Reads any Delta table that cdcdelta can read, its own or not, and prints its " +
      "version, protocol, schema, files, last commits and stored positions; or its history, its " +
      "files, its rows, what commits changed, where a Kafka record went, how it is kept, or the " +
      "statements that register it.",
    argument: tableArgument,
    options: inspectOptions,
    examples: [
      ["cdcdelta inspect ./lake/shop/orders", "the table at a glance"],
      ["cdcdelta inspect s3://lake/cdc/shop/orders --history --format json", "its commits"],
      ["cdcdelta inspect ./lake/shop/orders --rows all --format ndjson", "every row"],
      [
        "cdcdelta inspect ./lake/shop/orders --rows 9 --columns _id,to.city --where 'total>=100'",
        "some columns of some rows",
      ],
      ["cdcdelta inspect ./lake/shop/orders --changes 40.. --format ndjson", "since version 40"],
      ["cdcdelta inspect ./lake --offset cdc.shop.orders:0:1234", "where a record went"],
      [
        "cdcdelta inspect ./lake/shop/orders --rows all --format arrow",
        "an Arrow IPC stream, for pyarrow, DuckDB and the like",
      ],
      ["cdcdelta inspect ./lake/shop/orders --health", "what makes it slow, and what mends that"],
      ["cdcdelta inspect ./lake/shop/orders --ddl duckdb", "a view of the current state"],
    ],
  },
  {
    name: "optimize",
    summary: "merge the small files of Delta tables into large ones",
    description: "Merges small files of each partition up to a target size, and rows that were " +
      "deleted by deletion vectors go. With --z-order or --sort-by all files of a partition are " +
      "written anew, in that order, and later on those that are new; they need room for rows in " +
      "--spill-dir. The rows stay what they are; readers and a running " +
      "cdcdelta run are not disturbed. Each group of files is a commit of its own: SIGINT ends " +
      "after the group under way, what is done stands, and a later optimize goes on. The old " +
      "files stay for earlier versions until vacuum.",
    argument: tablesArgument,
    options: optimizeOptions,
    examples: [
      ["cdcdelta optimize ./lake/shop/orders", "one table"],
      ["cdcdelta optimize --all --base-path s3://lake/cdc --dry-run", "what all tables would gain"],
      [
        "cdcdelta optimize ./lake/shop/orders --where '_ingestion_date>=2026-01-01'",
        "the partitions of this year",
      ],
      [
        "cdcdelta optimize ./lake/shop/orders --z-order customerId,createdAt",
        "filters on either column read few files",
      ],
    ],
  },
  {
    name: "vacuum",
    summary: "delete files that no version within the retention needs",
    description: "Deletes data files, deletion vectors and change files that left the table " +
      "longer ago than the retention, and what killed writers left behind. Earlier versions that " +
      "need them stop being readable: --dry-run says which. Files that are younger, the log and " +
      "hidden folders are never touched. It may be ended anywhere; what is left goes next time.",
    argument: tablesArgument,
    options: vacuumOptions,
    examples: [
      ["cdcdelta vacuum ./lake/shop/orders --dry-run", "what would go, and what that costs"],
      ["cdcdelta vacuum --all --base-path s3://lake/cdc --retention 30d", "all tables"],
      ["cdcdelta vacuum s3://lake/cdc/shop/orders --mode lite", "without listing the table"],
    ],
  },
  {
    name: "restore",
    summary: "make an earlier version of a Delta table the newest again",
    description: "Brings files, schema and properties of an earlier version back, in one commit; " +
      "the versions between stay readable. Refused, naming files, when a vacuum deleted what it " +
      "needs. Stored positions stay as they are: a running sink goes on from where it was and " +
      "does not write again what the restore took out.",
    argument: tableArgument,
    options: restoreOptions,
    examples: [
      ["cdcdelta restore ./lake/shop/orders --version 41 --dry-run", "what would come and go"],
      [
        "cdcdelta restore s3://lake/cdc/shop/orders --timestamp 2026-01-31T12:00:00Z --yes",
        "do it",
      ],
    ],
  },
  {
    name: "replay",
    summary: "read a range of Kafka again into the tables, or into a table beside them",
    description: "With --into same, rows and positions of the tables go back to the last version " +
      "before the range, in one commit each, and everything since is read from Kafka again, with " +
      "the settings as they are now. Refused while a sink of the consumer group is live, when Kafka " +
      "no longer has the range, when a vacuum deleted what the version needs, and when others " +
      "changed the rows since. Ended anywhere, it goes on with cdcdelta run; nothing is lost. With " +
      "--into <table>, the rows of one collection are written to a table of their own, which no " +
      "sink knows of; --compare shows where the two differ.",
    argument: null,
    options: replayOptions,
    examples: [
      [
        "cdcdelta replay --from offset:cdc.shop.orders:0:1200 --into same --dry-run",
        "what would leave the tables and be read again",
      ],
      [
        "cdcdelta replay --from timestamp:2026-01-31T12:00:00Z --collection shop.orders --into same",
        "one table, from a time on",
      ],
      [
        "cdcdelta replay --from version:41 --collection shop.orders --into s3://lake/check/orders " +
        "--compare",
        "into a shadow table, and where it differs",
      ],
    ],
  },
  {
    name: "checkpoint",
    summary: "write a checkpoint of a Delta table's newest version",
    description: "Writes a checkpoint whether one is due or not, so that readers need not read " +
      "the commits before it one by one, and cleans up log files past their retention.",
    argument: tablesArgument,
    options: checkpointOptions,
    examples: [["cdcdelta checkpoint ./lake/shop/orders", "one table"]],
  },
  {
    name: "health",
    summary: "ask a running cdcdelta whether it is ready; for container health checks",
    description: "Asks /readyz of the run on this machine (with --live /healthz) and prints the " +
      "answer. Exit code 0: ready; 1: not ready, or not there.",
    argument: null,
    options: healthOptions,
    examples: [
      ["cdcdelta health", "joined its group, and Kafka and the store answer"],
      ["cdcdelta health --live --http-port 9000", "the process is alive, at another port"],
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

/** `--plan`; what is on unless switched off is `--no-wait`. */
export function optionFlag(key: string, { default: value }: AnyCommandOption): string {
  return `--${value === true ? "no-" : ""}${kebabCase(key)}`;
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
