/** Numbers of parquet.thrift that we write. */

/** `Type`. */
export const physical = {
  boolean: 0,
  int32: 1,
  int64: 2,
  int96: 3,
  float: 4,
  double: 5,
  byteArray: 6,
  fixedLenByteArray: 7,
} as const;

/** `Encoding`. */
export const encoding = {
  plain: 0,
  rle: 3,
  deltaBinaryPacked: 5,
  deltaLengthByteArray: 6,
  rleDictionary: 8,
} as const;

/** `ConvertedType`. */
export const converted = {
  utf8: 0,
  map: 1,
  list: 3,
  decimal: 5,
  date: 6,
  timestampMicros: 10,
  int8: 15,
  int16: 16,
} as const;

/** `FieldRepetitionType`. */
export const repetition = { required: 0, optional: 1, repeated: 2 } as const;

/** `PageType`. */
export const pageType = { dataPage: 0, dictionaryPage: 2, dataPageV2: 3 } as const;

/** `CompressionCodec`. */
export const codecNumber = { uncompressed: 0, snappy: 1, gzip: 2, zstd: 6 } as const;

/** Codecs that we write. */
export type Codec = keyof typeof codecNumber;
