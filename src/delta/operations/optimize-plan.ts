import type { AddFile, PartitionValues } from "../log/actions.ts";
import { type CubeChoice, cubeChoice, type CubeOrder } from "./z-cubes.ts";

/** Files of one partition that become one, or a few, larger ones: how many they are, not which. */
export type OptimizeBin = {
  readonly partitionValues: PartitionValues;
  readonly files: number;
  readonly bytes: number;
};

export type OptimizeRules = {
  /** Files are filled up to about this size. */
  readonly targetBytes: number;
  /** Which partitions are looked at. */
  readonly where: (partitionValues: PartitionValues) => boolean;
  /** Files that are merged at once; what came of them is merged again later. Default 25,000. */
  readonly filesMax?: number;
};

/** A file of at least this part of the target is large enough. */
const largeEnough = 0.75;
/** More deleted rows than this part of a file are worth writing it anew. */
const deletedRatioMax = 0.05;
/** The actions of a bin's files are in memory while it is worked on, and in one commit. */
const binFilesMax = 25_000;
/** More, since what is ordered together skips better. */
const cubeFilesMax = 100_000;
/** An ordered bin is one commit; a larger partition is ordered in pieces of this size. */
const cubeBytesMax = 16 * 2 ** 30;

/** Spark's name: the target that a file was written for by an optimize. */
export const targetSizeTag = "OPTIMIZE_TARGET_SIZE";

/** Sorts files into bins one by one; the same files in the same order get the same bins again. */
export type BinSorter = {
  /** The number of the file's bin; null: it stays as it is. */
  binOf(file: AddFile): number | null;
  /** The bins by their numbers; null: not worth it. */
  bins(): (OptimizeBin | null)[];
};

/**
 * Sorts a table's small files into bins, in the order of the log, so that rows that came together
 * stay together. A bin has to be worth it: two files that are not both an optimize's own work, or
 * deleted rows to be rid of; so that a second optimize finds nothing to do. Pure but for its counts.
 */
export function binSorter({ targetBytes, where, filesMax }: OptimizeRules): BinSorter {
  const limits = { bytesMax: targetBytes, filesMax: filesMax ?? binFilesMax };
  return sorter(limits, {
    takes: (file) => where(file.partitionValues) && isCandidate(file, targetBytes),
    weigh: (file) => ({
      isFresh: !(Number(file.tags?.[targetSizeTag] ?? 0) >= targetBytes),
      isWorn: hasManyDeleted(file),
    }),
    isWorthwhile: (bin) => bin.worn > 0 || (bin.files > 1 && bin.fresh > 0),
  });
}

/** As `binSorter`, for files whose rows are put into order: the choice says which ones. */
export function cubeSorter({ where }: OptimizeRules, choice: CubeChoice): BinSorter {
  const limits = { bytesMax: cubeBytesMax, filesMax: cubeFilesMax };
  return sorter(limits, {
    takes: (file) => where(file.partitionValues) && choice.takes(partitionKey(file), file),
    weigh: () => ({ isFresh: true, isWorn: false }),
    isWorthwhile: () => true,
  });
}

/** Begins the choice of what is put into order, see `cubeChoice`. */
export function newCubeChoice(order: CubeOrder): CubeChoice {
  return cubeChoice(order, { cubeBytesMax, isWorn: hasManyDeleted });
}

/** Names the partition of a file. */
export function partitionKey({ partitionValues }: AddFile): string {
  const values = Object.entries(partitionValues);
  return JSON.stringify(values.sort(([a], [b]) => (a < b ? -1 : 1)));
}

type CountedBin = {
  readonly partitionValues: PartitionValues;
  files: number;
  bytes: number;
  fresh: number;
  worn: number;
};

function sorter(
  { bytesMax, filesMax }: { readonly bytesMax: number; readonly filesMax: number },
  rules: {
    readonly takes: (file: AddFile) => boolean;
    readonly weigh: (file: AddFile) => { readonly isFresh: boolean; readonly isWorn: boolean };
    readonly isWorthwhile: (bin: CountedBin) => boolean;
  },
): BinSorter {
  const open = new Map<string, number>();
  const bins: CountedBin[] = [];
  return {
    binOf(file) {
      if (!rules.takes(file)) return null;
      const key = partitionKey(file);
      let number = open.get(key);
      let bin = number === undefined ? undefined : bins[number];
      const isFull = bin !== undefined &&
        (bin.bytes + file.size > bytesMax || bin.files === filesMax);
      if (number === undefined || bin === undefined || isFull) {
        number = bins.length;
        bin = { partitionValues: file.partitionValues, files: 0, bytes: 0, fresh: 0, worn: 0 };
        bins.push(bin);
        open.set(key, number);
      }
      const { isFresh, isWorn } = rules.weigh(file);
      bin.files += 1;
      bin.bytes += file.size;
      bin.fresh += isFresh ? 1 : 0;
      bin.worn += isWorn ? 1 : 0;
      return number;
    },
    bins: () =>
      bins.map((bin) => {
        const { partitionValues, files, bytes } = bin;
        return rules.isWorthwhile(bin) ? { partitionValues, files, bytes } : null;
      }),
  };
}

function isCandidate(file: AddFile, targetBytes: number): boolean {
  return file.size < targetBytes * largeEnough || hasManyDeleted(file);
}

function hasManyDeleted({ deletionVector, stats }: AddFile): boolean {
  if (deletionVector === undefined) return false;
  const records = /"numRecords"\s*:\s*(\d+)/.exec(stats ?? "")?.[1];
  if (records === undefined) return true;
  return Number(deletionVector.cardinality) > Number(records) * deletedRatioMax;
}
