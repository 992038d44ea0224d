import type { Engine } from "../../delta/engine.ts";
import type { TableVersion } from "../../delta/log/snapshot.ts";
import {
  bindSelection,
  type RowSelection,
  type SelectionCounts,
  selectRows,
} from "../../delta/operations/select-rows.ts";
import { counted } from "../output/counted.ts";
import type { CliWorld } from "../world.ts";
import type { InspectOptions } from "./inspect-options.ts";
import { writeRows } from "./rows-view.ts";
import { liveAdds } from "./table-facts.ts";

type SelectionFlags = Pick<InspectOptions, "columns" | "where" | "format">;

/** Prints rows of a version. Errors: as `bindSelection`, `selectRows` and `writeRows`. */
export async function writeSelectedRows(
  world: CliWorld,
  engine: Engine,
  version: TableVersion,
  options: SelectionFlags & { readonly rows: number },
  signal: AbortSignal,
): Promise<void> {
  const { state } = version;
  const selection = bindSelection(selectionOf(options), state.schema, engine.store.uri);
  const counts = newCounts();
  const files = liveAdds(version, signal);
  const batches = selectRows(engine, state, files, { selection, counts, signal });
  const { schema } = selection;
  const { rows: rowsMax, format } = options;
  await writeRows(world.stdout, { schema, batches }, { rowsMax, format });
  await tellCounts(world, options, counts);
}

/** The selection that flags ask for. Pure. */
export function selectionOf({ columns, where }: SelectionFlags): RowSelection {
  return { columns, where: where?.condition ?? null };
}

/** Counts of nothing yet. */
export function newCounts(): SelectionCounts {
  return { files: 0, filesRead: 0, rowGroups: 0, rowGroupsRead: 0 };
}

/** Says on standard error how much had to be read for a condition. */
export async function tellCounts(
  world: CliWorld,
  { where }: SelectionFlags,
  { files, filesRead, rowGroups, rowGroupsRead }: SelectionCounts,
): Promise<void> {
  if (where === null || world.stdout.closed.aborted) return;
  await world.stderr.write(
    `cdcdelta: read ${filesRead} of ${counted(files, "file")}, and ${rowGroupsRead} of ` +
      `${counted(rowGroups, "row group")} in them\n`,
  );
}
