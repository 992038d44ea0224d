import { kafkaProblems } from "./settings/kafka-checks.ts";
import type { Problem } from "./settings/problem.ts";
import type { CommandName } from "./settings/setting.ts";
import type { ResolvedSettings } from "./settings/resolve-settings.ts";
import type { SettingKey } from "./settings/settings.ts";

type Options = Readonly<Record<string, unknown>>;

/** What a command needs beyond values that are valid one by one. Pure. */
export function requirements(
  name: CommandName,
  resolved: ResolvedSettings,
  options: Options,
): Problem[] {
  switch (name) {
    case "run":
      return runRequirements(resolved, options);
    case "inspect":
      return inspectRequirements(options);
    case "deploy-connector":
    case "snapshot":
    case "config":
      return kafkaRequirements(resolved);
    case "health":
      return [];
  }
}

/** The settings of Kafka fit together; other commands do not care. */
function kafkaRequirements({ values, origins }: ResolvedSettings): Problem[] {
  return kafkaProblems(values, (key) => {
    const origin = origins.get(key);
    return origin === undefined || origin.kind === "default" ? key : origin.place;
  });
}

function runRequirements({ values, origins }: ResolvedSettings, options: Options): Problem[] {
  const problems: Problem[] = [];
  // A value that was given but is not valid has its own problem already.
  const absent = (key: SettingKey): boolean =>
    values[key] === null && origins.get(key)?.kind === "default";
  if (absent("source")) {
    const kafka = values.kafkaBootstrapServers !== null;
    problems.push({
      place: "--source",
      message: kafka
        ? "is missing; this version does not read from Kafka itself"
        : "is missing: there is nothing to read",
      fix: kafka
        ? "pipe kcat into it: kcat -C -J … | cdcdelta run --source -"
        : "write --source with a file, a folder, or - for standard input",
    });
  }
  if (absent("basePath")) {
    problems.push({
      place: "--base-path",
      message: "is missing: there is nowhere to write",
      fix: "write --base-path with a folder or s3://bucket/prefix, or set DELTA_TABLE_BASE_PATH",
    });
  }
  if (options["plan"] === true && values.follow) {
    problems.push({
      place: "--plan",
      message: "cannot be used with --follow: a plan is made at the end of the source",
      fix: "remove one of the two",
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

function inspectRequirements(options: Options): Problem[] {
  const problems: Problem[] = [];
  const given = (key: string): boolean => options[key] !== null && options[key] !== false;
  const views = ["history", "files", "rows", "ddl"].filter(given);
  if (views.length > 1) {
    const flags = views.map((view) => `--${view}`).join(", ");
    problems.push({
      place: flags,
      message: "show different things",
      fix: "ask for one of them at a time",
    });
  }
  if (given("version") && given("timestamp")) {
    problems.push({
      place: "--version, --timestamp",
      message: "both say which version to look at",
      fix: "use one of them",
    });
  }
  const [view] = views;
  if (view === "ddl" && (given("version") || given("timestamp"))) {
    problems.push({
      place: given("version") ? "--version" : "--timestamp",
      message: "the statements register the table, which stands at its newest version",
      fix: "remove it, or leave --ddl out",
    });
  }
  if (given("limit") && view !== "history" && view !== "files") {
    problems.push({
      place: "--limit",
      message: "limits --history and --files only",
      fix: view === "rows" ? "write --rows with the number of rows" : "remove it",
    });
  }
  const { format } = options;
  if (view === "ddl" && format !== "table") {
    problems.push({
      place: "--format",
      message: "statements have no other form",
      fix: "remove --format",
    });
  }
  if (view === undefined && format === "csv") {
    problems.push({
      place: "--format",
      message: "csv is for lists: --rows, --history or --files",
      fix: "use --format json, or ask for a list",
    });
  }
  return problems;
}
