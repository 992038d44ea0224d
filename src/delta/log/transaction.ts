import type { JsonValue } from "../schema/data-type.ts";
import type {
  AddFile,
  DomainMetadata,
  Metadata,
  Protocol,
  RemoveFile,
  SetTransaction,
} from "./actions.ts";
import type { WriteIntent } from "./feature-rules.ts";

/** What a transaction has read of the table: it decides which winners conflict with it. */
export type ReadSet =
  /** Nothing: new files only, whatever the table holds. */
  | { readonly kind: "blind-append" }
  | { readonly kind: "whole-table" }
  /** These files, by `add.path`; new files of others do not matter. */
  | { readonly kind: "files"; readonly paths: ReadonlySet<string> };

/** What a commit is to do, before it has a version. */
export type TransactionDraft = {
  /** Spark's name: `STREAMING UPDATE`, `CREATE TABLE`, `OPTIMIZE`, … */
  readonly operation: string;
  /** Lists and objects as JSON text, as Spark writes them. */
  readonly operationParameters: Readonly<Record<string, JsonValue>>;
  readonly operationMetrics?: Readonly<Record<string, string>>;
  readonly reads: ReadSet;
  /** False when the rows of the table stay the same (compaction); put on every file action. */
  readonly dataChange: boolean;
  /** What table features are asked about; default: as `intentOf` tells from the rest. */
  readonly intent?: WriteIntent;
  readonly adds?: readonly AddFile[];
  readonly removes?: readonly RemoveFile[];
  /** The whole new metadata, not a change of it. */
  readonly metadata?: Metadata;
  readonly protocol?: Protocol;
  /** At most one for an appId. */
  readonly txns?: readonly SetTransaction[];
  /** AppIds whose version this depends on, besides those of `txns`. */
  readonly readAppIds?: readonly string[];
  /** That of row tracking is not the draft's to set: it follows from the files. */
  readonly domainMetadata?: readonly DomainMetadata[];
};

/** What a draft does as far as table features ask, unless it says so itself. Pure. */
export function intentOf(draft: TransactionDraft): WriteIntent {
  if (draft.intent !== undefined) return draft.intent;
  const adds = (draft.adds ?? []).length > 0;
  if (adds) return draft.dataChange ? "append" : "rearrange";
  return (draft.removes ?? []).length > 0 ? "remove" : "metadata";
}

/** Only adds, and nothing read. */
export function isBlindAppend(draft: TransactionDraft): boolean {
  return draft.reads.kind === "blind-append" && (draft.removes ?? []).length === 0;
}

/** Commits that only rearrange files are checked less strictly (conflict rules of delta-spark). */
export function isolationLevel(draft: TransactionDraft): "Serializable" | "SnapshotIsolation" {
  const rearranges = !draft.dataChange && draft.metadata === undefined &&
    draft.protocol === undefined && (draft.txns ?? []).length === 0;
  return rearranges ? "SnapshotIsolation" : "Serializable";
}
