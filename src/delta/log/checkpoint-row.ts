import type { Value } from "../columns/column-builder.ts";
import type {
  AddFile,
  DeletionVectorDescriptor,
  DomainMetadata,
  Metadata,
  Protocol,
  RemoveFile,
  SetTransaction,
  Sidecar,
} from "./actions.ts";

/** A row of a checkpoint: one of its columns is set. */
export type CheckpointRow = Readonly<Record<string, Value>>;

const none = {
  txn: null,
  add: null,
  remove: null,
  metaData: null,
  protocol: null,
  domainMetadata: null,
} as const;

/** The row of a `txn`. */
export function transactionRow(txn: SetTransaction): CheckpointRow {
  const { appId, version, lastUpdated } = txn;
  return { ...none, txn: { appId, version, lastUpdated: long(lastUpdated) } };
}

/**
 * The row of an `add`; `dataChange` is false in checkpoints, as in delta-spark's. `parsed` holds the
 * values of `partitionValues_parsed` and `stats_parsed`, where the table has them.
 */
export function addRow(
  add: AddFile,
  parsed: Readonly<Record<string, Value>> = {},
): CheckpointRow {
  return {
    ...none,
    add: {
      path: add.path,
      partitionValues: textMap(add.partitionValues),
      size: long(add.size),
      modificationTime: long(add.modificationTime),
      dataChange: false,
      tags: add.tags === undefined ? null : textMap(add.tags),
      deletionVector: vector(add.deletionVector),
      baseRowId: add.baseRowId ?? null,
      defaultRowCommitVersion: add.defaultRowCommitVersion ?? null,
      clusteringProvider: add.clusteringProvider ?? null,
      stats: add.stats ?? null,
      ...parsed,
    },
  };
}

/** The row of a tombstone: without statistics and tags. */
export function removeRow(remove: RemoveFile): CheckpointRow {
  return {
    ...none,
    remove: {
      path: remove.path,
      deletionTimestamp: long(remove.deletionTimestamp),
      dataChange: false,
      extendedFileMetadata: remove.extendedFileMetadata ?? null,
      partitionValues: remove.partitionValues === undefined
        ? null
        : textMap(remove.partitionValues),
      size: long(remove.size),
      deletionVector: vector(remove.deletionVector),
      baseRowId: remove.baseRowId ?? null,
      defaultRowCommitVersion: remove.defaultRowCommitVersion ?? null,
    },
  };
}

/** The row of the `metaData`: what is empty is there and empty, not null. */
export function metadataRow(metadata: Metadata): CheckpointRow {
  return {
    ...none,
    metaData: {
      id: metadata.id,
      name: metadata.name ?? null,
      description: metadata.description ?? null,
      format: { provider: metadata.format.provider, options: textMap(metadata.format.options) },
      schemaString: metadata.schemaString,
      partitionColumns: [...metadata.partitionColumns],
      configuration: textMap(metadata.configuration),
      createdTime: long(metadata.createdTime),
    },
  };
}

/** The row of the `protocol`; absent feature lists are null. */
export function protocolRow(protocol: Protocol): CheckpointRow {
  const { readerFeatures, writerFeatures } = protocol;
  return {
    ...none,
    protocol: {
      minReaderVersion: protocol.minReaderVersion,
      minWriterVersion: protocol.minWriterVersion,
      readerFeatures: readerFeatures === undefined ? null : [...readerFeatures],
      writerFeatures: writerFeatures === undefined ? null : [...writerFeatures],
    },
  };
}

/** The row of a live domain. */
export function domainMetadataRow(domain: DomainMetadata): CheckpointRow {
  return { ...none, domainMetadata: { ...domain } };
}

/** The row that tells a V2 checkpoint's version. */
export function checkpointMetadataRow(version: number): CheckpointRow {
  return { ...none, checkpointMetadata: { version: BigInt(version) } };
}

/** The row of a sidecar. */
export function sidecarRow(sidecar: Sidecar): CheckpointRow {
  const { path, sizeInBytes, modificationTime } = sidecar;
  return {
    ...none,
    sidecar: {
      path,
      sizeInBytes: long(sizeInBytes),
      modificationTime: long(modificationTime),
      tags: null,
    },
  };
}

function long(value: number | undefined): bigint | null {
  return value === undefined ? null : BigInt(value);
}

function textMap(values: Readonly<Record<string, string | null>>): Map<Value, Value> {
  return new Map(Object.entries(values));
}

function vector(descriptor: DeletionVectorDescriptor | undefined): Value {
  if (descriptor === undefined) return null;
  const { storageType, pathOrInlineDv, offset, sizeInBytes, cardinality } = descriptor;
  return { storageType, pathOrInlineDv, offset: offset ?? null, sizeInBytes, cardinality };
}
