import type { EncodedColumnChunk, EncodedPage } from "./encoded-row-group.ts";
import { thriftWriter } from "./thrift.ts";

type Range = { readonly start: number; readonly byteLength: number };

/** Where the indexes of a column chunk are in the file; null: it has none. */
export type PageIndexPlace = { readonly offsets: Range | null; readonly columns: Range | null };

export type PageIndex = {
  /** What is written behind the row groups. */
  readonly chunks: readonly Uint8Array[];
  /** By row group and leaf. */
  readonly places: readonly (readonly PageIndexPlace[])[];
};

type Group = { readonly chunks: readonly EncodedColumnChunk[]; readonly byteLength: number };

/**
 * The page index (parquet.thrift, `ColumnIndex` and `OffsetIndex`) of row groups that begin at
 * `start`: all column indexes, then all offset indexes, so that a reader fetches each kind at once.
 * Pure.
 */
export function pageIndex(groups: readonly Group[], start: number): PageIndex {
  const chunks: Uint8Array[] = [];
  let at = start + groups.reduce((sum, group) => sum + group.byteLength, 0);
  const put = (bytes: Uint8Array | null): Range | null => {
    if (bytes === null) return null;
    chunks.push(bytes);
    const range = { start: at, byteLength: bytes.length };
    at += bytes.length;
    return range;
  };
  const columns = groups.map((group) =>
    group.chunks.map(({ pages }) => put(pages === undefined ? null : columnIndex(pages)))
  );
  let groupStart = start;
  const places = groups.map((group, g) => {
    const own = group.chunks.map(({ pages }, leaf) => ({
      offsets: put(pages === undefined ? null : offsetIndex(pages, groupStart)),
      columns: columns[g]![leaf]!,
    }));
    groupStart += group.byteLength;
    return own;
  });
  return { chunks, places };
}

/** Null where the bounds of a page are not known: an index without them would be wrong. */
function columnIndex(pages: readonly EncodedPage[]): Uint8Array | null {
  if (pages.some((page) => !page.isNull && (page.min === null || page.max === null))) return null;
  const writer = thriftWriter();
  writer.listField(1, "true", pages.length);
  for (const page of pages) writer.boolElement(page.isNull);
  writer.listField(2, "binary", pages.length);
  for (const { min } of pages) writer.binaryElement(min ?? new Uint8Array(0));
  writer.listField(3, "binary", pages.length);
  for (const { max } of pages) writer.binaryElement(max ?? new Uint8Array(0));
  // BoundaryOrder UNORDERED: right for any pages; a reader looks at each of them.
  writer.i32Field(4, 0);
  writer.listField(5, "i64", pages.length);
  for (const { nullCount } of pages) writer.i32Element(nullCount);
  writer.endStruct();
  return writer.bytes().slice();
}

function offsetIndex(pages: readonly EncodedPage[], groupStart: number): Uint8Array {
  const writer = thriftWriter();
  writer.listField(1, "struct", pages.length);
  for (const { offset, byteLength, firstRow } of pages) {
    writer.structElement();
    writer.i64Field(1, groupStart + offset);
    writer.i32Field(2, byteLength);
    writer.i64Field(3, firstRow);
    writer.endStruct();
  }
  writer.endStruct();
  return writer.bytes().slice();
}
