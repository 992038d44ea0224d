import type {
  Action,
  AddFile,
  DomainMetadata,
  Metadata,
  Protocol,
  RemoveFile,
  SetTransaction,
} from "./actions.ts";
import { fileKey } from "./file-key.ts";

/** Everything of a version but its files. */
export type ReplayedState = {
  readonly protocol: Protocol | null;
  readonly metadata: Metadata | null;
  readonly transactions: ReadonlyMap<string, SetTransaction>;
  /** Live ones. */
  readonly domainMetadata: ReadonlyMap<string, DomainMetadata>;
  /** `commitInfo.txnId` of the newest commit; null where it has none or was not read. */
  readonly commitId: string | null;
};

export const emptyState: ReplayedState = {
  protocol: null,
  metadata: null,
  transactions: new Map(),
  domainMetadata: new Map(),
  commitId: null,
};

/**
 * The state after some commits, oldest first (PROTOCOL.md, "Action Reconciliation": the newest
 * wins; for `txn` that is the newest in the log, not the highest version). Pure.
 */
export function replayState(
  start: ReplayedState,
  commits: readonly (readonly Action[])[],
): ReplayedState {
  let { protocol, metadata, commitId } = start;
  const transactions = new Map(start.transactions);
  const domainMetadata = new Map(start.domainMetadata);
  for (const actions of commits) {
    commitId = commitIdOf(actions);
    for (const action of actions) {
      switch (action.kind) {
        case "protocol":
          protocol = action.protocol;
          break;
        case "metaData":
          metadata = action.metaData;
          break;
        case "txn":
          transactions.set(action.txn.appId, action.txn);
          break;
        case "domainMetadata": {
          const { domain, removed } = action.domainMetadata;
          if (removed) domainMetadata.delete(domain);
          else domainMetadata.set(domain, action.domainMetadata);
          break;
        }
        case "add":
        case "remove":
        case "cdc":
        case "commitInfo":
          break;
      }
    }
  }
  return { protocol, metadata, transactions, domainMetadata, commitId };
}

/** The id that a writer gave its commit, by which it is recognised; null without one. */
export function commitIdOf(actions: readonly Action[]): string | null {
  for (const action of actions) {
    if (action.kind !== "commitInfo") continue;
    const id = action.commitInfo["txnId"];
    return typeof id === "string" ? id : null;
  }
  return null;
}

/** What some commits did to files, by file key: each key is in one of the two. */
export type FileChanges = {
  readonly adds: ReadonlyMap<string, AddFile>;
  readonly removes: ReadonlyMap<string, RemoveFile>;
};

/**
 * Reconciles the file actions of commits, oldest first. Within one commit the order of actions
 * means nothing, so its removes count first. Pure.
 */
export function replayFiles(
  commits: readonly (readonly Action[])[],
  tableUri: string,
): FileChanges {
  const adds = new Map<string, AddFile>();
  const removes = new Map<string, RemoveFile>();
  for (const actions of commits) {
    for (const action of actions) {
      if (action.kind !== "remove") continue;
      const key = fileKey(action.remove, tableUri);
      adds.delete(key);
      removes.set(key, action.remove);
    }
    for (const action of actions) {
      if (action.kind !== "add") continue;
      const key = fileKey(action.add, tableUri);
      removes.delete(key);
      adds.set(key, action.add);
    }
  }
  return { adds, removes };
}

/** True when a checkpoint's file action is superseded by later commits. */
export function isSuperseded(
  changes: FileChanges,
  file: AddFile | RemoveFile,
  tableUri: string,
): boolean {
  if (changes.adds.size === 0 && changes.removes.size === 0) return false;
  const key = fileKey(file, tableUri);
  return changes.adds.has(key) || changes.removes.has(key);
}

/**
 * False once a tombstone is so old that no reader can still need its file (PROTOCOL.md,
 * "Tombstone Expiration"); one without a timestamp has expired.
 */
export function isTombstoneLive(
  remove: RemoveFile,
  options: { readonly nowMs: number; readonly retentionMs: number },
): boolean {
  return (remove.deletionTimestamp ?? 0) > options.nowMs - options.retentionMs;
}
