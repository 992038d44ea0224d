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
  const batches = untilEnd(
    selectRows(engine, state, files, { selection, counts, signal }),
    counts,
  );
  const { schema } = selection;
  const { rows: rowsMax, format } = options;
  await writeRows(world.stdout, { schema, batches }, { rowsMax, format });
  await tellCounts(world, options, counts, rowsMax);
}

/** The selection that flags ask for. Pure. */
export function selectionOf({ columns, where }: SelectionFlags): RowSelection {
  return { columns, where: where?.condition ?? null };
}

/** Counts, and whether they are of all that was asked for. */
export type TellableCounts = SelectionCounts & { isWhole: boolean };

/** Counts of nothing yet. */
export function newCounts(): TellableCounts {
  return { files: 0, filesRead: 0, rowGroups: 0, rowGroupsRead: 0, isWhole: false };
}

/** The batches; `counts` are whole once they have been gone through to the end. */
export async function* untilEnd<Batch>(
  batches: AsyncIterable<Batch>,
  counts: TellableCounts,
): AsyncGenerator<Batch> {
  yield* batches;
  counts.isWhole = true;
}

/**
 * Says on standard error how much had to be read for a condition: of all files, or of those that were
 * come to before there were `rowsMax` rows.
 */
export async function tellCounts(
  world: CliWorld,
  { where }: SelectionFlags,
  { files, filesRead, rowGroups, rowGroupsRead, isWhole }: TellableCounts,
  rowsMax: number,
): Promise<void> {
  if (where === null || world.stdout.closed.aborted) return;
  const stopped = isWhole ? "" : `stopped after ${counted(rowsMax, "row")}, having `;
  await world.stderr.write(
    `cdcdelta: ${stopped}read ${filesRead} of ${isWhole ? "" : "the first "}` +
      `${counted(files, "file")}, and ${rowGroupsRead} of ${counted(rowGroups, "row group")} ` +
      "in them\n",
  );
}
