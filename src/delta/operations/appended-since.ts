import type { Engine } from "../engine.ts";
import type { AddFile } from "../log/actions.ts";
import { fileKey } from "../log/file-key.ts";
import { readCommitsAfter } from "../log/log-reader.ts";
import { advanceState, type TableState } from "../log/table-state.ts";

/** What others appended after a version, when that is all they did. */
export type Appended = { readonly state: TableState; readonly files: readonly AddFile[] };

/**
 * The commits after `base`, when they did nothing but add files, none of which is in `known`, and move
 * positions: then a plan made on `base` holds with those files besides. Null: it has to be made anew.
 * Errors: `log-corrupt`, the store's.
 */
export async function appendedSince(
  engine: Engine,
  base: TableState,
  known: (key: string) => boolean,
  { signal }: { readonly signal: AbortSignal },
): Promise<Appended | null> {
  const { uri } = engine.store;
  const commits = await readCommitsAfter(engine, base.version, { signal, files: true });
  // Without any, the log was cleaned up past `base`.
  if (commits.length === 0) return null;
  let state = base;
  const files: AddFile[] = [];
  const keys = new Set<string>();
  for (const commit of commits) {
    for (const action of commit.actions) {
      switch (action.kind) {
        case "add": {
          const key = fileKey(action.add, uri);
          if (known(key) || keys.has(key)) return null;
          keys.add(key);
          files.push(action.add);
          break;
        }
        case "remove":
        case "metaData":
        case "protocol":
        case "domainMetadata":
          return null;
        case "txn":
        case "cdc":
        case "commitInfo":
          break;
      }
    }
    state = advanceState(engine, state, commit);
  }
  return { state, files };
}
