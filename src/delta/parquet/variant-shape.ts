import type { SchemaElement } from "hyparquet";
import { CdcDeltaError } from "../../errors.ts";
import {
  type DataType,
  field,
  struct,
  type StructField,
  type StructType,
} from "../schema/data-type.ts";
import type { FileNode } from "./file-schema.ts";
import { readFailure } from "./read-failure.ts";

/** How the JSON text of a shredded value differs from that of its column's type. */
export type ShreddedForm = "time" | "uuid" | "nanos" | "nanos-utc";

/** Key of the form in the metadata of a `typed_value` field. */
export const formKey = "form";

/** A variant's group as a struct to be read, and its node with the annotations that this needs. */
export type VariantShape = { readonly type: StructType; readonly node: FileNode };

/**
 * The shape of a variant in a file: `metadata`, `value`, and `typed_value` where it is shredded
 * (parquet-format, "Variant Shredding"). Errors: `parquet` when the group is no variant,
 * `unsupported` for a shredded type that is not known.
 */
export function variantShape(node: FileNode, path: string): VariantShape {
  const metadata = node.children.find((child) => child.name === "metadata");
  if (node.leaf >= 0 || metadata === undefined || metadata.leaf < 0) {
    throw readFailure(`column '${path}' is not a variant in it: it has no 'metadata'`);
  }
  const shape = groupShape(node, path);
  const type = struct([field("metadata", { kind: "binary" }), ...shape.type.fields]);
  return { type, node: { ...shape.node, children: [metadata, ...shape.node.children] } };
}

/** `value` and `typed_value`, either of which may be absent. */
function groupShape(node: FileNode, path: string): VariantShape {
  const fields: StructField[] = [];
  const children: FileNode[] = [];
  for (const child of node.children) {
    if (child.name === "value") {
      if (child.leaf < 0) throw readFailure(`column '${path}.value' is not binary in it`);
      fields.push(field("value", { kind: "binary" }));
      children.push(child);
    }
    if (child.name === "typed_value") {
      const typed = typedShape(child, `${path}.typed_value`);
      fields.push(typed.field);
      children.push(typed.node);
    }
  }
  if (node.leaf >= 0 || fields.length === 0) {
    throw readFailure(`column '${path}' is not a variant in it: it has no 'value'`);
  }
  return { type: struct(fields), node: { ...node, children } };
}

type TypedShape = { readonly field: StructField; readonly node: FileNode };

function typedShape(node: FileNode, path: string): TypedShape {
  const { element } = node;
  if (node.leaf >= 0) {
    const { type, form } = leafType(element, path);
    const metadata = form === null ? {} : { [formKey]: form };
    return {
      field: { ...field("typed_value", type), metadata },
      // Finer times are read as they are: their type would cut them off.
      node: form?.startsWith("nanos") === true ? withoutAnnotation(node) : node,
    };
  }
  const [repeated] = node.children;
  if (repeated?.isRepeated === true) {
    const [item] = repeated.children;
    if (item === undefined || repeated.children.length !== 1) {
      throw readFailure(`column '${path}' is not a list of three levels in it`);
    }
    const inner = groupShape(item, `${path}.element`);
    const type: DataType = { kind: "array", elementType: inner.type, containsNull: true };
    const children = [{ ...repeated, children: [inner.node] }];
    return { field: field("typed_value", type), node: { ...node, children } };
  }
  const inner = node.children.map((child) => groupShape(child, `${path}.${child.name}`));
  const fields = inner.map((shape) => field(shape.node.name, shape.type));
  const children = inner.map((shape) => shape.node);
  return { field: field("typed_value", struct(fields)), node: { ...node, children } };
}

function withoutAnnotation(node: FileNode): FileNode {
  const { logical_type: _logical, converted_type: _converted, ...element } = node.element;
  return { ...node, element };
}

type LeafType = { readonly type: DataType; readonly form: ShreddedForm | null };

function leafType(element: SchemaElement, path: string): LeafType {
  const { logical_type: logical, converted_type: converted, type } = element;
  const plain = (kind: DataType["kind"] & PlainKind): LeafType => ({ type: { kind }, form: null });
  const isDecimal = converted === "DECIMAL" || logical?.type === "DECIMAL";
  if (isDecimal && element.precision !== undefined) {
    const { precision, scale = 0 } = element;
    return { type: { kind: "decimal", precision, scale }, form: null };
  }
  if (isDecimal && logical?.type === "DECIMAL") {
    const { precision, scale } = logical;
    return { type: { kind: "decimal", precision, scale }, form: null };
  }
  switch (type) {
    case "BOOLEAN":
      return plain("boolean");
    case "FLOAT":
      return plain("float");
    case "DOUBLE":
      return plain("double");
    case "INT32":
      return converted === "DATE" || logical?.type === "DATE" ? plain("date") : plain("integer");
    case "INT64":
      if (logical?.type === "TIMESTAMP" && logical.unit === "NANOS") {
        return { type: { kind: "long" }, form: logical.isAdjustedToUTC ? "nanos-utc" : "nanos" };
      }
      if (logical?.type === "TIMESTAMP") {
        return plain(logical.isAdjustedToUTC ? "timestamp" : "timestamp_ntz");
      }
      if (converted === "TIMESTAMP_MICROS") return plain("timestamp");
      if (logical?.type === "TIME") return { type: { kind: "long" }, form: "time" };
      return plain("long");
    case "BYTE_ARRAY":
      return plain(converted === "UTF8" || logical?.type === "STRING" ? "string" : "binary");
    case "FIXED_LEN_BYTE_ARRAY":
      if (logical?.type === "UUID") return { type: { kind: "binary" }, form: "uuid" };
      break;
    case "INT96":
    case undefined:
      break;
  }
  throw new CdcDeltaError(
    "unsupported",
    `Cannot read column '${path}': ${type} (${logical?.type ?? converted ?? "plain"}) is not a ` +
      "type that variants are shredded to",
  );
}

type PlainKind =
  | "boolean"
  | "float"
  | "double"
  | "date"
  | "integer"
  | "long"
  | "timestamp"
  | "timestamp_ntz"
  | "string"
  | "binary";
