import { CdcDeltaError } from "../../errors.ts";
import { columnId, nestedIds } from "../schema/column-mapping.ts";
import {
  type DataType,
  type DecimalType,
  field,
  type StructField,
  type StructType,
} from "../schema/data-type.ts";
import { converted, physical, repetition } from "./format.ts";
import type { ThriftWriter } from "./thrift.ts";

/** A node of a Parquet file's schema (`SchemaElement` with its children in place). */
export type ParquetNode = {
  readonly name: string;
  readonly repetition: number;
  readonly fieldId: number | null;
  readonly convertedType: number | null;
  readonly children: readonly ParquetNode[];
  /** Null for groups. */
  readonly leaf: ParquetLeaf | null;
};

export type ParquetLeaf = {
  readonly physicalType: number;
  /** For FIXED_LEN_BYTE_ARRAY, else null. */
  readonly typeLength: number | null;
  /** For TIMESTAMP, else null. */
  readonly adjustedToUtc: boolean | null;
  readonly decimal: DecimalType | null;
};

/**
 * Fields of a Parquet file for a Delta schema, with the annotations that every reader takes: all
 * nodes OPTIONAL but map keys and the two parts of a variant, so that evolution never trips; `void`
 * columns are not written. Errors: `unsupported` for `void` in arrays and maps, and for structs without a field
 * that could be written.
 */
export function parquetFields(schema: StructType): ParquetNode[] {
  return schema.fields.filter(({ type }) => type.kind !== "void").map(fieldNode);
}

function fieldNode(field: StructField): ParquetNode {
  const ids = nestedIds(field);
  return node(field.name, field.type, repetition.optional, {
    fieldId: columnId(field),
    path: field.name,
    below: (path) => {
      const id = ids?.[path];
      return typeof id === "number" ? id : null;
    },
  });
}

/** A node's field id, and where those of elements, keys and values are found. */
type FieldIds = {
  readonly fieldId: number | null;
  readonly path: string;
  readonly below: (path: string) => number | null;
};

function node(name: string, type: DataType, repeat: number, ids: FieldIds): ParquetNode {
  const { fieldId } = ids;
  const inside = (part: string): FieldIds => {
    const path = `${ids.path}.${part}`;
    return { ...ids, path, fieldId: ids.below(path) };
  };
  const group = (convertedType: number | null, children: ParquetNode[]): ParquetNode => ({
    name,
    repetition: repeat,
    fieldId,
    convertedType,
    children,
    leaf: null,
  });
  switch (type.kind) {
    case "struct": {
      const children = parquetFields(type);
      if (children.length === 0) {
        throw new CdcDeltaError(
          "unsupported",
          `Cannot write column '${name}' to Parquet: its struct has no field with a type other ` +
            `than void. Add a field or drop the column`,
        );
      }
      return group(null, children);
    }
    case "array":
      return group(converted.list, [
        repeated("list", [
          node("element", type.elementType, repetition.optional, inside("element")),
        ]),
      ]);
    case "map":
      return group(converted.map, [
        repeated("key_value", [
          node("key", type.keyType, repetition.required, inside("key")),
          node("value", type.valueType, repetition.optional, inside("value")),
        ]),
      ]);
    case "variant":
      return group(null, variantFields.map((part) => requiredBinary(part.name)));
    default: {
      const { convertedType, ...leaf } = leafOf(name, type);
      return { name, repetition: repeat, fieldId, convertedType, children: [], leaf };
    }
  }
}

/** What a variant is stored as (PROTOCOL.md, "Variant Data Type"). */
export const variantFields: readonly StructField[] = [
  field("metadata", { kind: "binary" }),
  field("value", { kind: "binary" }),
];

function requiredBinary(name: string): ParquetNode {
  const { convertedType, ...leaf } = plainLeaf(physical.byteArray);
  return {
    name,
    repetition: repetition.required,
    fieldId: null,
    convertedType,
    children: [],
    leaf,
  };
}

function repeated(name: string, children: ParquetNode[]): ParquetNode {
  return {
    name,
    repetition: repetition.repeated,
    fieldId: null,
    convertedType: null,
    children,
    leaf: null,
  };
}

type AnnotatedLeaf = ParquetLeaf & { readonly convertedType: number | null };

