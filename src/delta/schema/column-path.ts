import { CdcDeltaError } from "../../errors.ts";
import { type DataType, struct, type StructField, type StructType } from "./data-type.ts";

/** A column, or a field inside of structs: `a` or `b.c`, as it was written and in its parts. */
export type ColumnPath = { readonly text: string; readonly names: readonly string[] };

const partPattern = /^(?:`((?:[^`]|``)+)`|"((?:[^"]|"")+)"|([^\s.=<>!`"'(),]+))/;

/**
 * Reads a column at the beginning of a text: `a`, `b.c`, `` `odd name`.c ``, `"odd name"`. Null when
 * there is none. Pure.
 */
export function readColumnPath(text: string): ColumnPath | null {
  const names: string[] = [];
  let at = 0;
  for (;;) {
    const match = partPattern.exec(text.slice(at));
    if (match === null) return null;
    const [whole, ticked, quoted, plain] = match;
    names.push(ticked?.replaceAll("``", "`") ?? quoted?.replaceAll('""', '"') ?? plain ?? "");
    at += whole.length;
    if (text[at] !== ".") return { text: text.slice(0, at), names };
    at += 1;
  }
}

/** A path's fields from the root of a schema to the one that is meant. */
export type ResolvedPath = {
  readonly path: ColumnPath;
  /** At least one. */
  readonly fields: readonly StructField[];
  readonly type: DataType;
};

/** As `findColumn`. Errors: `usage`, naming the columns there are. */
export function requireColumn(schema: StructType, path: ColumnPath, uri: string): ResolvedPath {
  const found = findColumn(schema, path);
  if (found !== null) return found;
  throw new CdcDeltaError(
    "usage",
    `There is no column "${path.text}" in ${uri}. ${columnsText(schema)}`,
    { context: { table: uri, column: path.text } },
  );
}

/** A message names no more columns than these. */
const namedMax = 50;

function columnsText({ fields }: StructType): string {
  const named = fields.slice(0, namedMax).map((field) => field.name).join(", ");
  return fields.length <= namedMax
    ? `Its columns are ${named}`
    : `Of its ${fields.length} columns the first are ${named}`;
}

/**
 * Finds a column: by its exact name, else ignoring case where that is unambiguous. A column whose
 * own name has dots is found by it too. Null when the schema has no such column. Pure.
 */
function findColumn(schema: StructType, path: ColumnPath): ResolvedPath | null {
  const whole = schema.fields.find((field) => field.name === path.text);
  if (whole !== undefined) return { path, fields: [whole], type: whole.type };
  const fields: StructField[] = [];
  let type: DataType = schema;
  for (const name of path.names) {
    if (type.kind !== "struct") return null;
    const field = fieldNamed(type, name);
    if (field === null) return null;
    fields.push(field);
    type = field.type;
  }
  return fields.length === 0 ? null : { path, fields, type };
}

function fieldNamed({ fields }: StructType, name: string): StructField | null {
  const exact = fields.find((field) => field.name === name);
  if (exact !== undefined) return exact;
  const folded = name.toLowerCase();
  const alike = fields.filter((field) => field.name.toLowerCase() === folded);
  return alike.length === 1 ? alike[0]! : null;
}

/** The schema with no more than what some paths need; the order of fields stays. Pure. */
export function prunedSchema(schema: StructType, paths: readonly ResolvedPath[]): StructType {
  return pruned(schema, paths.map(({ fields }) => fields));
}

function pruned(type: StructType, paths: readonly (readonly StructField[])[]): StructType {
  const wanted = new Map<StructField, (readonly StructField[])[]>();
  for (const [first, ...rest] of paths) {
    if (first === undefined) continue;
    const below = wanted.get(first);
    if (below === undefined) wanted.set(first, [rest]);
    else below.push(rest);
  }
  return struct(type.fields.flatMap((field): StructField[] => {
    const below = wanted.get(field);
    if (below === undefined) return [];
    if (field.type.kind !== "struct" || below.some((rest) => rest.length === 0)) return [field];
    return [{ ...field, type: pruned(field.type, below) }];
  }));
}
