import {
  type ColumnNode,
  kindBoolean,
  kindByte,
  kindDate,
  kindDecimal,
  kindDouble,
  kindFloat,
  kindInteger,
  kindLong,
  kindShort,
  kindString,
  kindTimestamp,
  kindUnknown,
} from "./column-node.ts";
import {
  type DecimalParts,
  exactDouble,
  integralDecimal,
  parseDecimal,
  unscaledDecimal,
} from "./decimal-text.ts";
import { dateMsEnd, dateMsMin } from "./iso-date.ts";
import { int64Of, numberInteger, type NumberToken, setSmall } from "./number-literal.ts";
import type { RescueReason } from "./rescue.ts";
import type { SchemaTree } from "./schema-tree.ts";
import { widenColumn } from "./widen-column.ts";

/*
 * The ladder for values that have an order: fits exactly → widen → rescue. Each function stores a
 * value, widening the column if that is what it takes, and returns null, or says why it could not.
 * What is decided depends on the column's type and the value alone.
 */

/** Decimal128 without a user's type: 20 digits before the point, 18 behind it. */
const decimalPrecision = 38;
const decimalScale = 18;
const twoTo31 = 2147483648;
const twoTo63 = 2 ** 63;

/** Gives a column without a type the value's own. */
function start(tree: SchemaTree, node: ColumnNode, kind: number): RescueReason | null {
  return tree.become(node, kind, 0, 0) ? null : "columns-max";
}

/** An integer; `long`: BSON says it has 64 bits, whatever its size. */
export function storeInteger(
  tree: SchemaTree,
  node: ColumnNode,
  row: number,
  value: NumberToken,
  long: boolean,
): RescueReason | null {
  switch (node.kind) {
    case kindInteger:
      if (value.kind !== numberInteger) {
        if (!widenColumn(tree, node, kindLong)) return "type";
        node.setLong(row, value.low, value.high);
      } else node.setInt(row, value.value);
      return null;
    case kindLong:
      node.setLong(row, value.low, value.high);
      return null;
    case kindDouble:
      if (!isExactDouble(value)) return "type";
      node.setDouble(row, value.value);
      return null;
    case kindUnknown: {
      const small = !long && value.kind === numberInteger;
      return start(tree, node, small ? kindInteger : kindLong) ??
        storeInteger(tree, node, row, value, long);
    }
    case kindDecimal:
      return storeUnscaled(node, row, {
        coefficient: int64Of(value.high, value.low),
        exponent: 0,
      });
    case kindByte:
      return storeSmall(node, row, value.value, 128);
    case kindShort:
      return storeSmall(node, row, value.value, 32768);
    case kindFloat:
      if (!isExactDouble(value) || Math.fround(value.value) !== value.value) return "type";
      node.setFloat(row, value.value);
      return null;
    default:
      return "type";
  }
}

function storeSmall(
  node: ColumnNode,
  row: number,
  value: number,
  limit: number,
): RescueReason | null {
  if (!(value >= -limit && value < limit)) return "range";
  node.setInt(row, value);
  return null;
}

/** True when a double holds the 64-bit integer exactly. */
function isExactDouble(value: NumberToken): boolean {
  if (Number.isSafeInteger(value.value)) return true;
  return BigInt(value.value) === int64Of(value.high, value.low);
}

const scratch: NumberToken = { kind: 0, value: 0, low: 0, high: 0, end: 0 };

/** A double; integral ones fit integer columns. */
export function storeDouble(
  tree: SchemaTree,
  node: ColumnNode,
  row: number,
  value: number,
): RescueReason | null {
  switch (node.kind) {
    case kindDouble:
      node.setDouble(row, value);
      return null;
    case kindUnknown:
      return start(tree, node, kindDouble) ?? storeDouble(tree, node, row, value);
    case kindInteger:
      if (Number.isInteger(value) && value >= -twoTo31 && value < twoTo31) {
        node.setInt(row, value);
        return null;
      }
      if (!widenColumn(tree, node, kindDouble)) return "type";
      node.setDouble(row, value);
      return null;
    case kindFloat:
      if (!Number.isNaN(value) && Math.fround(value) !== value) return "type";
      node.setFloat(row, value);
      return null;
    default:
      if (!Number.isInteger(value)) return "type";
      return storeIntegralDouble(tree, node, row, value);
  }
}

