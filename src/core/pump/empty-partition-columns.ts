import type { EncodedTable } from "../encode/encode-job.ts";

/**
 * Partition columns that none of the rows has a value for: in a table's first commit most likely a
 * name that was misspelt.
 */
export function emptyPartitionColumns(
  encoded: readonly EncodedTable[],
  partitionBy: readonly string[],
): string[] {
  const parts = encoded.flatMap((table) => table.parts);
  return partitionBy.filter((name) =>
    parts.length > 0 && parts.every(({ partitionValues }) => partitionValues[name] === null)
  );
}
