/**
 * What an encode job hands over: the bytes of a row group and the facts its footer entry needs.
 * Plain data that survives `structuredClone`; `bytes` can be transferred. Offsets are relative to
 * `bytes`, so that row groups made by several threads are put together into one file. No name is in
 * them.
 */
export type EncodedRowGroup = {
  /** All column chunks back to back, as they stand in the file. */
  readonly bytes: Uint8Array;
  readonly numRows: number;
  /** One entry a leaf column, in schema order. */
  readonly chunks: readonly EncodedColumnChunk[];
};

export type EncodedColumnChunk = {
  /** parquet.thrift `Type`. */
  readonly physicalType: number;
  /** parquet.thrift `Encoding`s used in the chunk. */
  readonly encodings: readonly number[];
  /** parquet.thrift `CompressionCodec`. */
  readonly codec: number;
  /** Leaf values including nulls. */
  readonly numValues: number;
  readonly uncompressedSize: number;
  readonly compressedSize: number;
  /** Offset of the dictionary page in `bytes`, if there is one. */
  readonly dictionaryPageOffset: number | null;
  readonly dataPageOffset: number;
  /** Column statistics for the footer, PLAIN-encoded; null where unknown or not meaningful. */
  readonly nullCount: number;
  readonly min: Uint8Array | null;
  readonly max: Uint8Array | null;
  /** The data pages, for the page index; absent: it gets none. */
  readonly pages?: readonly EncodedPage[];
};

/** What the page index says of a data page. */
export type EncodedPage = {
  /** Offset of its header in the row group's bytes. */
  readonly offset: number;
  /** With its header. */
  readonly byteLength: number;
  /** The first row that it holds, counted in the row group. */
  readonly firstRow: number;
  readonly nullCount: number;
  /** True: it has no value at all. */
  readonly isNull: boolean;
  /** PLAIN-encoded; null where unknown or all is null. */
  readonly min: Uint8Array | null;
  readonly max: Uint8Array | null;
};
