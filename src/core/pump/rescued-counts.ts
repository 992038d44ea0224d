import type { EncodedTable, RescuedCount } from "../encode/encode-job.ts";

/** Rescued values of several jobs, summed by column and reason. */
export function sumRescued(encoded: readonly EncodedTable[]): RescuedCount[] {
  const sums = new Map<string, RescuedCount>();
  for (const one of encoded.flatMap((table) => table.rescued)) {
    const name = `${one.reason} ${one.path}`;
    const before = sums.get(name)?.count ?? 0;
    sums.set(name, { ...one, count: before + one.count });
  }
  return [...sums.values()];
}
