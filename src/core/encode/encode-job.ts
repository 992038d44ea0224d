import type { FileFormat } from "../../delta/operations/file-format.ts";
import type { EncodedRowGroup } from "../../delta/parquet/encoded-row-group.ts";
import type { FileStatistics } from "../../delta/parquet/statistics.ts";
import type { DataType, StructType } from "../../delta/schema/data-type.ts";
import type { DecodeRules } from "../decode/decode-rules.ts";
import type { RescueReason } from "../decode/rescue.ts";
import type { RecordBatch } from "../event/record-batch.ts";

/** `db.collection`, or `deadLetterTable`. A database name has no dot and no `$`. */
export type TableKey = string;

/** The key of the dead-letter table among the tables of a job. */
export const deadLetterTable: TableKey = "$dead-letters";

/** A (topic, partition) of one identity; the identity is empty where none is obtainable. */
export type PartitionId = {
  readonly topic: string;
  readonly partition: number;
  readonly identity: string;
};

/**
 * What a table's log holds for a (topic, partition): rows at or below `offset` are there already.
 * Where the identity is not empty it alone (with the partition) decides: a renamed file keeps it.
 */
export type TableWatermark = PartitionId & {
  readonly offset: bigint;
  /** Hash of the record at `offset`, compared when it is read again; null: not known. */
  readonly recordHash: bigint | null;
};

/** What a job knows of a table. A table that it does not know starts with our columns alone. */
export type TableView = {
  readonly key: TableKey;
  /** Grows with every change of this view; 0 is a table nobody has opened yet. */
  readonly epoch: number;
  /** Columns of the table, ours and the partition columns included. */
  readonly schema: StructType;
  /** The table's own partition columns, which win over `CollectionRules.partitionBy`. */
  readonly partitionBy: readonly string[];
  readonly watermarks: readonly TableWatermark[];
  /**
   * False: columns of `schema` keep their types, misfits are rescued (a widening was tried and
   * given up). New columns are added all the same.
   */
  readonly mayWiden: boolean;
  /** How the table wants its files. */
  readonly format: FileFormat;
};

/** Settings of one collection, resolved; plain data. */
export type CollectionRules = DecodeRules;

/** Settings of all collections: the first pattern (whole match on `db.collection`) that fits wins. */
export type MappingRules = {
  readonly defaults: CollectionRules;
  readonly overrides: readonly { readonly pattern: string; readonly rules: CollectionRules }[];
};

/** Pure input of an encode job: records in the order they arrived, and what is known of the tables. */
export type EncodeJob = {
  readonly batches: readonly RecordBatch[];
  readonly tables: readonly TableView[];
  /** One value a flush: `_ingestion_timestamp`; `_ingestion_date` follows from it. */
  readonly ingestionTimestampMs: number;
};

/** Rows of one partition of one table, encoded. */
export type EncodedPart = {
  /** Partition column → serialized value (PROTOCOL.md, "Partition Value Serialization"), null kept. */
  readonly partitionValues: Readonly<Record<string, string | null>>;
  readonly rowGroup: EncodedRowGroup;
  readonly statistics: FileStatistics;
};

/** A column that changed its type in this job, by the ladder. */
export type WidenedColumn = {
  readonly path: string;
  readonly from: DataType;
  readonly to: DataType;
};

export type RescuedCount = {
  readonly path: string;
  readonly reason: RescueReason;
  readonly count: number;
};

/** First and last offset of one (topic, partition) in a job. */
export type PositionRange = PartitionId & {
  readonly firstOffset: bigint;
  readonly lastOffset: bigint;
  /** Hash of the record at `lastOffset`; null when records carry their own positions (kcat). */
  readonly lastRecordHash: bigint | null;
};

export type EncodedTable = {
  readonly key: TableKey;
  /** `epoch` of the view the job worked from; 0: it had none. */
  readonly baseEpoch: number;
  /** The view's schema plus what this job added or widened. Row groups are encoded against it. */
  readonly schema: StructType;
  readonly partitionBy: readonly string[];
  readonly parts: readonly EncodedPart[];
  readonly rows: number;
  /** Rows' positions: the last of each (topic, partition) becomes the watermark. */
  readonly positions: readonly PositionRange[];
  /** Records dropped because the watermark has them. */
  readonly droppedRows: number;
  /**
   * Watermarks whose record was met in this job and had the hash that the log holds; the pump knows
   * from it that the input is the one it was.
   */
  readonly confirmedWatermarks: readonly PartitionId[];
  readonly widened: readonly WidenedColumn[];
  readonly rescued: readonly RescuedCount[];
  /** Source time of the newest row, ms since the epoch; null without rows. */
  readonly newestSourceMs: number | null;
  /** W3C `traceparent` of the last row whose Kafka record has that header; null: none has. */
  readonly traceparent: string | null;
};

export type RecordCounts = {
  readonly records: number;
  /** Of lines; of Kafka's records keys and values, decompressed. */
  readonly bytes: number;
  readonly tombstones: number;
  /** Heartbeats, transaction metadata, notifications, signals, events of excluded collections. */
  readonly rowless: number;
};

/** A fault of the input that ends the run; found in a job, thrown by the pump. */
export type SourceFault =
  | {
    readonly kind: "offset-backwards";
    readonly partition: PartitionId;
    readonly before: bigint;
    readonly offset: bigint;
  }
  | {
    readonly kind: "record-changed";
    readonly table: TableKey;
    readonly partition: PartitionId;
    readonly offset: bigint;
  };

export type EncodeResult = {
  readonly tables: readonly EncodedTable[];
  /** Everything read, rowless records included. */
  readonly positions: readonly PositionRange[];
  readonly counts: RecordCounts;
  /** Of each batch of the job, in their order, `counts.bytes`: what it grew to when decompressed. */
  readonly decodedBytes: readonly number[];
  readonly fault: SourceFault | null;
};
