import type { AddFile, PartitionValues } from "../log/actions.ts";

/** Files of one partition that become one, or a few, larger ones. */
export type OptimizeBin = {
  readonly partitionValues: PartitionValues;
  readonly files: readonly AddFile[];
  readonly bytes: number;
};

export type OptimizeRules = {
  /** Files are filled up to about this size. */
  readonly targetBytes: number;
  /** Which partitions are looked at. */
  readonly where: (partitionValues: PartitionValues) => boolean;
};

/** A file of at least this part of the target is large enough. */
const largeEnough = 0.75;
/** More deleted rows than this part of a file are worth writing it anew. */
const deletedRatioMax = 0.05;

/** Spark's name: the target that a file was written for by an optimize. */
export const targetSizeTag = "OPTIMIZE_TARGET_SIZE";

/**
 * Sorts a table's small files into bins, in the order of the log, so that rows that came together
 * stay together. A bin has to be worth it: two files that are not both an optimize's own work, or
 * deleted rows to be rid of; so that a second optimize finds nothing to do. Pure.
 */
export function planBins(files: readonly AddFile[], rules: OptimizeRules): OptimizeBin[] {
  const partitions = new Map<string, AddFile[]>();
  for (const file of files) {
    if (!rules.where(file.partitionValues) || !isCandidate(file, rules.targetBytes)) continue;
    const values = Object.entries(file.partitionValues);
    const name = JSON.stringify(values.sort(([a], [b]) => (a < b ? -1 : 1)));
    const known = partitions.get(name);
    if (known === undefined) partitions.set(name, [file]);
    else known.push(file);
  }
  return [...partitions.values()].flatMap((ofPartition) => binsOf(ofPartition, rules));
}

function binsOf(files: readonly AddFile[], { targetBytes }: OptimizeRules): OptimizeBin[] {
  const bins: AddFile[][] = [];
  let bytes = 0;
  for (const file of files) {
    const bin = bins.at(-1);
    if (bin === undefined || bytes + file.size > targetBytes) {
      bins.push([file]);
      bytes = file.size;
    } else {
      bin.push(file);
      bytes += file.size;
    }
  }
  return bins.filter((bin) => isWorthwhile(bin, targetBytes)).map((bin) => ({
    partitionValues: bin[0]!.partitionValues,
    files: bin,
    bytes: bin.reduce((sum, file) => sum + file.size, 0),
  }));
}

function isCandidate(file: AddFile, targetBytes: number): boolean {
  return file.size < targetBytes * largeEnough || hasManyDeleted(file);
}

function isWorthwhile(bin: readonly AddFile[], targetBytes: number): boolean {
  if (bin.some(hasManyDeleted)) return true;
  const fresh = bin.filter((file) => !(Number(file.tags?.[targetSizeTag] ?? 0) >= targetBytes));
  return bin.length > 1 && fresh.length > 0;
}

function hasManyDeleted({ deletionVector, stats }: AddFile): boolean {
  if (deletionVector === undefined) return false;
  const records = /"numRecords"\s*:\s*(\d+)/.exec(stats ?? "")?.[1];
  if (records === undefined) return true;
  return Number(deletionVector.cardinality) > Number(records) * deletedRatioMax;
}
