import { CdcDeltaError } from "../../errors.ts";
import type { Engine } from "../engine.ts";
import type { ColumnMapping } from "../schema/column-mapping.ts";
import type { StructType } from "../schema/data-type.ts";
import { schemaFromJson } from "../schema/schema-json.ts";
import type { Action, DomainMetadata, Metadata, Protocol, SetTransaction } from "./actions.ts";
import { parseCommit } from "./action-json.ts";
import { readCheckpointState } from "./checkpoint-reader.ts";
import { commitKey } from "./log-path.ts";
import type { PieceCache } from "./log-pieces.ts";
import {
  commitIdOfSegment,
  getIfThere,
  listLog,
  readCommitsAfter,
  withListing,
} from "./log-reader.ts";
import {
  commitIdOf,
  emptyState,
  type ReplayedState,
  replayState,
  stateReplay,
} from "./log-replay.ts";
import { buildSegment, type LogSegment, newestVersion } from "./log-segment.ts";
import { replayPieces } from "./piece-actions.ts";
import { assertReadable, columnMappingOf } from "./table-features.ts";
import { readTableProperties, type TableProperties } from "./table-properties.ts";

/** A version of a table without its files: all that a streaming writer has to know. */
export type TableState = {
  readonly version: number;
  readonly protocol: Protocol;
  readonly metadata: Metadata;
  readonly schema: StructType;
  readonly partitionColumns: readonly string[];
  readonly properties: TableProperties;
  readonly columnMapping: ColumnMapping;
  /** The newest `txn` of each appId. */
  readonly transactions: ReadonlyMap<string, SetTransaction>;
  readonly domainMetadata: ReadonlyMap<string, DomainMetadata>;
  /** `commitInfo.txnId` of the version's commit, by which it is recognised; null: not known. */
  readonly commitId: string | null;
  /** When this was known to be the newest version, by the engine's clock. */
  readonly loadedMs: number;
};

type LoadOptions = { readonly signal: AbortSignal };

/**
 * Loads the newest version without its files; null when there is no table. Does not ask whether
 * cdcdelta may read or write the table: see `assertReadable` and `assertWritable`.
 *
 * Errors: `log-corrupt`, `unsupported`, and the store's.
 */
export async function loadTableState(
  engine: Engine,
  { signal }: LoadOptions,
): Promise<TableState | null> {
  return await withListing(engine, { signal }, async (listing) => {
    if (newestVersion(listing) === null) return null;
    const segment = buildSegment(listing, { uri: engine.store.uri });
    const replayed = await replaySegmentState(engine, segment, { signal });
    return toTableState(engine, segment.version, replayed);
  });
}

/** As `loadTableState`, for a table that has to be there. Errors: `not-found` as well. */
export async function requireTableState(
  engine: Engine,
  options: LoadOptions,
): Promise<TableState> {
  const state = await loadTableState(engine, options);
  if (state !== null) return state;
  const { uri } = engine.store;
  throw new CdcDeltaError(
    "not-found",
    `There is no Delta table at ${uri}: it has no "_delta_log". Check the path`,
    { context: { table: uri } },
  );
}

/**
 * Reads the non-file actions of a segment; `cache` takes files that will be read again. Errors:
 * `log-corrupt`, the store's.
 */
export async function replaySegmentState(
  engine: Engine,
  segment: LogSegment,
  { signal, cache }: LoadOptions & { readonly cache?: PieceCache },
): Promise<ReplayedState> {
  const replay = stateReplay(await readCheckpointStateOf(engine, segment, { signal }));
  await replayPieces(engine, segment, replay, { signal, cache });
  return await withCommitId(engine, segment, replay.state(), { signal });
}

/** A state whose last commit was read as part of a compaction gets the commit's id. */
async function withCommitId(
  engine: Engine,
  segment: LogSegment,
  state: ReplayedState,
  options: LoadOptions,
): Promise<ReplayedState> {
  const commitId = state.commitId ?? await commitIdOfSegment(engine, segment, options);
  return { ...state, commitId };
}

/** What a segment starts from: its checkpoint's state, or nothing. */
async function readCheckpointStateOf(
  engine: Engine,
  { checkpoint }: LogSegment,
  { signal }: LoadOptions,
): Promise<ReplayedState> {
  if (checkpoint === null) return emptyState;
  return await readCheckpointState(engine, checkpoint, { signal });
}

