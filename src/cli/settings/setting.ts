import type { ValueType } from "./value-type.ts";

export type CommandName =
  | "run"
  | "deploy-connector"
  | "snapshot"
  | "inspect"
  | "optimize"
  | "vacuum"
  | "restore"
  | "replay"
  | "checkpoint"
  | "health"
  | "config";

/** Commands that work on tables alone, without a source. */
export const tableCommands = ["inspect", "optimize", "vacuum", "restore", "checkpoint"] as const;

/** Those of them that take all tables below the base path. */
export const allTablesCommands = ["optimize", "vacuum", "checkpoint"] as const;

/** Chapters of the help and of docs/config.md, in order. */
export const settingGroups = [
  "Source",
  "Kafka",
  "Kafka security",
  "Kafka Connect",
  "Tables",
  "Flushing",
  "Object store",
  "Resources",
  "Spark",
  "Operation",
  "Output",
] as const;

export type SettingGroup = typeof settingGroups[number];

/** An environment variable beside `CDCDELTA_<NAME>`. */
export type EnvName = {
  readonly name: string;
  /** What a bare number in it means; without it the setting's own form holds. */
  readonly bareNumberIs?: "ms" | "s";
};

/**
 * One setting: a flag, environment variables and a config-file key, with its type and meaning. Help,
 * parsing, validation, `cdcdelta config` and the documentation follow from it.
 */
export type Setting<T, D extends T | null = T> = {
  readonly type: ValueType<T>;
  readonly default: D;
  /** For the documentation, where the default is not a plain value. */
  readonly defaultText?: string;
  readonly env?: readonly EnvName[];
  /** Another flag than the key in kebab-case (singular of a repeatable one, for example). */
  readonly flag?: string;
  readonly group: SettingGroup;
  /** What it does; one or two sentences, the unit included. */
  readonly description: string;
  readonly secret?: boolean;
  /** May stand under `collections:` in the config file. */
  readonly perCollection?: boolean;
  /** Commands that have the flag, beside `config`, which has them all. */
  readonly commands: readonly CommandName[];
};

/** A setting as the generic code sees it. */
export type AnySetting = Setting<unknown, unknown>;

/** Keeps the literal types of one setting. */
export function setting<T, const D extends T | null>(definition: Setting<T, D>): Setting<T, D> {
  return definition;
}

/** `flushRows` → `flush-rows`. */
export function kebabCase(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `--flush-rows`. */
export function flagOf(key: string, definition: AnySetting): string {
  return `--${definition.flag ?? kebabCase(key)}`;
}

/** All environment variables of a setting, in order of precedence. */
export function envNamesOf(key: string, definition: AnySetting): readonly EnvName[] {
  const own = `CDCDELTA_${kebabCase(key).replaceAll("-", "_").toUpperCase()}`;
  return [{ name: own }, ...(definition.env ?? [])];
}
