import { field, struct, type StructField, type StructType } from "../schema/data-type.ts";

const text = { kind: "string" } as const;
const long = { kind: "long" } as const;
const integer = { kind: "integer" } as const;
const boolean = { kind: "boolean" } as const;
const texts = { kind: "array", elementType: text, containsNull: true } as const;
const textMap = {
  kind: "map",
  keyType: text,
  valueType: text,
  valueContainsNull: true,
} as const;

const deletionVector = field(
  "deletionVector",
  struct([
    field("storageType", text),
    field("pathOrInlineDv", text),
    field("offset", integer),
    field("sizeInBytes", integer),
    field("cardinality", long),
  ]),
);

/** Columns of a checkpoint (PROTOCOL.md, "Checkpoint Schema"): one row holds one action. */
export const txnColumn = field(
  "txn",
  struct([field("appId", text), field("version", long), field("lastUpdated", long)]),
);

export type AddColumns = {
  /** Whether there are statistics as JSON text. */
  readonly stats: boolean;
  /** `partitionValues_parsed` and `stats_parsed`, where the table has them. */
  readonly parsed?: readonly StructField[];
};

/** `add` with these columns. */
export function addColumn({ stats, parsed = [] }: AddColumns): StructField {
  const fields = [
    field("path", text),
    field("partitionValues", textMap),
    field("size", long),
    field("modificationTime", long),
    field("dataChange", boolean),
    field("tags", textMap),
    deletionVector,
    field("baseRowId", long),
    field("defaultRowCommitVersion", long),
    field("clusteringProvider", text),
  ];
  const json = stats ? [field("stats", text)] : [];
  return field("add", struct([...fields, ...json, ...parsed]));
}

export const removeColumn = field(
  "remove",
  struct([
    field("path", text),
    field("deletionTimestamp", long),
    field("dataChange", boolean),
    field("extendedFileMetadata", boolean),
    field("partitionValues", textMap),
    field("size", long),
    deletionVector,
    field("baseRowId", long),
    field("defaultRowCommitVersion", long),
  ]),
);

export const metaDataColumn = field(
  "metaData",
  struct([
    field("id", text),
    field("name", text),
    field("description", text),
    field("format", struct([field("provider", text), field("options", textMap)])),
    field("schemaString", text),
    field("partitionColumns", texts),
    field("configuration", textMap),
    field("createdTime", long),
  ]),
);

export const protocolColumn = field(
  "protocol",
  struct([
    field("minReaderVersion", integer),
    field("minWriterVersion", integer),
    field("readerFeatures", texts),
    field("writerFeatures", texts),
  ]),
);

export const domainMetadataColumn = field(
  "domainMetadata",
  struct([field("domain", text), field("configuration", text), field("removed", boolean)]),
);

/** Set only in V2 checkpoints, which may carry a classic name. */
export const sidecarColumn = field(
  "sidecar",
  struct([field("path", text), field("sizeInBytes", long)]),
);

const checkpointMetadataColumn = field("checkpointMetadata", struct([field("version", long)]));

const writtenSidecarColumn = field(
  "sidecar",
  struct([
    field("path", text),
    field("sizeInBytes", long),
    field("modificationTime", long),
    field("tags", textMap),
  ]),
);

/** The file of a classic checkpoint. */
export function checkpointSchema(options: AddColumns): StructType {
  return struct([
    txnColumn,
    addColumn(options),
    removeColumn,
    metaDataColumn,
    protocolColumn,
    domainMetadataColumn,
  ]);
}

/** The top file of a V2 checkpoint (PROTOCOL.md, "V2 Spec"). */
export function topFileSchema(options: AddColumns): StructType {
  const { fields } = checkpointSchema(options);
  return struct([...fields, checkpointMetadataColumn, writtenSidecarColumn]);
}

/** A sidecar of a V2 checkpoint: files and tombstones. */
export function sidecarSchema(options: AddColumns): StructType {
  return struct([addColumn(options), removeColumn]);
}
