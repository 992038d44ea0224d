import { messageOf } from "../../errors.ts";
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
  /** Reads the file that a secret's `…_FILE` variable names; without it there are none. */
  readonly readSecret?: (path: string) => string;
};

/** Lays flag over environment over file over default. Every problem is returned, none thrown. */
export function resolveSettings(
  sources: SettingSources,
): { readonly resolved: ResolvedSettings; readonly problems: readonly Problem[] } {
  const { file } = sources;
  const problems: Problem[] = [...(file?.problems ?? [])];
  const values: Partial<Record<SettingKey, unknown>> = {};
  const origins = new Map<SettingKey, Origin>();
  for (const [key, definition] of settingEntries) {
    const found = findValue(key, definition, sources);
    if (found.kind === "unreadable") {
      values[key] = definition.default;
      origins.set(key, { kind: "environment", place: found.problem.place });
      problems.push(found.problem);
      continue;
    }
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
  | { readonly kind: "raw"; readonly value: unknown; readonly origin: Origin }
  | { readonly kind: "unreadable"; readonly problem: Problem };

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
    if (text === undefined || text.trim() === "") {
      const secret = definition.secret === true ? secretFromFile(name.name, sources) : null;
      if (secret !== null) return secret;
      continue;
    }
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

/** A secret in a file, as container platforms mount them; the line's end is not part of it. */
function secretFromFile(name: string, { env, readSecret }: SettingSources): Found | null {
  const place = `${name}_FILE`;
  const path = env[place];
  // The name may be that of a setting of its own.
  if (path === undefined || path.trim() === "" || readSecret === undefined) return null;
  if (settingEntries.some(([key, each]) => envNamesOf(key, each).some((e) => e.name === place))) {
    return null;
  }
  try {
    const value = readSecret(path).replace(/\r?\n$/, "");
    return { kind: "raw", value, origin: { kind: "environment", place } };
  } catch (error) {
    const message = `the file cannot be read: ${messageOf(error)}`;
    const fix = "correct the path, or the file's permissions";
    return { kind: "unreadable", problem: { place, message, fix } };
  }
}

function withUnit(text: string, name: EnvName): string {
  const bare = /^\d+(\.\d+)?$/.test(text.trim());
  return bare && name.bareNumberIs !== undefined ? `${text.trim()}${name.bareNumberIs}` : text;
}
