import { CdcDeltaError } from "../../errors.ts";
import type { DataType, JsonValue, PrimitiveKind, StructField, StructType } from "./data-type.ts";
import { parseLossless, stringifyLossless } from "./lossless-json.ts";

/** Deeper schemas are refused, so that a hostile one cannot exhaust the stack. */
export const schemaDepthMax = 256;

const primitives: ReadonlySet<string> = new Set<PrimitiveKind>([
  "string",
  "long",
  "integer",
  "short",
  "byte",
  "float",
  "double",
  "boolean",
  "binary",
  "date",
  "timestamp",
  "timestamp_ntz",
  "void",
  "variant",
]);

/** Names that other writers use for the same types. */
const aliases: Readonly<Record<string, PrimitiveKind>> = {
  null: "void",
  int: "integer",
  bigint: "long",
  smallint: "short",
  tinyint: "byte",
};

const decimalPattern = /^decimal\(\s*(\d{1,2})\s*,\s*(-?\d{1,2})\s*\)$/;

/**
 * `metaData.schemaString` → schema (PROTOCOL.md, "Schema Serialization Format"). Field metadata is
 * kept whole, numbers digit by digit (see `lossless-json.ts`).
 *
 * Throws `log-corrupt` for what is not a schema, `unsupported` for a type cdcdelta does not know.
 */
export function schemaFromJson(schemaString: string): StructType {
  let json: JsonValue;
  try {
    json = parseLossless(schemaString);
  } catch (cause) {
    throw new CdcDeltaError("log-corrupt", "Cannot read the table's schema: it is not JSON", {
      cause,
    });
  }
  const type = dataTypeFromJson(json);
  if (type.kind !== "struct") throw corrupt("the outermost type is not a struct");
  return type;
}

/** A type as it stands in a `schemaString` (also in `delta.typeChanges`). Errors as `schemaFromJson`. */
export function dataTypeFromJson(json: JsonValue): DataType {
  return readType(json, 0);
}

function readType(json: JsonValue, depth: number): DataType {
  if (depth > schemaDepthMax) throw corrupt(`it nests deeper than ${schemaDepthMax} levels`);
  if (typeof json === "string") return readPrimitive(json);
  const object = asObject(json, "a type");
  switch (object["type"]) {
    case "struct":
      return readStruct(object, depth);
    case "array":
      return {
        kind: "array",
        elementType: readType(member(object, "elementType"), depth + 1),
        containsNull: object["containsNull"] !== false,
      };
    case "map":
      return {
        kind: "map",
        keyType: readType(member(object, "keyType"), depth + 1),
        valueType: readType(member(object, "valueType"), depth + 1),
        valueContainsNull: object["valueContainsNull"] !== false,
      };
    default:
      throw unknownType(JSON.stringify(object["type"] ?? null));
  }
}

function readStruct(object: JsonObject, depth: number): StructType {
  const list = object["fields"];
  if (!Array.isArray(list)) throw corrupt("a struct has no list of fields");
  const fields: readonly JsonValue[] = list;
  return { kind: "struct", fields: fields.map((field) => readField(field, depth)) };
}

function readField(json: JsonValue, depth: number): StructField {
  const object = asObject(json, "a field");
  const name = object["name"];
  if (typeof name !== "string") throw corrupt("a field has no name");
  const { name: _, type: __, nullable: ___, metadata, ...unknown } = object;
  return {
    ...unknown,
    name,
    type: readType(member(object, "type"), depth + 1),
    nullable: object["nullable"] !== false,
    metadata: metadata === undefined || metadata === null
      ? {}
      : asObject(metadata, `the metadata of "${name}"`),
  };
}

function readPrimitive(text: string): DataType {
  const name = text.trim();
  if (primitives.has(name)) return { kind: name as PrimitiveKind };
  if (Object.hasOwn(aliases, name)) return { kind: aliases[name] as PrimitiveKind };
  if (name === "decimal") return { kind: "decimal", precision: 10, scale: 0 };
  const match = decimalPattern.exec(name);
  if (match === null) throw unknownType(`"${text}"`);
  const precision = Number(match[1]);
  const scale = Number(match[2]);
  if (precision < 1 || precision > 38 || scale < 0 || scale > precision) {
    throw corrupt(`"${text}" is not a decimal type: 1 to 38 digits, scale up to as many`);
  }
  return { kind: "decimal", precision, scale };
}

/** Schema → `metaData.schemaString`, members in Spark's order. */
export function schemaToJson(schema: StructType): string {
  return stringifyLossless(typeToJson(schema));
}

/** A type as it stands in a `schemaString`. */
export function typeToJson(type: DataType): JsonValue {
  switch (type.kind) {
    case "decimal":
      return `decimal(${type.precision},${type.scale})`;
    case "array":
      return {
        type: "array",
        elementType: typeToJson(type.elementType),
        containsNull: type.containsNull,
      };
    case "map":
      return {
        type: "map",
        keyType: typeToJson(type.keyType),
        valueType: typeToJson(type.valueType),
        valueContainsNull: type.valueContainsNull,
      };
    case "struct":
      return { type: "struct", fields: type.fields.map(fieldToJson) };
    default:
      return type.kind;
  }
}

/** Members that we do not know stay as they were read. */
function fieldToJson({ name, type, nullable, metadata, ...unknown }: StructField): JsonValue {
  return { name, type: typeToJson(type), nullable, metadata, ...unknown };
}

type JsonObject = { readonly [key: string]: JsonValue };

function asObject(json: JsonValue, what: string): JsonObject {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw corrupt(`${what} is not an object`);
  }
  return json as JsonObject;
}

function member(object: JsonObject, key: string): JsonValue {
  const value = object[key];
  if (value === undefined) throw corrupt(`"${key}" is missing`);
  return value;
}

function corrupt(why: string): CdcDeltaError {
  return new CdcDeltaError("log-corrupt", `Cannot read the table's schema: ${why}`);
}

function unknownType(name: string): CdcDeltaError {
  return new CdcDeltaError(
    "unsupported",
    `Cannot read the table's schema: cdcdelta does not know the type ${name}`,
    { context: { type: name } },
  );
}
