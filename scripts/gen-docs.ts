// Writes docs/cli.md, docs/config.md and docs/metrics.md from the tables of src/cli. `npm run docs`
import { writeFileSync } from "node:fs";
import type { AnyCommandOption } from "../src/cli/command-options.ts";
import {
  argumentText,
  type CommandSpec,
  commandSpecs,
  optionFlag,
} from "../src/cli/command-specs.ts";
import { exitCodeTexts } from "../src/cli/exit-codes.ts";
import { defaultText, shownValue } from "../src/cli/program.ts";
import { type AnySetting, envNamesOf, flagOf, settingGroups } from "../src/cli/settings/setting.ts";
import { settingEntries, settingsOf } from "../src/cli/settings/settings.ts";
import { type MetricSpec, metricTable } from "../src/cli/watch/metric-table.ts";
import { labelSetsMax } from "../src/limits.ts";

const generatedNote =
  "<!-- Made by `npm run docs` from the tables in src/cli; do not edit by hand. -->";

/** docs/cli.md: every command with its flags, and the exit codes. */
export function cliDoc(): string {
  return [
    "# Command line",
    generatedNote,
    "Results go to standard output, everything else to standard error. A flag wins over an " +
    "environment variable, that over the config file, that over the default " +
    "([config.md](config.md) has every setting).",
    ...commandSpecs.flatMap(commandSection),
    "## Exit codes",
    table(["code", "meaning"], exitCodeTexts.map(([code, text]) => [String(code), text])),
    "A reader of standard output that goes away (`| head`) is no failure: the exit code is 0.",
    "",
  ].join("\n\n").trimEnd() + "\n";
}

/** docs/config.md: every setting, the config file and its overrides for collections. */
export function configDoc(): string {
  return [
    "# Configuration",
    generatedNote,
    "Every setting is a flag, an environment variable and a key of the config file. A flag wins " +
    "over an environment variable, that over the file, that over the default; an empty variable " +
    "counts as not set. `cdcdelta config` prints what holds, and where it came from. All problems " +
    "of a configuration are reported together, each with its place and the fix; the exit code is " +
    "then 2.",
    "A secret may also lie in a file: a variable with `_FILE` added (`KAFKA_SASL_PASSWORD_FILE`) " +
    "holds the file's path.",
    ...settingGroups.flatMap(groupSection),
    ...fileSections(),
    "",
  ].join("\n\n").trimEnd() + "\n";
}

/** docs/metrics.md: every metric of a run. */
export function metricsDoc(): string {
  const rows = Object.entries<MetricSpec>(metricTable).map(([name, { type, labels, help }]) => [
    code(name),
    type,
    labels.map(code).join(", "),
    help,
  ]);
  return [
    "# Metrics",
    generatedNote,
    "While Kafka is followed, `cdcdelta run` answers `/metrics` for Prometheus, `/healthz` (the " +
    "process is alive) and `/readyz` (it is in its consumer group, and Kafka and the store " +
    "answer; otherwise 503 with the reasons as JSON) on port 8001 (`--http-port`). Counters count " +
    "what was committed, since the start of the process. Labels with more than " +
    `${labelSetsMax} different values go on as \`(other)\`.`,
    table(["metric", "type", "labels", "meaning"], rows),
    "`cdcdelta_freshness_seconds` compares two clocks, MongoDB's and ours.",
    "",
  ].join("\n\n").trimEnd() + "\n";
}

function commandSection(spec: CommandSpec): string[] {
  const argument = spec.argument === null ? "" : ` ${argumentText(spec.argument)}`;
  const parts = [
    `## cdcdelta ${spec.name}`,
    spec.description,
    `\`\`\`\ncdcdelta ${spec.name}${argument} [options]\n\`\`\``,
  ];
  if (spec.argument !== null) {
    parts.push(`\`${argumentText(spec.argument)}\`: ${spec.argument.description}.`);
  }
  parts.push(table(["flag", "meaning", "default"], Object.entries(spec.options).map(optionRow)));
  const settings = settingsOf(spec.name);
  parts.push(
    spec.name === "config"
      ? "Beside these it takes the flag of every setting ([config.md](config.md))."
      : "Settings:",
  );
  if (spec.name !== "config") {
    const rows = settings.map(([key, each]) => [
      flagCell(key, each),
      each.description,
      defaultCell(each),
    ]);
    parts.push(table(["flag", "meaning", "default"], rows));
  }
  const examples = spec.examples.map(([line, meaning]) => `# ${meaning}\n${line}`);
  parts.push(`\`\`\`sh\n${examples.join("\n")}\n\`\`\``);
  return parts;
}

