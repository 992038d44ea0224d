import type { TableState } from "../../delta/log/table-state.ts";
import type { PartitionId } from "../encode/encode-job.ts";
import { partitionName, watermarksOf } from "../position/watermark.ts";
import type { OpenTable } from "./open-table.ts";
import type { Session } from "./session.ts";

/**
 * Makes a newer state the table's, and looks whether other writers moved positions of this pipeline
 * on the way there; `own` are those we moved ourselves.
 *
 * Rows held of such a partition were encoded without knowing that they are in the table already.
 * Returns why the session has to start over at its floor when some were taken over; what was not
 * taken over yet is encoded again, which `movedEpochs` sees to.
 */
export function adoptState(
  session: Session,
  table: OpenTable,
  state: TableState,
  own: readonly PartitionId[],
): string | null {
  const before = table.state === null
    ? []
    : watermarksOf(table.state.transactions, session.settings);
  const known = new Map(before.map((one) => [partitionName(one), one.offset]));
  const ours = new Set(own.map(partitionName));
  table.state = state;
  let stale: string | null = null;
  const moved = (one: PartitionId, to: string): void => {
    const name = partitionName(one);
    table.epoch += 1;
    table.movedEpochs.set(name, table.epoch);
    if (!session.readPartitions.has(name)) return;
    stale = `another writer moved "${one.topic}" partition ${one.partition} ${to} in version ` +
      `${state.version}`;
  };
  const found = new Set<string>();
  for (const watermark of watermarksOf(state.transactions, session.settings)) {
    const name = partitionName(watermark);
    found.add(name);
    if (ours.has(name) || known.get(name) === watermark.offset) continue;
    moved(watermark, `to offset ${watermark.offset}`);
  }
  // Taken back to nothing by a replay: what follows would be written as if the rest were there.
  for (const watermark of before) {
    if (!found.has(partitionName(watermark))) moved(watermark, "back to its beginning");
  }
  return stale;
}
