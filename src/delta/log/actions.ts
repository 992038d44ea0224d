import type { JsonValue } from "../schema/data-type.ts";

/**
 * Actions of the Delta log (PROTOCOL.md, "Actions"). 64-bit values that exceed 2^53 in real tables
 * are bigint; `stats` stays the JSON text it is. An `add`, a `metaData` and a `protocol` that were
 * read may have members beyond these: what we do not know is written again as it was.
 */
export type Protocol = {
  readonly minReaderVersion: number;
  readonly minWriterVersion: number;
  readonly readerFeatures?: readonly string[];
  readonly writerFeatures?: readonly string[];
};

export type Metadata = {
  readonly id: string;
  readonly name?: string;
  readonly description?: string;
  readonly format: {
    readonly provider: string;
    readonly options: Readonly<Record<string, string>>;
  };
  readonly schemaString: string;
  readonly partitionColumns: readonly string[];
  readonly configuration: Readonly<Record<string, string>>;
  readonly createdTime?: number;
};

export type PartitionValues = Readonly<Record<string, string | null>>;

export type DeletionVectorDescriptor = {
  readonly storageType: string;
  readonly pathOrInlineDv: string;
  readonly offset?: number;
  readonly sizeInBytes: number;
  readonly cardinality: bigint;
};

export type AddFile = {
  /** As it stands in the log: URI-encoded, relative to the table or absolute. */
  readonly path: string;
  readonly partitionValues: PartitionValues;
  readonly size: number;
  readonly modificationTime: number;
  readonly dataChange: boolean;
  readonly stats?: string;
  readonly tags?: Readonly<Record<string, string | null>>;
  readonly deletionVector?: DeletionVectorDescriptor;
  readonly baseRowId?: bigint;
  readonly defaultRowCommitVersion?: bigint;
  readonly clusteringProvider?: string;
};

export type RemoveFile = {
  readonly path: string;
  readonly deletionTimestamp?: number;
  readonly dataChange: boolean;
  readonly extendedFileMetadata?: boolean;
  readonly partitionValues?: PartitionValues;
  readonly size?: number;
  readonly tags?: Readonly<Record<string, string | null>>;
  readonly deletionVector?: DeletionVectorDescriptor;
  readonly baseRowId?: bigint;
  readonly defaultRowCommitVersion?: bigint;
};

/** `txn`: an application's own version number, committed with its data. */
export type SetTransaction = {
  readonly appId: string;
  readonly version: bigint;
  readonly lastUpdated?: number;
};

export type DomainMetadata = {
  readonly domain: string;
  readonly configuration: string;
  readonly removed: boolean;
};

/** A Parquet file with file actions of a V2 checkpoint. */
export type Sidecar = {
  /** Its name in `_delta_log/_sidecars/`. */
  readonly path: string;
  readonly sizeInBytes: number;
  readonly modificationTime: number;
};

export type AddCdcFile = {
  readonly path: string;
  readonly partitionValues: PartitionValues;
  readonly size: number;
  readonly dataChange: boolean;
};

/** Free form; numbers that matter are read from the text. */
export type CommitInfo = Readonly<Record<string, JsonValue>>;

export type Action =
  | { readonly kind: "add"; readonly add: AddFile }
  | { readonly kind: "remove"; readonly remove: RemoveFile }
  | { readonly kind: "metaData"; readonly metaData: Metadata }
  | { readonly kind: "protocol"; readonly protocol: Protocol }
  | { readonly kind: "txn"; readonly txn: SetTransaction }
  | { readonly kind: "domainMetadata"; readonly domainMetadata: DomainMetadata }
  | { readonly kind: "cdc"; readonly cdc: AddCdcFile }
  | { readonly kind: "commitInfo"; readonly commitInfo: CommitInfo };
