import { findTables } from "../../core/position/find-tables.ts";
import { CdcDeltaError } from "../../errors.ts";
import type { ResolvedSettings } from "../settings/resolve-settings.ts";
import { tableRoots } from "../table-roots.ts";
import type { WiredTables } from "../wire-tables.ts";

/** The locations of the tables that a command line means: those named, or all. */
export type TableChoice = { readonly words: readonly string[]; readonly all: boolean };

/**
 * The tables named, each once, or all Delta tables below the base path. Errors: `not-found` when
 * there is none, the store's.
 */
export async function chosenTables(
  { words, all }: TableChoice,
  { values, collections }: ResolvedSettings,
  tables: WiredTables,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const { basePath } = values;
  if (!all || basePath === null) return [...new Set(words)];
  const found = new Set<string>();
  for (const { uri, depth } of tableRoots({ settings: values, collections, basePath })) {
    const { store } = tables.engineAt(uri);
    for (const folder of await findTables({ store, depth }, { signal })) {
      found.add(folder === "" ? uri : `${uri.replace(/\/+$/, "")}/${folder}`);
    }
  }
  if (found.size > 0) return [...found].toSorted();
  throw new CdcDeltaError(
    "not-found",
    `There is no Delta table below ${basePath}. Check --base-path and --table-path, or name the ` +
      "tables",
    { context: { basePath } },
  );
}
