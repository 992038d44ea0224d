import { CdcDeltaError } from "../../errors.ts";
import type { ColumnBatch } from "../columns/column.ts";
import type { StructType } from "../schema/data-type.ts";
import { byteSink, written } from "./byte-sink.ts";
import type { EncodedColumnChunk, EncodedRowGroup } from "./encoded-row-group.ts";
import type { Codec } from "./format.ts";
import { visitLeaves } from "./levels.ts";
import { appendColumnChunk, type PageOptions } from "./pages.ts";
import { pageIndex, type PageIndexPlace } from "./page-index.ts";
import { parquetFields, type ParquetNode, writeSchemaElements } from "./parquet-schema.ts";
import { type FileStatistics, type StatisticsOptions, statisticsPlan } from "./statistics.ts";
import { type ThriftWriter, thriftWriter } from "./thrift.ts";

export type EncodeOptions = {
  /** Default `zstd`. */
  readonly codec?: Codec;
  /** Compression level of zstd or gzip; default 1. */
  readonly level?: number;
  /** False: no dictionary pages. Default true. */
  readonly dictionary?: boolean;
  /** True: the file tells of each page what is in it, so that readers can skip pages. */
  readonly pageIndex?: boolean;
  /** True: PLAIN values without dictionaries, for files that the most modest reader must take. */
  readonly plain?: boolean;
};

const chunkSink = byteSink(1 << 20);
/** A larger scratch buffer is given back after use. */
const scratchBytesKept = 64 << 20;

/**
 * Encodes a batch as one row group. Pure and synchronous; the result owns its bytes. Errors:
 * `parquet` when a value does not fit its column (the message names it), `unsupported` for types
 * that cannot be written, `internal` when columns and schema disagree.
 */
export function encodeRowGroup(
  batch: ColumnBatch,
  schema: StructType,
  options: EncodeOptions = {},
): EncodedRowGroup {
  return encodeWithStatistics(batch, schema, { ...options, numIndexedCols: 0 }).rowGroup;
}

/** `encodeRowGroup` and `collectStatistics` in one pass, which saves most of the latter's time. */
export function encodeWithStatistics(
  batch: ColumnBatch,
  schema: StructType,
  options: EncodeOptions & StatisticsOptions = {},
): { readonly rowGroup: EncodedRowGroup; readonly statistics: FileStatistics } {
  const plain = options.plain ?? false;
  const pages: PageOptions = {
    codec: options.codec ?? "zstd",
    level: options.level ?? 1,
    dictionary: !plain && (options.dictionary ?? true),
    plain,
    pageIndex: options.pageIndex ?? false,
  };
  const physicalTypes = leafTypes(parquetFields(schema));
  const plan = statisticsPlan(schema, options);
  const chunks: EncodedColumnChunk[] = [];
  chunkSink.at = 0;
  visitLeaves(batch, schema, {
    leaf(leaf) {
      const physicalType = physicalTypes[chunks.length]!;
      const { chunk, bounds } = appendColumnChunk(chunkSink, leaf, physicalType, pages);
      chunks.push(chunk);
      if (leaf.isCounted) plan.count(leaf.path, leaf.type, chunk.nullCount, bounds);
    },
    collection: ({ path, type, nullCount }) => plan.count(path, type, nullCount, null),
  });
  const bytes = written(chunkSink).slice();
  if (chunkSink.bytes.length > scratchBytesKept) chunkSink.bytes = new Uint8Array(1 << 20);
  return {
    rowGroup: { bytes, numRows: batch.length, chunks },
    statistics: { numRecords: batch.length, leaves: plan.leaves },
  };
}

function leafTypes(nodes: readonly ParquetNode[]): number[] {
  return nodes.flatMap((node) =>
    node.leaf === null ? leafTypes(node.children) : [node.leaf.physicalType]
  );
}

/** `path_in_schema`, for example `["tags", "list", "element"]`. */
type LeafPath = readonly string[];

function leafPaths(nodes: readonly ParquetNode[], above: LeafPath): LeafPath[] {
  return nodes.flatMap((node) => {
    const path = [...above, node.name];
    return node.leaf === null ? leafPaths(node.children, path) : [path];
  });
}

export type AssembleOptions = {
  /** `created_by` of the footer. */
  readonly createdBy: string;
  /** Key-value metadata of the footer. */
  readonly keyValue?: Readonly<Record<string, string>>;
};

const magic = Uint8Array.of(0x50, 0x41, 0x52, 0x31);

/**
 * A Parquet file of row groups, as chunks to be written one after the other; the row groups' bytes
 * are used as they are. `schema` has the shape that they were encoded against; its names and field
 * ids are the file's, so that renamed columns need no new encoding.
 */
export function assembleParquetFile(
  schema: StructType,
  rowGroups: readonly EncodedRowGroup[],
  options: AssembleOptions,
): Uint8Array[] {
  const bytes = rowGroups.map((group) => group.bytes);
  return [parquetHead(), ...bytes, ...parquetTail(schema, rowGroups.map(rowGroupFacts), options)];
}