/** Checks what was replayed and types it. Throws `log-corrupt` without protocol or metadata. */
export function toTableState(
  engine: Engine,
  version: number,
  replayed: ReplayedState,
): TableState {
  const { protocol, metadata } = replayed;
  if (protocol === null || metadata === null) {
    const missing = protocol === null ? "protocol" : "metaData";
    throw new CdcDeltaError(
      "log-corrupt",
      `Cannot open version ${version} of the Delta table at ${engine.store.uri}: state ` +
        `reconstruction failed, its log has no ${missing} action`,
      { context: { table: engine.store.uri, version } },
    );
  }
  const properties = readTableProperties(metadata.configuration);
  return {
    version,
    protocol,
    metadata,
    schema: schemaOf(protocol, metadata, engine.store.uri),
    partitionColumns: metadata.partitionColumns,
    properties,
    columnMapping: columnMappingOf(protocol, properties.columnMappingMode),
    transactions: replayed.transactions,
    domainMetadata: replayed.domainMetadata,
    commitId: replayed.commitId,
    loadedMs: engine.clock.nowMs(),
  };
}

/** A type we do not know usually comes with a feature we do not know: then that is the reason. */
function schemaOf(protocol: Protocol, metadata: Metadata, uri: string): StructType {
  try {
    return schemaFromJson(metadata.schemaString);
  } catch (error) {
    if (!(error instanceof CdcDeltaError) || error.code !== "unsupported") throw error;
    const schema: StructType = { kind: "struct", fields: [] };
    assertReadable({ protocol, metadata, schema }, uri);
    throw error;
  }
}

/**
 * The state after the commit that follows it. Pure but for the schema's cost, which is paid only
 * when the commit has a `metaData`.
 */
export function advanceState(
  engine: Engine,
  state: TableState,
  commit: { readonly version: number; readonly actions: readonly Action[] },
): TableState {
  const replayed = replayState(state, [commit.actions]);
  if (replayed.metadata !== state.metadata || replayed.protocol !== state.protocol) {
    return toTableState(engine, commit.version, replayed);
  }
  return {
    ...state,
    version: commit.version,
    transactions: replayed.transactions,
    domainMetadata: replayed.domainMetadata,
    commitId: replayed.commitId,
    loadedMs: engine.clock.nowMs(),
  };
}

/**
 * The newest version, found by probing for the commits after `state`. Throws `not-found` when the
 * table is gone, and as `loadTableState`.
 */
export async function refreshTableState(
  engine: Engine,
  state: TableState,
  { signal }: LoadOptions,
): Promise<TableState> {
  const where = await whereIsState(engine, state, { signal });
  const commits = await readCommitsAfter(engine, state.version, { signal, files: false });
  if (where === "passed" && commits.length === 0) {
    const loaded = await loadTableState(engine, { signal });
    if (loaded === null) throw tableGone(engine.store.uri);
    return loaded;
  }
  let newest: TableState = { ...state, loadedMs: engine.clock.nowMs() };
  for (const commit of commits) newest = advanceState(engine, newest, commit);
  return newest;
}

/** Enough of a commit for its first line, which tells whose it is. */
const commitHeadBytes = 16 * 1024;

/**
 * Whether a state we know is still the log's newest as far as its own commit tells: `newest` also
 * when only a probe of the next version could find more; `passed` when the log has gone on without
 * keeping it. Throws `not-found` when the log is gone, `log-corrupt` when it is not the one that
 * the state was read from: it went backwards, or has another commit in that place.
 */
export async function whereIsState(
  engine: Engine,
  { version, commitId }: Pick<TableState, "version" | "commitId">,
  { signal }: LoadOptions,
): Promise<"newest" | "passed"> {
  const range = { start: 0, end: commitHeadBytes };
  const head = await getIfThere(engine, commitKey(version), { signal, range });
  if (head !== null) {
    const found = commitIdOfHead(head);
    if (found !== null && commitId !== null && found !== commitId) {
      throw tableReplaced(engine.store.uri, `version ${version} is another commit now`);
    }
    return "newest";
  }
  const newest = newestVersion(await listLog(engine, { from: 0, signal }));
  if (newest === null) throw tableGone(engine.store.uri);
  if (newest > version) return "passed";
  if (newest === version) return "newest";
  throw tableReplaced(engine.store.uri, `it went back from version ${version} to ${newest}`);
}

/** Null as well when the first line is longer than what was read: then nothing can be told. */
function commitIdOfHead(head: Uint8Array): string | null {
  const end = head.indexOf(10);
  if (end < 0) return null;
  return commitIdOf(parseCommit(head.subarray(0, end), { source: "commit", files: false }));
}

function tableReplaced(uri: string, how: string): CdcDeltaError {
  return new CdcDeltaError(
    "log-corrupt",
    `The Delta table at ${uri} was replaced while it was in use (${how}): it was deleted and ` +
      "created again, or restored from a backup. Start again once it is as it should be",
    { context: { table: uri } },
  );
}

/** The error for a table that vanished while it was in use. */
export function tableGone(uri: string): CdcDeltaError {
  return new CdcDeltaError(
    "not-found",
    `The Delta table at ${uri} is gone: its "_delta_log" was deleted while it was in use. Restore ` +
      "it, or start again to create a new table",
    { context: { table: uri } },
  );
}
