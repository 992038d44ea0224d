import type { DataType } from "../../delta/schema/data-type.ts";

/**
 * What becomes of a masked value; the column is one of strings.
 *
 * - `hash`: SHA-256 of the value's text in hexadecimal digits, HMAC-SHA-256 where there is a key
 * - `redact`: the constant `***`
 * - `none`: nothing; takes back what the general settings say
 */
export type MaskMode = "hash" | "redact" | "none";

/** What decoding has to know of a collection's settings. */
export type DecodeRules = {
  /** Partition columns in order; default `["_ingestion_date"]`. */
  readonly partitionBy: readonly string[];
  /** Types fixed by the user, by top-level field name or dotted path. */
  readonly columnTypes: Readonly<Record<string, DataType>>;
  /** Top-level or dotted field paths; an empty include list takes all. */
  readonly includeFields: readonly string[];
  readonly excludeFields: readonly string[];
  /** Dotted path of a field → that of its column, which differs in the last name only. */
  readonly rename: Readonly<Record<string, string>>;
  /** Dotted path of a field → what its values are replaced with before they are written anywhere. */
  readonly mask: Readonly<Record<string, MaskMode>>;
  /** Key of the hashes of masked values; null: they have none. */
  readonly maskKey: string | null;
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
