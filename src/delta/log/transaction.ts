import { assert, CdcDeltaError } from "../../errors.ts";
import type { JsonValue } from "../schema/data-type.ts";
import { schemaFromJson } from "../schema/schema-json.ts";
import { serializeCommit } from "./action-json.ts";
import type {
  Action,
  AddFile,
  CommitInfo,
  DomainMetadata,
  Metadata,
  Protocol,
  RemoveFile,
  SetTransaction,
} from "./actions.ts";
import { engineInfo } from "./engine-info.ts";
import { fileKey } from "./file-key.ts";
import { assertWritable } from "./table-features.ts";
import { readTableProperties } from "./table-properties.ts";
import type { TableState } from "./table-state.ts";

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
  readonly adds?: readonly AddFile[];
  readonly removes?: readonly RemoveFile[];
  /** The whole new metadata, not a change of it. */
  readonly metadata?: Metadata;
  readonly protocol?: Protocol;
  /** At most one for an appId. */
  readonly txns?: readonly SetTransaction[];
  /** AppIds whose version this depends on, besides those of `txns`. */
  readonly readAppIds?: readonly string[];
  readonly domainMetadata?: readonly DomainMetadata[];
};

export type PrepareOptions = {
  /** The table, for messages and paths. */
  readonly uri: string;
  readonly nowMs: number;
  /** Ours alone: it is how we recognise our commit. */
  readonly txnId: string;
};

export type PreparedCommit = {
  readonly version: number;
  readonly actions: readonly Action[];
  readonly bytes: Uint8Array;
};

/**
 * Draft → the commit that follows `base` (null: version 0), checked against PROTOCOL.md,
 * "Actions". Pure. Throws `unsupported` when the table may not be written, `usage` for a draft the
 * table forbids, `internal` for one that no table allows.
 */
export function prepareCommit(
  base: TableState | null,
  draft: TransactionDraft,
  options: PrepareOptions,
): PreparedCommit {
  checkTable(base, draft, options.uri);
  checkFiles(base, draft, options.uri);
  checkTransactions(draft);
  const actions: Action[] = [{ kind: "commitInfo", commitInfo: commitInfo(base, draft, options) }];
  if (draft.protocol !== undefined) actions.push({ kind: "protocol", protocol: draft.protocol });
  if (draft.metadata !== undefined) actions.push({ kind: "metaData", metaData: draft.metadata });
  for (const txn of draft.txns ?? []) {
    const lastUpdated = txn.lastUpdated ?? options.nowMs;
    actions.push({ kind: "txn", txn: { ...txn, lastUpdated } });
  }
  for (const domain of draft.domainMetadata ?? []) {
    actions.push({ kind: "domainMetadata", domainMetadata: domain });
  }
  const dataChange = draft.dataChange;
  for (const remove of draft.removes ?? []) {
    actions.push({ kind: "remove", remove: { ...remove, dataChange } });
  }
  for (const add of draft.adds ?? []) actions.push({ kind: "add", add: { ...add, dataChange } });
  return {
    version: base === null ? 0 : base.version + 1,
    actions,
    bytes: serializeCommit(actions),
  };
}

/** Spark's names and order (`DESCRIBE HISTORY`). */
function commitInfo(
  base: TableState | null,
  draft: TransactionDraft,
  options: PrepareOptions,
): CommitInfo {
  return {
    timestamp: options.nowMs,
    operation: draft.operation,
    operationParameters: draft.operationParameters,
    ...(base === null ? {} : { readVersion: base.version }),
    isolationLevel: isolationLevel(draft),
    isBlindAppend: isBlindAppend(draft),
    operationMetrics: draft.operationMetrics ?? {},
    engineInfo,
    txnId: options.txnId,
  };
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

function checkTable(base: TableState | null, draft: TransactionDraft, uri: string): void {
  const protocol = draft.protocol ?? base?.protocol;
  const metadata = draft.metadata ?? base?.metadata;
  assert(protocol !== undefined, "a new table has a protocol");
  assert(metadata !== undefined, "a new table has metadata");
  if (base !== null) assertWritable(base, uri);
  if (base === null || draft.metadata !== undefined || draft.protocol !== undefined) {
    const schema = schemaFromJson(metadata.schemaString);
    assertWritable({ protocol, metadata, schema }, uri);
    for (const column of metadata.partitionColumns) {
      assert(schema.fields.some((f) => f.name === column), `partition column "${column}" exists`);
    }
  }
  if (base !== null && draft.metadata !== undefined) {
    assert(draft.metadata.id === base.metadata.id, "the table's id stays the same");
  }
  const { appendOnly } = readTableProperties(metadata.configuration);
  if (appendOnly && draft.dataChange && (draft.removes ?? []).length > 0) {
    throw new CdcDeltaError(
      "usage",
      `Cannot remove rows from the Delta table at ${uri}: its property delta.appendOnly is true`,
      { context: { table: uri } },
    );
  }
}

function checkFiles(base: TableState | null, draft: TransactionDraft, uri: string): void {
  const columns = (draft.metadata ?? base?.metadata)?.partitionColumns ?? [];
  const added = new Set<string>();
  for (const add of draft.adds ?? []) {
    const { deletionVector: _, ...file } = add;
    const key = fileKey(file, uri);
    assert(!added.has(key), `"${add.path}" is added once`);
    added.add(key);
    const names = Object.keys(add.partitionValues);
    const complete = names.length === columns.length &&
      columns.every((column) => Object.hasOwn(add.partitionValues, column));
    assert(complete, `"${add.path}" has a value for each partition column and no other`);
    for (const value of Object.values(add.partitionValues)) {
      assert(value !== "", `"${add.path}" has no empty partition value`);
    }
  }
  const removed = new Set<string>();
  for (const remove of draft.removes ?? []) {
    const key = fileKey(remove, uri);
    assert(!removed.has(key), `"${remove.path}" is removed once`);
    removed.add(key);
  }
  for (const add of draft.adds ?? []) {
    assert(!removed.has(fileKey(add, uri)), `"${add.path}" is not added and removed at once`);
  }
}

function checkTransactions(draft: TransactionDraft): void {
  const appIds = new Set<string>();
  for (const { appId } of draft.txns ?? []) {
    assert(!appIds.has(appId), `the transaction of "${appId}" is there once`);
    appIds.add(appId);
  }
  const domains = new Set<string>();
  for (const { domain } of draft.domainMetadata ?? []) {
    assert(!domains.has(domain), `the metadata of domain "${domain}" is there once`);
    domains.add(domain);
  }
}
