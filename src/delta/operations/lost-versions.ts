import type { Engine } from "../engine.ts";
import type { Action, AddFile } from "../log/actions.ts";
import { monotonicTimestamps } from "../log/commit-timestamps.ts";
import { fileKey, objectKeyOf } from "../log/file-key.ts";
import type { LogListing } from "../log/log-segment.ts";
import type { InCommitTimestamps } from "../log/table-properties.ts";
import { keysOfFile } from "./file-objects.ts";
import { createKeyMarks } from "./key-marks.ts";
import type { KeySet } from "./key-set.ts";
import { openableRuns, versionSteps } from "./version-steps.ts";

/** Versions without a gap. */
export type LostRange = {
  readonly first: number;
  readonly last: number;
  /** The moments that lead to one of them: from the one, before the other; null: none does. */
  readonly fromMs: number | null;
  readonly beforeMs: number | null;
};

/** What can be read now and not once some objects are deleted, oldest first. */
export type LostVersions = {
  readonly versions: readonly LostRange[];
  /** Versions whose changes cannot be read any more, whether or not their rows can. */
  readonly changes: readonly LostRange[];
};

/** Objects by key. */
export type LostObjects = {
  readonly going: KeySet;
  /** Those that are there now; what is not makes a version unreadable already. */
  readonly there: KeySet;
};

type Options = {
  readonly listing: LogListing;
  /** Later versions are left out. */
  readonly newest: number;
  readonly inCommitTimestamps: InCommitTimestamps | null;
  /** Hears the actions of all commits in order, in parts. */
  readonly onCommit?: (version: number, actions: readonly Action[]) => void;
  readonly signal: AbortSignal;
};

/** A version, and its changes: not readable now; not readable afterwards. */
const version = { now: 1, later: 2 } as const;
const changes = { now: 4, later: 8 } as const;
const ofVersion = version.now | version.later;
const ofChanges = changes.now | changes.later;

/**
 * The versions that lose an object, exactly. Each commit is read once; besides 9 bytes a version only
 * those files are remembered that are live and lose an object. A version counts if the log can put it
 * together; its changes are what its commit's change files say, else what the files say that it added
 * and removed (`commitChanges`). Errors: as `versionSteps`.
 */
export async function lostVersions(
  engine: Engine,
  objects: LostObjects,
  options: Options,
): Promise<LostVersions> {
  const { listing, newest, inCommitTimestamps: own, onCommit, signal } = options;
  const { uri } = engine.store;
  const base = openableRuns(listing, newest)[0]?.first ?? newest + 1;
  const facts = new Uint8Array(newest + 1 - base);
  const times = new Float64Array(newest + 1 - base).fill(Number.NaN);
  const timed = listing.commits.filter((c) => c.version >= base && c.version <= newest);
  for (const found of monotonicTimestamps(timed)) times[found.version - base] = found.timestampMs;
  let live = liveFiles(objects, uri);
  let changed = changeFacts(objects, uri, -1);
  for await (const step of versionSteps(engine, listing, { newest, signal })) {
    const at = step.version - base;
    switch (step.kind) {
      case "begin":
        live = liveFiles(objects, uri);
        break;
      case "files":
        for (const add of step.adds) live.add(add, step.version);
        break;
      case "commit":
        onCommit?.(step.version, step.actions);
        if (!step.isOpenable) continue;
        if (changed.version !== step.version) changed = changeFacts(objects, uri, step.version);
        for (const action of step.actions) {
          if (action.kind === "add") live.add(action.add, step.version);
          if (action.kind === "remove") live.remove(action.remove, step.version);
          if (action.kind === "commitInfo" && own !== null) {
            const ownMs = action.commitInfo["inCommitTimestamp"];
            const counts = typeof ownMs === "number" && step.version >= own.enablementVersion;
            if (counts) times[at] = ownMs;
          }
          changed.note(action);
        }
        facts[at] = (facts[at]! & ofVersion) | changed.facts();
    }
    facts[at] = (facts[at]! & ofChanges) | live.facts();
  }
  return {
    versions: rangesOf(facts, version, { base, times }),
    changes: rangesOf(facts, changes, { base, times }),
  };
}

type LostFile = Pick<AddFile, "path" | "deletionVector">;

/** What is wrong with a version that needs these objects. */
function factsOf(keys: readonly string[], { going, there }: LostObjects): number {
  let facts = 0;
  for (const key of keys) {
    if (!there.has(key)) return ofVersion;
    if (going.has(key)) facts = version.later;
  }
  return facts;
}

/** Counts the live files that have lost an object already, or will. */
function liveFiles(objects: LostObjects, uri: string) {
  let [now, later] = [0, 0];
  /** One more than the version that added the file; 0: not live. */
  const added = createKeyMarks();
  const change = (file: LostFile, facts: number, mark: number): void => {
    const by = mark === 0 ? -1 : 1;
    added.set(fileKey(file, uri), mark);
    later += by;
    if ((facts & version.now) !== 0) now += by;
  };
  return {
    add(file: LostFile, number: number): void {
      const facts = factsOf(keysOfFile(file, uri), objects);
      if (facts === 0) return;
      if (added.get(fileKey(file, uri)) === 0) change(file, facts, number + 1);
      else added.set(fileKey(file, uri), number + 1);
    },
    /** Within one commit the order means nothing: what it adds stays. */
    remove(file: LostFile, number: number): void {
      const facts = factsOf(keysOfFile(file, uri), objects);
      if (facts === 0) return;
      const mark = added.get(fileKey(file, uri));
      if (mark !== 0 && mark !== number + 1) change(file, facts, 0);
    },
    facts: (): number => (now > 0 ? version.now : 0) | (later > 0 ? version.later : 0),
  };
}

/** What is wrong with a commit's changes. */
function changeFacts(objects: LostObjects, uri: string, number: number) {
  let isRecorded = false;
  let [recorded, derived] = [0, 0];
  return {
    version: number,
    note(action: Action): void {
      if (action.kind === "cdc") {
        const key = objectKeyOf(action.cdc.path, uri);
        isRecorded = true;
        if (key !== null) recorded |= factsOf([key], objects);
      }
      const file = action.kind === "add"
        ? action.add
        : action.kind === "remove"
        ? action.remove
        : null;
      if (file?.dataChange === true) derived |= factsOf(keysOfFile(file, uri), objects);
    },
    facts: (): number => (isRecorded ? recorded : derived) * (changes.now / version.now),
  };
}

/** The ranges that are readable now and not afterwards. */
function rangesOf(
  facts: Uint8Array,
  { now, later }: { readonly now: number; readonly later: number },
  { base, times }: { readonly base: number; readonly times: Float64Array },
): LostRange[] {
  const ranges: LostRange[] = [];
  for (let at = 0; at < facts.length; at++) {
    const first = at;
    while (((facts[at] ?? 0) & (now | later)) === later) at += 1;
    if (at === first) continue;
    // The commit of a version that has a checkpoint may be gone: then no time leads to the version.
    const fromMs = times.subarray(first, at).find((time) => !Number.isNaN(time)) ?? null;
    const beforeMs = fromMs === null
      ? null
      : times.subarray(at).find((t) => !Number.isNaN(t)) ?? null;
    ranges.push({ first: base + first, last: base + at - 1, fromMs, beforeMs });
  }
  return ranges;
}
