import type { AddFile } from "../log/actions.ts";
import type { TransactionDraft } from "../log/transaction.ts";
import type { RowOrder } from "./order-columns.ts";
import { removalOf } from "./rewrite-file.ts";

export type DraftOptions = {
  /** With the columns' names as the schema writes them; null: rows stay in their order. */
  readonly order: RowOrder | null;
  readonly predicate: readonly string[];
  readonly auto: boolean;
  readonly nowMs: number;
};

/** The commit of one bin, with the names that Spark gives it. Pure. */
export function optimizeDraft(
  files: readonly AddFile[],
  adds: readonly AddFile[],
  { order, predicate, auto, nowMs }: DraftOptions,
): TransactionDraft {
  const sizes = adds.map((add) => add.size).sort((a, b) => a - b);
  const at = (part: number): string => String(sizes[Math.floor((sizes.length - 1) * part)] ?? 0);
  const vectors = files.filter((file) => file.deletionVector !== undefined).length;
  return {
    operation: "OPTIMIZE",
    operationParameters: {
      predicate: JSON.stringify(predicate),
      zOrderBy: JSON.stringify(order?.kind === "z-order" ? order.columns : []),
      clusterBy: "[]",
      // Spark has no such thing: a parameter that it does not know does not disturb it.
      ...(order?.kind === "sort" ? { sortBy: JSON.stringify(order.columns) } : {}),
      auto,
    },
    operationMetrics: {
      numAddedFiles: String(adds.length),
      numRemovedFiles: String(files.length),
      numAddedBytes: String(sizes.reduce((sum, size) => sum + size, 0)),
      numRemovedBytes: String(files.reduce((sum, { size }) => sum + size, 0)),
      minFileSize: at(0),
      p25FileSize: at(0.25),
      p50FileSize: at(0.5),
      p75FileSize: at(0.75),
      maxFileSize: at(1),
      numDeletionVectorsRemoved: String(vectors),
    },
    reads: { kind: "files", paths: new Set(files.map((file) => file.path)) },
    dataChange: false,
    adds,
    removes: files.map((file) => removalOf(file, nowMs)),
  };
}
