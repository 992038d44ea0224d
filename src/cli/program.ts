import { Command, type CommandUnknownOpts, Option } from "@commander-js/extra-typings";
import type { JsonValue } from "../delta/schema/data-type.ts";
import type { AnyCommandOption } from "./command-options.ts";
import { argumentText, type CommandSpec, commandSpecs, optionFlag } from "./command-specs.ts";
import { exitCodeTexts } from "./exit-codes.ts";
import { type AnySetting, type CommandName, envNamesOf, flagOf } from "./settings/setting.ts";
import { type SettingKey, settingsOf } from "./settings/settings.ts";
import type { ValueType } from "./settings/value-type.ts";
import { versionText } from "./version.ts";

/** Width of help and documentation, so that they read the same everywhere. */
const helpColumns = 100;

/** What one command line gave, still as text. */
export type ParsedCommand = {
  readonly name: CommandName;
  /** Operands and unknown flags in the order given. */
  readonly operands: readonly string[];
  readonly settings: ReadonlyMap<SettingKey, unknown>;
  readonly options: ReadonlyMap<string, unknown>;
};

/**
 * The commander program. Options take plain text: all values are checked together later, so that
 * every problem of a command line is reported at once.
 */
export function buildProgram(onCommand: (parsed: ParsedCommand) => void): CommandUnknownOpts {
  const program = new Command("cdcdelta")
    .description("Streams MongoDB changes into Delta Lake tables, exactly once")
    .version(versionText, "-V, --version", "print the version")
    .helpOption("-h, --help", "print help")
    .helpCommand("help [command]", "print help for a command")
    .enablePositionalOptions()
    .exitOverride()
    .configureHelp({ helpWidth: helpColumns, showGlobalOptions: false })
    .addHelpText("after", `\n${exitStatusText()}`);
  for (const spec of commandSpecs) addCommand(program, spec, onCommand);
  return program;
}

/** `Exit status:` and its table. */
export function exitStatusText(): string {
  const lines = exitCodeTexts.map(([code, text]) => `  ${String(code).padEnd(5)}${text}`);
  return ["Exit status:", ...lines].join("\n");
}

function addCommand(
  program: CommandUnknownOpts,
  spec: CommandSpec,
  onCommand: (parsed: ParsedCommand) => void,
): void {
  const settingNames = new Map<string, SettingKey>();
  const optionNames = new Map<string, string>();
  const command = program.command(spec.name)
    .summary(spec.summary)
    .description(spec.description)
    .usage(`${spec.argument === null ? "" : `${argumentText(spec.argument)} `}[options]`)
    .helpOption("-h, --help", "print help")
    .configureHelp({ helpWidth: helpColumns, showGlobalOptions: false })
    // Unknown flags and surplus words are reported with all other problems, not one by one.
    .allowUnknownOption()
    .allowExcessArguments();
  if (spec.argument !== null) {
    command.argument(`[${spec.argument.name}]`, spec.argument.description);
  }
  for (const [key, each] of Object.entries(spec.options)) {
    const flag = optionFlag(key, each);
    for (const option of optionsOf(flag, each.type, commandHelp(each), false)) {
      optionNames.set(option.attributeName(), key);
      command.addOption(option);
    }
  }
  for (const [key, each] of settingsOf(spec.name)) {
    const flag = flagOf(key, each);
    for (const option of optionsOf(flag, each.type, settingHelp(key, each), true)) {
      settingNames.set(option.attributeName(), key);
      command.addOption(option.helpGroup(`${each.group}:`));
    }
  }
  const examples = spec.examples.map(([line, meaning]) => `  ${line}\n      ${meaning}`);
  command.addHelpText("after", `\nExamples:\n${examples.join("\n")}\n\n${exitStatusText()}`);
  command.action(() => {
    const values: Readonly<Record<string, unknown>> = command.opts();
    onCommand({
      name: spec.name,
      operands: command.args,
      settings: pick(settingNames, values),
      options: pick(optionNames, values),
    });
  });
}

function pick<K>(
  names: ReadonlyMap<string, K>,
  values: Readonly<Record<string, unknown>>,
): ReadonlyMap<K, unknown> {
  return new Map(
    [...names].flatMap(([attribute, key]) =>
      values[attribute] === undefined ? [] : [[key, values[attribute]] as const]
    ),
  );
}

/** The commander options of one flag; a setting's toggle can be switched off as well. */
function optionsOf(
  flag: string,
  type: ValueType<unknown>,
  help: string,
  negatable: boolean,
): Option[] {
  switch (type.arity) {
    case "one":
      return [new Option(`${flag} ${type.placeholder}`, help)];
    case "repeatable": {
      const collect = (value: string, before: unknown): string[] =>
        Array.isArray(before) ? [...before.map(String), value] : [value];
      return [new Option(`${flag} ${type.placeholder}`, help).argParser(collect)];
    }
    case "toggle": {
      const on = new Option(flag, help);
      if (!negatable) return [on];
      return [on, new Option(flag.replace("--", "--no-")).hideHelp()];
    }
  }
}

function commandHelp(each: AnyCommandOption): string {
  if (each.default === null || typeof each.default === "boolean") return each.description;
  return `${each.description} (default: ${shownValue(each.type.show(each.default))})`;
}

function settingHelp(key: SettingKey, each: AnySetting): string {
  const parts = [defaultText(each)].filter((part) => part !== "").map((part) => `default: ${part}`);
  const [, ...others] = envNamesOf(key, each);
  if (others.length > 0) parts.push(`env: ${others.map(({ name }) => name).join(", ")}`);
  return parts.length === 0 ? each.description : `${each.description} (${parts.join("; ")})`;
}

/** A setting's default for help and documentation; empty where there is none. */
export function defaultText(each: AnySetting): string {
  if (each.defaultText !== undefined) return each.defaultText.replaceAll("`", "");
  if (each.default === null || each.default === false) return "";
  return shownValue(each.type.show(each.default));
}

/** A setting's shown value on one line. */
export function shownValue(shown: JsonValue): string {
  if (Array.isArray(shown)) return shown.join(",");
  return typeof shown === "string" ? shown : JSON.stringify(shown);
}
