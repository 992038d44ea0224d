import type { Action } from "./actions.ts";
import { canonicalPath } from "./file-key.ts";
import { rowTrackingDomain } from "./row-ids.ts";
import { isolationLevel, type TransactionDraft } from "./transaction.ts";

/**
 * Why a transaction cannot follow a winner:
 *
 * - `protocol`, `metadata`: the winner changed how rows have to be written
 * - `domain`: both changed the same domain
 * - `txn`: the winner moved an appId we depend on
 * - `append`: the winner added files that we should have read
 * - `delete-read`: the winner removed a file that we read
 * - `delete-delete`: both removed the same file
 */
export type ConflictReason =
  | "protocol"
  | "metadata"
  | "domain"
  | "txn"
  | "append"
  | "delete-read"
  | "delete-delete";

type Check = (draft: TransactionDraft, winner: readonly Action[], uri: string) => boolean;

/** The closed table of what we have against what a winner has; the first hit is the reason. */
const checks: Readonly<Record<ConflictReason, Check>> = {
  protocol: (_, winner) => winner.some((action) => action.kind === "protocol"),
  metadata: (_, winner) => winner.some((action) => action.kind === "metaData"),
  domain: (draft, winner) => {
    const ours = new Set((draft.domainMetadata ?? []).map((domain) => domain.domain));
    // Row ids are given anew above the winner's, whenever a commit is prepared again.
    ours.delete(rowTrackingDomain);
    return winner.some((action) =>
      action.kind === "domainMetadata" && ours.has(action.domainMetadata.domain)
    );
  },
  txn: (draft, winner) => {
    const ours = new Set(draft.readAppIds ?? []);
    for (const { appId } of draft.txns ?? []) ours.add(appId);
    return winner.some((action) => action.kind === "txn" && ours.has(action.txn.appId));
  },
  append: (draft, winner) =>
    draft.reads.kind === "whole-table" && isolationLevel(draft) === "Serializable" &&
    winner.some((action) => action.kind === "add"),
  "delete-read": (draft, winner, uri) => {
    const read = draft.reads;
    switch (read.kind) {
      case "blind-append":
        return false;
      case "whole-table":
        return winner.some((action) => action.kind === "remove");
      case "files": {
        const paths = new Set([...read.paths].map((path) => canonicalPath(path, uri)));
        return removesAny(winner, paths, uri);
      }
    }
  },
  "delete-delete": (draft, winner, uri) => {
    const ours = new Set((draft.removes ?? []).map((file) => canonicalPath(file.path, uri)));
    return removesAny(winner, ours, uri);
  },
};

function removesAny(winner: readonly Action[], paths: ReadonlySet<string>, uri: string): boolean {
  return paths.size > 0 &&
    winner.some((action) =>
      action.kind === "remove" && paths.has(canonicalPath(action.remove.path, uri))
    );
}

/** Null: the transaction may follow the winner as it stands. Pure. */
export function findConflict(
  draft: TransactionDraft,
  winner: readonly Action[],
  uri: string,
): ConflictReason | null {
  for (const [reason, check] of Object.entries(checks) as [ConflictReason, Check][]) {
    if (check(draft, winner, uri)) return reason;
  }
  return null;
}
