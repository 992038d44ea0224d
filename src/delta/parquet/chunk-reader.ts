import type { ColumnMetaData, PageHeader } from "hyparquet";
import { free } from "../columns/free-batch.ts";
import { decompress } from "./decompress.ts";
import type { FileNode } from "./file-schema.ts";
import { bitWidth } from "./hybrid.ts";
import { pageHeader } from "./page-header.ts";
import {
  type PhysicalValues,
  physicalValues,
  readDictionaryValues,
  readValues,
} from "./physical-values.ts";
import { decoding, readFailure } from "./read-failure.ts";
import { type ByteCursor, unpackHybrid } from "./unpack.ts";

/** A decoded column chunk: levels of its entries and the values that are present. */
export type LeafData = {
  readonly entries: number;
  /** Null: all entries are at the leaf's `maxDefinition`. */
  readonly definition: Uint8Array | null;
  /** Null: every entry begins a row. */
  readonly repetition: Uint8Array | null;
  readonly values: PhysicalValues;
  readonly present: number;
};

type Progress = {
  readonly node: FileNode;
  readonly codec: string;
  readonly definition: Uint8Array | null;
  readonly repetition: Uint8Array | null;
  /** Null: there is no room for them yet, which takes memory. */
  values: PhysicalValues | null;
  readonly makeRoom: () => PhysicalValues;
  /** True: no other page follows that would need the dictionary. */
  readonly isWhole: boolean;
  readonly total: number;
  dictionary: { readonly values: PhysicalValues; readonly size: number } | null;
  entries: number;
  present: number;
};

/** Decodes the bytes of a column chunk. Errors: `parquet` when they are damaged. */
export function decodeChunk(bytes: Uint8Array, meta: ColumnMetaData, node: FileNode): LeafData {
  const total = Number(meta.num_values);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const pages = chunkPages(view, total);
  const progress = startProgress(meta, node, total, true);
  const width = node.element.type_length ?? 0;
  for (const { header, start, end } of pages) {
    decodePage(progress, header, bytes.subarray(start, end), total, width);
  }
  return leafOf(progress, total);
}

type ChunkPage = { readonly header: PageHeader; readonly start: number; readonly end: number };

/**
 * The pages of a chunk's values, which have to be there before room is made for them: a few bytes may
 * claim any number.
 */
function chunkPages(view: DataView, total: number): ChunkPage[] {
  const reader = { view, offset: 0 };
  const pages: ChunkPage[] = [];
  for (let found = 0; found < total;) {
    const header = decoding("a page header", () => pageHeader(reader));
    const start = reader.offset;
    found += (header.data_page_header ?? header.data_page_header_v2)?.num_values ?? 0;
    reader.offset += header.compressed_page_size;
    pages.push({ header, start, end: reader.offset });
    if (found > total || reader.offset > view.byteLength) {
      throw readFailure("the pages of a column chunk are not what its metadata says");
    }
  }
  return pages;
}

/** Decodes the next page of a chunk: its values; null for a page that holds none. */
export type PageDecoder = (header: PageHeader, body: Uint8Array) => LeafData | null;

/** Decodes a chunk's pages one by one, in order. Errors of it: `parquet` for damaged ones. */
export function pageDecoder(meta: ColumnMetaData, node: FileNode): PageDecoder {
  const width = node.element.type_length ?? 0;
  let dictionary: Progress["dictionary"] = null;
  return (header, body) => {
    const count = (header.data_page_header ?? header.data_page_header_v2)?.num_values ?? 0;
    const progress = { ...startProgress(meta, node, count, false), dictionary };
    decodePage(progress, header, body, count, width);
    dictionary = progress.dictionary;
    return count === 0 ? null : leafOf(progress, count);
  };
}

function startProgress(
  meta: ColumnMetaData,
  node: FileNode,
  total: number,
  isWhole: boolean,
): Progress {
  if (total < 0 || total > 0x7ffffff0) throw readFailure(`a column chunk of ${total} values`);
  return {
    node,
    codec: meta.codec,
    definition: node.maxDefinition > 0 ? new Uint8Array(total) : null,
    repetition: node.maxRepetition > 0 ? new Uint8Array(total) : null,
    values: null,
    makeRoom: () => physicalValues(meta.type, node.element.type_length ?? 0, total),
    isWhole,
    total,
    dictionary: null,
    entries: 0,
    present: 0,
  };
}

function roomOf(progress: Progress): PhysicalValues {
  return progress.values ??= progress.makeRoom();
}

function leafOf(progress: Progress, entries: number): LeafData {
  return {
    entries,
    definition: progress.present === entries ? null : progress.definition,
    repetition: progress.repetition,
    values: roomOf(progress),
    present: progress.present,
  };
}

