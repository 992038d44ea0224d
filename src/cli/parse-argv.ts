import { CommanderError } from "commander";
import { argumentText, commandSpec, commandSpecs, optionFlag } from "./command-specs.ts";
import { buildProgram, type ParsedCommand } from "./program.ts";
import { fixOf } from "./settings/basic-types.ts";
import { nearest, type Problem } from "./settings/problem.ts";
import { flagOf, kebabCase } from "./settings/setting.ts";
import { settingOf, settingsOf } from "./settings/settings.ts";

/** What a command line asks for. */
export type Invocation =
  /** Help or the version: text for standard output. */
  | { readonly kind: "text"; readonly text: string }
  /** No command could be made out. */
  | { readonly kind: "unusable"; readonly problems: readonly Problem[] }
  /** A command; its own flags are checked, its settings are still text. */
  | {
    readonly kind: "command";
    readonly parsed: ParsedCommand;
    /** The command's argument, the first of several, or null. */
    readonly argument: string | null;
    /** All words that are no flags, as many as the command takes. */
    readonly words: readonly string[];
    readonly options: Readonly<Record<string, unknown>>;
    readonly problems: readonly Problem[];
  };

/** Reads a command line; never throws for what a user can write. */
export function parseArgv(argv: readonly string[]): Invocation {
  if (argv.length === 0) return unusable("command line", "no command", "run cdcdelta --help");
  const found: ParsedCommand[] = [];
  let output = "";
  const program = buildProgram((parsed) => found.push(parsed));
  for (const command of [program, ...program.commands]) {
    command.exitOverride().configureOutput({
      writeOut: (text) => output += text,
      writeErr: () => undefined,
      getOutHasColors: () => false,
    });
  }
  try {
    program.parse(argv, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return { kind: "text", text: output };
    return fromCommander(error, argv);
  }
  const [parsed] = found;
  return parsed === undefined
    ? unusable("command line", "no command", "run cdcdelta --help")
    : checked(parsed);
}

/** The commander errors that stay: unknown commands and global flags, and missing values. */
function fromCommander(error: CommanderError, argv: readonly string[]): Invocation {
  const names = [...commandSpecs.map(({ name }): string => name), "help"];
  if (error.code === "commander.unknownCommand" || error.code === "commander.help") {
    const words = argv.filter((arg) => !arg.startsWith("-"));
    const word = (words[0] === "help" ? words[1] : words[0]) ?? "";
    return unusable("command line", `unknown command "${word}"`, didYouMean(word, names));
  }
  if (error.code === "commander.unknownOption") {
    const flag = /'([^']+)'/.exec(error.message)?.[1] ?? "";
    const similar = nearest(flag, ["--version", "--help"]);
    const fix = similar === null ? "flags come after the command" : `did you mean ${similar}?`;
    return unusable(flag, "unknown flag", fix);
  }
  if (error.code === "commander.optionMissingArgument") {
    const flag = /(--[\w-]+)/.exec(error.message)?.[1] ?? "command line";
    return unusable(flag, "has no value", `write ${flag} and its value`);
  }
  return unusable("command line", error.message.replace(/^error: /, ""), "run cdcdelta --help");
}

function checked(parsed: ParsedCommand): Invocation {
  const spec = commandSpec(parsed.name);
  const problems: Problem[] = [];
  const flags = flagsOf(parsed);
  const unknown = parsed.operands.filter((word) => word.startsWith("-") && word !== "-");
  for (const word of unknown) {
    const flag = word.split("=")[0] ?? word;
    const known = flags.find((each) => each === flag);
    if (known !== undefined) {
      problems.push({ place: flag, message: "takes no value", fix: `write ${flag} alone` });
      continue;
    }
    const fix = didYouMean(flag, flags, parsed.name);
    problems.push({ place: flag, message: `unknown flag of ${parsed.name}`, fix });
  }
  const words = parsed.operands.filter((word) => !unknown.includes(word));
  const argument = spec.argument === null ? null : words[0] ?? null;
  // After an unknown flag a word may be that flag's value: saying more would only mislead.
  if (unknown.length === 0) {
    const required = spec.argument?.arity === "one";
    if (spec.argument !== null && (argument === "" || (argument === null && required))) {
      const place = argumentText(spec.argument);
      const fix = `write cdcdelta ${spec.name} ${place}: the ${spec.argument.description}`;
      problems.push({ place, message: "is missing", fix });
    }
    const wordsMax = spec.argument === null ? 0 : spec.argument.arity === "any" ? Infinity : 1;
    for (const surplus of words.slice(wordsMax)) {
      const fix = "remove it, or write the flag it belongs to before it";
      problems.push({ place: "command line", message: `"${surplus}" belongs to no flag`, fix });
    }
  }
  problems.push(...swallowedFlags(parsed, flags));
  const options = readOptions(parsed, problems);
  return { kind: "command", parsed, argument, words, options, problems };
}

/** `--source --base-path x`: a flag whose value was forgotten takes the next flag for it. */
function swallowedFlags(parsed: ParsedCommand, flags: readonly string[]): Problem[] {
  const given: (readonly [string, unknown])[] = [
    ...[...parsed.settings].map(([key, value]) => [flagOf(key, settingOf(key)), value] as const),
    ...[...parsed.options].map(([key, value]) => [`--${kebabCase(key)}`, value] as const),
  ];
  return given
    .filter(([, value]) => typeof value === "string" && flags.includes(value.split("=")[0] ?? ""))
    .map(([flag]) => ({
      place: flag,
      message: "has no value: another flag follows it",
      fix: `write ${flag} and its value`,
    }));
}

function readOptions(
  parsed: ParsedCommand,
  problems: Problem[],
): Readonly<Record<string, unknown>> {
  const values: Record<string, unknown> = {};
  for (const [key, definition] of Object.entries(commandSpec(parsed.name).options)) {
    const raw = parsed.options.get(key);
    values[key] = definition.default;
    if (raw === undefined) continue;
    const result = definition.type.schema.safeParse(raw);
    if (result.success) values[key] = result.data;
    else {
      const issue = result.error.issues[0];
      const place = `--${kebabCase(key)}`;
      problems.push({ place, message: issue?.message ?? "not valid", fix: fixOf(issue) });
    }
  }
  if (values["json"] === true) asJson(parsed, values, problems);
  return values;
}

/** `--json` is `--format json`. */
function asJson(parsed: ParsedCommand, values: Record<string, unknown>, problems: Problem[]): void {
  const { format } = values;
  if (!parsed.options.has("format") || format === "json") {
    values["format"] = "json";
    return;
  }
  problems.push({
    place: "--json",
    message: `contradicts --format ${String(format)}`,
    fix: "write one of the two",
  });
}

/** Every flag of a command, `--no-…` forms included. */
function flagsOf(parsed: ParsedCommand): string[] {
  const settingFlags = settingsOf(parsed.name).flatMap(([key, each]) => {
    const flag = flagOf(key, each);
    return each.type.arity === "toggle" ? [flag, flag.replace("--", "--no-")] : [flag];
  });
  const ownFlags = Object.entries(commandSpec(parsed.name).options)
    .map(([key, each]) => optionFlag(key, each));
  return [...ownFlags, ...settingFlags, "--help"];
}

function didYouMean(word: string, candidates: readonly string[], command?: string): string {
  const similar = nearest(word, candidates);
  if (similar !== null) return `did you mean ${similar}?`;
  return command === undefined ? "run cdcdelta --help" : `run cdcdelta ${command} --help`;
}

function unusable(place: string, message: string, fix: string): Invocation {
  return { kind: "unusable", problems: [{ place, message, fix }] };
}
