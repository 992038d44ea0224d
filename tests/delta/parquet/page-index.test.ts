import { describe, expect, test } from "bun:test";
import { readColumnIndex, readOffsetIndex } from "hyparquet/src/indexes.js";
import { parquetHeader } from "hyparquet/src/column.js";
import { batchFromRows } from "../../../src/delta/columns/column-builder.ts";
import { bytesSource, openParquet } from "../../../src/delta/parquet/reader.ts";
import { assembleParquetFile, encodeRowGroup } from "../../../src/delta/parquet/writer.ts";
import { field, struct } from "../../../src/delta/schema/data-type.ts";

const schema = struct([
  field("n", { kind: "long" }),
  field("i", { kind: "integer" }),
  field("text", { kind: "string" }),
  field("ratio", { kind: "double" }),
  field("late", { kind: "string" }),
  field("list", { kind: "array", elementType: { kind: "integer" }, containsNull: true }),
  field("bytes", { kind: "binary" }),
]);

const rowCount = 45_000;
const rows = Array.from({ length: rowCount }, (_, i) => ({
  n: i % 7 === 0 ? null : BigInt(i * 3),
  i: rowCount - i,
  text: `value ${String(i % 5000).padStart(6, "0")}`,
  ratio: i % 11 === 0 ? null : i / 2,
  late: i < 40_000 ? null : `late ${i}`,
  list: i % 3 === 0 ? null : [i, null, -i],
  bytes: Uint8Array.of(i & 255),
}));

async function written() {
  const group = encodeRowGroup(batchFromRows(schema, rows), schema, { pageIndex: true });
  const chunks = assembleParquetFile(schema, [group, group], { createdBy: "test" });
  const bytes = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return { bytes, metadata: (await openParquet(bytesSource(bytes))).metadata };
}

const reader = (bytes: Uint8Array, start: bigint | number, length: number) => ({
  view: new DataView(bytes.buffer, bytes.byteOffset + Number(start), length),
  offset: 0,
});

describe("page index", () => {
  test("says where each page is, which rows it has, and what is in them", async () => {
    const { bytes, metadata } = await written();
    for (const group of metadata.row_groups) {
      for (const [leaf, name] of (["n", "i", "text", "ratio", "late"] as const).entries()) {
        const column = group.columns[leaf]!;
        const offsets = readOffsetIndex(
          reader(bytes, column.offset_index_offset!, column.offset_index_length!),
        );
        const element = metadata.schema[leaf + 1]!;
        const index = readColumnIndex(
          reader(bytes, column.column_index_offset!, column.column_index_length!),
          element,
        );
        const pages = offsets.page_locations;
        expect(pages.length).toBeGreaterThan(2);
        pages.forEach((page, p) => {
          const from = Number(page.first_row_index);
          const to = Number(pages[p + 1]?.first_row_index ?? rowCount);
          const header = parquetHeader(reader(bytes, page.offset, page.compressed_page_size));
          expect(header.data_page_header_v2?.num_rows).toBe(to - from);
          const values = rows.slice(from, to).map((row) => row[name])
            .filter((value) => value !== null);
          expect(Number(index.null_counts![p])).toBe(to - from - values.length);
          expect(index.null_pages[p]).toBe(values.length === 0);
          if (values.length === 0) return;
          const sorted = values.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
          expect<unknown>([index.min_values[p], index.max_values[p]])
            .toEqual([sorted[0], sorted.at(-1)]);
        });
      }
    }
  });

  test("bounds of a column's texts are those of all its pages", async () => {
    const texts = struct([field("text", { kind: "string" })]);
    const at = (i: number): string =>
      i === 25_000 ? "a" : i === 26_000 ? `~${"x".repeat(90)}` : `m ${i}`;
    for (const [count, distinct] of [[45_000, 45_000], [45_000, 900], [30, 30], [30, 3]] as const) {
      const values = Array.from({ length: count }, (_, i) => at(i % 1000 < 2 ? i : i % distinct));
      const batch = batchFromRows(texts, values.map((text) => ({ text })));
      const plain = encodeRowGroup(batch, texts).chunks[0]!;
      const { pages = [], min, max } = encodeRowGroup(batch, texts, { pageIndex: true }).chunks[0]!;
      const bounds = (own: readonly string[]): unknown => {
        const sorted = own.toSorted();
        return [sorted[0], sorted.at(-1)].map((text) => new TextEncoder().encode(text));
      };
      expect<unknown>([min, max]).toEqual(bounds(values));
      expect<unknown>([plain.min, plain.max]).toEqual(bounds(values));
      expect(pages.length).toBe(count > 20_000 ? 3 : 1);
      pages.forEach((page, p) => {
        const rowsOfPage = values.slice(page.firstRow, pages[p + 1]?.firstRow);
        expect<unknown>([page.min, page.max]).toEqual(bounds(rowsOfPage));
      });
    }
  });

  test("has places but no bounds where values have no order; none unless asked for", async () => {
    const { metadata } = await written();
    const column = metadata.row_groups[1]!.columns.at(-1)!;
    expect(column.offset_index_length).toBeGreaterThan(0);
    expect(column.column_index_offset).toBeUndefined();
    const plain = encodeRowGroup(batchFromRows(schema, rows.slice(0, 9)), schema);
    expect(plain.chunks.every((chunk) => chunk.pages === undefined)).toBe(true);
  });
});