function optionRow([key, each]: readonly [string, AnyCommandOption]): string[] {
  const { placeholder } = each.type;
  const flag = `${optionFlag(key, each)}${placeholder === "" ? "" : ` ${placeholder}`}`;
  const shown = each.default === null || typeof each.default === "boolean"
    ? ""
    : shownValue(each.type.show(each.default));
  return [code(flag), each.description, code(shown)];
}

function groupSection(group: string): string[] {
  const rows = settingEntries.filter(([, each]) => each.group === group).map(([key, each]) => [
    code(key) + (each.perCollection === true ? " ◆" : ""),
    flagCell(key, each),
    envNamesOf(key, each).map(envCell).join("<br>"),
    each.type.form,
    defaultCell(each),
    each.description +
    (each.secret === true ? ". Secret" : ""),
  ]);
  return [
    `## ${group}`,
    table(["key", "flag", "environment", "value", "default", "meaning"], rows),
  ];
}

function fileSections(): string[] {
  return [
    "◆ may also be set for some collections, in the config file.",
    "## The config file",
    "YAML or JSON, named by `--config` or `CDCDELTA_CONFIG`. A key that is no setting is an " +
    "error. In texts `${NAME}` is the environment variable's value, `${NAME:-text}` has a default " +
    "for one that is not set, `$$` is `$`; this happens after the file was parsed, so a value " +
    "cannot change the file's structure.",
    "`collections` holds overrides by pattern: a regular expression that matches the whole of " +
    "`db.collection`. The first pattern that matches counts; what it does not set is as outside. " +
    "`columnTypes` and `properties` add to the general ones.",
    "```yaml\n" + exampleFile + "```",
  ];
}

/** Shown in the documentation; a test reads it. */
export const exampleFile = `basePath: s3://lake/cdc
s3Endpoint: http://minio:9000
s3AccessKeyId: \${MINIO_USER:-minioadmin}
s3SecretAccessKey: \${MINIO_PASSWORD}
flushInterval: 30s
collections:
  shop\\.orders:
    partitionBy: [_ingestion_date, country]
    columnTypes:
      total: decimal(18,2)
    properties:
      delta.appendOnly: true
  audit\\..*:
    keepDocument: true
    tablePath: "{base}/audit/{collection}"
`;

function envCell({ name, bareNumberIs }: ReturnType<typeof envNamesOf>[number]): string {
  const units = { ms: "milliseconds", s: "seconds" };
  return code(name) +
    (bareNumberIs === undefined ? "" : ` (a bare number is ${units[bareNumberIs]})`);
}

function flagCell(key: string, each: AnySetting): string {
  const { arity, placeholder } = each.type;
  const flag = flagOf(key, each);
  if (arity === "toggle") return `${code(flag)}, ${code(flag.replace("--", "--no-"))}`;
  return code(`${flag} ${placeholder}`) + (arity === "repeatable" ? " (repeatable)" : "");
}

function defaultCell(each: AnySetting): string {
  return each.defaultText ?? code(defaultText(each));
}

function code(text: string): string {
  return text === "" ? "" : `\`${text}\``;
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(header), line(header.map(() => "---")), ...rows.map(line)].join("\n");
}

if (import.meta.main) {
  writeFileSync(new URL("../docs/cli.md", import.meta.url), cliDoc());
  writeFileSync(new URL("../docs/config.md", import.meta.url), configDoc());
  writeFileSync(new URL("../docs/metrics.md", import.meta.url), metricsDoc());
}
