import type { DataType } from "../../delta/schema/data-type.ts";

/** What decoding has to know of a collection's settings. */
export type DecodeRules = {
  /** Partition columns in order; default `["_ingestion_date"]`. */
  readonly partitionBy: readonly string[];
  /** Types fixed by the user, by top-level field name or dotted path. */
  readonly columnTypes: Readonly<Record<string, DataType>>;
  /** Top-level or dotted field paths; an empty include list takes all. */
  readonly includeFields: readonly string[];
  readonly excludeFields: readonly string[];
  /** True: the optional column `_document` holds the raw document. */
  readonly keepDocument: boolean;
  /** True: the optional column `_cdc_transaction_id` holds the id of the MongoDB transaction. */
  readonly keepTransactionId: boolean;
  /** True: Decimal128 becomes string instead of decimal(38,18). */
  readonly decimalAsString: boolean;
  /** Leaf columns of a table at most; fields beyond are rescued. */
  readonly columnsMax: number;
  /** Nesting of a document that becomes columns at most; what is deeper is rescued. */
  readonly depthMax: number;
};
