import { CdcDeltaError } from "../../errors.ts";
import type { Engine } from "../engine.ts";
import { parseCommit, parseFileActions } from "./action-json.ts";
import type { Action, AddFile, RemoveFile } from "./actions.ts";
import type { ExactKeySet } from "./exact-key-set.ts";
import { fileKey } from "./file-key.ts";
import { type PieceCache, readLogPieces, readParts, type ReadPiece } from "./log-pieces.ts";
import { logFileGone } from "./log-reader.ts";
import type { StateReplay } from "./log-replay.ts";
import type { LogPiece, LogSegment } from "./log-segment.ts";

type ReadOptions = { readonly signal: AbortSignal };

type PieceOptions = ReadOptions & {
  /** Default: all of the segment's. */
  readonly pieces?: readonly LogPiece[];
  /** Files of the log that were read before, and are to be read again. */
  readonly cache?: PieceCache | undefined;
};

/** Files and tombstones that were gone through together. */
export type FileBatch = {
  readonly adds: readonly AddFile[];
  readonly removes: readonly RemoveFile[];
};

/**
 * Replays all of a segment's pieces but their files. Of `commitInfo` only that of the newest commit
 * is read. A compaction that cannot be read is not needed: its commits are. Errors: `not-found`
 * (retryable) when a commit is gone, `log-corrupt`, the store's.
 */
export async function replayPieces(
  engine: Engine,
  segment: LogSegment,
  replay: StateReplay,
  options: PieceOptions,
): Promise<void> {
  const { signal, cache, pieces = segment.pieces } = options;
  for await (const wave of readLogPieces(engine, pieces, { signal, cache })) {
    for (const read of wave) {
      const commitInfo = read.piece.version === segment.version;
      const parse = (bytes: Uint8Array, firstLine: number | null): Action[] =>
        parseCommit(bytes, { ...sourceOf(engine, read, firstLine), files: false, commitInfo });
      try {
        if (read.kind === "gone") throw logFileGone(engine.store.uri, read.piece.meta.key);
        const actions = read.kind === "whole"
          ? parse(read.bytes, 1)
          : await partsOf(engine, read.piece, signal, (bytes) => parse(bytes, null));
        replay.apply(actions);
      } catch (error) {
        const commits = commitsInstead(segment, read.piece, error);
        await replayPieces(engine, segment, replay, { signal, cache, pieces: commits });
      }
    }
  }
}

async function partsOf(
  engine: Engine,
  { meta }: LogPiece,
  signal: AbortSignal,
  parse: (bytes: Uint8Array) => Action[],
): Promise<Action[]> {
  const actions: Action[] = [];
  for await (const bytes of readParts(engine, meta, { signal, from: "first" })) {
    for (const action of parse(bytes)) actions.push(action);
  }
  return actions;
}

function sourceOf(
  engine: Engine,
  { piece }: ReadPiece,
  firstLine: number | null,
): { readonly source: string; readonly firstLine: number | null } {
  return { source: `${engine.store.uri}/${piece.meta.key}`, firstLine };
}

/** The commits to read for a compaction that cannot be; throws the error of what is needed. */
function commitsInstead(segment: LogSegment, piece: LogPiece, error: unknown): LogPiece[] {
  const isUnreadable = error instanceof CdcDeltaError &&
    (error.code === "log-corrupt" || error.code === "not-found");
  if (piece.kind === "commit" || !isUnreadable) throw error;
  return segment.commits
    .filter(({ version }) => version >= piece.version && version <= piece.endVersion)
    .map((commit): LogPiece => ({ kind: "commit", ...commit }));
}

/** Files of a batch: enough to make a batch's own cost small. */
const batchFiles = 1000;

/**
 * The newest file action of each key in a segment's pieces (PROTOCOL.md, "Action Reconciliation"),
 * the newest commit first: what is met first is what holds, so that only keys have to be remembered,
 * in `seen`. Within one commit the order of actions means nothing: its adds hold against its removes,
 * and of two actions of one kind and key the last. Errors: as `replayPieces`.
 */
export async function* filesOfPieces(
  engine: Engine,
  segment: LogSegment,
  seen: ExactKeySet,
  options: PieceOptions,
): AsyncGenerator<FileBatch> {
  const { signal, cache, pieces = segment.pieces } = options;
  const uri = engine.store.uri;
  let [adds, removes]: [AddFile[], RemoveFile[]] = [[], []];
  const take = (kind: "add" | "remove", bytes: Uint8Array, source: LineSource): void => {
    if (kind === "add") {
      for (const { add } of parseFileActions(bytes, kind, source)) {
        if (seen.add(fileKey(add, uri))) adds.push(add);
      }
    } else {
      for (const { remove } of parseFileActions(bytes, kind, source)) {
        if (seen.add(fileKey(remove, uri))) removes.push(remove);
      }
    }
  };
  for await (const wave of readLogPieces(engine, pieces.toReversed(), { signal, cache })) {
    for (const read of wave) {
      try {
        if (read.kind === "gone") throw logFileGone(uri, read.piece.meta.key);
        for (const kind of ["add", "remove"] as const) {
          if (read.kind === "whole") {
            take(kind, read.bytes, sourceOf(engine, read, 1));
            continue;
          }
          const { meta } = read.piece;
          for await (const bytes of readParts(engine, meta, { signal, from: "last" })) {
            take(kind, bytes, sourceOf(engine, read, null));
            yield { adds, removes };
            [adds, removes] = [[], []];
          }
        }
      } catch (error) {
        // What was taken of a compaction holds; its commits tell the rest.
        const commits = commitsInstead(segment, read.piece, error);
        yield* filesOfPieces(engine, segment, seen, { signal, cache, pieces: commits });
      }
      if (adds.length + removes.length < batchFiles) continue;
      yield { adds, removes };
      [adds, removes] = [[], []];
    }
  }
  yield { adds, removes };
}

type LineSource = ReturnType<typeof sourceOf>;
