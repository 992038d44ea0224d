import { ourColumns } from "../../core/decode/our-columns.ts";
import { CdcDeltaError } from "../../errors.ts";
import type { Value } from "../../delta/columns/column-builder.ts";
import { rowsOfBatch } from "../../delta/columns/column-value.ts";
import { gatherRows } from "../../delta/columns/gather.ts";
import { timestampText } from "../../delta/columns/value-text.ts";
import type { Engine } from "../../delta/engine.ts";
import type { AddFile } from "../../delta/log/actions.ts";
import { readDeletionVector } from "../../delta/log/deletion-vector.ts";
import { canonicalPath } from "../../delta/log/file-key.ts";
import { readCommit } from "../../delta/log/log-reader.ts";
import { rowsOutside } from "../../delta/log/roaring-bitmap.ts";
import { openVersion } from "../../delta/log/snapshot.ts";
import type { TableState } from "../../delta/log/table-state.ts";
import { mayMeet } from "../../delta/operations/file-skipping.ts";
import type { RowCondition } from "../../delta/operations/row-condition.ts";
import { rowsMeeting } from "../../delta/operations/row-filter.ts";
import { scanFile } from "../../delta/operations/scan.ts";
import { bindSelection, rowGroupChoice } from "../../delta/operations/select-rows.ts";
import { fileBounds } from "../../delta/operations/value-bounds.ts";
import type { StructType } from "../../delta/schema/data-type.ts";
import type { KafkaPosition } from "./inspect-types.ts";
import { newCounts } from "./selected-rows.ts";
import { liveAdds, storedPositions } from "./table-facts.ts";
import { type OffsetCommit, offsetCommit } from "./offset-commit.ts";

/** What became of a record in one table. */
export type OffsetOutcome =
  /** It is a row of the table. */
  | "row"
  /** It is a row of the dead-letter table. */
  | "dead-letter"
  /** It was a row, which was deleted since. */
  | "deleted"
  /** The table's position is past it, and it is no row here. */
  | "no-row"
  /** The position has not reached it, or is that of dead letters. */
  | "not-yet"
  /** The table knows nothing of its topic and partition. */
  | "unknown";

/** Where a record is in one table, in the names that scripts rely on. */
export type OffsetPlace = {
  readonly table: string;
  readonly outcome: OffsetOutcome;
  /** The stored position of the record's partition; null: there is none. */
  readonly position: bigint | null;
  /** The commit that took the position to the record or past it; null: the log no longer tells. */
  readonly commit: OffsetCommit | null;
  /** The file that the commit wrote it into. */
  readonly committedFile: string | null;
  /** The file that holds it now, and its row there, counted from 0. */
  readonly file: string | null;
  readonly row: bigint | null;
  readonly values: Readonly<Record<string, string>>;
};

const shown = [ourColumns.operation, ourColumns.key, ourColumns.timestamp, "error"];

/**
 * Looks for a record in a table: in the files whose statistics allow for it, and in the commits'
 * positions. Errors: as `openVersion` and `scanFile`.
 */
export async function locateOffset(
  engine: Engine,
  position: KafkaPosition,
  signal: AbortSignal,
): Promise<OffsetPlace> {
  const version = await openVersion(engine, { signal });
  const { state } = version;
  const nowhere = { committedFile: null, file: null, row: null, values: {} };
  const table = engine.store.uri;
  const stored = storedPositions(state.transactions.values())
    .filter(({ topic, partition }) => topic === position.topic && partition === position.partition);
  const reached = stored.reduce<bigint | null>(
    (most, { offset }) => most === null || offset > most ? offset : most,
    null,
  );
  if (!hasPositions(state.schema)) {
    return { table, outcome: "unknown", position: reached, commit: null, ...nowhere };
  }
  const found = await findRow(engine, state, liveAdds(version, signal), { position, signal });
  const commit = reached !== null && reached >= position.offset
    ? await offsetCommit(engine, position, { newest: state.version, signal })
    : null;
  const written = commit === null ? [] : await filesOf(engine, commit.version, signal);
  const { uri } = engine.store;
  if (found !== null) {
    const { file, row, values } = found;
    const isMoved = !written.some((add) =>
      canonicalPath(add.path, uri) === canonicalPath(file, uri)
    );
    const outcome = isDeadLetter(state.schema) ? "dead-letter" : "row";
    const committedFile = isMoved ? likelyFile(state, written, position, uri) : file;
    return { table, outcome, position: reached, commit, committedFile, file, row, values };
  }
  if (reached === null) {
    return { table, outcome: "unknown", position: reached, commit, ...nowhere };
  }
  if (reached < position.offset) {
    return { table, outcome: "not-yet", position: reached, commit, ...nowhere };
  }
  const before = await findGone(engine, state, written, { position, signal });
  if (before === null) {
    // Dead letters are committed first: their position says nothing of the rows.
    const outcome = isDeadLetter(state.schema) ? "not-yet" : "no-row";
    return { table, outcome, position: reached, commit, ...nowhere };
  }
  const { file: committedFile, row, values } = before;
  const place = { position: reached, commit, committedFile, file: null, row, values };
  return { table, outcome: "deleted", ...place };
}

