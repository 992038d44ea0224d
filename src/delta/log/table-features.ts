import { CdcDeltaError } from "../../errors.ts";
import type { DataType, StructType } from "../schema/data-type.ts";
import { type ColumnMapping, isColumnMapping } from "../schema/column-mapping.ts";
import { unsupportedTypeChanges } from "../schema/type-widening.ts";
import { someField, someType } from "../schema/visit-types.ts";
import type { Metadata, Protocol } from "./actions.ts";
import { repairAdvice } from "./repair-advice.ts";
import { readTableProperties, type TableProperties } from "./table-properties.ts";

/** What the gate looks at: a table's protocol, metadata and schema. */
export type GatedTable = {
  readonly protocol: Protocol;
  readonly metadata: Metadata;
  readonly schema: StructType;
};

/** Why a listed feature does not stop us: nothing in the table uses it, or we honour it. */
type FeatureRule = {
  /** True when the table's rows need the feature to be read right; the answer is for our reader. */
  readonly blocksRead?: (table: FeatureTable) => boolean;
  /** True when we may not commit to the table. */
  readonly blocksWrite?: (table: FeatureTable) => boolean;
};

type FeatureTable = GatedTable & { readonly properties: TableProperties };

const never = (): boolean => false;
const always = (): boolean => true;
const hasKey = (prefix: string) => (table: FeatureTable): boolean =>
  someField(table.schema, (field) => Object.keys(field.metadata).some((k) => k.startsWith(prefix)));
const hasType = (kind: DataType["kind"]) => (table: FeatureTable): boolean =>
  someType(table.schema, (type) => type.kind === kind);

const hasUnknownTypeChange = (table: FeatureTable): boolean =>
  unsupportedTypeChanges(table.schema).length > 0;

const typeWidening: FeatureRule = {
  blocksRead: hasUnknownTypeChange,
  blocksWrite: hasUnknownTypeChange,
};
const variant: FeatureRule = { blocksRead: never, blocksWrite: hasType("variant") };

/**
 * Every feature cdcdelta knows (PROTOCOL.md, "Valid Feature Names in Table Features"). A feature
 * that is not here is refused: by readers when a reader feature, by writers in either list.
 * Deletion vectors and V2 checkpoints are met while files are read, and refused there.
 */
const knownFeatures: Readonly<Record<string, FeatureRule>> = {
  appendOnly: { blocksWrite: never },
  invariants: { blocksWrite: hasKey("delta.invariants") },
  checkConstraints: {
    blocksWrite: (table) =>
      Object.keys(table.metadata.configuration).some((k) => k.startsWith("delta.constraints.")),
  },
  generatedColumns: { blocksWrite: hasKey("delta.generationExpression") },
  allowColumnDefaults: { blocksWrite: hasKey("CURRENT_DEFAULT") },
  identityColumns: { blocksWrite: hasKey("delta.identity.") },
  changeDataFeed: { blocksWrite: never },
  columnMapping: {
    blocksRead: (table) => !isColumnMapping(table.properties.columnMappingMode),
    blocksWrite: (table) => table.properties.columnMappingMode !== "none",
  },
  deletionVectors: { blocksRead: never, blocksWrite: never },
  timestampNtz: { blocksRead: never, blocksWrite: never },
  timestampWithoutTimezone: { blocksRead: never, blocksWrite: never },
  v2Checkpoint: { blocksRead: never, blocksWrite: never },
  domainMetadata: { blocksWrite: never },
  vacuumProtocolCheck: { blocksRead: never, blocksWrite: never },
  checkpointProtection: { blocksWrite: never },
  typeWidening,
  "typeWidening-preview": typeWidening,
  variantType: variant,
  "variantType-preview": variant,
  variantShredding: variant,
  "variantShredding-preview": variant,
  rowTracking: { blocksWrite: always },
  clustering: { blocksWrite: always },
  inCommitTimestamp: { blocksWrite: always },
  "inCommitTimestamp-preview": { blocksWrite: always },
  materializePartitionColumns: { blocksWrite: always },
  icebergCompatV1: { blocksWrite: always },
  icebergCompatV2: { blocksWrite: always },
  icebergCompatV3: { blocksWrite: always },
};

/** Features that a legacy version number implies (PROTOCOL.md, "Protocol Evolution"). */
const impliedByWriter: readonly (readonly [number, readonly string[]])[] = [
  [2, ["appendOnly", "invariants"]],
  [3, ["checkConstraints"]],
  [4, ["changeDataFeed", "generatedColumns"]],
  [5, ["columnMapping"]],
  [6, ["identityColumns"]],
];

/** The features of a protocol, listed or implied; sorted. */
export function protocolFeatures(protocol: Protocol): string[] {
  const names = new Set([...protocol.readerFeatures ?? [], ...protocol.writerFeatures ?? []]);
  if (protocol.minWriterVersion < 7) {
    for (const [version, features] of impliedByWriter) {
      if (protocol.minWriterVersion >= version) features.forEach((name) => names.add(name));
    }
  }
  if (protocol.minReaderVersion === 2) names.add("columnMapping");
  return [...names].sort();
}

