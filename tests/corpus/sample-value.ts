import type { Value } from "../../src/delta/columns/column-builder.ts";
import type { DataType } from "../../src/delta/schema/data-type.ts";

/** A value of a type that is not null, if the type has one. */
export function sampleValue(type: DataType): Value {
  switch (type.kind) {
    case "string":
      return "cdc delta/é";
    case "boolean":
      return true;
    case "byte":
    case "short":
    case "integer":
    case "date":
      return 100;
    case "long":
      return 9007199254740993n;
    case "timestamp":
    case "timestamp_ntz":
      return 1_700_000_000_123_456n;
    case "float":
    case "double":
      return -0.5;
    case "decimal":
      return 10n ** BigInt(type.precision) - 1n;
    case "binary":
      return Uint8Array.of(0, 255);
    case "struct":
      return Object.fromEntries(type.fields.map((field) => [field.name, sampleValue(field.type)]));
    case "array":
      return [sampleValue(type.elementType)];
    case "map":
      return new Map([[sampleValue(type.keyType), sampleValue(type.valueType)]]);
    case "void":
    case "variant":
      return null;
  }
}
