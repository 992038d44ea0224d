import type { RowFilter } from "./row-filter.ts";
import { meets } from "./row-filter.ts";
import { type BoundsOf, possibleOrders } from "./value-bounds.ts";

/** Which truth values a filter may have in some rows, a bit each. */
const canBe = { no: 1, unknown: 2, yes: 4 } as const;
const anything = canBe.no | canBe.unknown | canBe.yes;

/**
 * Whether a filter may be met by any of the rows that bounds are known of. True wherever that is not
 * certain, so that rows are never left out by mistake. Pure.
 */
export function mayMeet(filter: RowFilter, boundsOf: BoundsOf): boolean {
  return (truths(filter, boundsOf) & canBe.yes) !== 0;
}

function truths(filter: RowFilter, boundsOf: BoundsOf): number {
  switch (filter.kind) {
    case "is-null": {
      const { nulls } = boundsOf(filter.column);
      return nulls === "all" ? canBe.yes : nulls === "none" ? canBe.no : canBe.yes | canBe.no;
    }
    case "compare":
    case "in": {
      const bounds = boundsOf(filter.column);
      if (bounds.nulls === "all") return canBe.unknown;
      const compared = filter.kind === "in"
        ? filter.values.map((value) => truthsOfOrders("=", possibleOrders(bounds, value)))
        : [truthsOfOrders(filter.comparison, possibleOrders(bounds, filter.value))];
      const present = compared.reduce((sum, each) => combined(sum, each, Math.max));
      return bounds.nulls === "none" ? present : present | canBe.unknown;
    }
    case "not": {
      const inner = truths(filter.filter, boundsOf);
      return ((inner & canBe.no) !== 0 ? canBe.yes : 0) | (inner & canBe.unknown) |
        ((inner & canBe.yes) !== 0 ? canBe.no : 0);
    }
    case "and":
    case "or": {
      const pick = filter.kind === "and" ? Math.min : Math.max;
      // Nothing that follows can change it any more.
      const settled = filter.kind === "and" ? canBe.no : canBe.yes;
      let sum: number = filter.kind === "and" ? canBe.yes : canBe.no;
      for (const each of filter.filters) {
        if (sum === settled) break;
        sum = combined(sum, truths(each, boundsOf), pick);
      }
      return sum;
    }
  }
}

function truthsOfOrders(
  comparison: Parameters<typeof meets>[0],
  orders: ReadonlySet<number>,
): number {
  let result = 0;
  for (const order of orders) result |= meets(comparison, order) ? canBe.yes : canBe.no;
  return result;
}

/** Every truth value that two may come to, as if they had nothing to do with each other. */
function combined(a: number, b: number, pick: (a: number, b: number) => number): number {
  let result = 0;
  for (let i = 1; i <= anything; i <<= 1) {
    for (let j = 1; j <= anything; j <<= 1) {
      if ((a & i) !== 0 && (b & j) !== 0) result |= pick(i, j);
    }
  }
  return result;
}
