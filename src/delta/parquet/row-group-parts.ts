import { CdcDeltaError } from "../../errors.ts";
import type { ColumnBatch } from "../columns/column.ts";
import type { StructType } from "../schema/data-type.ts";
import { assembleColumn } from "./assemble-columns.ts";
import { chunkPages } from "./chunk-pages.ts";
import type { LeafData } from "./chunk-reader.ts";
import { fileLeaves, type FileNode } from "./file-schema.ts";
import { type LeafRows, leafRows } from "./leaf-rows.ts";
import { decoding, readFailure } from "./read-failure.ts";
import { neededLeaves, planFields } from "./read-plan.ts";
import { type Chunk, chunkOf, fetchChunks, type ParquetFile } from "./reader.ts";

/** Chunks up to this size are fetched whole, together with their neighbours. */
const wholeBytesMax = 1 << 20;
/** Rows of a part, at most and (but for the last one) at least. */
const rowsMax = 4096;
const rowsMin = 64;

/** The rows of a row group, a part at a time. */
export type RowGroupParts = {
  /**
   * The next rows, null after the last: so many as are asked for or are left, else up to where the
   * pages of the largest column end. Errors: as `readRowGroup`.
   */
  next(rows?: number): Promise<ColumnBatch | null>;
};

/**
 * As `readRowGroup`, but row groups of any size are read in little memory: a window of bytes and a
 * page of each column are held besides the part. Errors: as `readRowGroup`.
 */
export async function openRowGroupParts(
  file: ParquetFile,
  index: number,
  wanted: StructType,
): Promise<RowGroupParts> {
  const group = file.metadata.row_groups[index];
  if (group === undefined) {
    throw new CdcDeltaError("internal", `The Parquet file has no row group ${index}`);
  }
  const plans = planFields(wanted, file.fields);
  const nodes = fileLeaves(file.fields);
  const chunks = [...neededLeaves(plans)].map((leaf) => chunkOf(file, index, leaf));
  const rows = Number(group.num_rows);
  for (const { leaf, meta } of chunks) {
    if (nodes[leaf]?.maxRepetition === 0 && Number(meta.num_values) !== rows) {
      throw readFailure(`a row group of ${rows} rows has ${meta.num_values} values`);
    }
  }
  const leaves = await openLeaves(file, chunks, nodes);
  const pace = leaves.get(largestFlat(chunks, nodes));
  const pageRows = async (): Promise<number> => {
    const page = Math.min(await pace?.pageRows() ?? 0, rowsMax);
    return page === 0 ? rowsMax : Math.max(page, rowsMin);
  };
  let left = rows;
  return {
    async next(asked) {
      if (left === 0) return null;
      const length = Math.min(left, asked ?? await pageRows());
      left -= length;
      const data = new Map<number, LeafData>();
      for (const [leaf, entries] of leaves) data.set(leaf, await entries.take(length));
      return decoding("a row group", () => ({
        length,
        columns: plans.map((plan) => assembleColumn(plan, data, length)),
      }));
    },
  };
}

async function openLeaves(
  file: ParquetFile,
  chunks: readonly Chunk[],
  nodes: readonly FileNode[],
): Promise<Map<number, LeafRows>> {
  const small = chunks.filter(({ start, end }) => end - start <= wholeBytesMax);
  const bytes = await fetchChunks(file.source, small);
  const leaves = new Map<number, LeafRows>();
  for (const chunk of chunks) {
    const node = nodes[chunk.leaf];
    if (node === undefined) throw readFailure("it lacks a column chunk");
    const pages = chunkPages(file.source, chunk, node, bytes.get(chunk.leaf));
    leaves.set(chunk.leaf, leafRows(pages, node));
  }
  return leaves;
}

/** The leaf that takes the most bytes of those whose pages end with a row; -1 without one. */
function largestFlat(chunks: readonly Chunk[], nodes: readonly FileNode[]): number {
  let [largest, size] = [-1, -1];
  for (const { leaf, meta } of chunks) {
    const bytes = Number(meta.total_uncompressed_size);
    if (nodes[leaf]?.maxRepetition === 0 && bytes > size) [largest, size] = [leaf, bytes];
  }
  return largest;
}
