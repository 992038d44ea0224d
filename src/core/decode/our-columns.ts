import { field, struct, type StructField, type StructType } from "../../delta/schema/data-type.ts";
import type { DecodeRules } from "./decode-rules.ts";

/** Names of the columns that every row has besides its document's. */
export const ourColumns = {
  operation: "_cdc_operation",
  timestamp: "_cdc_timestamp",
  key: "_cdc_key",
  topic: "_kafka_topic",
  partition: "_kafka_partition",
  offset: "_kafka_offset",
  ingestionTimestamp: "_ingestion_timestamp",
  ingestionDate: "_ingestion_date",
  rescued: "_rescued_data",
  transactionId: "_cdc_transaction_id",
  document: "_document",
} as const;

/** Columns that every table of rows has. */
export const alwaysColumns: readonly StructField[] = [
  field(ourColumns.operation, { kind: "string" }),
  field(ourColumns.timestamp, { kind: "timestamp" }),
  field(ourColumns.key, { kind: "string" }),
  field(ourColumns.topic, { kind: "string" }),
  field(ourColumns.partition, { kind: "integer" }),
  field(ourColumns.offset, { kind: "long" }),
  field(ourColumns.ingestionTimestamp, { kind: "timestamp" }),
  field(ourColumns.ingestionDate, { kind: "date" }),
  field(ourColumns.rescued, { kind: "string" }),
];

/** The schema of a collection's table before any document was seen: our columns alone. */
export function baseSchema(rules: DecodeRules): StructType {
  const fields = [...alwaysColumns];
  if (rules.keepTransactionId) fields.push(field(ourColumns.transactionId, { kind: "string" }));
  if (rules.keepDocument) fields.push(field(ourColumns.document, { kind: "string" }));
  return struct(fields);
}

/** The schema of the dead-letter table. It never changes. */
export const deadLetterSchema: StructType = struct([
  field(ourColumns.topic, { kind: "string" }),
  field(ourColumns.partition, { kind: "integer" }),
  field(ourColumns.offset, { kind: "long" }),
  field(ourColumns.ingestionTimestamp, { kind: "timestamp" }),
  field(ourColumns.ingestionDate, { kind: "date" }),
  field("key", { kind: "binary" }),
  field("value", { kind: "binary" }),
  field("error", { kind: "string" }),
  field("headers", { kind: "string" }),
]);

/** Partition column of the dead-letter table. */
export const deadLetterPartitionBy: readonly string[] = [ourColumns.ingestionDate];

const reserved: ReadonlySet<string> = new Set(Object.values(ourColumns));

/** True for names that only our columns may have, whatever their case. */
export function isReservedName(name: string): boolean {
  return reserved.has(name.toLowerCase());
}
