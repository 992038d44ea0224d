import type { Engine } from "../engine.ts";
import { parseLossless } from "../schema/lossless-json.ts";
import type { ObjectMeta } from "../storage/object-store.ts";
import { type ActionObject, asActionObject, badAction } from "./action-fields.ts";
import { parseCommit } from "./action-json.ts";
import type { Action } from "./actions.ts";
import { objectKeyOf } from "./file-key.ts";
import { logFolder } from "./log-path.ts";
import { getIfThere, logFileGone } from "./log-reader.ts";

/** The top file of a V2 checkpoint in JSON form (PROTOCOL.md, "V2 Spec"). */
export type JsonCheckpoint = {
  readonly actions: readonly Action[];
  /** The Parquet files that hold all file actions; empty: they are among `actions`. */
  readonly sidecars: readonly ObjectMeta[];
};

const sidecarStart = /^\s*\{\s*"sidecar"\s*:/;

/** Reads a V2 checkpoint's JSON file. Errors: `log-corrupt`, the store's. */
export async function readJsonCheckpoint(
  engine: Engine,
  meta: ObjectMeta,
  { signal }: { readonly signal: AbortSignal },
): Promise<JsonCheckpoint> {
  const bytes = await getIfThere(engine, meta.key, { signal });
  if (bytes === null) throw logFileGone(engine.store.uri, meta.key);
  // Damaged lines are told here.
  const actions = parseCommit(bytes, { source: `${engine.store.uri}/${meta.key}` });
  const sidecars = new TextDecoder().decode(bytes).split("\n")
    .filter((line) => sidecarStart.test(line))
    .map((line) => asActionObject(parseLossless(line), "a line"))
    .map((line) => sidecarFile(asActionObject(line["sidecar"], "sidecar"), engine.store.uri));
  return { actions, sidecars };
}

/** A `sidecar` action as the file it names. Errors: `log-corrupt`. */
export function sidecarFile(sidecar: ActionObject, tableUri: string): ObjectMeta {
  const { path, sizeInBytes } = sidecar;
  const size = Number(sizeInBytes);
  if (typeof path !== "string" || !Number.isSafeInteger(size)) {
    throw badAction("a sidecar has no path or no size");
  }
  const key = objectKeyOf(path, tableUri);
  if (key === null) throw badAction(`the sidecar ${path} lies outside of the table's folder`);
  const inFolder = key.includes("/") ? key : `${logFolder}_sidecars/${key}`;
  return { key: inFolder, size, modifiedMs: 0 };
}
