import { readFileSync } from "node:fs";
import { isMap, isScalar, LineCounter, type Node, parseDocument } from "yaml";
import { z } from "zod";
import { messageOf } from "../../errors.ts";
import { fixOf } from "./basic-types.ts";
import { regexProblem } from "./checked-types.ts";
import { expandVariables } from "./expand-variables.ts";
import { nearest, type Problem } from "./problem.ts";
import { type CollectionOverride, settingEntries, type SettingKey } from "./settings.ts";

type Env = Readonly<Record<string, string | undefined>>;
type Path = readonly PropertyKey[];

/** What a config file says, checked; values already have their types. */
export type ConfigFile = {
  readonly values: ReadonlyMap<SettingKey, { readonly value: unknown; readonly place: string }>;
  /** Null: the file has no `collections`. */
  readonly collections: readonly CollectionOverride[];
  readonly problems: readonly Problem[];
};

const perCollection = settingEntries.filter(([, each]) => each.perCollection === true);

const collectionSchema = z.strictObject(
  Object.fromEntries(perCollection.map(([key, each]) => [key, each.type.schema.optional()])),
);

const fileSchema = z.strictObject({
  ...Object.fromEntries(settingEntries.map(([key, each]) => [key, each.type.schema.optional()])),
  collections: z.record(z.string(), collectionSchema).optional(),
});

/** Reads and checks a YAML or JSON file; every problem found is returned with its line. */
export function readConfigFile(path: string, env: Env): ConfigFile {
  try {
    return parseConfigFile(readFileSync(path, "utf8"), { path, env });
  } catch (error) {
    const problem = {
      place: path,
      message: `the config file cannot be read: ${messageOf(error)}`,
      fix: "correct --config (or CDCDELTA_CONFIG), or the file's permissions",
    };
    return { values: new Map(), collections: [], problems: [problem] };
  }
}

/** The same for a text that was read already. */
export function parseConfigFile(
  content: string,
  { path, env }: { readonly path: string; readonly env: Env },
): ConfigFile {
  const lines = new LineCounter();
  const document = parseDocument(content, { lineCounter: lines, prettyErrors: false });
  const problems: Problem[] = document.errors.map((error) => ({
    place: `${path}:${lines.linePos(error.pos[0]).line}`,
    message: `not valid YAML: ${error.message}`,
    fix: "correct the file's syntax",
  }));
  if (problems.length > 0) return { values: new Map(), collections: [], problems };
  const placeOf = (at: Path): string => {
    const offset = offsetOf(document.contents, at);
    const line = offset === null ? "" : `:${lines.linePos(offset).line}`;
    return at.length === 0 ? `${path}${line}` : `${path}${line} ${showPath(at)}`;
  };
  const raw: unknown = document.toJS({ maxAliasCount: 100 }) ?? {};
  const expanded = expandVariables(raw, env, (at, message, fix) => {
    problems.push({ place: placeOf(at), message, fix });
  });
  const result = fileSchema.safeParse(withoutNulls(expanded));
  if (!result.success) {
    for (const issue of result.error.issues) problems.push(...problemsOf(issue, placeOf));
    return { values: new Map(), collections: [], problems };
  }
  const values = new Map(
    settingEntries.flatMap(([key]) => {
      const value: unknown = Reflect.get(result.data, key);
      return value === undefined ? [] : [[key, { value, place: placeOf([key]) }] as const];
    }),
  );
  const collections = collectionsOf(result.data.collections ?? {}, placeOf, problems);
  return { values, collections, problems };
}

function collectionsOf(
  collections: Readonly<Record<string, object>>,
  placeOf: (path: Path) => string,
  problems: Problem[],
): CollectionOverride[] {
  return Object.entries(collections).map(([pattern, values]) => {
    const wrong = regexProblem(pattern);
    if (wrong !== null) {
      problems.push({
        place: placeOf(["collections", pattern]),
        message: `the pattern is not a regular expression: ${wrong}`,
        fix: "write a regular expression that matches the whole of db.collection, " +
          "such as shop\\.orders or shop\\..*",
      });
    }
    return { pattern, values };
  });
}

function problemsOf(issue: z.core.$ZodIssue, placeOf: (path: Path) => string): Problem[] {
  if (issue.code === "unrecognized_keys") {
    const inCollection = issue.path.length > 0;
    const known: string[] = (inCollection ? perCollection : settingEntries).map(([key]) => key);
    if (!inCollection) known.push("collections");
    return issue.keys.map((key) => {
      const similar = nearest(key, known);
      return {
        place: placeOf([...issue.path, key]),
        message: inCollection ? "no such setting for a collection" : "no such setting",
        fix: similar === null
          ? "remove it; docs/config.md lists the settings"
          : `did you mean ${similar}?`,
      };
    });
  }
  const fix = issue.code === "invalid_type" ? "write a mapping of settings" : fixOf(issue);
  return [{ place: placeOf(issue.path), message: issue.message, fix }];
}

/** An empty value means: not set. */
function withoutNulls(value: unknown): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const kept = Object.entries(value).filter(([, each]) => each !== null);
  return Object.fromEntries(kept.map(([key, each]) => [key, withoutNulls(each)]));
}

/** The place of a key in the file's text, or of the nearest node above it. */
function offsetOf(root: Node | null, path: Path): number | null {
  let node: unknown = root;
  let offset = root?.range?.[0] ?? null;
  for (const segment of path) {
    if (!isMap(node)) return offset;
    const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === segment);
    if (pair === undefined) return offset;
    offset = isScalar(pair.key) ? pair.key.range?.[0] ?? offset : offset;
    node = pair.value;
  }
  return offset;
}

function showPath(path: Path): string {
  return path.map((segment) => {
    const word = String(segment);
    return /^\w+$/.test(word) ? word : JSON.stringify(word);
  }).join(".");
}
