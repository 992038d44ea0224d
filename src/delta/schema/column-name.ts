import { CdcDeltaError } from "../../errors.ts";
import type { DataType, StructType } from "./data-type.ts";

/** Characters that no name may hold without column mapping (delta-spark refuses them as well). */
export const forbiddenInName = /[ ,;{}()\n\t=]/;

/** Names that change data feed readers add to rows. */
const reservedNames: ReadonlySet<string> = new Set([
  "_change_type",
  "_commit_version",
  "_commit_timestamp",
  "__is_cdc",
]);

export type NameProblem = "empty" | "forbidden-character" | "reserved";

/**
 * Why a name cannot be a column (at the top level) or a field (nested); null when it can. Whether
 * it clashes with another one is a question for `sameColumnName`.
 */
export function nameProblem(name: string, level: "column" | "field"): NameProblem | null {
  if (name === "") return "empty";
  if (forbiddenInName.test(name)) return "forbidden-character";
  if (level === "column" && reservedNames.has(name.toLowerCase())) return "reserved";
  return null;
}

/** Names are one column when they are equal ignoring case. */
export function nameKey(name: string): string {
  return name.toLowerCase();
}

/**
 * Throws `usage`, naming every column that a new table or a new column must not be called, or that
 * differs from another one in case alone.
 */
export function checkColumnNames(schema: StructType): void {
  const problems: string[] = [];
  visit(schema, [], problems);
  if (problems.length === 0) return;
  throw new CdcDeltaError("usage", `The table cannot have these columns: ${problems.join("; ")}`);
}

function visit(type: DataType, path: readonly string[], problems: string[]): void {
  switch (type.kind) {
    case "struct": {
      const seen = new Set<string>();
      for (const field of type.fields) {
        const at = [...path, field.name];
        const problem = nameProblem(field.name, path.length === 0 ? "column" : "field");
        const shown = JSON.stringify(at.join("."));
        if (problem !== null) problems.push(`${shown}: ${explain(problem)}`);
        if (seen.has(nameKey(field.name))) problems.push(`${shown}: there are two of them`);
        seen.add(nameKey(field.name));
        visit(field.type, at, problems);
      }
      break;
    }
    case "array":
      visit(type.elementType, [...path, "element"], problems);
      break;
    case "map":
      visit(type.keyType, [...path, "key"], problems);
      visit(type.valueType, [...path, "value"], problems);
      break;
    default:
      break;
  }
}

function explain(problem: NameProblem): string {
  switch (problem) {
    case "empty":
      return "the name is empty";
    case "forbidden-character":
      return 'the name holds one of " ,;{}()=", a tab or a line break';
    case "reserved":
      return "the name is reserved for change data feeds";
  }
}
