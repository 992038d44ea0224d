/** How a condition compares. */
export type PartitionOperator =
  | "="
  | "!="
  | "<"
  | "<="
  | ">"
  | ">="
  | "in"
  | "is null"
  | "is not null";

/** One comparison with a partition column, its values still text. */
export type PartitionCondition = {
  /** As it was written, for messages and for the table's history. */
  readonly text: string;
  readonly column: string;
  readonly operator: PartitionOperator;
  /** One value, several for `in`, none for `is null` and `is not null`. */
  readonly values: readonly string[];
};

const columnPattern = /^\s*(?:`((?:[^`]|``)+)`|"((?:[^"]|"")+)"|([^\s=<>!`"']+))\s*/;
const operatorPattern = /^(is\s+not\s+null|is\s+null|in(?=\s*\()|<>|!=|<=|>=|==|=|<|>)\s*/i;
const valuePattern = /^(?:'((?:[^']|'')*)'|"((?:[^"]|"")*)")\s*$/;

/**
 * Reads `day=2026-01-31`, `n >= 5`, `region in ('a', 'b')` or `day is null`. Names may stand in
 * backticks or double quotes, values in single or double ones. Null when it is none of these. Pure.
 */
export function parsePartitionCondition(text: string): PartitionCondition | null {
  const named = columnPattern.exec(text);
  if (named === null) return null;
  const [whole, ticked, quoted, plain] = named;
  const column = ticked?.replaceAll("``", "`") ?? quoted?.replaceAll('""', '"') ?? plain ?? "";
  const rest = text.slice(whole.length);
  const compared = operatorPattern.exec(rest);
  if (compared === null) return null;
  const operator = operatorOf(compared[1] ?? "");
  const operand = rest.slice(compared[0].length).trim();
  const values = readValues(operator, operand);
  return values === null ? null : { text: text.trim(), column, operator, values };
}

function operatorOf(written: string): PartitionOperator {
  const name = written.toLowerCase().replace(/\s+/g, " ");
  switch (name) {
    case "is null":
    case "is not null":
    case "in":
    case "<":
    case "<=":
    case ">":
    case ">=":
      return name;
    case "!=":
    case "<>":
      return "!=";
    default:
      return "=";
  }
}

function readValues(operator: PartitionOperator, operand: string): readonly string[] | null {
  switch (operator) {
    case "is null":
    case "is not null":
      return operand === "" ? [] : null;
    case "in": {
      if (!operand.startsWith("(") || !operand.endsWith(")")) return null;
      const parts = splitList(operand.slice(1, -1));
      const values = parts.map(readValue);
      return values.includes(null) ? null : values.filter((value) => value !== null);
    }
    default: {
      const value = readValue(operand);
      return value === null ? null : [value];
    }
  }
}

/** Parts between commas that stand in no quotes. */
function splitList(text: string): string[] {
  const parts = [""];
  let quote = "";
  for (const char of text) {
    if (quote === "" && char === ",") {
      parts.push("");
      continue;
    }
    if (quote === "" && (char === "'" || char === '"')) quote = char;
    else if (char === quote) quote = "";
    parts[parts.length - 1] += char;
  }
  return parts;
}

function readValue(text: string): string | null {
  const trimmed = text.trim();
  const match = valuePattern.exec(trimmed);
  if (match !== null) {
    return match[1]?.replaceAll("''", "'") ?? match[2]?.replaceAll('""', '"') ?? "";
  }
  // What begins like a comparison is a slip such as `a = = b`.
  return trimmed === "" || /^[=<>!'"]/.test(trimmed) ? null : trimmed;
}
