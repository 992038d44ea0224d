import {
  Binary,
  Bool,
  Data,
  type DataType as ArrowType,
  DateDay,
  Decimal,
  Field,
  Float32,
  Float64,
  Int16,
  Int32,
  Int64,
  Int8,
  List,
  Map_,
  Null,
  Schema,
  Struct,
  TimestampMicrosecond,
  Utf8,
} from "apache-arrow";
import type { Column, ColumnBatch } from "../../delta/columns/column.ts";
import type { DataType, StructType } from "../../delta/schema/data-type.ts";
import { assert, CdcDeltaError } from "../../errors.ts";

/** The Arrow schema of a table's columns; a variant is the JSON text that it stands for. Pure. */
export function arrowSchema(schema: StructType): Schema {
  return new Schema(arrowFields(schema));
}

function arrowFields({ fields }: StructType): Field[] {
  return fields.map(({ name, type }) => new Field(name, arrowType(type), true));
}

function arrowType(type: DataType): ArrowType {
  switch (type.kind) {
    case "boolean":
      return new Bool();
    case "byte":
      return new Int8();
    case "short":
      return new Int16();
    case "integer":
      return new Int32();
    case "long":
      return new Int64();
    case "float":
      return new Float32();
    case "double":
      return new Float64();
    case "decimal":
      return new Decimal(type.scale, type.precision, 128);
    case "string":
    case "variant":
      return new Utf8();
    case "binary":
      return new Binary();
    case "date":
      return new DateDay();
    case "timestamp":
      return new TimestampMicrosecond("UTC");
    case "timestamp_ntz":
      return new TimestampMicrosecond();
    case "void":
      return new Null();
    case "struct":
      return new Struct(arrowFields(type));
    case "array":
      return new List(new Field("element", arrowType(type.elementType), true));
    case "map":
      return new Map_(new Field("entries", entriesType(type), false));
  }
}

type Entries = Struct<{ key: ArrowType; value: ArrowType }>;

/** Arrow's maps have keys that are never null, as Delta's have. */
function entriesType({ keyType, valueType }: Extract<DataType, { kind: "map" }>): Entries {
  const key = new Field("key", arrowType(keyType), false);
  const value = new Field("value", arrowType(valueType), true);
  return new Struct<{ key: ArrowType; value: ArrowType }>([key, value]);
}

/** The rows of a batch in Arrow's layout; values are taken over as they lie in memory. Pure. */
export function arrowData(batch: ColumnBatch, schema: StructType): Data<Struct> {
  const type = new Struct(arrowFields(schema));
  const children = schema.fields.map((field, i) =>
    columnData(batch.columns[i], field.type, batch.length)
  );
  return new Data(type, 0, batch.length, 0, undefined, children);
}

type Buffers = {
  readonly offsets?: Int32Array;
  readonly values?: ArrayBufferView;
  readonly children?: Data[];
};

function columnData(column: Column | undefined, type: DataType, length: number): Data {
  assert(column !== undefined, "a batch has a column for each field");
  if (column.kind === "null") return nullData(type, length);
  const { bits, nulls } = validityBits(column.valid, length);
  const { offsets, values, children } = buffersOf(column, type, length);
  return new Data(arrowType(type), 0, length, nulls, [offsets, values, bits], children);
}

function buffersOf(column: Column, type: DataType, length: number): Buffers {
  switch (column.kind) {
    case "boolean":
      return { values: validityBits(column.values, length).bits };
    case "int32": {
      const values = column.values.subarray(0, length);
      if (type.kind === "byte") return { values: Int8Array.from(values) };
      return { values: type.kind === "short" ? Int16Array.from(values) : values };
    }
    case "int64":
    case "float":
    case "double":
      return { values: column.values.subarray(0, length) };
    case "decimal128": {
      const { buffer, byteOffset } = column.values;
      return { values: new Uint32Array(buffer, byteOffset, 4 * length) };
    }
    case "bytes":
      return { offsets: column.offsets.subarray(0, length + 1), values: column.data };
    case "struct":
      if (type.kind !== "struct") break;
      return {
        children: type.fields.map((field, i) => columnData(column.children[i], field.type, length)),
      };
    case "list": {
      if (type.kind !== "array") break;
      const items = column.offsets[length] ?? 0;
      return {
        offsets: column.offsets.subarray(0, length + 1),
        children: [columnData(column.element, type.elementType, items)],
      };
    }
    case "map": {
      if (type.kind !== "map") break;
      const items = column.offsets[length] ?? 0;
      const children = [
        columnData(column.key, type.keyType, items),
        columnData(column.value, type.valueType, items),
      ];
      return {
        offsets: column.offsets.subarray(0, length + 1),
        children: [new Data(entriesType(type), 0, items, 0, undefined, children)],
      };
    }
    case "null":
      break;
  }
  throw new CdcDeltaError("internal", `A ${column.kind} column cannot hold a ${type.kind}`);
}

/** A column that a file lacks: nulls of the column's own type. */
function nullData(type: DataType, length: number): Data {
  const arrow = arrowType(type);
  if (type.kind === "void") return new Data(arrow, 0, length, length);
  const bits = new Uint8Array((length + 7) >> 3);
  const offsets = new Int32Array(length + 1);
  switch (type.kind) {
    case "struct": {
      const children = type.fields.map((field) => nullData(field.type, length));
      return new Data(arrow, 0, length, length, [undefined, undefined, bits], children);
    }
    case "array":
      return new Data(arrow, 0, length, length, [offsets, undefined, bits], [
        nullData(type.elementType, 0),
      ]);
    case "map": {
      const children = [nullData(type.keyType, 0), nullData(type.valueType, 0)];
      return new Data(arrow, 0, length, length, [offsets, undefined, bits], [
        new Data(entriesType(type), 0, 0, 0, undefined, children),
      ]);
    }
    case "string":
    case "variant":
    case "binary":
      return new Data(arrow, 0, length, length, [offsets, new Uint8Array(0), bits]);
    default: {
      const values = new Uint8Array(16 * length);
      return new Data(arrow, 0, length, length, [undefined, arrayOf(arrow, values, length), bits]);
    }
  }
}

type ViewConstructor = new (
  buffer: ArrayBufferLike,
  offset: number,
  length: number,
) => ArrayBufferView;

/** Zeros as the array that a type's values lie in. */
function arrayOf(type: ArrowType, zeros: Uint8Array, length: number): ArrayBufferView {
  const stride = type instanceof Decimal ? 4 : 1;
  const Values = type.ArrayType as ViewConstructor;
  return new Values(zeros.buffer, 0, stride * length);
}

/** A byte a row to a bit a row, and how many rows are 0. */
function validityBits(
  bytes: Uint8Array,
  length: number,
): { readonly bits: Uint8Array; readonly nulls: number } {
  const bits = new Uint8Array((length + 7) >> 3);
  let present = 0;
  for (let row = 0; row < length; row++) {
    if (bytes[row] !== 1) continue;
    present += 1;
    bits[row >> 3] = bits[row >> 3]! | 1 << (row & 7);
  }
  return { bits, nulls: length - present };
}
