import type { Engine } from "../../delta/engine.ts";
import { type ChangeFeed, openChangeFeed } from "../../delta/operations/change-feed.ts";
import { bindSelection } from "../../delta/operations/select-rows.ts";
import type { CliWorld } from "../world.ts";
import type { InspectOptions } from "./inspect-options.ts";
import type { WrittenRange } from "./inspect-types.ts";
import { writeRows } from "./rows-view.ts";
import { newCounts, selectionOf, tellCounts, untilEnd } from "./selected-rows.ts";

/** Prints what commits changed. Errors: as `openChangeFeed`, `bindSelection` and `writeRows`. */
export async function writeChanges(
  world: CliWorld,
  engine: Engine,
  options: Omit<InspectOptions, "changes"> & { readonly changes: WrittenRange },
  signal: AbortSignal,
): Promise<void> {
  const feed = await openChangeFeed(engine, options.changes, { signal });
  const selection = bindSelection(selectionOf(options), feed.schema, engine.store.uri);
  await tellOrigin(world, feed, options.changes);
  const counts = newCounts();
  const batches = untilEnd(feed.batches({ selection, counts, signal }), counts);
  const rowsMax = options.limit ?? Infinity;
  const rows = { schema: selection.schema, batches };
  await writeRows(world.stdout, rows, { rowsMax, format: options.format });
  await tellCounts(world, options, counts, rowsMax);
}

async function tellOrigin(
  world: CliWorld,
  { versions, recorded }: ChangeFeed,
  { text }: WrittenRange,
): Promise<void> {
  if (versions === null) {
    await world.stderr.write(`cdcdelta: no commit lies in ${text}\n`);
  } else if (recorded !== "always") {
    const where = recorded === "partly"
      ? "for a part of these versions the table recorded"
      : "the table records";
    const what = recorded === "partly" ? "their" : "its";
    await world.stderr.write(
      `cdcdelta: ${where} no change data feed (delta.enableChangeDataFeed); ${what} changes ` +
        "follow from the files that came and went: rows that a rewrite copied are shown as deleted " +
        "and inserted\n",
    );
  }
}
