import { inspectRequirements } from "./inspect/inspect-requirements.ts";
import { replayRequirements } from "./replay/replay-requirements.ts";
import { kafkaProblems } from "./settings/kafka-checks.ts";
import type { Problem } from "./settings/problem.ts";
import { commandSpec } from "./command-specs.ts";
import { type CommandName, kebabCase } from "./settings/setting.ts";
import type { ResolvedSettings } from "./settings/resolve-settings.ts";
import { snapshotRequirements } from "./snapshot/snapshot-requirements.ts";
import {
  optimizeRequirements,
  restoreRequirements,
  tablesRequirements,
} from "./tables/tables-requirements.ts";
import type { SettingKey, Settings } from "./settings/settings.ts";

type Options = Readonly<Record<string, unknown>>;

/** What a command needs beyond values that are valid one by one. Pure. */
export function requirements(
  name: CommandName,
  resolved: ResolvedSettings,
  options: Options,
  words: readonly string[] = [],
): Problem[] {
  switch (name) {
    case "run":
      return runRequirements(resolved, options);
    case "inspect":
      return inspectRequirements(options);
    case "optimize":
      return [...tablesRequirements(resolved, options, words), ...optimizeRequirements(options)];
    case "vacuum":
    case "checkpoint":
      return tablesRequirements(resolved, options, words);
    case "restore":
      return restoreRequirements(options);
    case "replay":
      return [...kafkaRequirements(resolved), ...replayRequirements(resolved, options)];
    case "deploy-connector":
      return [...kafkaRequirements(resolved), ...deployRequirements(resolved, options)];
    case "snapshot":
      return [...kafkaRequirements(resolved), ...snapshotRequirements(resolved, options, words)];
    case "config":
      return kafkaRequirements(resolved);
    case "health":
      return [];
  }
}

/**
 * What is missing for certain: where words of the command line could not be read, a flag of the
 * command that seems to be missing may be the one that is meant. Pure.
 */
export function certain(
  name: CommandName,
  unread: readonly Problem[],
  missing: readonly Problem[],
): readonly Problem[] {
  if (unread.length === 0) return missing;
  const own = new Set(Object.keys(commandSpec(name).options).map((key) => `--${kebabCase(key)}`));
  return missing.filter(({ place }) => !place.split(", ").some((flag) => own.has(flag)));
}

/** The settings of Kafka fit together; other commands do not care. */
function kafkaRequirements(
  { values, origins }: Pick<ResolvedSettings, "values" | "origins">,
): Problem[] {
  return kafkaProblems(values, (key) => {
    const origin = origins.get(key);
    return origin === undefined || origin.kind === "default" ? key : origin.place;
  });
}

function deployRequirements({ values }: ResolvedSettings, options: Options): Problem[] {
  const problems: Problem[] = [];
  const given = (key: string): boolean => options[key] === true;
  const flagsOf = (keys: readonly string[]): string[] =>
    keys.filter(given).map((key) => `--${kebabCase(key)}`);
  const actions = flagsOf(["delete", "restart", "pause", "resume", "status", "offsets"]);
  if (actions.length > 1) {
    problems.push({
      place: actions.join(", "),
      message: "are different things to do",
      fix: "ask for one of them at a time",
    });
  }
  const ways = flagsOf(given("delete") ? ["recreate"] : ["recreate", "resetOffsets"]);
  if (actions.length > 0 && ways.length > 0) {
    problems.push({
      place: ways.join(", "),
      message: `belongs to deploying, not to ${actions.join(", ")}`,
      fix: "remove it",
    });
  }
  if (given("dryRun") && actions.length > 0) {
    problems.push({
      place: "--dry-run",
      message: `belongs to deploying, not to ${actions.join(", ")}`,
      fix: "remove it",
    });
  }
  if (values.connectPassword !== null && values.connectUsername === null) {
    problems.push({
      place: "KAFKA_CONNECT_PASSWORD",
      message: "is set without a user",
      fix: "set KAFKA_CONNECT_USERNAME as well",
    });
  }
  return problems;
}

function runRequirements({ values, origins }: ResolvedSettings, options: Options): Problem[] {
  const problems: Problem[] = [];
  // A value that was given but is not valid has its own problem already.
  const absent = (key: SettingKey): boolean =>
    values[key] === null && origins.get(key)?.kind === "default";
  const fromKafka = values.source === null;
  if (absent("source")) problems.push(...kafkaSourceProblems(absent, values));
  if (fromKafka) problems.push(...kafkaRequirements({ values, origins }));
  if (absent("basePath")) {
    problems.push({
      place: "--base-path",
      message: "is missing: there is nowhere to write",
      fix: "write --base-path with a folder or s3://bucket/prefix, or set DELTA_TABLE_BASE_PATH",
    });
  }
  problems.push(...modeProblems(values, options));
  return problems;
}

/** Without `--source` Kafka is read: from somewhere, and something. */
function kafkaSourceProblems(absent: (key: SettingKey) => boolean, values: Settings): Problem[] {
  if (absent("kafkaBootstrapServers")) {
    const topics = values.kafkaTopicPattern !== null;
    return [{
      place: topics ? "KAFKA_BOOTSTRAP_SERVERS" : "--source",
      message: topics
        ? "is missing: topics are named, but no broker"
        : "is missing: there is nothing to read",
      fix: topics
        ? "set it to host:port of a broker, or write --kafka-bootstrap-servers"
        : "write --source with a file, a folder, or - for standard input; or set " +
          "KAFKA_BOOTSTRAP_SERVERS and KAFKA_TOPIC_PATTERN to read Kafka",
    }];
  }
  if (!absent("kafkaTopicPattern")) return [];
  return [{
    place: "KAFKA_TOPIC_PATTERN",
    message: "is missing: no topic of Kafka is named",
    fix: "set it (--kafka-topic-pattern) to a regular expression that matches whole names, for " +
      "example 'cdc\\.shop\\..*'",
  }];
}

/** Ways to read that exclude each other. */
function modeProblems(values: Settings, options: Options): Problem[] {
  const problems: Problem[] = [];
  const fromKafka = values.source === null;
  if (options["untilLatest"] === true && !fromKafka) {
    problems.push({
      place: "--until-latest",
      message: "is for Kafka; files are read to their end anyway",
      fix: "remove it, or leave --source out",
    });
  }
  if (values.follow && fromKafka) {
    problems.push({
      place: "--follow",
      message: "is for files; Kafka is followed unless --until-latest says otherwise",
      fix: "remove it",
    });
  } else if (options["plan"] === true && values.follow) {
    problems.push({
      place: "--plan",
      message: "cannot be used with --follow: a plan is made at the end of the source",
      fix: "remove one of the two",
    });
  }
  if (values.sourceId !== null && fromKafka) {
    problems.push({
      place: "--source-id",
      message: "is for files; records of Kafka carry their topic",
      fix: "remove it, or write --source",
    });
  }
  if (values.follow && values.source === "-") {
    problems.push({
      place: "--follow",
      message: "means nothing for standard input, which is read to its end",
      fix: "remove --follow",
    });
  }
  return problems;
}
