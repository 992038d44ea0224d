import { CdcDeltaError, messageOf } from "../../errors.ts";
import type { Engine } from "../engine.ts";
import type { AddFile, RemoveFile, SetTransaction } from "../log/actions.ts";
import { commit } from "../log/committer.ts";
import { openVersion, type SnapshotAt, type TableVersion } from "../log/snapshot.ts";
import { assertWritable } from "../log/table-features.ts";
import { readTableProperties } from "../log/table-properties.ts";
import type { TableState } from "../log/table-state.ts";
import type { TransactionDraft } from "../log/transaction.ts";
import { keysOfFile, someKeys } from "./file-objects.ts";
import { type MissingFiles, missingFiles } from "./missing-files.ts";
import { appendedSince } from "./appended-since.ts";
import { type RestoredState, restoredState } from "./restored-state.ts";
import { removalOf } from "./rewrite-file.ts";
import { diffVersions, type VersionDiff, withAppended } from "./version-diff.ts";

/** What a restore changes, told before it is done. */
export type RestorePlan = RestoredState & {
  readonly target: TableVersion;
  /** The newest version, which the restore follows. */
  readonly newest: TableVersion;
  readonly diff: VersionDiff;
};

/**
 * Compares the newest version with an earlier one and makes sure that it can be restored: that the
 * files which would come back are still there, and that the table allows it. No files are held.
 *
 * Errors: as `openVersion`; `not-found`, naming files, when vacuum deleted what the target needs;
 * `usage` when the target is the newest version or the table is append-only; `unsupported` when the
 * table cannot be written to.
 */
export async function planRestore(
  engine: Engine,
  options: { readonly at: SnapshotAt; readonly signal: AbortSignal },
): Promise<RestorePlan> {
  const { at, signal } = options;
  const { uri } = engine.store;
  const newest = await openVersion(engine, { signal });
  const target = await openVersion(engine, { at, signal });
  const { version } = target.state;
  if (version >= newest.state.version) {
    throw new CdcDeltaError(
      "usage",
      `Nothing to restore: version ${version} is the newest one of ${uri}`,
      { context: { table: uri, version } },
    );
  }
  const restored = restoredState(target.state, newest.state);
  assertWritable(newest.state, uri, "remove");
  assertWritable({ ...restored, schema: target.state.schema }, uri, "remove");
  const diff = await diffVersions(engine, { from: newest, to: target }, { signal });
  const plan = { target, newest, diff, ...restored };
  assertMayRemove(plan, uri);
  const keys = async function* (): AsyncGenerator<string> {
    for await (const file of diff.returningFiles()) yield* keysOfFile(file, uri);
  };
  const missing = await missingFiles(engine, keys, { signal });
  if (missing.count > 0) throw filesGone(uri, version, missing);
  return plan;
}

/** The property counts as it is now and as it would be again: either way rows leave the table. */
function assertMayRemove({ newest, metadata, diff, target }: RestorePlan, uri: string): void {
  if (diff.leaving.files === 0) return;
  const isNow = newest.state.properties.appendOnly;
  if (!isNow && !readTableProperties(metadata.configuration).appendOnly) return;
  const { version } = target.state;
  const { files } = diff.leaving;
  throw new CdcDeltaError(
    "usage",
    `Cannot restore ${uri} to version ${version}: ${files} ${
      files === 1 ? "file" : "files"
    } would ` +
      "leave the table, and its property delta.appendOnly is true" +
      `${isNow ? "" : ` in version ${version}`}. ` +
      "Set it to false first if that is what you want",
    { context: { table: uri, version } },
  );
}

function filesGone(uri: string, version: number, { count, named }: MissingFiles): CdcDeltaError {
  return new CdcDeltaError(
    "not-found",
    `Cannot restore ${uri} to version ${version}: ${count} of its files ` +
      `${count === 1 ? "is" : "are"} gone, deleted by a vacuum: ${
        someKeys(named, count)
      }. Restore another version`,
    { context: { table: uri, version, missing: count } },
  );
}

