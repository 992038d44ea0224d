import { binaryLength, isUuid, writeBinary, writeUuid } from "./binary-text.ts";
import {
  type ColumnNode,
  kindBinary,
  kindDecimal,
  kindLong,
  kindString,
  kindStruct,
  kindUnknown,
} from "./column-node.ts";
import { asciiText, createNumberToken, setSmall } from "./number-literal.ts";
import { storePlainDecimal } from "./plain-decimal.ts";
import type { RescueReason } from "./rescue.ts";
import type { SchemaTree } from "./schema-tree.ts";
import {
  acceptsString,
  storeDate,
  storeDecimal,
  storeDouble,
  storeInteger,
} from "./type-ladder.ts";
import {
  wrapperBinary,
  wrapperDate,
  wrapperDecimal,
  wrapperDouble,
  wrapperInteger,
  wrapperLong,
  wrapperObjectId,
  wrapperTimestamp,
  type WrapperToken,
} from "./wrapper-token.ts";

/**
 * Stores what a wrapper holds, widening or typing the column if need be; returns why not, or null.
 * Texts and symbols are not for here.
 */
export function storeWrapped(
  tree: SchemaTree,
  node: ColumnNode,
  row: number,
  wrapper: WrapperToken,
): RescueReason | null {
  switch (wrapper.kind) {
    case wrapperObjectId: {
      const refused = acceptsString(tree, node);
      if (refused === null) node.setBytes(row, wrapper.buffer, wrapper.start, wrapper.stop);
      return refused;
    }
    case wrapperInteger:
    case wrapperLong:
      return storeInteger(tree, node, row, wrapper.number, wrapper.kind === wrapperLong);
    case wrapperDouble:
      return node.kind === kindDecimal && node.fixedType !== null
        ? storeDecimal(tree, node, row, textOf(wrapper))
        : storeDouble(tree, node, row, wrapper.number.value);
    case wrapperDate:
      return storeDate(tree, node, row, wrapper.number);
    case wrapperDecimal:
      return storeDecimal128(tree, node, row, wrapper);
    case wrapperBinary:
      return storeBinary(tree, node, row, wrapper);
    case wrapperTimestamp:
      return storeTimestamp(tree, node, row, wrapper);
    default:
      return "type";
  }
}

function textOf({ buffer, start, stop }: WrapperToken): string {
  return asciiText(buffer, start, stop);
}

function storeDecimal128(
  tree: SchemaTree,
  node: ColumnNode,
  row: number,
  wrapper: WrapperToken,
): RescueReason | null {
  const { buffer, start, stop } = wrapper;
  if (node.kind === kindDecimal && storePlainDecimal(node, row, buffer, start, stop)) return null;
  const textual = node.kind === kindUnknown || node.kind === kindString;
  if (!tree.rules.decimalAsString || !textual) {
    return storeDecimal(tree, node, row, textOf(wrapper));
  }
  const refused = acceptsString(tree, node);
  if (refused === null) node.setBytes(row, buffer, start, stop);
  return refused;
}

/** UUIDs are strings, other binaries bytes; a column of bytes takes UUIDs too. */
function storeBinary(
  tree: SchemaTree,
  node: ColumnNode,
  row: number,
  wrapper: WrapperToken,
): RescueReason | null {
  const length = binaryLength(wrapper);
  if (node.kind === kindUnknown) {
    const kind = isUuid(wrapper, length) ? kindString : kindBinary;
    if (!tree.become(node, kind, 0, 0)) return "columns-max";
  }
  if (node.kind === kindBinary) {
    writeBinary(node, row, wrapper, length);
    return null;
  }
  if (node.kind !== kindString || !isUuid(wrapper, length)) return "type";
  writeUuid(node, row, wrapper);
  return null;
}

const token = createNumberToken();

/** BSON's internal timestamp: a struct of two longs, filled like a document's fields. */
function storeTimestamp(
  tree: SchemaTree,
  node: ColumnNode,
  row: number,
  { time, increment }: WrapperToken,
): RescueReason | null {
  if ((node.kind !== kindStruct && node.kind !== kindUnknown) || node.flat) return "type";
  if (node.depth >= tree.rules.depthMax) return "depth";
  if (node.kind === kindUnknown && !tree.hasRoomFor(2)) return "columns-max";
  const parts = [tree.fieldNamed(node, "t"), tree.fieldNamed(node, "i")];
  for (const part of parts) {
    const settled = part.kind === kindUnknown
      ? !tree.clashes(part) && part.fixedType === null && tree.hasRoomFor(1)
      : part.kind === kindLong;
    if (!settled) return "type";
  }
  for (const [i, part] of parts.entries()) {
    if (part.kind === kindUnknown) tree.become(part, kindLong, 0, 0);
    setSmall(token, i === 0 ? time : increment);
    storeInteger(tree, part, row, token, true);
  }
  node.setPresent(row);
  return null;
}
