import { type ColumnNode, kindDecimal, kindDouble, kindInteger, kindLong } from "./column-node.ts";
import type { SchemaTree } from "./schema-tree.ts";

/** The closed table of widenings: every value of the narrow type is exact in the wide one. */
const widenings: Readonly<Record<number, readonly number[]>> = {
  [kindInteger]: [kindLong, kindDouble, kindDecimal],
  [kindLong]: [kindDecimal],
};

/**
 * Widens a column and the values it holds; false when that is not allowed: the table's columns keep
 * their types, or a user fixed this one.
 */
export function widenColumn(tree: SchemaTree, node: ColumnNode, to: number): boolean {
  if (!tree.mayWiden || node.fixedType !== null) return false;
  if (!(widenings[node.kind]?.includes(to) ?? false)) return false;
  tree.ensureChecked();
  const { ints, longs, valid, rows, capacity } = node;
  const from = node.kind;
  node.kind = to;
  if (to === kindDecimal) {
    node.precision = 38;
    node.scale = 18;
  }
  node.capacity = 0;
  node.longs = new BigInt64Array(0);
  node.grow(capacity);
  for (let row = 0; row < rows; row++) {
    if (valid[row] !== 1) continue;
    if (to === kindDouble) node.doubles[row] = ints[row]!;
    else if (to === kindLong) {
      node.halves[row * 2] = ints[row]!;
      node.halves[row * 2 + 1] = ints[row]! >> 31;
    } else {
      const whole = from === kindInteger ? BigInt(ints[row]!) : longs[row]!;
      const unscaled = whole * 10n ** 18n;
      node.longs[row * 2] = BigInt.asIntN(64, unscaled);
      node.longs[row * 2 + 1] = unscaled >> 64n;
    }
  }
  return true;
}
