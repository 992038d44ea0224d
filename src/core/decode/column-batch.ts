import type { Column } from "../../delta/columns/column.ts";
import { nullColumn } from "../../delta/columns/gather.ts";
import {
  type ColumnNode,
  kindBinary,
  kindBoolean,
  kindByte,
  kindDate,
  kindDecimal,
  kindDouble,
  kindFloat,
  kindInteger,
  kindList,
  kindLong,
  kindShort,
  kindString,
  kindStruct,
  kindTimestamp,
} from "./column-node.ts";

/**
 * A node's rows `0 .. length` as a column. The arrays are the node's own: they are good until it is
 * reset or written again.
 */
export function toColumn(node: ColumnNode, length: number): Column {
  node.grow(Math.max(1, length));
  const { valid } = node;
  switch (node.kind) {
    case kindBoolean:
      return { kind: "boolean", length, valid, values: node.bits };
    case kindInteger:
    case kindByte:
    case kindShort:
    case kindDate:
      return { kind: "int32", length, valid, values: node.ints };
    case kindLong:
    case kindTimestamp:
      return { kind: "int64", length, valid, values: node.longs };
    case kindDouble:
      return { kind: "double", length, valid, values: node.doubles };
    case kindFloat:
      return { kind: "float", length, valid, values: node.floats };
    case kindDecimal:
      return { kind: "decimal128", length, valid, values: node.longs };
    case kindString:
    case kindBinary:
      fillOffsets(node, length);
      return { kind: "bytes", length, valid, offsets: node.offsets, data: node.data.bytes };
    case kindStruct:
      return {
        kind: "struct",
        length,
        valid,
        children: node.typedKids.map((kid) => toColumn(kid, length)),
      };
    case kindList: {
      fillOffsets(node, length);
      const element = node.item === null ? nullColumn(0) : toColumn(node.item, node.items);
      return { kind: "list", length, valid, offsets: node.offsets, element };
    }
    default:
      return nullColumn(length);
  }
}

/** Rows behind the last one written hold nothing. */
function fillOffsets(node: ColumnNode, length: number): void {
  const { offsets, rows } = node;
  const end = offsets[rows]!;
  for (let row = rows; row < length; row++) offsets[row + 1] = end;
}
