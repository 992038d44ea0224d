import { fixOf } from "./basic-types.ts";
import type { ConfigFile } from "./config-file.ts";
import type { Problem } from "./problem.ts";
import { type AnySetting, type EnvName, envNamesOf, flagOf } from "./setting.ts";
import {
  type CollectionOverride,
  settingEntries,
  type SettingKey,
  type Settings,
} from "./settings.ts";

/** Where an effective value came from. */
export type Origin = {
  readonly kind: "flag" | "environment" | "file" | "default" | "derived";
  /** `--flush-rows`, `DELTA_BATCH_SIZE`, `cdcdelta.yaml:3 flushRows`, or why it was derived. */
  readonly place: string;
};

export type Origins = ReadonlyMap<SettingKey, Origin>;

/** The configuration that holds after flags, environment and file were laid over each other. */
export type ResolvedSettings = {
  readonly values: Settings;
  readonly origins: Origins;
  readonly collections: readonly CollectionOverride[];
};

export type SettingSources = {
  /** Raw texts of flags; `true`/`false` of toggles; a list for repeatable ones. */
  readonly flags: ReadonlyMap<SettingKey, unknown>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly file: ConfigFile | null;
};

/** Lays flag over environment over file over default. Every problem is returned, none thrown. */
export function resolveSettings(
  { flags, env, file }: SettingSources,
): { readonly resolved: ResolvedSettings; readonly problems: readonly Problem[] } {
  const problems: Problem[] = [...(file?.problems ?? [])];
  const values: Partial<Record<SettingKey, unknown>> = {};
  const origins = new Map<SettingKey, Origin>();
  for (const [key, definition] of settingEntries) {
    const found = findValue(key, definition, { flags, env, file });
    origins.set(key, found.origin);
    if (found.kind === "typed") {
      values[key] = found.value;
      continue;
    }
    const result = definition.type.schema.safeParse(found.value);
    if (result.success) {
      values[key] = result.data;
      continue;
    }
    values[key] = definition.default;
    const issue = result.error.issues[0];
    const message = definition.secret === true ? "the value is not valid" : issue?.message ?? "";
    problems.push({ place: found.origin.place, message, fix: fixOf(issue) });
  }
  const resolved = {
    // Every key of the table was just set from its own type or its own default.
    values: values as Settings,
    origins,
    collections: file?.collections ?? [],
  };
  return { resolved, problems };
}

type Found =
  | { readonly kind: "typed"; readonly value: unknown; readonly origin: Origin }
  | { readonly kind: "raw"; readonly value: unknown; readonly origin: Origin };

function findValue(key: SettingKey, definition: AnySetting, sources: SettingSources): Found {
  const flag = sources.flags.get(key);
  if (flag !== undefined) {
    const place = flag === false ? flagOf(key, definition).replace("--", "--no-") : null;
    const origin = { kind: "flag", place: place ?? flagOf(key, definition) } as const;
    return { kind: "raw", value: flag, origin };
  }
  for (const name of envNamesOf(key, definition)) {
    const text = sources.env[name.name];
    // An empty variable is how compose files and charts say "not set".
    if (text === undefined || text.trim() === "") continue;
    const origin = { kind: "environment", place: name.name } as const;
    return { kind: "raw", value: withUnit(text, name), origin };
  }
  const inFile = sources.file?.values.get(key);
  if (inFile !== undefined) {
    return { kind: "typed", value: inFile.value, origin: { kind: "file", place: inFile.place } };
  }
  const origin = { kind: "default", place: "default" } as const;
  return { kind: "typed", value: definition.default, origin };
}

function withUnit(text: string, name: EnvName): string {
  const bare = /^\d+(\.\d+)?$/.test(text.trim());
  return bare && name.bareNumberIs !== undefined ? `${text.trim()}${name.bareNumberIs}` : text;
}
