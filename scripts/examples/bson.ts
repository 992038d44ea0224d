/**
 * BSON values as data, and the two texts that Debezium makes of them: `strict` (legacy Extended
 * JSON, in `after` and `before`) and `relaxed` (version 2, in keys and `updatedFields`).
 */
export type Bson =
  | null
  | boolean
  | string
  | readonly Bson[]
  | BsonDocument
  | BsonNumber
  | BsonText
  | BsonOther;

export type BsonDocument = { readonly kind: "document"; readonly fields: readonly BsonField[] };
export type BsonField = readonly [name: string, value: Bson];

type BsonNumber = { readonly kind: "int" | "long" | "double" | "decimal"; readonly text: string };
type BsonText = {
  readonly kind: "oid" | "symbol" | "code" | "minKey" | "maxKey" | "undefined";
  readonly text: string;
};
type BsonOther =
  | { readonly kind: "date"; readonly ms: bigint }
  | { readonly kind: "timestamp"; readonly seconds: number; readonly ordinal: number }
  | { readonly kind: "binary"; readonly base64: string; readonly subtype: string }
  | { readonly kind: "regex"; readonly pattern: string; readonly options: string };

export type Flavour = "strict" | "relaxed";

/** Makers of values; `double` takes Java's text, so that `-0.0` and `4.9E-324` can be said. */
export const int = (value: number): Bson => ({ kind: "int", text: String(value) });
export const long = (value: bigint): Bson => ({ kind: "long", text: String(value) });
export const double = (text: string): Bson => ({ kind: "double", text });
export const decimal = (text: string): Bson => ({ kind: "decimal", text });
export const oid = (hex: string): Bson => ({ kind: "oid", text: hex });
export const date = (ms: number | bigint): Bson => ({ kind: "date", ms: BigInt(ms) });
export const timestamp = (seconds: number, ordinal: number): Bson => ({
  kind: "timestamp",
  seconds,
  ordinal,
});
export const binary = (base64: string, subtype: string): Bson => ({
  kind: "binary",
  base64,
  subtype,
});
export const regex = (pattern: string, options: string): Bson => ({
  kind: "regex",
  pattern,
  options,
});
export const special = (kind: BsonText["kind"], text = ""): Bson => ({ kind, text });

export function document(fields: Readonly<Record<string, Bson>>): BsonDocument {
  return { kind: "document", fields: Object.entries(fields) };
}

/** For names that a JavaScript object would reorder or merge. */
export function documentOf(fields: readonly BsonField[]): BsonDocument {
  return { kind: "document", fields };
}

/** The value of a field; null when there is none. */
export function fieldOf(document: BsonDocument, name: string): Bson {
  return document.fields.find(([key]) => key === name)?.[1] ?? null;
}

/** A copy with some fields set; a field that is not there yet comes last. */
export function withFields(document: BsonDocument, set: Readonly<Record<string, Bson>>) {
  const kept = document.fields.map(([name, value]): BsonField => [name, set[name] ?? value]);
  const names = new Set(kept.map(([name]) => name));
  return documentOf([...kept, ...Object.entries(set).filter(([name]) => !names.has(name))]);
}

/** A copy without a field. */
export function without(document: BsonDocument, name: string): BsonDocument {
  return documentOf(document.fields.filter(([key]) => key !== name));
}

export function extendedJson(value: Bson, flavour: Flavour): string {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "string") return quoted(value);
  if (isList(value)) {
    return `[${joined(value.map((each) => extendedJson(each, flavour)), flavour)}]`;
  }
  switch (value.kind) {
    case "document":
      return object(value.fields.map(([k, v]) => [k, extendedJson(v, flavour)]), flavour);
    case "int":
      return value.text;
    case "long":
      return flavour === "strict" ? wrapped("$numberLong", value.text) : value.text;
    case "double":
      // Debezium's strict text has bare NaN and Infinity, which is no JSON.
      return flavour === "relaxed" && /[a-z]/.test(value.text)
        ? wrapped("$numberDouble", value.text)
        : value.text;
    case "decimal":
      return wrapped("$numberDecimal", value.text);
    case "oid":
      return wrapped("$oid", value.text);
    case "symbol":
      return wrapped("$symbol", value.text);
    case "code":
      return wrapped("$code", value.text);
    case "minKey":
    case "maxKey":
      return `{"$${value.kind}": 1}`;
    case "undefined":
      return '{"$undefined": true}';
    case "date":
      return dateText(value.ms, flavour);
    case "timestamp":
      return object([["$timestamp", timestampText(value, flavour)]], flavour);
    case "binary":
      return binaryText(value, flavour);
    case "regex":
      return regexText(value, flavour);
  }
}

function isList(value: Bson): value is readonly Bson[] {
  return Array.isArray(value);
}

/** JSON text of a string; Debezium escapes surrogates, so letters beyond 0xFFFF become escapes. */
function quoted(text: string): string {
  return JSON.stringify(text).replace(
    /[\ud800-\udfff\u2028\u2029]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16)}`,
  );
}

function wrapped(name: string, text: string): string {
  return `{"${name}": ${quoted(text)}}`;
}

function joined(parts: readonly string[], flavour: Flavour): string {
  return parts.join(flavour === "strict" ? "," : ", ");
}

function object(fields: readonly (readonly [string, string])[], flavour: Flavour): string {
  return `{${joined(fields.map(([name, text]) => `${quoted(name)}: ${text}`), flavour)}}`;
}

function dateText(ms: bigint, flavour: Flavour): string {
  if (flavour === "strict") return `{"$date": ${ms}}`;
  if (ms < 0n || ms >= 253402300800000n) return `{"$date": {"$numberLong": "${ms}"}}`;
  return wrapped("$date", new Date(Number(ms)).toISOString().replace(".000Z", "Z"));
}

function timestampText(
  value: { readonly seconds: number; readonly ordinal: number },
  flavour: Flavour,
): string {
  return object([["t", String(value.seconds)], ["i", String(value.ordinal)]], flavour);
}

function binaryText(
  value: { readonly base64: string; readonly subtype: string },
  flavour: Flavour,
): string {
  const { base64, subtype } = value;
  if (flavour === "strict") {
    return object([["$binary", quoted(base64)], ["$type", quoted(subtype)]], flavour);
  }
  const inner = object([["base64", quoted(base64)], ["subType", quoted(subtype)]], flavour);
  return object([["$binary", inner]], flavour);
}

function regexText(
  value: { readonly pattern: string; readonly options: string },
  flavour: Flavour,
): string {
  const pattern = quoted(value.pattern);
  const options = quoted(value.options);
  if (flavour === "strict") return object([["$regex", pattern], ["$options", options]], flavour);
  const inner = object([["pattern", pattern], ["options", options]], flavour);
  return object([["$regularExpression", inner]], flavour);
}