function leafOf(name: string, type: DataType): AnnotatedLeaf {
  switch (type.kind) {
    case "boolean":
      return plainLeaf(physical.boolean);
    case "byte":
      return plainLeaf(physical.int32, converted.int8);
    case "short":
      return plainLeaf(physical.int32, converted.int16);
    case "integer":
      return plainLeaf(physical.int32);
    case "long":
      return plainLeaf(physical.int64);
    case "float":
      return plainLeaf(physical.float);
    case "double":
      return plainLeaf(physical.double);
    case "date":
      return plainLeaf(physical.int32, converted.date);
    case "timestamp":
      return { ...plainLeaf(physical.int64, converted.timestampMicros), adjustedToUtc: true };
    case "timestamp_ntz":
      // No converted type: TIMESTAMP_MICROS means UTC.
      return { ...plainLeaf(physical.int64), adjustedToUtc: false };
    case "string":
      return plainLeaf(physical.byteArray, converted.utf8);
    case "binary":
      return plainLeaf(physical.byteArray);
    case "decimal":
      return decimalLeaf(type);
    default:
      throw new CdcDeltaError(
        "unsupported",
        `Cannot write column '${name}' to Parquet: type ${type.kind} is not supported here`,
      );
  }
}

function plainLeaf(physicalType: number, convertedType: number | null = null): AnnotatedLeaf {
  return { physicalType, typeLength: null, adjustedToUtc: null, decimal: null, convertedType };
}

function decimalLeaf(type: DecimalType): AnnotatedLeaf {
  const { precision } = type;
  const decimal = { decimal: type };
  if (precision <= 9) return { ...plainLeaf(physical.int32, converted.decimal), ...decimal };
  if (precision <= 18) return { ...plainLeaf(physical.int64, converted.decimal), ...decimal };
  const typeLength = decimalBytes(precision);
  return {
    ...plainLeaf(physical.fixedLenByteArray, converted.decimal),
    ...decimal,
    typeLength,
  };
}

/** The least number of bytes that hold any unscaled decimal of `precision` digits, with its sign. */
export function decimalBytes(precision: number): number {
  const largest = 10n ** BigInt(precision) - 1n;
  return Math.ceil((largest.toString(2).length + 1) / 8);
}

/** Writes the list `FileMetaData.schema`: a root, then the nodes in pre-order. */
export function writeSchemaElements(
  writer: ThriftWriter,
  fieldId: number,
  nodes: readonly ParquetNode[],
): void {
  writer.listField(fieldId, "struct", 1 + nodes.reduce((sum, child) => sum + nodeCount(child), 0));
  writer.structElement();
  writer.binaryField(4, "schema");
  writer.i32Field(5, nodes.length);
  writer.endStruct();
  for (const child of nodes) writeNode(writer, child);
}

function nodeCount(parent: ParquetNode): number {
  return 1 + parent.children.reduce((sum, child) => sum + nodeCount(child), 0);
}

function writeNode(writer: ThriftWriter, { leaf, ...node }: ParquetNode): void {
  writer.structElement();
  if (leaf !== null) writer.i32Field(1, leaf.physicalType);
  if (leaf !== null && leaf.typeLength !== null) writer.i32Field(2, leaf.typeLength);
  writer.i32Field(3, node.repetition);
  writer.binaryField(4, node.name);
  if (leaf === null) writer.i32Field(5, node.children.length);
  if (node.convertedType !== null) writer.i32Field(6, node.convertedType);
  if (leaf !== null && leaf.decimal !== null) {
    writer.i32Field(7, leaf.decimal.scale);
    writer.i32Field(8, leaf.decimal.precision);
  }
  if (node.fieldId !== null) writer.i32Field(9, node.fieldId);
  if (leaf !== null && leaf.adjustedToUtc !== null) {
    writeTimestampType(writer, leaf.adjustedToUtc);
  }
  writer.endStruct();
  for (const child of node.children) writeNode(writer, child);
}

/** `logicalType`: TIMESTAMP in microseconds. */
function writeTimestampType(writer: ThriftWriter, adjustedToUtc: boolean): void {
  writer.structField(10);
  writer.structField(8);
  writer.boolField(1, adjustedToUtc);
  writer.structField(2);
  writer.structField(2);
  writer.endStruct();
  writer.endStruct();
  writer.endStruct();
  writer.endStruct();
}
