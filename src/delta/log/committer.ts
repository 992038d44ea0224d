import { CdcDeltaError, messageOf } from "../../errors.ts";
import type { Engine } from "../engine.ts";
import type { Action } from "./actions.ts";
import { type ConflictReason, findConflict } from "./conflict-checker.ts";
import { inCommitTimestampMs } from "./commit-timestamps.ts";
import { commitKey } from "./log-path.ts";
import { listLog, readCommit, readCommitsAfter } from "./log-reader.ts";
import { repairAdvice } from "./repair-advice.ts";
import { emptyState, replayState } from "./log-replay.ts";
import { newestVersion } from "./log-segment.ts";
import {
  advanceState,
  loadTableState,
  tableGone,
  type TableState,
  toTableState,
  whereIsState,
} from "./table-state.ts";
import { needsPreviousTimestamp, prepareCommit, type PreparedCommit } from "./prepare-commit.ts";
import type { TransactionDraft } from "./transaction.ts";

/** A base older than this is refreshed before the first attempt. */
export const baseAgeMaxMs = 600_000;

/**
 * How a commit ended. All but `committed` leave the table as it was.
 *
 * - `conflicted`: a winner (at `winnerVersion`) forbids it. Besides the conflict checker's reasons:
 *   `created` (somebody else created the table first) and `log-truncated` (the log was cleaned up
 *   past our base, so what the winners did can no longer be told: the draft may even have landed)
 */
export type CommitOutcome =
  | { readonly kind: "committed"; readonly state: TableState; readonly attempts: number }
  | {
    readonly kind: "conflicted";
    readonly reason: ConflictReason | "created" | "log-truncated";
    readonly winnerVersion: number;
    /** The newest state there is. */
    readonly state: TableState;
  };

export type CommitEvent =
  /** Somebody else has the version; the draft follows them in the next attempt. */
  | { readonly kind: "lost-race"; readonly version: number; readonly winners: number }
  /** The store failed: the commit may or may not have landed; it is read back. */
  | { readonly kind: "in-doubt"; readonly version: number; readonly error: string }
  | { readonly kind: "retry"; readonly version: number; readonly delayMs: number };

export type CommitOptions = {
  readonly signal: AbortSignal;
  /** PUTs at most; default 20. */
  readonly attemptsMax?: number;
  readonly onEvent?: (event: CommitEvent) => void;
};

type Attempt = {
  readonly engine: Engine;
  readonly draft: TransactionDraft;
  readonly txnId: string;
  readonly options: CommitOptions;
};

type Conflicted = Extract<CommitOutcome, { kind: "conflicted" }>;

/**
 * Commits a draft on top of `base` (null: creates the table at version 0). The version is written
 * with a conditional PUT; after any doubt it is read back and recognised by our own id, so that no
 * draft lands twice. A lost race that is no conflict is rebased: only the JSON is made anew.
 *
 * Throws `store` when attempts run out (the draft may have landed: reload before doing it again) or
 * when none can help, `not-found` when the table was deleted, and as `prepareCommit`.
 */
export async function commit(
  engine: Engine,
  base: TableState | null,
  draft: TransactionDraft,
  options: CommitOptions,
): Promise<CommitOutcome> {
  const attempt: Attempt = { engine, draft, txnId: engine.random.uuid(), options };
  if (base === null) return await commitLoop(attempt, null);
  if (engine.clock.nowMs() - base.loadedMs <= baseAgeMaxMs) return await commitLoop(attempt, base);
  const caughtUp = await catchUp(attempt, base);
  return caughtUp.kind === "caught-up" ? await commitLoop(attempt, caughtUp.state) : caughtUp;
}

async function commitLoop(attempt: Attempt, base: TableState | null): Promise<CommitOutcome> {
  const { engine, options } = attempt;
  const attemptsMax = options.attemptsMax ?? 20;
  let state = base;
  let doubt: unknown = null;
  for (let attempts = 1; attempts <= attemptsMax; attempts++) {
    options.signal.throwIfAborted();
    const tried = await tryCommit(attempt, state);
    switch (tried.kind) {
      case "ours":
        return committed(attempt, state, tried.prepared, attempts);
      case "passed":
        return state === null ? await createdByOther(attempt) : await logTruncated(attempt, state);
      case "rival": {
        doubt = null;
        if (state === null) return await createdByOther(attempt);
        const caughtUp = await catchUp(attempt, state);
        if (caughtUp.kind !== "caught-up") return caughtUp;
        state = caughtUp.state;
        break;
      }
      case "unknown":
        // A full disk, say: read back, the version is not there, and asking again changes nothing.
        if (isFinal(tried.error)) throw tried.error;
        doubt = tried.error;
        if (attempts < attemptsMax) await backOff(attempt, versionAfter(state), attempts);
        break;
    }
  }
  throw attemptsExhausted(engine.store.uri, attemptsMax, doubt);
}

