import type { DataType } from "../../delta/schema/data-type.ts";
import { type ColumnNode, filterAll, filterBelow, filterSkip } from "./column-node.ts";
import type { DecodeRules } from "./decode-rules.ts";

/** Include and exclude lists and user types, ready for look-ups by dotted path. */
export type FieldFilter = {
  readonly include: readonly string[];
  readonly exclude: ReadonlySet<string>;
  readonly types: ReadonlyMap<string, DataType>;
};

/** The lists of a collection's rules, prepared. */
export function fieldFilter(rules: DecodeRules): FieldFilter {
  return {
    include: rules.includeFields,
    exclude: new Set(rules.excludeFields),
    types: new Map(Object.entries(rules.columnTypes)),
  };
}

/** What the lists make of a field; fields below an excluded one are never asked about. */
export function filterOf(filter: FieldFilter, node: ColumnNode): number {
  if (filter.include.length === 0 && filter.exclude.size === 0) return filterAll;
  return filterOfPath(filter, dottedPath(node));
}

/** `filterOf` by dotted path, for fields without a node. */
export function filterOfPath(filter: FieldFilter, path: string): number {
  if (filter.exclude.has(path)) return filterSkip;
  if (filter.include.length === 0) return filterAll;
  let below = false;
  for (const included of filter.include) {
    if (path === included || path.startsWith(`${included}.`)) return filterAll;
    if (included.startsWith(`${path}.`)) below = true;
  }
  return below ? filterBelow : filterSkip;
}

/** Names from the root, joined by dots; array elements add nothing. */
export function dottedPath(node: ColumnNode): string {
  const parent = node.parent;
  if (parent === null) return "";
  if (parent.item === node) return dottedPath(parent);
  const above = dottedPath(parent);
  return above === "" ? node.name : `${above}.${node.name}`;
}