function hasPositions({ fields }: StructType): boolean {
  const names = new Set(fields.map((field) => field.name));
  return [ourColumns.topic, ourColumns.partition, ourColumns.offset].every((n) => names.has(n));
}

function isDeadLetter({ fields }: StructType): boolean {
  return fields.some(({ name }) => name === "error") &&
    fields.every(({ name }) => name !== ourColumns.operation);
}

async function filesOf(engine: Engine, version: number, signal: AbortSignal): Promise<AddFile[]> {
  const actions = await readCommit(engine, version, { signal, files: true }) ?? [];
  return actions.flatMap((action) =>
    action.kind === "add" && action.add.dataChange ? [action.add] : []
  );
}

function conditionOf({ topic, partition, offset }: KafkaPosition): RowCondition {
  const wanted: readonly (readonly [name: string, value: string])[] = [
    [ourColumns.topic, topic],
    [ourColumns.partition, String(partition)],
    [ourColumns.offset, String(offset)],
  ];
  return {
    kind: "and",
    conditions: wanted.map(([name, value]): RowCondition => ({
      kind: "compare",
      column: { text: name, names: [name] },
      comparison: "=",
      value,
    })),
  };
}

type FoundRow = {
  readonly file: string;
  readonly row: bigint;
  readonly values: Readonly<Record<string, string>>;
};

type Wanted = { readonly position: KafkaPosition; readonly signal: AbortSignal };

async function findRow(
  engine: Engine,
  state: TableState,
  files: AsyncIterable<AddFile> | Iterable<AddFile>,
  { position, signal }: Wanted,
): Promise<FoundRow | null> {
  const { uri } = engine.store;
  const names = state.schema.fields.map((field) => field.name).filter((n) => shown.includes(n));
  const columns = names.map((name) => ({ text: name, names: [name] }));
  const where = conditionOf(position);
  const { read, filter, schema, select } = bindSelection({ columns, where }, state.schema, uri);
  if (filter === null) return null;
  const { partitionColumns, columnMapping } = state;
  const counts = newCounts();
  for await (const add of files) {
    if (!mayMeet(filter, fileBounds(add, state))) continue;
    const deleted = add.deletionVector === undefined
      ? null
      : await readDeletionVector(engine, add.deletionVector, { signal });
    let place: { start: number; rows: Int32Array | null } = { start: 0, rows: null };
    const batches = scanFile(engine, { schema: read, partitionColumns, columnMapping }, add, {
      signal,
      wantsRowGroup: rowGroupChoice(filter, state, { add, counts }),
      pickRows(start, length) {
        place = { start, rows: deleted === null ? null : rowsOutside(deleted, start, length) };
        return place.rows;
      },
    });
    for await (const batch of batches) {
      const met = rowsMeeting(filter, batch, read) ?? Int32Array.from({ length: batch.length });
      const [at] = met;
      if (at === undefined) continue;
      const row = place.start + (place.rows?.[at] ?? at);
      const selected = select(gatherRows(batch, [at]));
      const [values = {}] = selected === null ? [] : rowsOfBatch(selected, schema);
      return { file: add.path, row: BigInt(row), values: shownValues(values) };
    }
  }
  return null;
}

function shownValues(values: { readonly [name: string]: Value }): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]): [string, string][] => {
      if (typeof value === "bigint") return [[name, `${timestampText(value)}Z`]];
      return typeof value === "string" ? [[name, value]] : [];
    }),
  );
}

/** A row that was in the commit's files; null also when they are gone. */
async function findGone(
  engine: Engine,
  state: TableState,
  files: readonly AddFile[],
  wanted: Wanted,
): Promise<FoundRow | null> {
  try {
    return await findRow(engine, state, files, wanted);
  } catch (error) {
    if (error instanceof CdcDeltaError && error.code === "not-found") return null;
    throw error;
  }
}

/** The only one of a commit's files that can have held a record; null when several can. */
function likelyFile(
  state: TableState,
  written: readonly AddFile[],
  position: KafkaPosition,
  uri: string,
): string | null {
  const selection = { columns: null, where: conditionOf(position) };
  const { filter } = bindSelection(selection, state.schema, uri);
  const possible = written.filter((add) =>
    filter === null || mayMeet(filter, fileBounds(add, state))
  );
  return possible.length === 1 ? possible[0]?.path ?? null : null;
}
