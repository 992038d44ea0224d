import { CdcDeltaError } from "../../errors.ts";
import type { Engine } from "../engine.ts";
import { readCommitsAfter } from "../log/log-reader.ts";
import { assertVacuumable } from "../log/table-features.ts";
import { advanceState, type TableState, whereIsState } from "../log/table-state.ts";
import { keysOfFile, someKeys } from "./file-objects.ts";
import { createKeySet } from "./key-set.ts";

/** What others committed since a vacuum was planned. */
export type VacuumWatch = {
  /**
   * Reads the commits since the last look. `deleted` are the keys that went since then.
   *
   * Errors: `unsupported` when the table got a feature that we may not vacuum, `usage` when its
   * retention became longer than the one that was planned with, `conflict` when the log was cleaned
   * up past what we know, or when one of `deleted` was brought back while it was being deleted;
   * `not-found` and `log-corrupt` when the log is gone or another one; the store's.
   */
  readonly look: (deleted: readonly string[]) => Promise<void>;
  /** Whether a commit since the plan added the file, or a file with this deletion vector. */
  readonly isBack: (key: string) => boolean;
};

export type WatchedPlan = {
  readonly state: TableState;
  readonly retentionMs: number;
  readonly force: boolean;
};

/**
 * Watches the log while a vacuum deletes: a `restore` may bring a file back at any time. A look
 * before each request keeps what came back before it; a commit that lands while the request is under
 * way cannot be seen in time, as no store deletes on a condition of another object. The look after
 * the request finds it and names the files and the way back; `restore` looks after its files too.
 */
export function watchForVacuum(
  engine: Engine,
  { state: planned, retentionMs, force }: WatchedPlan,
  { signal }: { readonly signal: AbortSignal },
): VacuumWatch {
  const { uri } = engine.store;
  const back = createKeySet();
  let state = planned;
  const follow = (next: TableState): void => {
    const changed = next.protocol !== state.protocol || next.metadata !== state.metadata;
    state = next;
    if (!changed) return;
    assertVacuumable(next, uri);
    if (!force && next.properties.deletedFileRetentionMs > retentionMs) throw retentionGrew(uri);
  };
  return {
    isBack: (key) => back.has(key),
    async look(deleted) {
      const where = await whereIsState(engine, state, { signal });
      const commits = await readCommitsAfter(engine, state.version, { signal, files: true });
      if (where === "passed" && commits.length === 0) throw logPassed(uri, state.version);
      const gone = new Set(deleted);
      for (const commit of commits) {
        const lost = new Set<string>();
        for (const action of commit.actions) {
          if (action.kind !== "add") continue;
          for (const key of keysOfFile(action.add, uri)) {
            back.add(key);
            if (gone.has(key)) lost.add(key);
          }
        }
        if (lost.size > 0) throw broughtBack(uri, commit.version, [...lost]);
        follow(advanceState(engine, state, commit));
      }
    },
  };
}

function broughtBack(uri: string, version: number, keys: readonly string[]): CdcDeltaError {
  const before = version - 1;
  return new CdcDeltaError(
    "conflict",
    `Version ${version} of ${uri} brought back files while this vacuum was deleting them; it refers ` +
      `to ${keys.length} that are gone: ${
        someKeys(keys)
      }. Unless its writer put that right, go back ` +
      `to version ${before}: cdcdelta restore ${uri} --version ${before}. The vacuum was ended`,
    { context: { table: uri, version, missing: keys.length } },
  );
}

function logPassed(uri: string, version: number): CdcDeltaError {
  return new CdcDeltaError(
    "conflict",
    `Cannot go on with the vacuum of ${uri}: its log was cleaned up past version ${version}, so that ` +
      "nobody can tell what was committed since. Run it again",
    { context: { table: uri, version }, retryable: true },
  );
}

function retentionGrew(uri: string): CdcDeltaError {
  return new CdcDeltaError(
    "usage",
    `Cannot go on with the vacuum of ${uri}: its delta.deletedFileRetentionDuration was made longer ` +
      "meanwhile than the retention of this vacuum. Run it again",
    { context: { table: uri } },
  );
}
