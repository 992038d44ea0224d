/** Reading JSON of others leniently: what is not there or of another kind is `null`. */

export type JsonObject = Readonly<Record<string, unknown>>;

/** The object, or null for anything else. */
export function asObject(value: unknown): JsonObject | null {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as JsonObject
    : null;
}

/** The elements of a list; none for anything else. */
export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The text, or null for anything else. */
export function asText(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

/** The objects of a list. */
export function objectsOf(value: unknown): readonly JsonObject[] {
  return asList(value).map(asObject).filter((each) => each !== null);
}

/** The value of a JSON text; undefined when it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
