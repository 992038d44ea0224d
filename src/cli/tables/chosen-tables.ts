import { findTables } from "../../core/position/find-tables.ts";
import { formatTableUri, parseTableUri } from "../../delta/storage/table-uri.ts";
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
  if (!all || basePath === null) return eachOnce(words);
  const found: string[] = [];
  for (const { uri, depth } of tableRoots({ settings: values, collections, basePath })) {
    const { store } = tables.engineAt(uri);
    for (const folder of await findTables({ store, depth }, { signal })) {
      found.push(folder === "" ? uri : `${uri.replace(/\/+$/, "")}/${folder}`);
    }
  }
  if (found.length > 0) return eachOnce(found.toSorted());
  throw new CdcDeltaError(
    "not-found",
    `There is no Delta table below ${basePath}. Check --base-path and --table-path, or name the ` +
      "tables",
    { context: { basePath } },
  );
}

/** `t`, `t/` and `./t` are one table; it keeps the name that comes first. */
function eachOnce(uris: readonly string[]): string[] {
  const named = new Map<string, string>();
  for (const uri of uris) {
    const location = locationOf(uri);
    if (!named.has(location)) named.set(location, uri);
  }
  return [...named.values()];
}

/** One that is no location is told when it is worked on, as others that fail. */
function locationOf(uri: string): string {
  try {
    return formatTableUri(parseTableUri(uri));
  } catch (error) {
    if (error instanceof CdcDeltaError) return uri;
    throw error;
  }
}