export type RestoreOptions = {
  readonly at: SnapshotAt;
  /** Ends the planning. A commit under way and the check after it are brought to their end. */
  readonly signal: AbortSignal;
  /** Transactions to set in the same commit; none: they stay, as Spark leaves them. */
  readonly txns?: readonly SetTransaction[];
  /** The version that has to be the newest one; another one is a conflict. Default: any. */
  readonly follows?: number;
  /** Said in the commit's `operationParameters`, beside Spark's own. */
  readonly parameters?: Readonly<Record<string, string>>;
};

/** Commits tried: a sink that appends several times a second wins some races, not all of them. */
const attemptsMax = 100;

/**
 * Makes an earlier version the newest again, in one commit: its files, schema and properties. The
 * protocol never goes back, and positions of streams stay where they are unless `txns` moves them.
 * The files that come and go are held, as one commit holds them.
 *
 * A vacuum that was planned before the commit may delete files that come back. A vacuum of cdcdelta
 * looks at the log before each of its requests and leaves them alone; for one that was under way, or
 * is somebody else's, the files are looked for again after the commit. When some are gone by then, a
 * second commit takes back what the first did, and nothing of what others did in between. A request
 * that reaches the store later still is told by the vacuum itself, with the way back.
 *
 * Errors: as `planRestore`; `conflict` when other writers keep getting in between, or when the table
 * could not be put back after a vacuum (naming files and command).
 */
export async function restore(
  engine: Engine,
  options: RestoreOptions,
): Promise<RestorePlan & { readonly version: number }> {
  let plan = await planRestore(engine, options);
  for (let attempt = 1; attempt <= attemptsMax; attempt++) {
    assertFollows(plan, options, engine.store.uri);
    const changes = await changesOf(plan, engine.clock.nowMs());
    const draft = restoreDraft(plan, changes, options);
    options.signal.throwIfAborted();
    const { signal } = new AbortController();
    const outcome = await commit(engine, plan.newest.state, draft, { signal });
    if (outcome.kind !== "committed") {
      plan = await planAgain(engine, plan, options);
      continue;
    }
    await checkAfter(engine, { plan, changes, draft, committed: outcome.state, signal });
    return { ...plan, version: outcome.state.version };
  }
  throw new CdcDeltaError(
    "conflict",
    `Cannot restore ${engine.store.uri}: other writers committed to it ${attemptsMax} times in a ` +
      "row meanwhile. Stop them, then try again; nothing was changed",
    { context: { table: engine.store.uri }, retryable: true },
  );
}

/**
 * The plan after a lost race. Files that others appended leave as well, and only those commits are
 * read: to plan a large table takes longer than a sink needs for its next commit. After anything
 * else it is planned anew.
 */
async function planAgain(
  engine: Engine,
  plan: RestorePlan,
  options: RestoreOptions,
): Promise<RestorePlan> {
  const { newest, diff, target } = plan;
  const appended = await appendedSince(engine, newest.state, diff.has, options);
  if (appended === null) return await planRestore(engine, options);
  const { uri } = engine.store;
  const { state, files } = appended;
  const again: RestorePlan = {
    ...plan,
    ...restoredState(target.state, state),
    diff: withAppended(diff, files, uri),
    newest: {
      state,
      timestampMs: null,
      async *files(given) {
        yield { adds: files, removes: [] };
        yield* newest.files(given);
      },
    },
  };
  assertMayRemove(again, uri);
  return again;
}

function assertFollows({ newest }: RestorePlan, { follows }: RestoreOptions, uri: string): void {
  const { version } = newest.state;
  if (follows === undefined || version === follows) return;
  throw new CdcDeltaError(
    "conflict",
    `Cannot restore ${uri}: version ${version} is the newest one by now, planned was to ` +
      `follow version ${follows}. Nothing was changed; look at it again, then repeat it`,
    { context: { table: uri, version } },
  );
}

/** Files that leave are held without their statistics, which are most of them. */
type Changes = { readonly adds: readonly AddFile[]; readonly removes: readonly RemoveFile[] };

async function changesOf({ diff }: RestorePlan, nowMs: number): Promise<Changes> {
  const adds = await collect(diff.returningFiles());
  const removes: RemoveFile[] = [];
  for await (const file of diff.leavingFiles()) removes.push(removalOf(file, nowMs));
  return { adds, removes };
}

async function collect(files: AsyncIterable<AddFile>): Promise<AddFile[]> {
  const all: AddFile[] = [];
  for await (const file of files) all.push(file);
  return all;
}

