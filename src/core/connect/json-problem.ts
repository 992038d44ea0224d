/** Where a text stops being JSON: counted from 0, in characters. */
export type JsonProblem = { readonly at: number; readonly expected: string };

/**
 * The first place where a text is not JSON (RFC 8259); null when it is. The runtimes' own messages
 * differ, and some name no place.
 */
export function jsonProblem(text: string): JsonProblem | null {
  const reader = { text, at: 0 };
  try {
    readValue(reader, 0);
    skipSpace(reader);
    return reader.at === text.length ? null : { at: reader.at, expected: "the end" };
  } catch (error) {
    if (error instanceof Stop) return { at: reader.at, expected: error.expected };
    throw error;
  }
}

type Reader = { readonly text: string; at: number };

/** Nested deeper than any query that MongoDB takes (100 levels). */
const depthMax = 1000;

/** Ends the reading at the reader's place; never leaves this file. */
class Stop extends Error {
  readonly expected: string;

  constructor(expected: string) {
    super(expected);
    this.expected = expected;
  }
}

function readValue(reader: Reader, depth: number): void {
  if (depth > depthMax) throw new Stop("less nesting");
  skipSpace(reader);
  const c = reader.text[reader.at];
  if (c === "{") readMembers(reader, depth);
  else if (c === "[") readItems(reader, depth);
  else if (c === '"') readString(reader);
  else {
    const scalar = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/y;
    if (!skipMatch(reader, scalar)) throw new Stop("a value");
  }
}

function readMembers(reader: Reader, depth: number): void {
  reader.at++;
  if (skips(reader, "}")) return;
  do {
    skipSpace(reader);
    if (reader.text[reader.at] !== '"') throw new Stop("a name in double quotes");
    readString(reader);
    if (!skips(reader, ":")) throw new Stop("a colon");
    readValue(reader, depth + 1);
  } while (skips(reader, ","));
  if (!skips(reader, "}")) throw new Stop("a comma or }");
}

function readItems(reader: Reader, depth: number): void {
  reader.at++;
  if (skips(reader, "]")) return;
  do {
    readValue(reader, depth + 1);
  } while (skips(reader, ","));
  if (!skips(reader, "]")) throw new Stop("a comma or ]");
}

function readString(reader: Reader): void {
  const { text } = reader;
  for (let at = reader.at + 1; at < text.length; at++) {
    const c = text.charAt(at);
    if (c === '"') {
      reader.at = at + 1;
      return;
    }
    if (c < " ") break;
    if (c !== "\\") continue;
    const escape = /["\\/bfnrt]|u[0-9a-fA-F]{4}/y;
    escape.lastIndex = at + 1;
    if (!escape.test(text)) break;
    at = escape.lastIndex - 1;
  }
  throw new Stop("a string that ends in double quotes");
}

function skips(reader: Reader, c: string): boolean {
  skipSpace(reader);
  if (reader.text[reader.at] !== c) return false;
  reader.at++;
  return true;
}

function skipMatch(reader: Reader, pattern: RegExp): boolean {
  pattern.lastIndex = reader.at;
  if (!pattern.test(reader.text)) return false;
  reader.at = pattern.lastIndex;
  return true;
}

function skipSpace(reader: Reader): void {
  skipMatch(reader, /[ \t\r\n]*/y);
}
