import type {
  Action,
  DomainMetadata,
  Metadata,
  Protocol,
  RemoveFile,
  SetTransaction,
} from "./actions.ts";

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

/** Replays commits one by one; what it started from stays as it was. */
export type StateReplay = {
  apply(actions: readonly Action[]): void;
  state(): ReplayedState;
};

/**
 * The state while commits are replayed, oldest first (PROTOCOL.md, "Action Reconciliation": the
 * newest wins; for `txn` that is the newest in the log, not the highest version).
 */
export function stateReplay(start: ReplayedState): StateReplay {
  let { protocol, metadata, commitId } = start;
  const transactions = new Map(start.transactions);
  const domainMetadata = new Map(start.domainMetadata);
  return {
    apply(actions) {
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
    },
    state: () => ({ protocol, metadata, transactions, domainMetadata, commitId }),
  };
}

/** The state after some commits, oldest first. Pure. */
export function replayState(
  start: ReplayedState,
  commits: readonly (readonly Action[])[],
): ReplayedState {
  const replay = stateReplay(start);
  for (const actions of commits) replay.apply(actions);
  return replay.state();
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
