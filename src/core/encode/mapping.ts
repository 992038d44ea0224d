import { CdcDeltaError, messageOf } from "../../errors.ts";
import type { CollectionRules, MappingRules, TableKey } from "./encode-job.ts";

/** The rules of a collection: those of the first pattern that matches `db.collection` as a whole. */
export function collectionRules(rules: MappingRules): (key: TableKey) => CollectionRules {
  const patterns = rules.overrides.map(({ pattern, rules: own }) => ({
    expression: compile(pattern),
    rules: own,
  }));
  return (key) => patterns.find(({ expression }) => expression.test(key))?.rules ?? rules.defaults;
}

function compile(pattern: string): RegExp {
  try {
    return new RegExp(`^(?:${pattern})$`, "u");
  } catch (error) {
    throw new CdcDeltaError(
      "usage",
      `Cannot use "${pattern}" as a pattern for collections: ${messageOf(error)}. ` +
        "Write a regular expression for db.collection",
      { cause: error },
    );
  }
}
