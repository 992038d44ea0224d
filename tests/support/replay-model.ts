import type { Action, AddFile, RemoveFile } from "../../src/delta/log/actions.ts";
import { fileKey } from "../../src/delta/log/file-key.ts";

/** What some commits did to files, by file key: each key is in one of the two. */
export type FileChanges = {
  readonly adds: ReadonlyMap<string, AddFile>;
  readonly removes: ReadonlyMap<string, RemoveFile>;
};

/**
 * The reconciliation of file actions by its definition, all in memory: commits oldest first; within
 * one commit removes count first.
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
