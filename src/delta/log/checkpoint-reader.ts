import { CdcDeltaError } from "../../errors.ts";
import type { AddFile, RemoveFile } from "./actions.ts";
import type { Engine } from "../engine.ts";
import type { ReplayedState } from "./log-replay.ts";
import type { CheckpointFiles } from "./log-segment.ts";

/** Reads the non-file actions of a checkpoint. */
export function readCheckpointState(
  engine: Engine,
  checkpoint: CheckpointFiles,
  _options: { readonly signal: AbortSignal },
): Promise<ReplayedState> {
  throw new CdcDeltaError(
    "unsupported",
    `Cannot read checkpoint ${checkpoint.version} of ${engine.store.uri}`,
  );
}

/** Reads the file actions of a checkpoint. */
// deno-lint-ignore require-yield
export async function* readCheckpointFiles(
  engine: Engine,
  checkpoint: CheckpointFiles,
  _options: { readonly signal: AbortSignal },
): AsyncGenerator<{ readonly adds: readonly AddFile[]; readonly removes: readonly RemoveFile[] }> {
  await Promise.resolve();
  throw new CdcDeltaError(
    "unsupported",
    `Cannot read checkpoint ${checkpoint.version} of ${engine.store.uri}`,
  );
}
