import type { DecodeRules } from "./decode-rules.ts";
import { isReservedName } from "./our-columns.ts";

/** Renamed fields of a collection, ready for look-ups by the dotted path of the document around. */
export type FieldRenames = {
  /** Path of the field → its column's name. */
  readonly columns: ReadonlyMap<string, string>;
  /** Path of the document around, a line feed, the column's name → the field's name. */
  readonly sources: ReadonlyMap<string, string>;
  /** The same with the column's name in lower case: names that only a renamed field may have. */
  readonly taken: ReadonlySet<string>;
};

/** The renames of a collection's rules, prepared. */
export function fieldRenames({ rename }: Pick<DecodeRules, "rename">): FieldRenames {
  const columns = new Map<string, string>();
  const sources = new Map<string, string>();
  const taken = new Set<string>();
  for (const [from, to] of Object.entries(rename)) {
    const { parent, name } = splitPath(from);
    const column = splitPath(to).name;
    if (sources.has(`${parent}\n${column}`)) continue;
    columns.set(from, column);
    sources.set(`${parent}\n${column}`, name);
    taken.add(`${parent}\n${column.toLowerCase()}`);
  }
  return { columns, sources, taken };
}

/** The path of the document around a field, and the field's own name. */
export function splitPath(path: string): { readonly parent: string; readonly name: string } {
  const dot = path.lastIndexOf(".");
  return dot < 0
    ? { parent: "", name: path }
    : { parent: path.slice(0, dot), name: path.slice(dot + 1) };
}

/** The column of field `name` in the document at `parent`; null: the field is not renamed. */
export function columnOf(renames: FieldRenames, parent: string, name: string): string | null {
  if (renames.columns.size === 0 || name.includes(".")) return null;
  return renames.columns.get(parent === "" ? name : `${parent}.${name}`) ?? null;
}

/** True when a renamed field has the name as its column's, so that another field cannot. */
export function isTaken(renames: FieldRenames, parent: string, name: string): boolean {
  return renames.taken.size > 0 && renames.taken.has(`${parent}\n${name.toLowerCase()}`);
}

/**
 * The field that fills the column `column` in the struct at `parent`; null: none does, since the
 * field of that name is renamed to another column.
 */
export function sourceOf(renames: FieldRenames, parent: string, column: string): string | null {
  if (renames.columns.size === 0) return column;
  const source = renames.sources.get(`${parent}\n${column}`);
  if (source !== undefined) return source;
  return columnOf(renames, parent, column) === null ? column : null;
}

// Parquet and Delta readers refuse these in names without column mapping (PROTOCOL.md).
const forbiddenInNames = /[ ,;{}()\n\t=\0]/;

/** Why a field's column cannot have a name; null: it can. */
export function columnNameProblem(
  name: string,
  topLevel: boolean,
): "name" | "reserved-name" | null {
  if (name === "" || forbiddenInNames.test(name)) return "name";
  return topLevel && isReservedName(name) ? "reserved-name" : null;
}
