/**
 * Typed per-file statistics (PROTOCOL.md, "Per-file Statistics"), kept typed so that those of
 * several row groups can be merged, and turned into the JSON of `add.stats` at the end.
 */

/**
 * The smallest or largest value of a leaf: bigint for integers, timestamps (µs) and unscaled
 * decimals, number for float, double and date (days), string for strings (already cut to a bound).
 */
export type BoundValue = bigint | number | string;

export type LeafStatistics = {
  /** Names from the root of the schema, physical ones. */
  readonly path: readonly string[];
  readonly nullCount: number;
  /** Null: unknown, all null, or a type without an order. */
  readonly min: BoundValue | null;
  readonly max: BoundValue | null;
};

export type FileStatistics = {
  readonly numRecords: number;
  readonly leaves: readonly LeafStatistics[];
};
