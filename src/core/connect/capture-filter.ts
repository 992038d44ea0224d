import { isConfigReference } from "./connector-config.ts";
import type { ConnectorConfig } from "./connect-types.ts";

/** Whether a connector captures a collection; `unknown` where only Connect can read a setting. */
export type Capture =
  | { readonly kind: "captured" }
  /** By which setting it is left out, and the setting's value. */
  | { readonly kind: "left-out"; readonly setting: string; readonly value: string }
  | { readonly kind: "unknown"; readonly setting: string; readonly value: string };

const builtInDatabases: ReadonlySet<string> = new Set(["admin", "config", "local"]);

/** Tells whether a MongoDB connector captures `db.collection`, as Debezium decides it. */
export function captureOf(config: ConnectorConfig, collection: string): Capture {
  if (config["signal.data.collection"] === collection) return { kind: "captured" };
  const database = collection.split(".")[0] ?? "";
  if (builtInDatabases.has(database)) {
    return { kind: "left-out", setting: "mongodb", value: `the database ${database} is its own` };
  }
  const scoped = byScope(config, { database, collection });
  if (scoped !== null) return scoped;
  return firstReason([
    byLists(config, "database", database),
    byLists(config, "collection", collection),
  ]);
}

function byScope(
  config: ConnectorConfig,
  { database, collection }: { readonly database: string; readonly collection: string },
): Capture | null {
  const scope = (config["capture.scope"] ?? "deployment").toLowerCase();
  const target = config["capture.target"];
  if (scope === "deployment" || target === undefined) return null;
  const wanted = scope === "database" ? database : collection;
  return target === wanted ? null : { kind: "left-out", setting: "capture.target", value: target };
}

/** An include list decides where there is one, else an exclude list. */
function byLists(config: ConnectorConfig, what: "database" | "collection", name: string): Capture {
  const literal = (config["filters.match.mode"] ?? "regex").toLowerCase() === "literal";
  for (const list of ["include", "exclude"] as const) {
    const setting = `${what}.${list}.list`;
    const value = config[setting];
    if (value === undefined || value.trim() === "") continue;
    if (isConfigReference(value)) return { kind: "unknown", setting, value };
    const matched = literal ? splitList(value).includes(name) : matchesAny(splitList(value), name);
    if (matched === null) return { kind: "unknown", setting, value };
    const captured = matched === (list === "include");
    return captured ? { kind: "captured" } : { kind: "left-out", setting, value };
  }
  return { kind: "captured" };
}

function firstReason(captures: readonly Capture[]): Capture {
  return captures.find(({ kind }) => kind === "left-out") ??
    captures.find(({ kind }) => kind === "unknown") ?? { kind: "captured" };
}

/** The parts of a comma-separated list; a comma behind a backslash belongs to its part. */
function splitList(list: string): string[] {
  return list.split(/(?<!\\),/)
    .map((part) => part.trim().replaceAll("\\,", ","))
    .filter((part) => part !== "");
}

/** Null: some part is no pattern of ours and no other part matches. */
function matchesAny(patterns: readonly string[], name: string): boolean | null {
  const results = patterns.map((pattern) => matchesWhole(pattern, name));
  if (results.includes(true)) return true;
  return results.includes(null) ? null : false;
}

/** Debezium's patterns match the whole name, without regard to case. */
function matchesWhole(pattern: string, name: string): boolean | null {
  const quoted = pattern.replace(
    /\\Q(.*?)(?:\\E|$)/gs,
    (_all, text: string) => text.replace(/[\\^$.|?*+()[\]{}]/g, "\\$&"),
  );
  try {
    return new RegExp(`^(?:${quoted})$`, "is").test(name);
  } catch {
    return null;
  }
}
