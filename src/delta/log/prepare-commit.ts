import { assert } from "../../errors.ts";
import { serializeCommit } from "./action-json.ts";
import type { Action, CommitInfo, DomainMetadata, Metadata, Protocol } from "./actions.ts";
import { checkDraft } from "./check-draft.ts";
import { engineInfo } from "./engine-info.ts";
import { hasInCommitTimestamps, nextTimestampMs, withEnablement } from "./in-commit-timestamp.ts";
import { assignRowIds, rowTrackingDomain, rowTrackingTags } from "./row-ids.ts";
import type { TableState } from "./table-state.ts";
import { intentOf, isBlindAppend, isolationLevel, type TransactionDraft } from "./transaction.ts";

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
  checkDraft(base, draft, { protocol, metadata, uri: options.uri });
  const timestamped = hasInCommitTimestamps({ protocol, metadata });
  const timestampMs = nextTimestampMs(options.nowMs, options.previousTimestampMs);
  const info = commitInfo(base, draft, options, {
    inCommitTimestamp: timestamped ? timestampMs : null,
    tags: rowTrackingTags({ protocol, metadata }, intentOf(draft)),
  });
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
  { inCommitTimestamp, tags }: {
    readonly inCommitTimestamp: number | null;
    readonly tags: Readonly<Record<string, string>> | null;
  },
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
    ...(tags === null ? {} : { tags }),
    engineInfo,
    txnId: options.txnId,
  };
}
