import { readFileSync } from "node:fs";
import { type Document, isMap, isScalar, LineCounter, type Node, parseDocument, visit } from "yaml";
import { z } from "zod";
import { messageOf } from "../../errors.ts";
import { fixOf } from "./basic-types.ts";
import { regexProblem } from "./checked-types.ts";
import { expandVariables } from "./expand-variables.ts";
import { nearest, type Problem } from "./problem.ts";
import {
  type CollectionOverride,
  isSettingKey,
  settingEntries,
  type SettingKey,
  settingOf,
} from "./settings.ts";

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
  yaml: string,
  { path, env }: { readonly path: string; readonly env: Env },
): ConfigFile {
  const lines = new LineCounter();
  const document = parseDocument(yaml, { lineCounter: lines, prettyErrors: false });
  const problems: Problem[] = document.errors.map((error) => ({
    place: `${path}:${lines.linePos(error.pos[0]).line}`,
    message: `not valid YAML: ${error.message}`,
    fix: "correct the file's syntax",
  }));
  problems.push(...lostKeys(document, (at) => `${path}:${lines.linePos(at).line}`));
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
  const content = withoutNulls(expanded);
  const first = fileSchema.safeParse(content);
  const wrong = first.success ? [] : first.error.issues;
  for (const issue of wrong) problems.push(...problemsOf(issue, placeOf));
  const invalid = new Set(wrong.flatMap(topLevelKeys));
  // What is right is kept, so that a wrong key elsewhere does not make it look absent.
  const result = first.success ? first : fileSchema.safeParse(withoutKeys(content, invalid));
  const data = result.success ? result.data : {};
  const values = new Map(
    settingEntries.flatMap(([key, each]) => {
      const found: unknown = invalid.has(key) ? each.default : Reflect.get(data, key);
      return found === undefined ? [] : [[key, { value: found, place: placeOf([key]) }] as const];
    }),
  );
  problems.push(...patternProblems(content, placeOf));
  const collections = Object.entries(data.collections ?? {})
    .map(([pattern, overrides]) => ({ pattern, values: overrides }));
  return { values, collections, problems };
}

/** Keys that an object of this language cannot have as its own, and would lose without a word. */
function lostKeys(document: Document, placeOf: (offset: number) => string): Problem[] {
  const problems: Problem[] = [];
  visit(document, {
    Pair(_, { key }) {
      if (!isScalar(key) || String(key.value) !== "__proto__") return;
      problems.push({
        place: `${placeOf(key.range?.[0] ?? 0)} __proto__`,
        message: "no such setting, and no name that can be set",
        fix: "remove it; docs/config.md lists the settings",
      });
    },
  });
  return problems;
}

function patternProblems(content: unknown, placeOf: (path: Path) => string): Problem[] {
  const collections: unknown = isObject(content) ? content["collections"] : null;
  if (!isObject(collections)) return [];
  return Object.keys(collections).flatMap((pattern) => {
    const wrong = regexProblem(pattern);
    if (wrong === null) return [];
    return [{
      place: placeOf(["collections", pattern]),
      message: `the pattern is not a regular expression: ${wrong}`,
      fix: "write a regular expression that matches the whole of db.collection, " +
        "such as shop\\.orders or shop\\..*",
    }];
  });
}

function topLevelKeys(issue: z.core.$ZodIssue): string[] {
  const [key] = issue.path;
  if (key !== undefined) return [String(key)];
  return issue.code === "unrecognized_keys" ? issue.keys : [];
}

function withoutKeys(content: unknown, keys: ReadonlySet<string>): unknown {
  if (!isObject(content)) return {};
  return Object.fromEntries(Object.entries(content).filter(([key]) => !keys.has(key)));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
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
  const [key] = issue.path;
  const secret = typeof key === "string" && isSettingKey(key) && settingOf(key).secret === true;
  const message = secret ? "the value is not valid" : issue.message;
  return [{ place: placeOf(issue.path), message, fix }];
}

/** An empty value means: not set. */
function withoutNulls(value: unknown): unknown {
  if (!isObject(value)) return value;
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
