import { forEachParallel } from "../../parallel.ts";
import type { Engine } from "../engine.ts";
import { createExactKeySet } from "../log/exact-key-set.ts";
import { isBelow } from "./file-objects.ts";

/** Files that should be there and are not. */
export type MissingFiles = {
  readonly count: number;
  /** Some of them. */
  readonly named: readonly string[];
};

const headsMax = 1000;
const headsAtOnce = 16;
const namedMax = 20;

/**
 * Which of these objects are gone. Few are asked for one by one; for many the table is listed, a
 * thousand objects a request. `keys` may name an object several times, and is gone through again when
 * some are missing. Errors: the store's.
 */
export async function missingFiles(
  engine: Engine,
  keys: () => AsyncIterable<string> | Iterable<string>,
  { signal }: { readonly signal: AbortSignal },
): Promise<MissingFiles> {
  const wanted = createExactKeySet();
  const first: string[] = [];
  for await (const key of keys()) {
    if (wanted.add(key) && first.length < headsMax) first.push(key);
  }
  if (wanted.size > headsMax) return await missingFromListing(engine, keys, wanted, signal);
  const missing: string[] = [];
  await forEachParallel(first, headsAtOnce, async (key) => {
    if (await engine.store.head(key, { signal }) === null) missing.push(key);
  });
  return { count: missing.length, named: missing.sort().slice(0, namedMax) };
}

async function missingFromListing(
  engine: Engine,
  keys: () => AsyncIterable<string> | Iterable<string>,
  wanted: { has(key: string): boolean; readonly size: number },
  signal: AbortSignal,
): Promise<MissingFiles> {
  const found = createExactKeySet();
  const linked = new Set<string>();
  const onLinkedFolder = (folder: string): void => void linked.add(folder);
  for await (const { key } of engine.store.list("", { signal, onLinkedFolder })) {
    if (wanted.has(key)) found.add(key);
  }
  if (linked.size > 0) await askBehindLinks(engine, keys, { found, linked, signal });
  const count = wanted.size - found.size;
  const named = new Set<string>();
  if (count > 0) {
    for await (const key of keys()) {
      if (!found.has(key)) named.add(key);
      if (named.size === Math.min(count, namedMax)) break;
    }
  }
  return { count, named: [...named].sort() };
}

/** A listing does not enter folders that are symbolic links; what is in them is asked for. */
async function askBehindLinks(
  engine: Engine,
  keys: () => AsyncIterable<string> | Iterable<string>,
  { found, linked, signal }: {
    readonly found: { add(key: string): boolean };
    readonly linked: ReadonlySet<string>;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  let wave: string[] = [];
  const ask = async (): Promise<void> => {
    await forEachParallel(wave, headsAtOnce, async (key) => {
      if (await engine.store.head(key, { signal }) !== null) found.add(key);
    });
    wave = [];
  };
  for await (const key of keys()) {
    if (!isBelow(key, linked)) continue;
    wave.push(key);
    if (wave.length === headsMax) await ask();
  }
  await ask();
}
