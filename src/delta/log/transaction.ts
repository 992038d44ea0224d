import { assert, CdcDeltaError } from "../../errors.ts";
import type { JsonValue } from "../schema/data-type.ts";
import { physicalName } from "../schema/column-mapping.ts";
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
import type { WriteIntent } from "./feature-rules.ts";
import { hasInCommitTimestamps, nextTimestampMs, withEnablement } from "./in-commit-timestamp.ts";
import { assignRowIds, rowTrackingDomain } from "./row-ids.ts";
import { assertWritable, columnMappingOf, protocolFeatures } from "./table-features.ts";
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
  /** What `commitInfo.tags` says to other writers. */
  readonly tags?: Readonly<Record<string, string>>;
};

export type PrepareOptions = {
  /** The table, for messages and paths. */
  readonly uri: string;
  readonly nowMs: number;
  /** Ours alone: it is how we recognise our commit. */
  readonly txnId: string;
  /**
   * The timestamp of the commit before; null: it is not asked for (`needsPreviousTimestamp`), or
   * there is none.
   */
  readonly previousTimestampMs: number | null;
};

export type PreparedCommit = {
  readonly version: number;
  readonly actions: readonly Action[];
  readonly bytes: Uint8Array;
};

/** Whether a commit has to be later than the one before it, by the log's own clock. Pure. */
export function needsPreviousTimestamp(base: TableState | null, draft: TransactionDraft): boolean {
  return base !== null && hasInCommitTimestamps(afterwards(base, draft));
}

/** The protocol and metadata that a draft leaves behind. */
function afterwards(
  base: TableState | null,
  draft: TransactionDraft,
): { readonly protocol: Protocol; readonly metadata: Metadata } {
  const protocol = draft.protocol ?? base?.protocol;
  const metadata = draft.metadata ?? base?.metadata;
  assert(protocol !== undefined, "a new table has a protocol");
  assert(metadata !== undefined, "a new table has metadata");
  return { protocol, metadata };
}

/**
 * Draft → the commit that follows `base` (null: version 0), checked against PROTOCOL.md,
 * "Actions". What depends on the version is made here, so that it is right after each lost race:
 * in-commit timestamps and row ids. Pure. Throws `unsupported` when the table may not be written,
 * `usage` for a draft the table forbids, `internal` for one that no table allows.
 */
export function prepareCommit(
  base: TableState | null,
  draft: TransactionDraft,
  options: PrepareOptions,
): PreparedCommit {
  const version = base === null ? 0 : base.version + 1;
  const { protocol, metadata } = afterwards(base, draft);
  checkTable(base, draft, { protocol, metadata, uri: options.uri });
  checkFiles(draft, { protocol, metadata, uri: options.uri });
  checkTransactions(draft);
  const timestamped = hasInCommitTimestamps({ protocol, metadata });
  const timestampMs = nextTimestampMs(options.nowMs, options.previousTimestampMs);
  const info = commitInfo(base, draft, options, timestamped ? timestampMs : null);
  const actions: Action[] = [{ kind: "commitInfo", commitInfo: info }];
  if (draft.protocol !== undefined) actions.push({ kind: "protocol", protocol: draft.protocol });
  if (timestamped && (base === null || !hasInCommitTimestamps(base))) {
    actions.push({
      kind: "metaData",
      metaData: withEnablement(metadata, { version, timestampMs }),
    });
  } else if (draft.metadata !== undefined) actions.push({ kind: "metaData", metaData: metadata });
  for (const txn of draft.txns ?? []) {
    const lastUpdated = txn.lastUpdated ?? options.nowMs;
    actions.push({ kind: "txn", txn: { ...txn, lastUpdated } });
  }
  const domains = base?.domainMetadata ?? new Map<string, DomainMetadata>();
  const assigned = assignRowIds(draft.adds ?? [], {
    protocol,
    metadata,
    domains,
    version,
    uri: options.uri,
  });
  const ours = (draft.domainMetadata ?? []).filter(({ domain }) => domain !== rowTrackingDomain);
  for (const domain of assigned.domain === null ? ours : [...ours, assigned.domain]) {
    actions.push({ kind: "domainMetadata", domainMetadata: domain });
  }
  const dataChange = draft.dataChange;
  for (const remove of draft.removes ?? []) {
    actions.push({ kind: "remove", remove: { ...remove, dataChange } });
  }
  for (const add of assigned.adds) actions.push({ kind: "add", add: { ...add, dataChange } });
  return { version, actions, bytes: serializeCommit(actions) };
}

/** Spark's names and order (`DESCRIBE HISTORY`); the log's own timestamp comes first. */
function commitInfo(
  base: TableState | null,
  draft: TransactionDraft,
  options: PrepareOptions,
  inCommitTimestamp: number | null,
): CommitInfo {
  return {
    ...(inCommitTimestamp === null ? {} : { inCommitTimestamp }),
    timestamp: options.nowMs,
    operation: draft.operation,
    operationParameters: draft.operationParameters,
    ...(base === null ? {} : { readVersion: base.version }),
    isolationLevel: isolationLevel(draft),
    isBlindAppend: isBlindAppend(draft),
    operationMetrics: draft.operationMetrics ?? {},
    ...(draft.tags === undefined ? {} : { tags: draft.tags }),
    engineInfo,
    txnId: options.txnId,
  };
}

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

type Checked = {
  readonly protocol: Protocol;
  readonly metadata: Metadata;
  readonly uri: string;
};

function checkTable(base: TableState | null, draft: TransactionDraft, table: Checked): void {
  const { protocol, metadata, uri } = table;
  const intent = intentOf(draft);
  if (base !== null) assertWritable(base, uri, intent);
  if (base === null || draft.metadata !== undefined || draft.protocol !== undefined) {
    const schema = schemaFromJson(metadata.schemaString);
    assertWritable({ protocol, metadata, schema }, uri, intent);
    for (const column of metadata.partitionColumns) {
      assert(schema.fields.some((f) => f.name === column), `partition column "${column}" exists`);
    }
  }
  if (base !== null && draft.metadata !== undefined) {
    assert(draft.metadata.id === base.metadata.id, "the table's id stays the same");
  }
  const { appendOnly } = readTableProperties(metadata.configuration);
  if (
    appendOnly && draft.dataChange && (draft.removes ?? []).length > 0 &&
    protocolFeatures(protocol).includes("appendOnly")
  ) {
    throw new CdcDeltaError(
      "usage",
      `Cannot remove rows from the Delta table at ${uri}: its property delta.appendOnly is true`,
      { context: { table: uri } },
    );
  }
}

function checkFiles(draft: TransactionDraft, { protocol, metadata, uri }: Checked): void {
  const columns = partitionNames(protocol, metadata);
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
    // Other writers may have written one into a file that comes back as it was.
    if (intentOf(draft) !== "append") continue;
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

/** What the log calls the partition columns: with column mapping, as files do. */
function partitionNames(protocol: Protocol, metadata: Metadata): readonly string[] {
  const { columnMappingMode } = readTableProperties(metadata.configuration);
  const mapping = columnMappingOf(protocol, columnMappingMode);
  if (mapping === "none" || metadata.partitionColumns.length === 0) {
    return metadata.partitionColumns;
  }
  const { fields } = schemaFromJson(metadata.schemaString);
  return metadata.partitionColumns.map((column) => {
    const field = fields.find(({ name }) => name === column);
    return field === undefined ? column : physicalName(field, mapping);
  });
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
