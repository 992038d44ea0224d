import type { JsonValue } from "../../delta/schema/data-type.ts";
import { jsonText } from "../output/json-text.ts";
import { tableText } from "../output/table-text.ts";
import type { ResolvedSettings } from "../settings/resolve-settings.ts";
import { settingGroups } from "../settings/setting.ts";
import {
  type CollectionOverride,
  isSettingKey,
  settingEntries,
  type SettingKey,
  settingOf,
} from "../settings/settings.ts";

const mask = "********";

type ShownSetting = {
  readonly key: SettingKey;
  readonly group: string;
  readonly value: JsonValue;
  readonly origin: { readonly kind: string; readonly place: string };
};

/** The effective configuration as text; secrets are masked. Pure. */
export function configText(
  resolved: ResolvedSettings,
  { format, configFile }: { readonly format: "table" | "json"; readonly configFile: string | null },
): string {
  const shown = shownSettings(resolved);
  const collections = Object.fromEntries(
    resolved.collections.map(({ pattern, values }) => [pattern, shownOverride(values)]),
  );
  switch (format) {
    case "json": {
      const settings = Object.fromEntries(
        shown.map(({ key, value, origin }) => [key, { value, origin }]),
      );
      return `${jsonText({ configFile, settings, collections })}\n`;
    }
    case "table":
      return tableForm(shown, collections, configFile);
  }
}

function tableForm(
  shown: readonly ShownSetting[],
  collections: Readonly<Record<string, Readonly<Record<string, JsonValue>>>>,
  configFile: string | null,
): string {
  const parts = [`config file: ${configFile ?? "none"}\n`];
  const rows = settingGroups.flatMap((group) =>
    shown.filter((each) => each.group === group).map(({ key, value, origin }) => [
      key,
      cell(value),
      origin.kind === "default" ? "default" : `${origin.kind}: ${origin.place}`,
    ])
  );
  parts.push(tableText(["setting", "value", "from"], rows));
  const overrides = Object.entries(collections).flatMap(([pattern, values]) =>
    Object.entries(values).map(([key, value]) => [pattern, key, cell(value)])
  );
  if (overrides.length > 0) {
    parts.push(tableText(["collections", "setting", "value"], overrides));
  }
  return parts.join("\n");
}

function shownSettings({ values, origins }: ResolvedSettings): ShownSetting[] {
  return settingEntries.map(([key, definition]) => {
    const value = values[key];
    const shown = value === null ? null : definition.secret ? mask : definition.type.show(value);
    const origin = origins.get(key) ?? { kind: "default", place: "default" };
    return { key, group: definition.group, value: shown, origin };
  });
}

function shownOverride(values: CollectionOverride["values"]): Readonly<Record<string, JsonValue>> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([key, value]) =>
      value === undefined || !isSettingKey(key)
        ? []
        : [[key, settingOf(key).type.show(value)] as const]
    ),
  );
}

function cell(value: JsonValue | undefined): string {
  if (value === null || value === undefined) return "-";
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.length === 0 ? "-" : value.join(",");
  if (typeof value === "object") {
    const pairs = Object.entries(value).map(([key, each]) => `${key}=${cell(each)}`);
    return pairs.length === 0 ? "-" : pairs.join("\n");
  }
  return String(value);
}
