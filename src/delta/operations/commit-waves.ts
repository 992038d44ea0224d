import type { Engine } from "../engine.ts";
import { parseCommit } from "../log/action-json.ts";
import type { Action } from "../log/actions.ts";
import { readLogPieces, readParts } from "../log/log-pieces.ts";
import { logFileGone } from "../log/log-reader.ts";
import type { LogCommit } from "../log/log-segment.ts";

/** Actions of a commit: all of them, or some of a large one, whose other parts follow. */
export type CommitPart = { readonly version: number; readonly actions: readonly Action[] };

/**
 * Reads commits with their file actions in order, many at a time while they are small; one that added
 * a million files comes in parts of bounded size. Errors: `not-found` (retryable) when one is gone,
 * `log-corrupt`, the store's.
 */
export async function* readInWaves(
  engine: Engine,
  commits: readonly LogCommit[],
  { signal }: { readonly signal: AbortSignal },
): AsyncGenerator<CommitPart> {
  const { uri } = engine.store;
  const pieces = commits.map((commit) => ({ kind: "commit", ...commit }) as const);
  for await (const wave of readLogPieces(engine, pieces, { signal })) {
    for (const read of wave) {
      const { version, meta } = read.piece;
      const source = `${uri}/${meta.key}`;
      if (read.kind === "gone") throw logFileGone(uri, meta.key);
      if (read.kind === "whole") yield { version, actions: parseCommit(read.bytes, { source }) };
      else {
        for await (const bytes of readParts(engine, meta, { signal, from: "first" })) {
          yield { version, actions: parseCommit(bytes, { source, firstLine: null }) };
        }
      }
    }
  }
}