/** The commit of a restore, with the names that Spark gives it. Pure. */
function restoreDraft(
  plan: RestorePlan,
  { adds, removes }: Changes,
  { at, txns, parameters }: RestoreOptions,
): TransactionDraft {
  const { diff, newest, protocol } = plan;
  return {
    operation: "RESTORE",
    operationParameters: {
      version: at.kind === "version" ? at.version : null,
      timestamp: at.kind === "timestamp" ? new Date(at.timestampMs).toISOString() : null,
      ...parameters,
    },
    operationMetrics: {
      tableSizeAfterRestore: String(diff.after.bytes),
      numOfFilesAfterRestore: String(diff.after.files),
      numRemovedFiles: String(diff.leaving.files),
      numRestoredFiles: String(diff.returning.files),
      removedFilesSize: String(diff.leaving.bytes),
      restoredFilesSize: String(diff.returning.bytes),
    },
    reads: { kind: "whole-table" },
    dataChange: true,
    // Rows come back that were let in once: nobody has to look at them again.
    intent: "remove",
    adds,
    removes,
    ...(plan.changesMetadata ? { metadata: plan.metadata } : {}),
    ...(protocol === newest.state.protocol ? {} : { protocol }),
    ...(txns === undefined ? {} : { txns }),
    domainMetadata: plan.domainMetadata,
  };
}

type Restored = {
  readonly plan: RestorePlan;
  readonly changes: Changes;
  readonly draft: TransactionDraft;
  readonly committed: TableState;
  readonly signal: AbortSignal;
};

async function checkAfter(engine: Engine, restored: Restored): Promise<void> {
  const { plan, changes, committed, signal } = restored;
  const { uri } = engine.store;
  const keys = changes.adds.flatMap((file) => keysOfFile(file, uri));
  const missing = await missingFiles(engine, () => keys, { signal });
  if (missing.count === 0) return;
  const [before, target] = [plan.newest.state.version, plan.target.state.version];
  const lost =
    `${missing.count} of the files of version ${target} were deleted by a vacuum while ` +
    `${uri} was restored to it: ${someKeys(missing.named, missing.count)}`;
  const context = { table: uri, version: target, missing: missing.count };
  const failure = await putBack(engine, restored).catch(messageOf);
  if (typeof failure === "number") {
    throw new CdcDeltaError(
      "not-found",
      `${lost}. The restore (version ${committed.version}) was taken back by version ${failure}: ` +
        `the table is as it was in version ${before}. Restore another version than ${target}`,
      { context },
    );
  }
  throw new CdcDeltaError(
    "conflict",
    `${lost}. The restore, version ${committed.version}, refers to them and could not be taken back ` +
      `(${failure}). Stop the table's writers and run: cdcdelta restore ${uri} --version ${before}`,
    { context },
  );
}

/**
 * Takes a restore back without touching what others appended after it. Returns the version, or why
 * it cannot be done: somebody changed what the restore had changed.
 */
async function putBack(
  engine: Engine,
  { plan, changes, draft, committed, signal }: Restored,
): Promise<number | string> {
  const nowMs = engine.clock.nowMs();
  const before = plan.newest.state;
  const txns = (draft.txns ?? []).flatMap(({ appId }) => before.transactions.get(appId) ?? []);
  const removes = changes.adds.map((file) => removalOf(file, nowMs));
  const adds = await collect(plan.diff.leavingFiles());
  const outcome = await commit(engine, committed, {
    operation: "RESTORE",
    operationParameters: { version: before.version, timestamp: null },
    operationMetrics: {
      numRemovedFiles: String(changes.adds.length),
      numRestoredFiles: String(adds.length),
    },
    reads: { kind: "files", paths: new Set(changes.adds.map((file) => file.path)) },
    dataChange: true,
    intent: "remove",
    adds,
    removes,
    ...(plan.changesMetadata ? { metadata: before.metadata } : {}),
    txns,
    domainMetadata: (draft.domainMetadata ?? []).map(({ domain, configuration }) =>
      before.domainMetadata.get(domain) ?? { domain, configuration, removed: true }
    ),
  }, { signal });
  if (outcome.kind === "committed") return outcome.state.version;
  return `version ${outcome.winnerVersion} got in between: ${outcome.reason}`;
}
