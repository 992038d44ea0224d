import { connectSettings } from "./connect-settings.ts";
import type { AnySetting, CommandName, Setting } from "./setting.ts";
import { kafkaSecuritySettings } from "./kafka-security-settings.ts";
import { kafkaSettings } from "./kafka-settings.ts";
import { operationSettings } from "./operation-settings.ts";
import { sourceSettings } from "./source-settings.ts";
import { sparkSettings } from "./spark-settings.ts";
import { outputSettings, resourceSettings, storeSettings } from "./store-settings.ts";
import { flushSettings, tableSettings } from "./table-settings.ts";

/** Every setting by its config-file key. Flags, variables, help and documentation come from here. */
export const settings = {
  ...sourceSettings,
  ...kafkaSettings,
  ...kafkaSecuritySettings,
  ...connectSettings,
  ...tableSettings,
  ...flushSettings,
  ...storeSettings,
  ...resourceSettings,
  ...sparkSettings,
  ...operationSettings,
  ...outputSettings,
} as const;

type Table = typeof settings;

export type SettingKey = keyof Table;

/** The value of one setting. */
export type SettingValue<K extends SettingKey> = Table[K] extends Setting<infer T, infer D> ? T | D
  : never;

/** The values of all settings. */
export type Settings = { readonly [K in SettingKey]: SettingValue<K> };

/** Keys that may stand under `collections:`; those with `perCollection` in the table. */
export type CollectionKey =
  | "tablePath"
  | "partitionBy"
  | "columnTypes"
  | "includeFields"
  | "excludeFields"
  | "mask"
  | "rename"
  | "properties"
  | "keepDocument"
  | "keepTransactionId"
  | "decimals"
  | "columnsMax"
  | "depthMax";

/** What the config file sets for the collections that match one pattern. */
export type CollectionOverride = {
  /** A regular expression that matches the whole of `db.collection`. */
  readonly pattern: string;
  readonly values: { readonly [K in CollectionKey]?: SettingValue<K> };
};

/** The table as pairs, for code that treats all settings alike. */
export const settingEntries: readonly (readonly [SettingKey, AnySetting])[] = keysOf().map((
  key,
) => [
  key,
  settings[key],
]);

/** The definition of a setting as generic code sees it. */
export function settingOf(key: SettingKey): AnySetting {
  return settings[key];
}

/** The settings whose flags a command has. */
export function settingsOf(command: CommandName): readonly (readonly [SettingKey, AnySetting])[] {
  return command === "config"
    ? settingEntries
    : settingEntries.filter(([, definition]) => definition.commands.includes(command));
}

/** True for a key of the table. */
export function isSettingKey(key: string): key is SettingKey {
  return Object.hasOwn(settings, key);
}

function keysOf(): SettingKey[] {
  return Object.keys(settings).filter(isSettingKey);
}
