import { batchFromRows } from "../columns/column-builder.ts";
import type { EncodedRowGroup } from "../parquet/encoded-row-group.ts";
import { assembleParquetFile, encodeRowGroup } from "../parquet/writer.ts";
import type { StructType } from "../schema/data-type.ts";
import type { CheckpointRow } from "./checkpoint-row.ts";
import { createdBy } from "./engine-info.ts";

/** Rows of a row group at most: what is in memory at once, besides the encoded bytes. */
const rowGroupRows = 5_000;
/** Characters of statistics after which a row group ends. */
const rowGroupTextMax = 2 << 20;

/** A file of a checkpoint that grows in memory, encoded. */
export type CheckpointFile = {
  push(row: CheckpointRow): void;
  readonly rows: number;
  finish(): FinishedFile;
};

export type FinishedFile = {
  readonly chunks: readonly Uint8Array[];
  readonly sizeInBytes: number;
};

/** A new file with these columns. */
export function checkpointFile(schema: StructType): CheckpointFile {
  const rowGroups: EncodedRowGroup[] = [];
  let pending: CheckpointRow[] = [];
  let rows = 0;
  let text = 0;
  const flush = (): void => {
    if (pending.length === 0) return;
    rowGroups.push(encodeRowGroup(batchFromRows(schema, pending), schema, { codec: "zstd" }));
    pending = [];
    text = 0;
  };
  return {
    push(row) {
      pending.push(row);
      rows += 1;
      text += statisticsLength(row);
      if (pending.length === rowGroupRows || text >= rowGroupTextMax) flush();
    },
    get rows() {
      return rows;
    },
    finish() {
      flush();
      const chunks = assembleParquetFile(schema, rowGroups, { createdBy });
      return { chunks, sizeInBytes: chunks.reduce((size, chunk) => size + chunk.byteLength, 0) };
    },
  };
}

function statisticsLength({ add }: CheckpointRow): number {
  const stats = (add as { readonly stats?: unknown } | null | undefined)?.stats;
  return typeof stats === "string" ? stats.length : 0;
}
