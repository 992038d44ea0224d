import { withOverride } from "../table-location.ts";
import { targetTwice } from "./field-types.ts";
import type { Problem } from "./problem.ts";
import type { CollectionOverride, SettingKey, Settings } from "./settings.ts";

/** What must fit together among the settings of fields, in general and for each pattern. Pure. */
export function fieldProblems(
  settings: Settings,
  collections: readonly CollectionOverride[],
  placeOf: (key: SettingKey) => string,
): Problem[] {
  const general = problemsOf(settings, undefined, placeOf);
  const own = collections.flatMap((override) => {
    const touched = Object.keys(override.values);
    const concerned = ["rename", "mask", "partitionBy", "columnTypes"];
    if (!touched.some((key) => concerned.includes(key))) return [];
    return problemsOf(settings, override, () => `collections.${JSON.stringify(override.pattern)}`);
  });
  return [...general, ...own];
}

function problemsOf(
  settings: Settings,
  override: CollectionOverride | undefined,
  placeOf: (key: SettingKey) => string,
): Problem[] {
  const { rename, mask, partitionBy, columnTypes } = withOverride(settings, override);
  const problems: Problem[] = [];
  const twice = targetTwice(rename);
  if (twice !== null) {
    problems.push({
      place: placeOf("rename"),
      message: `two fields are renamed to "${twice}"`,
      fix: "give each a name of its own; general renames hold for every collection",
    });
  }
  const renamed = new Map(Object.entries(rename));
  const targets = new Set(renamed.values());
  const masked = new Map(Object.entries(mask));
  for (const column of partitionBy) {
    const target = renamed.get(column);
    if (target === undefined || target === column || targets.has(column)) continue;
    problems.push({
      place: placeOf("partitionBy"),
      message: `no column is called "${column}": the field is renamed to "${target}"`,
      fix: `write ${target}`,
    });
  }
  for (const [path, type] of Object.entries(columnTypes)) {
    if ((masked.get(path) ?? "none") === "none" || type.kind === "string") continue;
    problems.push({
      place: placeOf("columnTypes"),
      message: `"${path}" is masked, so its column is a string and no ${type.kind}`,
      fix: `remove the type of ${path}`,
    });
  }
  return problems;
}
