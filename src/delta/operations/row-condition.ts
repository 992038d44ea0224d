import { type ColumnPath, readColumnPath } from "../schema/column-path.ts";

/** How a column compares with a value; the other comparisons are negations of these. */
export type RowComparison = "=" | "<" | "<=" | ">" | ">=";

/** A condition on rows, its values still text. Nulls are compared as in SQL: the result is unknown. */
export type RowCondition =
  | {
    readonly kind: "compare";
    readonly column: ColumnPath;
    readonly comparison: RowComparison;
    readonly value: string;
  }
  | { readonly kind: "in"; readonly column: ColumnPath; readonly values: readonly string[] }
  | { readonly kind: "is-null"; readonly column: ColumnPath }
  | { readonly kind: "not"; readonly condition: RowCondition }
  | { readonly kind: "and" | "or"; readonly conditions: readonly RowCondition[] };

/** A condition, or what is wrong with its text. */
export type ParsedCondition =
  | { readonly kind: "condition"; readonly condition: RowCondition }
  | { readonly kind: "wrong"; readonly message: string };

/**
 * Reads `a = 1 and (b.c is not null or not d in ('x', 'y'))`. Names may stand in backticks or double
 * quotes, values in single or double ones; a plain word is a value as well, never a column. Pure.
 */
export function parseRowCondition(text: string): ParsedCondition {
  const reader: Reader = { text, at: 0 };
  try {
    const condition = readOr(reader);
    skipSpace(reader);
    if (reader.at < text.length) throw wrong(reader, "and, or, or the end");
    return { kind: "condition", condition };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return { kind: "wrong", message: error.message };
  }
}

type Reader = { readonly text: string; at: number };

/** Conditions in more parentheses than this are refused, so that reading them may be recursive. */
const depthMax = 100;

function readOr(reader: Reader, depth = 0): RowCondition {
  if (depth > depthMax) throw new SyntaxError("it has too many parentheses");
  return readList(reader, "or", () => readList(reader, "and", () => readNot(reader, depth)));
}

function readList(reader: Reader, kind: "and" | "or", next: () => RowCondition): RowCondition {
  const conditions = [next()];
  while (takeWord(reader, kind)) conditions.push(next());
  const [only] = conditions;
  return conditions.length === 1 && only !== undefined ? only : { kind, conditions };
}

function readNot(reader: Reader, depth: number): RowCondition {
  if (takeWord(reader, "not")) return { kind: "not", condition: readNot(reader, depth + 1) };
  if (takeText(reader, "(")) {
    const condition = readOr(reader, depth + 1);
    if (!takeText(reader, ")")) throw wrong(reader, "a closing parenthesis");
    return condition;
  }
  return readComparison(reader);
}

function readComparison(reader: Reader): RowCondition {
  skipSpace(reader);
  const column = readColumnPath(reader.text.slice(reader.at));
  if (column === null) throw wrong(reader, "a column");
  reader.at += column.text.length;
  if (takeWord(reader, "is")) {
    const negated = takeWord(reader, "not");
    if (!takeWord(reader, "null")) throw wrong(reader, "null");
    return negation(negated, { kind: "is-null", column });
  }
  const negated = takeWord(reader, "not");
  if (takeWord(reader, "in")) {
    return negation(negated, { kind: "in", column, values: readValues(reader) });
  }
  if (takeWord(reader, "between")) {
    const low = readValue(reader);
    if (!takeWord(reader, "and")) throw wrong(reader, "and");
    const conditions: RowCondition[] = [
      { kind: "compare", column, comparison: ">=", value: low },
      { kind: "compare", column, comparison: "<=", value: readValue(reader) },
    ];
    return negation(negated, { kind: "and", conditions });
  }
  if (negated) throw wrong(reader, "in or between");
  return readOperator(reader, column);
}

const operators = ["<>", "!=", "==", "<=", ">=", "=", "<", ">"] as const;

function readOperator(reader: Reader, column: ColumnPath): RowCondition {
  const operator = operators.find((each) => takeText(reader, each));
  if (operator === undefined) {
    throw wrong(reader, "a comparison (=, !=, <, <=, >, >=, in, between, is null)");
  }
  const value = readValue(reader);
  switch (operator) {
    case "=":
    case "==":
      return { kind: "compare", column, comparison: "=", value };
    case "!=":
    case "<>":
      return negation(true, { kind: "compare", column, comparison: "=", value });
    default:
      return { kind: "compare", column, comparison: operator, value };
  }
}

function negation(negated: boolean, condition: RowCondition): RowCondition {
  return negated ? { kind: "not", condition } : condition;
}

function readValues(reader: Reader): string[] {
  if (!takeText(reader, "(")) throw wrong(reader, "a list in parentheses");
  const values = [readValue(reader)];
  while (takeText(reader, ",")) values.push(readValue(reader));
  if (!takeText(reader, ")")) throw wrong(reader, "a comma or a closing parenthesis");
  return values;
}

const valuePattern = /^(?:'((?:[^']|'')*)'|"((?:[^"]|"")*)"|([^\s=<>!'"`(),]+))/;

function readValue(reader: Reader): string {
  skipSpace(reader);
  const match = valuePattern.exec(reader.text.slice(reader.at));
  if (match === null) throw wrong(reader, "a value");
  const [whole, single, double, plain] = match;
  if (plain?.toLowerCase() === "null") {
    throw new SyntaxError('nothing compares with null: write "is null" or "is not null"');
  }
  reader.at += whole.length;
  return single?.replaceAll("''", "'") ?? double?.replaceAll('""', '"') ?? plain ?? "";
}

function takeText(reader: Reader, text: string): boolean {
  skipSpace(reader);
  if (!reader.text.startsWith(text, reader.at)) return false;
  reader.at += text.length;
  return true;
}

/** Takes a keyword, in whatever case; a longer word that begins with it is another one. */
function takeWord(reader: Reader, word: string): boolean {
  skipSpace(reader);
  const end = reader.at + word.length;
  if (reader.text.slice(reader.at, end).toLowerCase() !== word) return false;
  if (/^[^\s()'"`=<>!]/.test(reader.text.slice(end, end + 1))) return false;
  reader.at = end;
  return true;
}

function skipSpace(reader: Reader): void {
  while (/\s/.test(reader.text[reader.at] ?? "")) reader.at += 1;
}

function wrong({ text, at }: Reader, wanted: string): SyntaxError {
  const rest = text.slice(at).trim();
  const found = rest === "" ? "ends" : `has "${rest.length > 20 ? `${rest.slice(0, 20)}…` : rest}"`;
  return new SyntaxError(`it ${found} where ${wanted} should be`);
}