/** What a footer says of a row group whose bytes are written already. */
export type RowGroupFacts = Pick<EncodedRowGroup, "numRows" | "chunks"> & {
  readonly byteLength: number;
};

/** The facts of a row group, which do not hold its bytes. */
export function rowGroupFacts({ bytes, numRows, chunks }: EncodedRowGroup): RowGroupFacts {
  return { numRows, chunks, byteLength: bytes.length };
}

/** How a file begins, before its row groups. */
export function parquetHead(): Uint8Array {
  return magic.slice();
}

/** How a file ends, behind its row groups: what is needed to find and to skip them. */
export function parquetTail(
  schema: StructType,
  rowGroups: readonly RowGroupFacts[],
  options: AssembleOptions,
): Uint8Array[] {
  const nodes = parquetFields(schema);
  const paths = leafPaths(nodes, []);
  const leafCount = paths.length;
  const writer = thriftWriter();
  writer.i32Field(1, 2);
  writeSchemaElements(writer, 2, nodes);
  writer.i64Field(3, rowGroups.reduce((sum, group) => sum + group.numRows, 0));
  writer.listField(4, "struct", rowGroups.length);
  const index = pageIndex(rowGroups, magic.length);
  let offset = magic.length;
  rowGroups.forEach((group, ordinal) => {
    if (group.chunks.length !== leafCount) {
      throw new CdcDeltaError(
        "internal",
        `Row group ${ordinal} has ${group.chunks.length} columns, its file ${leafCount}`,
      );
    }
    writeRowGroup(writer, group, { paths, offset, ordinal, index: index.places[ordinal]! });
    offset += group.byteLength;
  });
  writeKeyValues(writer, options.keyValue ?? {});
  writer.binaryField(6, options.createdBy);
  // Without column orders a reader ignores min_value and max_value.
  writer.listField(7, "struct", leafCount);
  for (let i = 0; i < leafCount; i++) {
    writer.structElement();
    writer.structField(1);
    writer.endStruct();
    writer.endStruct();
  }
  writer.endStruct();
  const footer = writer.bytes().slice();
  const tail = new Uint8Array(8);
  new DataView(tail.buffer).setUint32(0, footer.length, true);
  tail.set(magic, 4);
  return [...index.chunks, footer, tail];
}

function writeKeyValues(writer: ThriftWriter, keyValue: Readonly<Record<string, string>>): void {
  const entries = Object.entries(keyValue);
  if (entries.length === 0) return;
  writer.listField(5, "struct", entries.length);
  for (const [key, value] of entries) {
    writer.structElement();
    writer.binaryField(1, key);
    writer.binaryField(2, value);
    writer.endStruct();
  }
}

function writeRowGroup(
  writer: ThriftWriter,
  group: RowGroupFacts,
  { paths, offset, ordinal, index }: {
    readonly paths: readonly LeafPath[];
    readonly offset: number;
    readonly ordinal: number;
    readonly index: readonly PageIndexPlace[];
  },
): void {
  writer.structElement();
  writer.listField(1, "struct", group.chunks.length);
  group.chunks.forEach((chunk, leaf) => {
    writeChunk(writer, chunk, paths[leaf]!, offset);
    writePlace(writer, index[leaf]!);
    writer.endStruct();
  });
  writer.i64Field(2, group.chunks.reduce((sum, chunk) => sum + chunk.uncompressedSize, 0));
  writer.i64Field(3, group.numRows);
  writer.i64Field(5, offset);
  writer.i64Field(6, group.byteLength);
  // An i16: files with more row groups leave it out.
  if (ordinal < 32768) writer.i16Field(7, ordinal);
  writer.endStruct();
}

function writeChunk(
  writer: ThriftWriter,
  chunk: EncodedColumnChunk,
  path: LeafPath,
  offset: number,
): void {
  writer.structElement();
  writer.i64Field(2, 0);
  writer.structField(3);
  writer.i32Field(1, chunk.physicalType);
  writer.listField(2, "i32", chunk.encodings.length);
  for (const encoding of chunk.encodings) writer.i32Element(encoding);
  writer.listField(3, "binary", path.length);
  for (const name of path) writer.binaryElement(name);
  writer.i32Field(4, chunk.codec);
  writer.i64Field(5, chunk.numValues);
  writer.i64Field(6, chunk.uncompressedSize);
  writer.i64Field(7, chunk.compressedSize);
  writer.i64Field(9, offset + chunk.dataPageOffset);
  if (chunk.dictionaryPageOffset !== null) {
    writer.i64Field(11, offset + chunk.dictionaryPageOffset);
  }
  writer.structField(12);
  writer.i64Field(3, chunk.nullCount);
  if (chunk.max !== null) writer.binaryField(5, chunk.max);
  if (chunk.min !== null) writer.binaryField(6, chunk.min);
  writer.endStruct();
  writer.endStruct();
}

function writePlace(writer: ThriftWriter, { offsets, columns }: PageIndexPlace): void {
  if (offsets !== null) {
    writer.i64Field(4, offsets.start);
    writer.i32Field(5, offsets.byteLength);
  }
  if (columns !== null) {
    writer.i64Field(6, columns.start);
    writer.i32Field(7, columns.byteLength);
  }
}