function decodePage(
  progress: Progress,
  header: PageHeader,
  body: Uint8Array,
  total: number,
  width: number,
): void {
  const { codec, node } = progress;
  const size = header.uncompressed_page_size;
  if (header.dictionary_page_header !== undefined) {
    const count = header.dictionary_page_header.num_values;
    const values = physicalValues(node.element.type ?? "", width, count);
    const cursor = { bytes: decompress(codec, body, size), at: 0 };
    readValues(values, "PLAIN", cursor, 0, count);
    freePage(cursor.bytes, values);
    progress.dictionary = { values, size: count };
  } else if (header.data_page_header !== undefined) {
    const { num_values: count, encoding } = header.data_page_header;
    expectRoom(progress, count, total);
    const cursor = { bytes: decompress(codec, body, size), at: 0 };
    readSizedLevels(cursor, progress.repetition, node.maxRepetition, progress.entries, count);
    readSizedLevels(cursor, progress.definition, node.maxDefinition, progress.entries, count);
    readPageValues(progress, encoding, cursor, count);
    freePage(cursor.bytes, progress.values);
  } else if (header.data_page_header_v2 !== undefined) {
    const page = header.data_page_header_v2;
    const count = page.num_values;
    expectRoom(progress, count, total);
    const repetitionEnd = page.repetition_levels_byte_length;
    const levelsEnd = repetitionEnd + page.definition_levels_byte_length;
    const levels = { bytes: body.subarray(0, levelsEnd), at: 0 };
    readLevels(levels, progress.repetition, node.maxRepetition, progress.entries, count);
    levels.at = repetitionEnd;
    readLevels(levels, progress.definition, node.maxDefinition, progress.entries, count);
    const rest = body.subarray(levelsEnd);
    const isCompressed = page.is_compressed !== false;
    const bytes = isCompressed ? decompress(codec, rest, size - levelsEnd) : rest;
    readPageValues(progress, page.encoding, { bytes, at: 0 }, count);
    freePage(bytes, progress.values);
  }
}

/** Gives a decompressed page's memory back, unless values were left where they are in it. */
function freePage(bytes: Uint8Array, values: PhysicalValues | null): void {
  if (values?.kind !== "bytes" || values.data.buffer !== bytes.buffer) free(bytes);
}

function expectRoom({ entries }: Progress, count: number, total: number): void {
  if (count < 0 || entries + count > total) {
    throw readFailure("a column chunk has more values than its metadata says");
  }
}

/** Levels of a DATA_PAGE have their length in front. */
function readSizedLevels(
  cursor: ByteCursor,
  levels: Uint8Array | null,
  max: number,
  from: number,
  count: number,
): void {
  if (levels === null) return;
  const { bytes, at } = cursor;
  if (at + 4 > bytes.length) throw readFailure("a page ends in its levels");
  const size = new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true);
  const end = at + 4 + size;
  if (end > bytes.length) throw readFailure("a page ends in its levels");
  readLevels({ bytes: bytes.subarray(0, end), at: at + 4 }, levels, max, from, count);
  cursor.at = end;
}

function readLevels(
  cursor: ByteCursor,
  levels: Uint8Array | null,
  max: number,
  from: number,
  count: number,
): void {
  if (levels !== null) unpackHybrid(cursor, bitWidth(max), levels, from, count);
}

function readPageValues(
  progress: Progress,
  encoding: string,
  cursor: ByteCursor,
  count: number,
): void {
  const { definition, node, entries } = progress;
  let present = count;
  if (definition !== null) {
    present = 0;
    for (let i = entries; i < entries + count; i++) {
      if (definition[i] === node.maxDefinition) present++;
    }
  }
  if (present > 0) {
    if (encoding === "PLAIN_DICTIONARY" || encoding === "RLE_DICTIONARY") {
      readIndices(progress, cursor, present, count);
    } else readValues(roomOf(progress), encoding, cursor, progress.present, present);
  }
  progress.entries += count;
  progress.present += present;
}

/** Indices of the page under way: it is done before the next begins. */
let scratch = new Int32Array(0);
/** Larger room is given back. */
const scratchKept = 1 << 18;

/** Indices of `count` values of a page of `entries`. */
function readIndices(
  progress: Progress,
  cursor: ByteCursor,
  count: number,
  entries: number,
): void {
  const { dictionary } = progress;
  if (dictionary === null) throw readFailure("a page refers to a dictionary that is not there");
  const width = cursor.bytes[cursor.at++];
  if (width === undefined || width > 32) {
    throw readFailure("a page of dictionary indices is damaged");
  }
  if (scratch.length < count) scratch = new Int32Array(count * 2);
  const indices = scratch.subarray(0, count);
  // Width 0: the dictionary has one entry, and all values are that.
  if (width > 0) unpackHybrid(cursor, width, indices, 0, count);
  else indices.fill(0);
  if (scratch.length > scratchKept) scratch = new Int32Array(0);
  const isOnly = progress.isWhole && progress.entries === 0 && entries === progress.total;
  if (isOnly && count === dictionary.size && isIdentity(indices)) {
    // Each value once, in their order, as small files have them: they are there already.
    progress.values = dictionary.values;
    return;
  }
  readDictionaryValues(
    roomOf(progress),
    dictionary.values,
    dictionary.size,
    indices,
    progress.present,
  );
}

function isIdentity(indices: Int32Array): boolean {
  for (let i = 0; i < indices.length; i++) if (indices[i] !== i) return false;
  return true;
}
