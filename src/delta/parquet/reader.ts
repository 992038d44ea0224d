import type { FileMetaData } from "hyparquet";
import { parquetMetadata } from "hyparquet/src/metadata.js";
import { CdcDeltaError } from "../../errors.ts";
import type { ColumnBatch } from "../columns/column.ts";
import type { StructType } from "../schema/data-type.ts";
import { assembleColumn } from "./assemble-columns.ts";
import { decodeChunk, type LeafData } from "./chunk-reader.ts";
import { footerParsers } from "./footer-parsers.ts";
import { fileFields, fileLeaves, type FileNode } from "./file-schema.ts";
import { type MatchBy, neededLeaves, planFields } from "./read-plan.ts";
import { decoding, readFailure } from "./read-failure.ts";

/** A file whose parts can be read; `end` is exclusive. */
export type ByteSource = {
  readonly byteLength: number;
  read(start: number, end: number): Promise<Uint8Array>;
};

/** A file in memory. */
export function bytesSource(bytes: Uint8Array): ByteSource {
  return {
    byteLength: bytes.length,
    read: (start, end) => Promise.resolve(bytes.subarray(start, end)),
  };
}

/** A Parquet file with its footer read. */
export type ParquetFile = {
  readonly source: ByteSource;
  readonly metadata: FileMetaData;
  /** The file's own columns as a tree. */
  readonly fields: readonly FileNode[];
  readonly numRows: number;
  readonly rowGroups: readonly { readonly numRows: number }[];
  /** Key-value metadata of the footer. */
  readonly keyValue: Readonly<Record<string, string>>;
};

/** How much of a file's end is read at first; most footers fit. */
const tailBytes = 64 << 10;
/** Column chunks no further apart are fetched in one request. */
const gapBytesMax = 256 << 10;

/** Reads the footer. Errors: `parquet` when the file is none or damaged; those of the source. */
export async function openParquet(source: ByteSource): Promise<ParquetFile> {
  const { byteLength } = source;
  if (byteLength < 12) throw readFailure(`it has ${byteLength} bytes, too few for any`);
  let tail = await source.read(Math.max(0, byteLength - tailBytes), byteLength);
  const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength);
  const magic = String.fromCharCode(...tail.subarray(tail.length - 4));
  if (magic === "PARE") {
    throw new CdcDeltaError("unsupported", "Cannot read the Parquet file: it is encrypted");
  }
  if (magic !== "PAR1") {
    throw readFailure("it does not end with PAR1, so it is cut off or no Parquet");
  }
  const footerBytes = view.getUint32(tail.length - 8, true) + 8;
  if (footerBytes > byteLength) throw readFailure("its footer is larger than the file");
  if (footerBytes > tail.length) tail = await source.read(byteLength - footerBytes, byteLength);
  return decoding("its footer", () => {
    const metadata = parquetMetadata(tail, { geoparquet: false, parsers: footerParsers });
    const keyValue = Object.fromEntries(
      (metadata.key_value_metadata ?? []).map(({ key, value }) => [key, value ?? ""]),
    );
    return {
      source,
      metadata,
      fields: fileFields(metadata.schema),
      numRows: checkedRows(metadata.num_rows),
      rowGroups: metadata.row_groups.map(({ num_rows: rows }) => ({ numRows: checkedRows(rows) })),
      keyValue,
    };
  });
}

/** A damaged footer may lack the number, whatever its type says, or have any other. */
function checkedRows(count: bigint | undefined): number {
  const rows = Number(count);
  if (!Number.isSafeInteger(rows) || rows < 0) throw readFailure(`it has ${String(count)} rows`);
  return rows;
}

/**
 * The columns of `wanted` in one row group. Columns are found by name, or by id; what the file lacks
 * is null; narrower types of the file are widened. Only chunks of wanted columns are fetched. Errors:
 * `parquet` when the file is damaged or a column has another type, and those of the source.
 */
export async function readRowGroup(
  file: ParquetFile,
  index: number,
  wanted: StructType,
  { matchBy = "name" }: { readonly matchBy?: MatchBy } = {},
): Promise<ColumnBatch> {
  const group = file.metadata.row_groups[index];
  if (group === undefined) {
    throw new CdcDeltaError("internal", `The Parquet file has no row group ${index}`);
  }
  const plans = planFields(wanted, file.fields, matchBy);
  const rows = Number(group.num_rows);
  const nodes = fileLeaves(file.fields);
  const chunks = [...neededLeaves(plans)].map((leaf) => chunkOf(file, index, leaf));
  const bytes = await fetchChunks(file.source, chunks);
  const leaves = new Map<number, LeafData>();
  return decoding("a row group", () => {
    for (const chunk of chunks) {
      const node = nodes[chunk.leaf];
      const content = bytes.get(chunk.leaf);
      if (node === undefined || content === undefined) throw readFailure("it lacks a column chunk");
      if (node.maxRepetition === 0 && Number(chunk.meta.num_values) !== rows) {
        throw readFailure(`a row group of ${rows} rows has ${chunk.meta.num_values} values`);
      }
      leaves.set(chunk.leaf, decodeChunk(content, chunk.meta, node));
      bytes.delete(chunk.leaf);
    }
    return { length: rows, columns: plans.map((plan) => assembleColumn(plan, leaves, rows)) };
  });
}

/** Where a file keeps a leaf's values of one row group; `end` is exclusive. */
export type Chunk = {
  readonly leaf: number;
  readonly start: number;
  readonly end: number;
  readonly meta: NonNullable<FileMetaData["row_groups"][number]["columns"][number]["meta_data"]>;
};

/** A row group's chunk of a leaf. Errors: `parquet`. */
export function chunkOf(file: ParquetFile, index: number, leaf: number): Chunk {
  const column = file.metadata.row_groups[index]?.columns[leaf];
  const meta = column?.meta_data;
  if (column === undefined || meta === undefined) throw readFailure("it lacks a column chunk");
  if (column.file_path !== undefined && column.file_path !== "") {
    throw readFailure("its column chunks are in another file");
  }
  const data = Number(meta.data_page_offset);
  const dictionary = Number(meta.dictionary_page_offset ?? 0n);
  // Some writers give 0 for "no dictionary".
  const start = dictionary > 0 && dictionary < data ? dictionary : data;
  const end = start + Number(meta.total_compressed_size);
  if (start < 0 || end > file.source.byteLength) {
    throw readFailure("a column chunk is outside of it");
  }
  return { leaf, start, end, meta };
}

/** Reads whole chunks, by leaf, in few requests. Errors: `parquet`, those of the source. */
export async function fetchChunks(
  source: ByteSource,
  chunks: readonly Chunk[],
): Promise<Map<number, Uint8Array>> {
  const ranges: { start: number; end: number; chunks: Chunk[] }[] = [];
  for (const chunk of chunks.toSorted((a, b) => a.start - b.start)) {
    const last = ranges.at(-1);
    if (last !== undefined && chunk.start <= last.end + gapBytesMax) {
      last.end = Math.max(last.end, chunk.end);
      last.chunks.push(chunk);
    } else ranges.push({ start: chunk.start, end: chunk.end, chunks: [chunk] });
  }
  const found = new Map<number, Uint8Array>();
  await Promise.all(ranges.map(async (range) => {
    const bytes = await source.read(range.start, range.end);
    if (bytes.length !== range.end - range.start) {
      throw readFailure("it is shorter than its footer says");
    }
    for (const { leaf, start, end } of range.chunks) {
      found.set(leaf, bytes.subarray(start - range.start, end - range.start));
    }
  }));
  return found;
}
