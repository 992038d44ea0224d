import type { Engine } from "../../delta/engine.ts";
import { commit } from "../../delta/log/committer.ts";
import { loadTableState, type TableState } from "../../delta/log/table-state.ts";
import type { ObjectStore } from "../../delta/storage/object-store.ts";
import { forEachParallel } from "../../parallel.ts";
import type { PartitionId } from "../encode/encode-job.ts";
import { watermarkAppId } from "./app-id.ts";
import {
  type NotedTable,
  noteFolder,
  type NotePlace,
  notesFolder,
  readNote,
  type ReplayNote,
} from "./replay-note.ts";
import { partitionName, watermarkOf } from "./watermark.ts";

/** What a sink asks before it reads, and tells once it has. */
export type ReplayNotes = {
  /**
   * Where reading has to begin at the latest, by `partitionName`; partitions that nothing is noted of
   * are left out. Afterwards no replay that was noted takes anything out any more: a table that it
   * may still be about to change gets a commit without rows, which its own one has to follow.
   *
   * `fresh`: whoever asks has not looked at any table before. Errors: the store's, those of tables.
   */
  readFrom(
    partitions: readonly PartitionId[],
    options: { readonly fresh: boolean; readonly signal: AbortSignal },
  ): Promise<ReadonlyMap<string, bigint>>;
  /** Everything below `nextOffset` is committed: notes that say no more are deleted. Never fails. */
  passed(
    partition: PartitionId,
    nextOffset: bigint,
    options: { readonly signal: AbortSignal },
  ): Promise<void>;
};

export type ReplayNotesOptions = NotePlace & {
  /** The table at the place that a note names. */
  readonly engineOf: (place: string) => Engine;
};

type IoOptions = { readonly signal: AbortSignal };

/** Objects and tables that are looked at together. */
const parallelMax = 8;

/** A note of which the rows are not all read again yet. */
type Pending = {
  readonly key: string;
  /** Reading has passed it with the offset that follows. */
  readonly until: bigint;
  readonly note: ReplayNote;
  readonly fresh: boolean;
};

/** The notes below a base path. */
export function replayNotes(options: ReplayNotesOptions): ReplayNotes {
  const pending = new Map<string, readonly Pending[]>();
  return {
    async readFrom(partitions, { fresh, signal }) {
      const wanted = new Map(partitions.map((one) => [noteFolder(options.pipelineId, one), one]));
      const found: { readonly key: string; readonly one: PartitionId }[] = [];
      for await (const { key } of options.store.list(notesFolder(options.pipelineId), { signal })) {
        const one = wanted.get(key.slice(0, key.lastIndexOf("/") + 1));
        if (one !== undefined) found.push({ key, one });
      }
      const from = new Map<string, bigint>();
      for (const one of partitions) pending.delete(partitionName(one));
      const states: States = new Map();
      await forEachParallel(found, parallelMax, async ({ key, one }) => {
        const note = await readNote(options.store, key, one, { signal });
        if (note === null) return;
        const until = await settle(options, note, states, { signal });
        if (until === null) return await forget(options.store, key, { signal });
        const name = partitionName(one);
        pending.set(name, [...pending.get(name) ?? [], { key, until, note, fresh }]);
        const lowest = from.get(name);
        if (lowest === undefined || note.from < lowest) from.set(name, note.from);
      });
      return from;
    },
    async passed(partition, nextOffset, { signal }) {
      const name = partitionName(partition);
      const notes = pending.get(name);
      if (notes === undefined || notes.every(({ until }) => nextOffset <= until)) return;
      pending.set(name, notes.filter(({ until }) => nextOffset <= until));
      for (const { key, until, note, fresh } of notes) {
        if (nextOffset <= until) continue;
        // Who knew a table before it was taken back took its rows for rows that are there still.
        const done = fresh || await isReadAgain(options, note, { signal }).catch(() => false);
        if (done) await forget(options.store, key, { signal });
      }
    },
  };
}

/** Tables by their place, each looked at once for all notes that name it. */
type States = Map<string, Promise<TableState | null>>;

/**
 * Makes sure that the replay changes none of the tables any more. Returns the last offset that one of
 * them lacks rows up to; null: none lacks any.
 */
async function settle(
  options: ReplayNotesOptions,
  note: ReplayNote,
  states: States,
  { signal }: IoOptions,
): Promise<bigint | null> {
  let until: bigint | null = null;
  await forEachParallel(note.tables, parallelMax, async (table) => {
    const { place, follows, was } = table;
    const engine = options.engineOf(place);
    const known = states.get(place) ?? loadTableState(engine, { signal });
    const settled = known.then(async (state) => {
      if (state?.version !== follows) return state;
      await fenceOff(engine, state, { ...options, note, table, signal });
      return await loadTableState(engine, { signal });
    });
    states.set(place, settled);
    if (hasRows(await settled, options, note, table)) return;
    if (until === null || was > until) until = was;
  });
  return until;
}

/** One commit that changes nothing; whoever was faster is as good. */
async function fenceOff(
  engine: Engine,
  state: TableState,
  { pipelineId, note, table, signal }: ReplayNotesOptions & IoOptions & {
    readonly note: ReplayNote;
    readonly table: NotedTable;
  },
): Promise<void> {
  const appId = watermarkAppId(pipelineId, note);
  const version = state.transactions.get(appId)?.version ?? table.was;
  await commit(engine, state, {
    operation: "STREAMING UPDATE",
    operationParameters: { replay: JSON.stringify({ pipeline: pipelineId, ended: true }) },
    reads: { kind: "whole-table" },
    dataChange: false,
    txns: [{ appId, version }],
  }, { signal });
}

/** True when a table is not behind what it was before the replay. A table that is gone is. */
function hasRows(
  state: TableState | null,
  { pipelineId }: ReplayNotesOptions,
  note: ReplayNote,
  { was }: NotedTable,
): boolean {
  if (state === null) return false;
  const watermark = watermarkOf(state.transactions, { pipelineId, adopt: false }, note);
  return watermark !== null && watermark.offset >= was;
}

async function isReadAgain(
  options: ReplayNotesOptions,
  note: ReplayNote,
  { signal }: IoOptions,
): Promise<boolean> {
  let all = true;
  await forEachParallel(note.tables, parallelMax, async (table) => {
    const state = await loadTableState(options.engineOf(table.place), { signal });
    if (!hasRows(state, options, note, table)) all = false;
  });
  return all;
}

/** A note that stays costs reading again. */
async function forget(store: ObjectStore, key: string, { signal }: IoOptions): Promise<void> {
  await store.delete([key], { signal }).catch(() => undefined);
}
