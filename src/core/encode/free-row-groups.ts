import type { EncodeResult } from "./encode-job.ts";

/**
 * Gives the memory of a committed result's row groups back at once. They came from other threads,
 * and the collector hardly counts what was moved to this one: left to it, they pile up for a long
 * time. Nobody may read the row groups afterwards.
 */
export function freeRowGroups(result: EncodeResult): void {
  for (const part of result.tables.flatMap((table) => table.parts)) {
    const { buffer } = part.rowGroup.bytes;
    if (buffer instanceof ArrayBuffer && !buffer.detached) buffer.transfer(0);
  }
}
