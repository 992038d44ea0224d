import type { Engine } from "../engine.ts";
import type { StoredFile } from "../storage/object-store.ts";
import { canonicalPath, objectKeyOf } from "./file-key.ts";

/**
 * Where a file of the log is: in the table's folder, or for an absolute path (shallow clones have
 * them) wherever the engine can reach it; null where it cannot.
 */
export function locateFile(engine: Engine, path: string): StoredFile | null {
  const { uri } = engine.store;
  const key = objectKeyOf(path, uri);
  if (key !== null) return { store: engine.store, key };
  return engine.openOutside?.(canonicalPath(path, uri)) ?? null;
}
