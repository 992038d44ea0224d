import type { DataType, StructType } from "../delta/schema/data-type.ts";
import { sameType, typeName } from "../delta/schema/type-name.ts";

/** One difference between two schemas. */
export type SchemaChange =
  | { readonly kind: "added"; readonly path: string; readonly to: string }
  | { readonly kind: "removed"; readonly path: string; readonly from: string }
  | { readonly kind: "changed"; readonly path: string; readonly from: string; readonly to: string };

/** What must change in `before` (null: no table) to give `after`, by column path. Pure. */
export function schemaDiff(before: StructType | null, after: StructType): SchemaChange[] {
  return before === null
    ? after.fields.map((f) => ({ kind: "added", path: quoteName(f.name), to: typeName(f.type) }))
    : structDiff(before, after, "");
}

/** The changes as lines of a diff: `+ path: type`, `- path: type`, `~ path: type → type`. */
export function diffLines(changes: readonly SchemaChange[]): string[] {
  return changes.map((change) => {
    switch (change.kind) {
      case "added":
        return `+ ${change.path}: ${change.to}`;
      case "removed":
        return `- ${change.path}: ${change.from}`;
      case "changed":
        return `~ ${change.path}: ${change.from} → ${change.to}`;
    }
  });
}

function structDiff(before: StructType, after: StructType, prefix: string): SchemaChange[] {
  const old = new Map(before.fields.map((field) => [field.name, field.type]));
  const names = new Set(after.fields.map((field) => field.name));
  const changes = after.fields.flatMap((field): SchemaChange[] => {
    const path = `${prefix}${quoteName(field.name)}`;
    const from = old.get(field.name);
    if (from === undefined) return [{ kind: "added", path, to: typeName(field.type) }];
    return typeDiff(from, field.type, path);
  });
  const removed = before.fields.filter((field) => !names.has(field.name));
  return [
    ...changes,
    ...removed.map((field): SchemaChange => ({
      kind: "removed",
      path: `${prefix}${quoteName(field.name)}`,
      from: typeName(field.type),
    })),
  ];
}

function typeDiff(from: DataType, to: DataType, path: string): SchemaChange[] {
  if (sameType(from, to)) return [];
  if (from.kind === "struct" && to.kind === "struct") return structDiff(from, to, `${path}.`);
  if (from.kind === "array" && to.kind === "array") {
    return typeDiff(from.elementType, to.elementType, `${path}.element`);
  }
  if (from.kind === "map" && to.kind === "map") {
    return [
      ...typeDiff(from.keyType, to.keyType, `${path}.key`),
      ...typeDiff(from.valueType, to.valueType, `${path}.value`),
    ];
  }
  return [{ kind: "changed", path, from: typeName(from), to: typeName(to) }];
}

/** A name that would read like a path is put into back-ticks. */
function quoteName(name: string): string {
  return /^[\p{L}_$][\p{L}\p{N}_$-]*$/u.test(name) ? name : `\`${name.replaceAll("`", "``")}\``;
}
