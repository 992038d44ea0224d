import { jsonProblem } from "./json-problem.ts";
import type { SnapshotCondition } from "./signal.ts";

/** A condition, or why a text is none, in words that fit behind its place. */
export type ConditionReading =
  | { readonly kind: "condition"; readonly condition: SnapshotCondition }
  | { readonly kind: "invalid"; readonly message: string; readonly fix: string };

const example = `db.coll={"status": "open"}`;

/**
 * Reads `db.coll={…}`, or `{…}` where one collection is meant. The query is checked to be a JSON
 * object here, since Debezium only logs what it cannot parse; its text is passed on as it is.
 */
export function readCondition(text: string, collections: readonly string[]): ConditionReading {
  const named = collections
    .filter((each) => text.startsWith(`${each}=`))
    .toSorted((a, b) => b.length - a.length)[0];
  if (named !== undefined) return withFilter(named, text.slice(named.length + 1).trim());
  if (text.trimStart().startsWith("{")) {
    const [only, ...others] = collections;
    if (only !== undefined && others.length === 0) return withFilter(only, text.trim());
    return {
      kind: "invalid",
      message: "does not say which collection it limits",
      fix: `write the collection before it, as in ${example}`,
    };
  }
  const name = /^([^={]*)=/.exec(text)?.[1];
  return {
    kind: "invalid",
    message: name === undefined
      ? `${quoted(text)} is no query`
      : `${quoted(name)} is none of the collections to snapshot`,
    fix: `write a collection of this command and its query, as in ${example}`,
  };
}

function withFilter(collection: string, filter: string): ConditionReading {
  const problem = queryProblem(filter);
  if (problem === null) return { kind: "condition", condition: { collection, filter } };
  return {
    kind: "invalid",
    message: `the query of ${collection} ${problem}`,
    fix: `write a MongoDB query in Extended JSON, as in ${example}`,
  };
}

function queryProblem(filter: string): string | null {
  const problem = jsonProblem(filter);
  if (problem === null) return filter.startsWith("{") ? null : "is not a JSON object";
  const { at, expected } = problem;
  const found = at < filter.length ? `at ${quoted(filter.slice(at, at + 20))}` : "at its end";
  return `is not JSON: ${expected} is missing ${found} (character ${at + 1})`;
}

function quoted(text: string): string {
  return `"${text.length > 60 ? `${text.slice(0, 60)}…` : text}"`;
}
