import type { Engine } from "../../delta/engine.ts";
import type { Action } from "../../delta/log/actions.ts";
import { readCommits } from "../../delta/log/log-reader.ts";
import { parseAppId } from "../position/app-id.ts";

/** A commit that a replay would undo and that reading again does not bring back. */
export type UndoneCommit = { readonly version: number; readonly operation: string };

/** How many are told by name. */
const namedMax = 20;

/**
 * The commits of a range of versions that changed rows and were not a sink's: deletes, updates and
 * inserts of others. Errors: `log-corrupt`, `not-found` when the log is being cleaned up.
 */
export async function findUndoneCommits(
  engine: Engine,
  { after, to, signal }: {
    readonly after: number;
    readonly to: number;
    readonly signal: AbortSignal;
  },
): Promise<UndoneCommit[]> {
  const found: UndoneCommit[] = [];
  const versions = Array.from({ length: to - after }, (_, index) => after + 1 + index);
  for await (
    const { version, actions } of readCommits(engine, versions, { files: true, signal })
  ) {
    const operation = changesRows(actions);
    if (operation !== null && found.length < namedMax) found.push({ version, operation });
  }
  return found;
}

/** The name of what changed rows for somebody else; null: nothing did. */
function changesRows(actions: readonly Action[]): string | null {
  let [operation, changes, ours] = ["an unknown operation", false, false];
  for (const action of actions) {
    switch (action.kind) {
      case "add":
        changes ||= action.add.dataChange;
        break;
      case "remove":
        changes ||= action.remove.dataChange;
        break;
      case "txn":
        ours ||= parseAppId(action.txn.appId) !== null;
        break;
      case "commitInfo": {
        const name = action.commitInfo["operation"];
        if (typeof name === "string") operation = name;
        break;
      }
      default:
        break;
    }
  }
  // What a restore took out, or brought back, is for the stream to write again.
  return changes && !ours && operation !== "RESTORE" ? operation : null;
}
