import { CdcDeltaError } from "../../errors.ts";
import { type ColumnMapping, physicalName, physicalNameKey } from "../schema/column-mapping.ts";
import {
  type DataType,
  field,
  struct,
  type StructField,
  type StructType,
} from "../schema/data-type.ts";
import { widerType } from "../schema/merge-schema.ts";
import { sameType } from "../schema/type-name.ts";
import { featureAllowsChange } from "../schema/type-widening.ts";

/** Columns that a change has beside those of the table (PROTOCOL.md, "Change Data Files"). */
export const changeType: StructField = named("_change_type", { kind: "string" });
export const commitVersion: StructField = named("_commit_version", { kind: "long" });
export const commitTimestamp: StructField = named("_commit_timestamp", { kind: "timestamp" });

/** Change files have the name as it stands, in tables with column mapping too. */
function named(name: string, type: DataType): StructField {
  return { ...field(name, type), metadata: { [physicalNameKey]: name } };
}

const changeFields = [changeType, commitVersion, commitTimestamp];

/**
 * The schema of changes. Errors: `unsupported` for a table that has a column of such a name itself.
 */
export function changeSchema(schema: StructType, uri: string): StructType {
  const names = new Set(changeFields.map((each) => each.name));
  const taken = schema.fields.find((each) => names.has(each.name.toLowerCase()));
  if (taken === undefined) return struct([...schema.fields, ...changeFields]);
  throw new CdcDeltaError(
    "unsupported",
    `Cannot show the changes of ${uri}: it has a column "${taken.name}" of its own`,
    { context: { table: uri, column: taken.name } },
  );
}

/** A version's columns as its files have them. */
export type ColumnLayout = {
  readonly schema: StructType;
  readonly partitionColumns: readonly string[];
  readonly columnMapping: ColumnMapping;
};

/**
 * Why rows of an earlier version cannot be read with the columns of a later one; null when they can:
 * every column is still there, with its type or one that holds all of its values. Pure.
 */
export function incompatibility(earlier: ColumnLayout, later: ColumnLayout): string | null {
  const partitions = earlier.partitionColumns.join("\u0000") ===
    later.partitionColumns.join("\u0000");
  if (!partitions) return "the table was partitioned by other columns";
  return structProblem(earlier.schema, later.schema, {
    earlier: earlier.columnMapping,
    later: later.columnMapping,
  });
}

type Mappings = { readonly earlier: ColumnMapping; readonly later: ColumnMapping };

function structProblem(earlier: StructType, later: StructType, mappings: Mappings): string | null {
  const fields = new Map(later.fields.map((each) => [physicalName(each, mappings.later), each]));
  for (const old of earlier.fields) {
    const kept = fields.get(physicalName(old, mappings.earlier));
    if (kept === undefined) return `column "${old.name}" is no longer there`;
    const problem = typeProblem(old.type, kept.type, mappings);
    if (problem !== null) return problem === "" ? `column "${old.name}" has another type` : problem;
  }
  return null;
}

/** Empty: the types do not fit. */
function typeProblem(earlier: DataType, later: DataType, mappings: Mappings): string | null {
  if (earlier.kind === "struct" && later.kind === "struct") {
    return structProblem(earlier, later, mappings);
  }
  if (earlier.kind === "array" && later.kind === "array") {
    return typeProblem(earlier.elementType, later.elementType, mappings);
  }
  if (earlier.kind === "map" && later.kind === "map") {
    return typeProblem(earlier.keyType, later.keyType, mappings) ??
      typeProblem(earlier.valueType, later.valueType, mappings);
  }
  if (earlier.kind === "void" || sameType(earlier, later)) return null;
  const wider = widerType(earlier, later);
  const holdsAll = featureAllowsChange(earlier, later) ||
    (wider !== null && sameType(wider, later));
  return holdsAll ? null : "";
}