type Tried =
  | { readonly kind: "rival" | "passed" }
  | { readonly kind: "ours"; readonly prepared: PreparedCommit }
  /** Nothing can be told; a conditional PUT of the same version is safe to repeat. */
  | { readonly kind: "unknown"; readonly error: unknown };

function versionAfter(base: TableState | null): number {
  return base === null ? 0 : base.version + 1;
}

/** One attempt, prepared for the version that follows `base`; a store that fails is a value. */
async function tryCommit(attempt: Attempt, base: TableState | null): Promise<Tried> {
  const { engine, draft, txnId, options } = attempt;
  try {
    const previousTimestampMs = await previousTimestamp(attempt, base);
    const nowMs = engine.clock.nowMs();
    const { uri } = engine.store;
    const prepared = prepareCommit(base, draft, { uri, nowMs, txnId, previousTimestampMs });
    return await tryPut(attempt, base, prepared);
  } catch (error) {
    if (!isStoreFailure(error)) throw error;
    const version = versionAfter(base);
    options.onEvent?.({ kind: "in-doubt", version, error: messageOf(error) });
    return { kind: "unknown", error };
  }
}

/**
 * When the version before ours was committed, where the log has to tell (PROTOCOL.md, "In-Commit
 * Timestamps"); before they were switched on that is the time of its file. Null: nobody asks, or the
 * log has gone on without the version, which the attempt finds out. Errors: `log-corrupt`.
 */
async function previousTimestamp(
  attempt: Attempt,
  base: TableState | null,
): Promise<number | null> {
  const { engine, draft, options: { signal } } = attempt;
  if (base === null || !needsPreviousTimestamp(base, draft)) return null;
  const own = await inCommitTimestampMs(engine, base.version, signal);
  if (own !== null) return own;
  const commitFile = await engine.store.head(commitKey(base.version), { signal });
  if (commitFile !== null) return Math.floor(commitFile.modifiedMs);
  if (await isPassed(attempt, base)) return null;
  const { uri } = engine.store;
  throw new CdcDeltaError(
    "log-corrupt",
    `Cannot commit to the Delta table at ${uri}: its commits carry timestamps, and the file of ` +
      `version ${base.version}, which the next one has to follow, is gone. ${repairAdvice}`,
    { context: { table: uri, version: base.version } },
  );
}

/** Is the version still to be had, PUT it, and on any doubt read it back. */
async function tryPut(
  attempt: Attempt,
  base: TableState | null,
  prepared: PreparedCommit,
): Promise<Tried> {
  if (base === null) {
    if (await hasLog(attempt)) {
      const found = await readBack(attempt, 0);
      return found === "ours" ? { kind: "ours", prepared } : { kind: "passed" };
    }
  } else if (await isPassed(attempt, base)) return { kind: "passed" };
  const askedMs = attempt.engine.clock.nowMs();
  const put = await putCommit(attempt, prepared);
  if (put.kind === "created") {
    // A process that slept in between may have put its commit behind the log's back.
    const slept = attempt.engine.clock.nowMs() - askedMs > baseAgeMaxMs;
    const isStray = slept && base !== null && await isPassed(attempt, base);
    return isStray ? { kind: "passed" } : { kind: "ours", prepared };
  }
  const found = await readBack(attempt, prepared.version);
  switch (found) {
    case "ours":
      return { kind: "ours", prepared };
    case "rival":
      return { kind: "rival" };
    case "nothing":
      return { kind: "unknown", error: put.kind === "in-doubt" ? put.error : null };
  }
}

function isStoreFailure(error: unknown): boolean {
  return error instanceof CdcDeltaError && error.code === "store";
}

function isFinal(error: unknown): boolean {
  return isStoreFailure(error) && error instanceof CdcDeltaError && !error.retryable;
}

type PutResult = { readonly kind: "created" | "exists" } | {
  readonly kind: "in-doubt";
  readonly error: unknown;
};

async function putCommit(attempt: Attempt, prepared: PreparedCommit): Promise<PutResult> {
  const { engine, options } = attempt;
  const key = commitKey(prepared.version);
  try {
    return { kind: await engine.store.putIfAbsent(key, prepared.bytes, options) };
  } catch (error) {
    if (!isStoreFailure(error)) throw error;
    options.onEvent?.({ kind: "in-doubt", version: prepared.version, error: messageOf(error) });
    return { kind: "in-doubt", error };
  }
}

