import {
  checkNewTableProperties,
  settableTableProperties,
} from "../../delta/log/table-properties.ts";
import type { DataType } from "../../delta/schema/data-type.ts";
import { messageOf } from "../../errors.ts";
import { formatColumnType, parseColumnType } from "./column-type.ts";
import { invalid, ok, quote, type Reading, type ValueType, valueType } from "./value-type.ts";

/** Names separated by commas; in a config file also a list. */
export function names(
  options: { placeholder: string; form: string },
): ValueType<readonly string[]> {
  return valueType<readonly string[]>({
    ...options,
    read: (input) => readNames(input),
    show: (value) => [...value],
  });
}

/** Columns, or `none` for no columns. */
export function columnsOrNone(): ValueType<readonly string[]> {
  return valueType<readonly string[]>({
    placeholder: "<columns|none>",
    form: "columns separated by commas, or `none`",
    read: (input) => {
      if (input === "none" || (Array.isArray(input) && input.length === 0)) return ok([]);
      return readNames(input);
    },
    show: (value) => value.length === 0 ? "none" : [...value],
  });
}

/** `name=value` pairs: a repeatable flag, `a=1,b=2` in the environment, a mapping in a file. */
export function tableProperties(): ValueType<Readonly<Record<string, string>>> {
  return valueType<Readonly<Record<string, string>>>({
    placeholder: "<name=value>",
    form: "`delta.name=value`; in a file a mapping",
    arity: "repeatable",
    read: (input) => {
      const pairs = readPairs(input);
      if (pairs.kind === "invalid") return pairs;
      const entries: Record<string, string> = {};
      for (const [name, value] of pairs.value) {
        if (!name.startsWith("delta.")) {
          return invalid(
            `"${name}" is not a table property`,
            `write delta.${name}, or leave it out: only delta.* properties can be set`,
          );
        }
        entries[name] = String(value);
      }
      const problem = propertyProblem(entries);
      const fix = `correct or remove it; these can be set: ${settableTableProperties.join(", ")}`;
      return problem === null ? ok(entries) : invalid(problem, fix);
    },
    show: (value) => ({ ...value }),
  });
}

function propertyProblem(properties: Readonly<Record<string, string>>): string | null {
  try {
    checkNewTableProperties(properties);
    return null;
  } catch (error) {
    return messageOf(error).replace(/^Cannot create the table: /, "");
  }
}

/** Types of columns by field path, written as SQL types. */
export function columnTypes(): ValueType<Readonly<Record<string, DataType>>> {
  return valueType<Readonly<Record<string, DataType>>>({
    placeholder: "<path=type>",
    form: "`price=decimal(10,2)`; in a file a mapping",
    arity: "repeatable",
    read: (input) => {
      const pairs = readPairs(input);
      if (pairs.kind === "invalid") return pairs;
      const types: Record<string, DataType> = {};
      for (const [path, written] of pairs.value) {
        const parsed = parseColumnType(String(written));
        if (parsed.kind === "invalid") {
          return invalid(`type of column "${path}": ${parsed.message}`, parsed.fix);
        }
        types[path] = parsed.value;
      }
      return ok(types);
    },
    show: (value) =>
      Object.fromEntries(Object.entries(value).map(([k, type]) => [k, formatColumnType(type)])),
  });
}

function readNames(input: unknown): Reading<readonly string[]> {
  const parts: readonly unknown[] | null = typeof input === "string"
    ? input.split(",").map((part) => part.trim())
    : Array.isArray(input)
    ? input
    : null;
  const fix = "write names separated by commas";
  if (parts === null) return invalid(`${quote(input)} is not a list of names`, fix);
  const found: string[] = [];
  for (const part of parts) {
    if (typeof part !== "string" || part === "") {
      return invalid(`${quote(input)} has an empty name`, fix);
    }
    if (found.includes(part)) return invalid(`"${part}" is named twice`, `name "${part}" once`);
    found.push(part);
  }
  return ok(found);
}

type Scalar = string | number | boolean;

/** Pairs of a flag, a variable or a mapping, in the order written. */
export function readPairs(input: unknown): Reading<readonly (readonly [string, Scalar])[]> {
  const fix = "write name=value";
  if (typeof input === "string") return readPairs(splitPairs(input));
  if (Array.isArray(input)) {
    const pairs: (readonly [string, Scalar])[] = [];
    for (const item of input.flatMap((part) => splitPairs(String(part)))) {
      const equals = item.indexOf("=");
      if (equals < 1) return invalid(`${quote(item)} is not name=value`, fix);
      pairs.push([item.slice(0, equals).trim(), item.slice(equals + 1).trim()]);
    }
    return ok(pairs);
  }
  if (typeof input !== "object" || input === null) {
    return invalid(`${quote(input)} is not a mapping`, fix);
  }
  const pairs: (readonly [string, Scalar])[] = [];
  for (const [name, value] of Object.entries(input)) {
    if (!isScalar(value)) {
      return invalid(`the value of "${name}" is not text`, `write ${name}: value`);
    }
    pairs.push([name, value]);
  }
  return ok(pairs);
}

function isScalar(value: unknown): value is Scalar {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

/** Splits `a=decimal(10,2),b=2` at the commas that start a new pair, not those in a type. */
function splitPairs(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (char === "(" || char === "<") depth++;
    if (char === ")" || char === ">") depth--;
    if (char === "," && depth === 0) {
      parts.push(text.slice(start, i));
      start = i + 1;
    }
  }
  parts.push(text.slice(start));
  return parts.map((part) => part.trim());
}