/** The table's column mapping; a mode without the feature has no force. */
export function columnMappingOf(protocol: Protocol, mode: string): ColumnMapping {
  const listed = protocolFeatures(protocol).includes("columnMapping");
  return listed && isColumnMapping(mode) ? mode : "none";
}

/**
 * Names of the features that keep us from reading the table's rows. Empty: it may be read. Throws
 * `log-corrupt` for a protocol that contradicts itself, `unsupported` for a version we do not know;
 * `uri` is for the message.
 */
export function featuresBlockingRead(table: GatedTable, uri: string): string[] {
  checkProtocol(table.protocol, "reader", uri);
  const gated = { ...table, properties: readTableProperties(table.metadata.configuration) };
  const features = table.protocol.minReaderVersion >= 3
    ? table.protocol.readerFeatures ?? []
    : table.protocol.minReaderVersion === 2
    ? ["columnMapping"]
    : [];
  return features.filter((name) => blocks(name, gated, "blocksRead")).sort();
}

/** As `featuresBlockingRead`, for committing to the table (which needs reading it as well). */
export function featuresBlockingWrite(table: GatedTable, uri: string): string[] {
  const blocking = new Set(featuresBlockingRead(table, uri));
  checkProtocol(table.protocol, "writer", uri);
  const gated = { ...table, properties: readTableProperties(table.metadata.configuration) };
  for (const name of protocolFeatures(table.protocol)) {
    if (blocks(name, gated, "blocksWrite")) blocking.add(name);
  }
  return [...blocking].sort();
}

function blocks(name: string, table: FeatureTable, side: keyof FeatureRule): boolean {
  if (!Object.hasOwn(knownFeatures, name)) return true;
  return knownFeatures[name]?.[side]?.(table) ?? side === "blocksRead";
}

/** Throws `unsupported`, naming the features, when the table's rows cannot be read. */
export function assertReadable(table: GatedTable, uri: string): void {
  assertFormat(table.metadata, uri);
  const features = featuresBlockingRead(table, uri);
  if (features.length > 0) throw unsupportedFeatures("read", features, uri);
}

/** Throws `unsupported`, naming the features, when the table cannot be committed to. */
export function assertWritable(table: GatedTable, uri: string): void {
  assertFormat(table.metadata, uri);
  const features = featuresBlockingWrite(table, uri);
  if (features.length > 0) throw unsupportedFeatures("write to", features, uri);
}

/**
 * Throws `unsupported` when deleting files could break a rule of a feature that we do not know
 * (PROTOCOL.md, "VACUUM Protocol Check"). Known features that keep us from adding rows do not matter.
 */
export function assertVacuumable(table: GatedTable, uri: string): void {
  assertKnown("vacuum", table, uri);
}

/**
 * Throws `unsupported` when a checkpoint could leave something out: one holds what is known. Known
 * features that keep us from adding rows do not matter.
 */
export function assertCheckpointable(table: GatedTable, uri: string): void {
  assertKnown("write a checkpoint of", table, uri);
}

function assertKnown(action: GatedAction, table: GatedTable, uri: string): void {
  for (const side of ["reader", "writer"] as const) checkProtocol(table.protocol, side, uri);
  const unknown = protocolFeatures(table.protocol).filter((name) =>
    !Object.hasOwn(knownFeatures, name)
  );
  if (unknown.length > 0) throw unsupportedFeatures(action, unknown, uri);
}

type GatedAction = "read" | "write to" | "vacuum" | "write a checkpoint of";

/** The error for features that stop us; `context.features` holds their names, comma-separated. */
export function unsupportedFeatures(
  action: GatedAction,
  features: readonly string[],
  uri: string,
): CdcDeltaError {
  const names = features.join(", ");
  return new CdcDeltaError(
    "unsupported",
    `Cannot ${action} the Delta table at ${uri}: it uses table features that cdcdelta does not ` +
      `support: [${names}]. Use a newer cdcdelta, or drop the features from the table`,
    { context: { features: names, table: uri } },
  );
}

function assertFormat(metadata: Metadata, uri: string): void {
  if (metadata.format.provider.toLowerCase() === "parquet") return;
  throw new CdcDeltaError(
    "unsupported",
    `Cannot open the Delta table at ${uri}: its files are "${metadata.format.provider}", ` +
      "only parquet is supported",
  );
}

function checkProtocol(protocol: Protocol, side: "reader" | "writer", uri: string): void {
  const { minReaderVersion: reader, minWriterVersion: writer } = protocol;
  const version = side === "reader" ? reader : writer;
  if (version < 1 || version > (side === "reader" ? 3 : 7)) {
    throw new CdcDeltaError(
      "unsupported",
      `Cannot open the Delta table at ${uri}: it requires ${side} version ${version} of the Delta ` +
        "protocol, which cdcdelta does not know. Use a newer cdcdelta",
      { context: { features: `${side}Version=${version}`, table: uri } },
    );
  }
  const invalid = (reader === 3 && protocol.readerFeatures === undefined) ||
    (writer === 7 && protocol.writerFeatures === undefined) || (reader === 3 && writer < 7);
  if (invalid) {
    throw new CdcDeltaError(
      "log-corrupt",
      `Cannot open the Delta table at ${uri}: its protocol action is not valid: ` +
        `${JSON.stringify(protocol)}. ${repairAdvice}`,
      { context: { table: uri } },
    );
  }
}
