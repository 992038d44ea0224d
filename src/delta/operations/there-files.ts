import { forEachParallel } from "../../parallel.ts";
import type { Engine } from "../engine.ts";
import { objectKeyOf } from "../log/file-key.ts";
import type { LogListing } from "../log/log-segment.ts";
import { isBelow, keysOfFile } from "./file-objects.ts";
import { createKeySet, type KeySet } from "./key-set.ts";
import { versionSteps } from "./version-steps.ts";

/** What a listing of a table's folder showed. */
export type ListedFiles = {
  readonly keys: KeySet;
  /** Folders, as `a/b/`, that are symbolic links, which a listing does not enter. */
  readonly linked: Set<string>;
};

/** Nothing listed yet. */
export function nothingListed(): ListedFiles {
  return { keys: createKeySet(), linked: new Set() };
}

type Options = {
  readonly listing: LogListing;
  readonly newest: number;
  readonly signal: AbortSignal;
};

const headsMax = 1000;
const headsAtOnce = 16;

/**
 * Which of the objects that the log names are there; `listed` is what a listing showed, null without
 * one. Few are asked for one by one; for many the table is listed, a thousand objects a request. What
 * lies behind symbolic links is asked for. Errors: as `versionSteps`, the store's.
 */
export async function thereFiles(
  engine: Engine,
  listed: ListedFiles | null,
  options: Options,
): Promise<KeySet> {
  const { signal } = options;
  if (listed !== null) {
    if (listed.linked.size === 0) return listed.keys;
    await askFor(engine, listed.keys, linkedKeys(engine, listed, options), signal);
    return listed.keys;
  }
  const first = new Set<string>();
  for await (const key of namedKeys(engine, options)) {
    first.add(key);
    if (first.size > headsMax) {
      return await thereFiles(engine, await listTable(engine, signal), options);
    }
  }
  const there = createKeySet();
  await askFor(engine, there, first, signal);
  return there;
}

async function listTable(engine: Engine, signal: AbortSignal): Promise<ListedFiles> {
  const { keys, linked } = nothingListed();
  const onLinkedFolder = (folder: string): void => void linked.add(folder);
  for await (const { key } of engine.store.list("", { signal, onLinkedFolder })) keys.add(key);
  return { keys, linked };
}

async function askFor(
  engine: Engine,
  there: KeySet,
  keys: Iterable<string> | AsyncIterable<string>,
  signal: AbortSignal,
): Promise<void> {
  const asked = createKeySet();
  let wave: string[] = [];
  const ask = async (): Promise<void> => {
    await forEachParallel(wave, headsAtOnce, async (key) => {
      if (await engine.store.head(key, { signal }) !== null) there.add(key);
    });
    wave = [];
  };
  for await (const key of keys) {
    if (asked.has(key)) continue;
    asked.add(key);
    wave.push(key);
    if (wave.length === headsMax) await ask();
  }
  await ask();
}

async function* linkedKeys(
  engine: Engine,
  { linked }: ListedFiles,
  options: Options,
): AsyncGenerator<string> {
  for await (const key of namedKeys(engine, options)) if (isBelow(key, linked)) yield key;
}

/** The objects that versions and changes need, each as often as it is named. */
async function* namedKeys(
  engine: Engine,
  { listing, ...options }: Options,
): AsyncGenerator<string> {
  const { uri } = engine.store;
  for await (const step of versionSteps(engine, listing, options)) {
    if (step.kind === "files") {
      for (const add of step.adds) yield* keysOfFile(add, uri);
    }
    if (step.kind !== "commit") continue;
    for (const action of step.actions) {
      if (action.kind === "add") yield* keysOfFile(action.add, uri);
      if (action.kind === "remove") yield* keysOfFile(action.remove, uri);
      if (action.kind !== "cdc") continue;
      const key = objectKeyOf(action.cdc.path, uri);
      if (key !== null) yield key;
    }
  }
}
