import type { Column, ColumnBatch } from "./column.ts";

/**
 * Gives the memory of a batch back at once: collectors hardly count what only views hold, and a
 * process that goes through a large table would grow by it. Nobody may read the batch, or another
 * one that shares memory with it, afterwards.
 */
export function freeBatch(batch: ColumnBatch): void {
  for (const column of batch.columns) freeColumn(column);
}

/** As `freeBatch`, for one column. */
export function freeColumn(column: Column): void {
  free(column.valid);
  switch (column.kind) {
    case "null":
      return;
    case "bytes":
      free(column.offsets);
      return free(column.data);
    case "struct":
      return column.children.forEach(freeColumn);
    case "list":
      free(column.offsets);
      return freeColumn(column.element);
    case "map":
      free(column.offsets);
      freeColumn(column.key);
      return freeColumn(column.value);
    default:
      return free(column.values);
  }
}

/**
 * Gives the memory of an array back at once. A view of a part is left alone: what else lies in the
 * buffer may be somebody else's, as in Node's pool of small Buffers or in a file's bytes.
 */
export function free({ buffer, byteOffset, byteLength }: ArrayBufferView): void {
  if (!(buffer instanceof ArrayBuffer) || buffer.detached) return;
  if (byteOffset === 0 && byteLength === buffer.byteLength) buffer.transfer(0);
}
