import { batchFromRows } from "../columns/column-builder.ts";
import { free, freeBatch } from "../columns/free-batch.ts";
import type { Engine } from "../engine.ts";
import {
  encodeRowGroup,
  parquetHead,
  parquetTail,
  type RowGroupFacts,
  rowGroupFacts,
} from "../parquet/writer.ts";
import type { StructType } from "../schema/data-type.ts";
import { objectWriter } from "../storage/object-writer.ts";
import type { CheckpointRow } from "./checkpoint-row.ts";
import { createdBy } from "./engine-info.ts";

/** Rows of a row group at most: what is in memory at once, encoded or not. */
const rowGroupRows = 5_000;
/** Characters of statistics after which a row group ends. */
const rowGroupTextMax = 2 << 20;

/** A file of a checkpoint that is written row group by row group. */
export type CheckpointFile = {
  /** Errors: the store's. */
  push(row: CheckpointRow): Promise<void>;
  readonly rows: number;
  /** Makes the file visible; its size in bytes. Errors: the store's. */
  finish(): Promise<number>;
  /** Gives the file up. Never fails. */
  abort(): Promise<void>;
};

/** Begins a file with these columns; nobody sees it before it is finished. */
export function checkpointFile(
  engine: Engine,
  file: { readonly key: string; readonly schema: StructType },
  { signal }: { readonly signal: AbortSignal },
): CheckpointFile {
  const { key, schema } = file;
  const object = objectWriter(engine.store, key, { signal });
  const groups: RowGroupFacts[] = [];
  let pending: CheckpointRow[] = [];
  let rows = 0;
  let text = 0;
  const flush = async (): Promise<void> => {
    if (pending.length === 0) return;
    const batch = batchFromRows(schema, pending);
    pending = [];
    text = 0;
    const group = encodeRowGroup(batch, schema, { codec: "zstd" });
    freeBatch(batch);
    if (groups.length === 0) await object.write(parquetHead());
    await object.write(group.bytes);
    groups.push(rowGroupFacts(group));
    free(group.bytes);
  };
  return {
    async push(row) {
      pending.push(row);
      rows += 1;
      text += statisticsLength(row);
      if (pending.length === rowGroupRows || text >= rowGroupTextMax) await flush();
    },
    get rows() {
      return rows;
    },
    async finish() {
      await flush();
      if (groups.length === 0) await object.write(parquetHead());
      for (const bytes of parquetTail(schema, groups, { createdBy })) await object.write(bytes);
      return await object.finish();
    },
    abort: () => object.abort(),
  };
}

function statisticsLength({ add }: CheckpointRow): number {
  const stats = (add as { readonly stats?: unknown } | null | undefined)?.stats;
  return typeof stats === "string" ? stats.length : 0;
}
