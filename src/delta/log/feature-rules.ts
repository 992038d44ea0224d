import { type ColumnMapping, isColumnMapping } from "../schema/column-mapping.ts";
import type { JsonValue, StructField, StructType } from "../schema/data-type.ts";
import { mappingProblem } from "../schema/mapping-check.ts";
import { unsupportedTypeChanges } from "../schema/type-widening.ts";
import { visitFields } from "../schema/visit-types.ts";
import type { Metadata, Protocol } from "./actions.ts";
import type { TableProperties } from "./table-properties.ts";

/** What the gate looks at: a table's protocol, metadata and schema. */
export type GatedTable = {
  readonly protocol: Protocol;
  readonly metadata: Metadata;
  readonly schema: StructType;
};

/**
 * What a commit is about to do, as far as table features ask:
 *
 * - `append`: new rows come in
 * - `rearrange`: the same rows are written into other files (compaction, wider types)
 * - `remove`: files leave the table or come back as they are; no data file is written
 * - `metadata`: schema, properties, positions or domains change; no file does
 */
export type WriteIntent = "append" | "rearrange" | "remove" | "metadata";

export type FeatureTable = GatedTable & { readonly properties: TableProperties };

/**
 * Why a listed feature stops us, in words; null when it does not, because nothing in the table uses
 * it or because we honour it. An empty list: the feature itself is the reason.
 */
export type Blocked = readonly string[] | null;

/** Absent: the feature has nothing to say on that side. */
export type FeatureRule = {
  readonly blocksRead?: (table: FeatureTable) => Blocked;
  readonly blocksWrite?: (table: FeatureTable, intent: WriteIntent) => Blocked;
};

/** What follows from rows that come in, and from nothing else. */
const newRows = (reasons: (table: FeatureTable) => readonly string[]): FeatureRule => ({
  blocksWrite: (table, intent) => intent === "append" ? some(reasons(table)) : null,
});

function some(reasons: readonly string[]): Blocked {
  return reasons.length > 0 ? reasons : null;
}

/** What a table says of each field, at any depth, under a key that begins so. */
function fieldsWith(
  { schema }: FeatureTable,
  prefix: string,
  say: (field: StructField, value: JsonValue) => string,
): string[] {
  const said: string[] = [];
  visitFields(schema, (field) => {
    const key = Object.keys(field.metadata).find((name) => name.startsWith(prefix));
    if (key !== undefined) said.push(say(field, field.metadata[key] ?? null));
  });
  return said;
}

const constraintPrefix = "delta.constraints.";

const typeWidening: FeatureRule = {
  blocksRead: ({ schema }) => unsupportedTypeChanges(schema).length > 0 ? [] : null,
  blocksWrite: ({ schema }) => unsupportedTypeChanges(schema).length > 0 ? [] : null,
};

const readAndWrite: FeatureRule = { blocksRead: () => null };

/** Active only where the property is set; then it asks for more than we do, on every commit. */
const icebergCompat = (version: string): FeatureRule => {
  const key = `delta.enableIcebergCompat${version}`;
  return {
    blocksWrite: ({ metadata }) =>
      metadata.configuration[key]?.trim().toLowerCase() === "true" ? [`${key} is true`] : null,
  };
};

/**
 * Every feature cdcdelta knows (PROTOCOL.md, "Valid Feature Names in Table Features"). A feature
 * that is not here is refused: by readers when a reader feature, by writers in either list.
 * Deletion vectors and V2 checkpoints are met while files are read, and refused there.
 */
export const knownFeatures: Readonly<Record<string, FeatureRule>> = {
  appendOnly: {},
  invariants: newRows((table) =>
    fieldsWith(
      table,
      "delta.invariants",
      (field, value) => `the invariant of column "${field.name}" (${invariantText(value)})`,
    )
  ),
  checkConstraints: newRows(({ metadata }) =>
    Object.entries(metadata.configuration).filter(([key]) => key.startsWith(constraintPrefix))
      .map(([key, text]) => `the constraint "${key.slice(constraintPrefix.length)}" (${text})`)
  ),
  generatedColumns: newRows((table) =>
    fieldsWith(
      table,
      "delta.generationExpression",
      (field, value) => `the generated column "${field.name}" (${plainText(value)})`,
    )
  ),
  allowColumnDefaults: newRows((table) =>
    fieldsWith(
      table,
      "CURRENT_DEFAULT",
      (field, value) => `the default of column "${field.name}" (${plainText(value)})`,
    )
  ),
  identityColumns: newRows((table) =>
    fieldsWith(table, "delta.identity.", (field) => `the identity column "${field.name}"`)
  ),
  changeDataFeed: {},
  columnMapping: {
    blocksRead: ({ properties }) => isColumnMapping(properties.columnMappingMode) ? null : [],
    blocksWrite: (table) => {
      const mode = table.properties.columnMappingMode;
      if (!isColumnMapping(mode)) return [`its mode is "${mode}"`];
      return mappingBlock(table, mode);
    },
  },
  deletionVectors: readAndWrite,
  timestampNtz: readAndWrite,
  timestampWithoutTimezone: readAndWrite,
  v2Checkpoint: readAndWrite,
  domainMetadata: {},
  vacuumProtocolCheck: readAndWrite,
  checkpointProtection: {},
  typeWidening,
  "typeWidening-preview": typeWidening,
  // New rows have nulls there, and rewritten ones what their files hold; shredded files are refused.
  // New rows have nulls there, rewritten ones what their files hold; shredded files are refused.
  variantType: readAndWrite,
  "variantType-preview": readAndWrite,
  variantShredding: readAndWrite,
  "variantShredding-preview": readAndWrite,
  rowTracking: {
    blocksWrite: ({ protocol }) =>
      (protocol.writerFeatures ?? []).includes("domainMetadata")
        ? null
        : ["it needs the feature domainMetadata, which the table does not list"],
  },
  clustering: {},
  inCommitTimestamp: {},
  "inCommitTimestamp-preview": {},
  materializePartitionColumns: {},
  icebergCompatV1: icebergCompat("V1"),
  icebergCompatV2: icebergCompat("V2"),
  icebergCompatV3: icebergCompat("V3"),
};

function mappingBlock({ schema, metadata }: FeatureTable, mode: ColumnMapping): Blocked {
  if (mode === "none") return null;
  const maxId = metadata.configuration["delta.columnMapping.maxColumnId"];
  const problem = mappingProblem(schema, maxId === undefined ? null : Number(maxId));
  return problem === null ? null : [problem];
}

function plainText(value: JsonValue): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** `{"expression":{"expression":"x > 3"}}` → `x > 3` (PROTOCOL.md, "Column Invariants"). */
function invariantText(value: JsonValue): string {
  const text = plainText(value);
  try {
    const json = JSON.parse(text) as { readonly expression?: { readonly expression?: unknown } };
    const expression = json.expression?.expression;
    return typeof expression === "string" ? expression : text;
  } catch {
    return text;
  }
}
