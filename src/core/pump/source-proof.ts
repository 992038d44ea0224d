import { CdcDeltaError } from "../../errors.ts";
import type { EncodedTable, PartitionId, TableWatermark } from "../encode/encode-job.ts";
import { watermarkOf } from "../position/watermark.ts";
import type { OpenTable } from "./open-table.ts";
import type { Session } from "./session.ts";

/**
 * Proof that a file is the one whose positions the tables hold. Each watermark of a file comes with
 * the hash of its record; rows that lie behind a watermark are taken only after its record was met
 * again, unchanged. (A run that starts behind the watermark, at a floor, has had its proof there.)
 */

/** Holds what a job says of its tables' positions against what is known; called in order. */
export function proveRows(session: Session, table: OpenTable, encoded: EncodedTable): void {
  for (const id of encoded.confirmedWatermarks) table.proven.add(id.identity);
  if (encoded.rows === 0) return;
  for (const range of encoded.positions) {
    const unproven = unprovenWatermark(session, table, range);
    if (unproven !== null) throw changedError(table, unproven);
  }
}

/** At the end of a file: a watermark that was not met again lies behind the end. */
export function proveLaneEnd(session: Session, identity: string): void {
  for (const table of session.tables.values()) {
    const unproven = unprovenWatermark(session, table, { topic: "", partition: 0, identity });
    if (unproven !== null) throw changedError(table, unproven);
  }
}

function unprovenWatermark(
  session: Session,
  table: OpenTable,
  id: PartitionId,
): TableWatermark | null {
  const start = session.laneStarts.get(id.identity);
  if (id.identity === "" || start === undefined || table.proven.has(id.identity)) return null;
  if (table.stateAtOpen === null) return null;
  const watermark = watermarkOf(table.stateAtOpen.transactions, session.settings, id);
  if (watermark === null || watermark.recordHash === null) return null;
  return watermark.offset >= start ? watermark : null;
}

function changedError(table: OpenTable, watermark: TableWatermark): CdcDeltaError {
  return new CdcDeltaError(
    "source-replaced",
    `Cannot continue "${watermark.topic}" into ${table.home.uri}: the table holds records of it up ` +
      `to offset ${watermark.offset}, but there is no such record any more, so the input was ` +
      `truncated or changed. Restore the original, or feed the new one under another name ` +
      `(--source-id)`,
    { context: { table: table.home.uri, offset: String(watermark.offset) } },
  );
}
