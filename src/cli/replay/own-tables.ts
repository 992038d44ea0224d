import { findTables } from "../../core/position/find-tables.ts";
import { watermarksOf } from "../../core/position/watermark.ts";
import type { ReplayTable } from "../../core/replay/load-replay.ts";
import type { Engine } from "../../delta/engine.ts";
import { loadTableState } from "../../delta/log/table-state.ts";
import type { ResolvedSettings } from "../settings/resolve-settings.ts";
import { tableRoots } from "../table-roots.ts";

export type OwnTablesQuestion = {
  readonly resolved: Pick<ResolvedSettings, "values" | "collections">;
  readonly basePath: string;
  readonly pipelineId: string;
  readonly engineAt: (uri: string) => Engine;
};

/**
 * All tables below the base path, and where else the settings put some, that hold positions of the
 * pipeline; each once, though folders may lie in each other. Errors: the store's, those of tables.
 */
export async function ownTables(
  { resolved, basePath, pipelineId, engineAt }: OwnTablesQuestion,
  signal: AbortSignal,
): Promise<ReplayTable[]> {
  const { values: settings, collections } = resolved;
  const found = new Map<string, ReplayTable>();
  for (const { uri, depth } of tableRoots({ settings, collections, basePath })) {
    const root = uri.replace(/\/+$/, "");
    const { store } = engineAt(uri);
    for (const folder of await findTables({ store, depth }, { signal })) {
      const at = folder === "" ? root : `${root}/${folder}`;
      if (found.has(at)) continue;
      const engine = engineAt(at);
      const state = await loadTableState(engine, { signal });
      const own = watermarksOf(state?.transactions ?? new Map(), { pipelineId, adopt: false });
      if (own.length > 0) found.set(at, { key: null, uri: at, engine });
    }
  }
  return [...found.values()];
}