/** 3.0 where an integer or a decimal is due. */
function storeIntegralDouble(
  tree: SchemaTree,
  node: ColumnNode,
  row: number,
  value: number,
): RescueReason | null {
  if (node.kind === kindDecimal) {
    return storeUnscaled(node, row, { coefficient: BigInt(value), exponent: 0 });
  }
  if (value < -twoTo63 || value >= twoTo63) return "type";
  if (Number.isSafeInteger(value)) setSmall(scratch, value);
  else {
    const exact = BigInt(value);
    scratch.kind = 0;
    scratch.value = value;
    scratch.low = Number(BigInt.asIntN(32, exact));
    scratch.high = Number(exact >> 32n);
  }
  return storeInteger(tree, node, row, scratch, true);
}

function storeUnscaled(node: ColumnNode, row: number, parts: DecimalParts): RescueReason | null {
  const unscaled = unscaledDecimal(parts, node.precision, node.scale);
  if (unscaled === null) return "range";
  node.setDecimal(row, unscaled);
  return null;
}

/** A Decimal128 by its text. Not-a-number, infinities and too many digits are rescued. */
export function storeDecimal(
  tree: SchemaTree,
  node: ColumnNode,
  row: number,
  text: string,
): RescueReason | null {
  const parts = parseDecimal(text);
  if (parts === null) return "range";
  if (node.kind === kindDecimal) return storeUnscaled(node, row, parts);
  if (node.kind === kindUnknown) {
    if (unscaledDecimal(parts, decimalPrecision, decimalScale) === null) return "range";
    if (!tree.become(node, kindDecimal, decimalPrecision, decimalScale)) return "columns-max";
    return storeUnscaled(node, row, parts);
  }
  if (node.kind === kindDouble) {
    const double = exactDouble(parts);
    if (double === null) return "type";
    node.setDouble(row, double);
    return null;
  }
  const integral = integralDecimal(parts);
  if (node.kind === kindInteger || node.kind === kindLong) {
    const limit = node.kind === kindInteger ? 2n ** 31n : 2n ** 63n;
    if (integral === null || integral < -limit || integral >= limit) {
      return widenToDecimal(tree, node, row, parts);
    }
    if (node.kind === kindInteger) node.setInt(row, Number(integral));
    else node.setLong(row, Number(BigInt.asIntN(32, integral)), Number(integral >> 32n));
    return null;
  }
  return "type";
}

function widenToDecimal(
  tree: SchemaTree,
  node: ColumnNode,
  row: number,
  parts: DecimalParts,
): RescueReason | null {
  const unscaled = unscaledDecimal(parts, decimalPrecision, decimalScale);
  if (unscaled === null) return "range";
  if (!widenColumn(tree, node, kindDecimal)) return "type";
  node.setDecimal(row, unscaled);
  return null;
}

const msPerDay = 86400000;

/** A BSON date, milliseconds since the epoch in the token's halves. */
export function storeDate(
  tree: SchemaTree,
  node: ColumnNode,
  row: number,
  ms: NumberToken,
): RescueReason | null {
  // Delta's readers take the years 1 to 9999; BSON's dates go far beyond.
  if (!(ms.value >= dateMsMin && ms.value < dateMsEnd)) return "range";
  if (node.kind === kindTimestamp) {
    setMicros(node, row, ms.value);
    return null;
  }
  if (node.kind === kindUnknown) {
    return start(tree, node, kindTimestamp) ?? storeDate(tree, node, row, ms);
  }
  if (node.kind !== kindDate || ms.value % msPerDay !== 0) return "type";
  node.setInt(row, ms.value / msPerDay);
  return null;
}

const twoTo32 = 4294967296;

/** Milliseconds, at most 2^48, as microseconds: the product is put together from two exact parts. */
export function setMicros(node: ColumnNode, row: number, ms: number): void {
  const high = Math.floor(ms / twoTo32);
  const low = (ms - high * twoTo32) * 1000;
  const carry = Math.floor(low / twoTo32);
  node.setLong(row, (low - carry * twoTo32) | 0, (high * 1000 + carry) | 0);
}

/** A boolean; only boolean columns take one. */
export function storeBoolean(
  tree: SchemaTree,
  node: ColumnNode,
  row: number,
  value: boolean,
): RescueReason | null {
  if (node.kind === kindUnknown) {
    const refused = start(tree, node, kindBoolean);
    if (refused !== null) return refused;
  }
  if (node.kind !== kindBoolean) return "type";
  node.setBit(row, value ? 1 : 0);
  return null;
}

/** True when the column is, or now becomes, one of strings. */
export function acceptsString(tree: SchemaTree, node: ColumnNode): RescueReason | null {
  if (node.kind === kindString) return null;
  return node.kind === kindUnknown ? start(tree, node, kindString) : "type";
}