/** Whose commit a version is. */
async function readBack(attempt: Attempt, version: number): Promise<"ours" | "rival" | "nothing"> {
  const { engine, txnId, options } = attempt;
  const actions = await readCommit(engine, version, { signal: options.signal, files: false });
  if (actions === null) return "nothing";
  return isOurs(actions, txnId) ? "ours" : "rival";
}

function isOurs(actions: readonly Action[], txnId: string): boolean {
  return actions.some((action) =>
    action.kind === "commitInfo" && action.commitInfo["txnId"] === txnId
  );
}

function committed(
  { engine }: Attempt,
  base: TableState | null,
  prepared: PreparedCommit,
  attempts: number,
): CommitOutcome {
  const state = base === null
    ? toTableState(engine, prepared.version, replayState(emptyState, [prepared.actions]))
    : advanceState(engine, base, prepared);
  return { kind: "committed", state, attempts };
}

type CaughtUp = { readonly kind: "caught-up"; readonly state: TableState };

/** Reads the winners after `base` and holds each against the draft. */
async function catchUp(attempt: Attempt, base: TableState): Promise<CaughtUp | Conflicted> {
  const { engine, draft, options } = attempt;
  const { signal } = options;
  const passed = await isPassed(attempt, base);
  const winners = await readCommitsAfter(engine, base.version, { signal, files: true });
  if (winners.length === 0 && passed) return await logTruncated(attempt, base);
  let state: TableState = { ...base, loadedMs: engine.clock.nowMs() };
  let conflict: { reason: ConflictReason; winnerVersion: number } | null = null;
  for (const winner of winners) {
    const reason: ConflictReason | null = conflict === null
      ? findConflict(draft, winner.actions, engine.store.uri)
      : null;
    if (reason !== null) conflict = { reason, winnerVersion: winner.version };
    state = advanceState(engine, state, winner);
  }
  if (conflict !== null) return { kind: "conflicted", ...conflict, state };
  if (winners.length > 0) {
    options.onEvent?.({ kind: "lost-race", version: base.version + 1, winners: winners.length });
  }
  return { kind: "caught-up", state };
}

/** True when the log went on and cleaned up past `state`: its next version must never be PUT. */
async function isPassed({ engine, options }: Attempt, state: TableState): Promise<boolean> {
  const where = await whereIsState(engine, state, { signal: options.signal });
  return where === "passed";
}

async function logTruncated(attempt: Attempt, base: TableState): Promise<Conflicted> {
  const state = await loadTableState(attempt.engine, { signal: attempt.options.signal });
  if (state === null) throw tableGone(attempt.engine.store.uri);
  return { kind: "conflicted", reason: "log-truncated", winnerVersion: base.version + 1, state };
}

async function hasLog({ engine, options }: Attempt): Promise<boolean> {
  const listing = await listLog(engine, { from: 0, signal: options.signal });
  return newestVersion(listing) !== null;
}

async function createdByOther({ engine, options }: Attempt): Promise<Conflicted> {
  const state = await loadTableState(engine, { signal: options.signal });
  if (state === null) throw tableGone(engine.store.uri);
  return { kind: "conflicted", reason: "created", winnerVersion: 0, state };
}

const delayFirstMs = 100;
const delayMaxMs = 10_000;

async function backOff(attempt: Attempt, version: number, attempts: number): Promise<void> {
  const { engine, options } = attempt;
  const ceiling = Math.min(delayMaxMs, delayFirstMs * 2 ** Math.min(attempts - 1, 20));
  // Between half and all of it, so that writers that failed together do not come back together.
  const delayMs = Math.round(ceiling * (0.5 + engine.random.next() / 2));
  options.onEvent?.({ kind: "retry", version, delayMs });
  await engine.clock.sleep(delayMs, options.signal);
}

function attemptsExhausted(uri: string, attempts: number, doubt: unknown): CdcDeltaError {
  const why = doubt === null
    ? "other writers were always faster"
    : `the store keeps failing: ${messageOf(doubt)}. The last attempt may have landed: load the ` +
      "table again before repeating it";
  return new CdcDeltaError(
    doubt === null ? "conflict" : "store",
    `Cannot commit to the Delta table at ${uri} in ${attempts} attempts: ${why}`,
    { retryable: true, context: { table: uri, attempts }, cause: doubt ?? undefined },
  );
}
