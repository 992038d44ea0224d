import { messageOf } from "../../errors.ts";
import type { Engine } from "../engine.ts";
import { writeCheckpoint } from "./checkpoint-writer.ts";
import type { LastCheckpoint } from "./last-checkpoint.ts";
import { cleanUpLog } from "./log-cleanup.ts";
import { assertCheckpointable } from "./table-features.ts";
import { requireTableState, type TableState } from "./table-state.ts";

/** What became of the work that follows a commit. A failure is a value: the commit stands. */
export type MaintenanceOutcome =
  | { readonly kind: "not-due" }
  | { readonly kind: "checkpointed"; readonly version: number; readonly deletedLogFiles: number }
  | { readonly kind: "failed"; readonly why: string };

const hourMs = 3_600_000;

/** When the log of a table was last cleaned up; forgotten with the engine it belongs to. */
const cleanedUpMs = new WeakMap<Engine, number>();

/**
 * Writes a checkpoint at every `delta.checkpointInterval`th version, and cleans up the log at most
 * hourly. One that fails is made up for at the next interval. Rejects only when `signal` is
 * aborted.
 */
export async function maintainTable(
  engine: Engine,
  state: TableState,
  { signal }: { readonly signal: AbortSignal },
): Promise<MaintenanceOutcome> {
  const { version, properties } = state;
  if (version === 0 || version % properties.checkpointInterval !== 0) return { kind: "not-due" };
  try {
    await writeCheckpoint(engine, version, { signal });
    return { kind: "checkpointed", version, deletedLogFiles: await cleanUp(engine, state, signal) };
  } catch (error) {
    signal.throwIfAborted();
    return { kind: "failed", why: messageOf(error) };
  }
}

/** A checkpoint that was asked for. */
export type WrittenCheckpoint = LastCheckpoint & { readonly deletedLogFiles: number };

/**
 * Writes a checkpoint of the newest version, due or not, and cleans up the log. Errors: `not-found`
 * without a table, `unsupported` for features that cdcdelta does not know, the store's.
 */
export async function checkpointTable(
  engine: Engine,
  { signal }: { readonly signal: AbortSignal },
): Promise<WrittenCheckpoint> {
  const state = await requireTableState(engine, { signal });
  assertCheckpointable(state, engine.store.uri);
  const written = await writeCheckpoint(engine, state.version, { signal });
  return { ...written, deletedLogFiles: await cleanUpLog(engine, state, { signal }) };
}

async function cleanUp(engine: Engine, state: TableState, signal: AbortSignal): Promise<number> {
  const nowMs = engine.clock.nowMs();
  const last = cleanedUpMs.get(engine);
  if (last !== undefined && nowMs - last < hourMs) return 0;
  cleanedUpMs.set(engine, nowMs);
  return await cleanUpLog(engine, state, { signal });
}
