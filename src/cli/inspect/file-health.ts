import type { AddFile, PartitionValues, RemoveFile } from "../../delta/log/actions.ts";
import type { FileTotals } from "../../delta/log/version-checksum.ts";
import { binSorter, partitionKey } from "../../delta/operations/optimize-plan.ts";
import type { HealthFacts } from "./health-report.ts";
import { recordsOf } from "./table-facts.ts";

/** The files of one partition. */
export type PartitionSize = {
  readonly values: PartitionValues;
  readonly files: number;
  readonly sizeInBytes: number;
};

/** What the files of a table come to. */
export type FileHealth = {
  readonly totals: FileTotals;
  readonly files: Omit<HealthFacts["files"], "targetSizeInBytes" | "missing">;
  readonly deletionVectors: HealthFacts["deletionVectors"];
  readonly tombstones: Pick<HealthFacts["unneeded"], "tombstones" | "tombstoneBytes">;
  readonly partitions: readonly PartitionSize[];
};

/** Takes files one by one; holds numbers, and as many as there are partitions. */
export type FileHealthSums = {
  add(file: AddFile): void;
  remove(file: RemoveFile): void;
  done(): FileHealth;
};

/** A file below this part of the target is small. */
const smallRatio = 0.75;

/** Begins the sums over a table's files. */
export function fileHealth(targetBytes: number): FileHealthSums {
  const sorter = binSorter({ targetBytes, where: () => true });
  const sizes = new Map<string, { values: PartitionValues; files: number; sizeInBytes: number }>();
  let [count, bytes, small, vectors, deleted] = [0, 0, 0, 0, 0];
  let kept: number | null = 0;
  let [tombstones, tombstoneBytes] = [0, 0];
  return {
    add(file) {
      count += 1;
      bytes += file.size;
      if (file.size < targetBytes * smallRatio) small += 1;
      sorter.binOf(file);
      const records = recordsOf(file);
      kept = kept === null || records === null ? null : kept + records;
      if (file.deletionVector !== undefined) {
        vectors += 1;
        deleted += Number(file.deletionVector.cardinality);
      }
      const key = partitionKey(file);
      const size = sizes.get(key) ?? { values: file.partitionValues, files: 0, sizeInBytes: 0 };
      size.files += 1;
      size.sizeInBytes += file.size;
      sizes.set(key, size);
    },
    remove({ size }) {
      tombstones += 1;
      tombstoneBytes += size ?? 0;
    },
    done: () => ({
      totals: {
        numFiles: count,
        tableSizeBytes: bytes,
        numDeletionVectors: vectors,
        numDeletedRecords: deleted,
      },
      files: {
        count,
        sizeInBytes: bytes,
        averageSizeInBytes: count === 0 ? 0 : Math.round(bytes / count),
        smallRatio: ratio(small, count),
        ...mergeFacts(sorter.bins(), targetBytes),
      },
      deletionVectors: {
        files: vectors,
        ratio: ratio(vectors, count),
        deletedRows: deleted,
        deletedRatio: kept === null ? null : ratio(deleted, kept + deleted),
      },
      tombstones: { tombstones, tombstoneBytes },
      partitions: [...sizes.values()],
    }),
  };
}

const ratio = (part: number, all: number): number =>
  all === 0 ? 0 : Math.round(part / all * 1e4) / 1e4;

function mergeFacts(
  bins: readonly ({ readonly files: number; readonly bytes: number } | null)[],
  targetBytes: number,
): Pick<HealthFacts["files"], "mergeable" | "mergedInto"> {
  let [mergeable, mergedInto] = [0, 0];
  for (const bin of bins) {
    if (bin === null) continue;
    mergeable += bin.files;
    mergedInto += Math.max(1, Math.ceil(bin.bytes / targetBytes));
  }
  return { mergeable, mergedInto };
}
