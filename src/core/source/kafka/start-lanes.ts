import { CdcDeltaError } from "../../../errors.ts";
import type { TopicPartition } from "../../kafka/kafka-client.ts";
import { forEachParallel } from "../../../parallel.ts";
import { partitionName, type Transactions, watermarkOf } from "../../position/watermark.ts";
import { brokerError } from "./broker-error.ts";
import { dataLossError } from "./data-loss.ts";
import {
  type CommittedFloor,
  decideStart,
  judgeFloor,
  type StartDecision,
} from "./decide-start.ts";
import type { ReadRange } from "./kafka-source-options.ts";
import { parseMark } from "./floor-mark.ts";
import { laneName, type LaneState } from "./lane-state.ts";
import { refreshTopics } from "./refresh-topics.ts";
import { endOf, type LogEnds } from "./run-ends.ts";
import type { SourceState } from "./source-state.ts";

/**
 * Finds where lanes start and lets them be read; `onReady` is told of those that can be. Lanes that
 * get lost meanwhile are left out.
 *
 * Errors: `kafka`, `data-loss`, `usage` without a floor where `autoOffsetReset` is `none`; those of
 * the tables.
 */
export async function startLanes(
  state: SourceState,
  lanes: readonly LaneState[],
  signal: AbortSignal,
  onReady: (lanes: readonly LaneState[]) => void,
): Promise<void> {
  for (;;) {
    const waiting = lanes.filter((lane) => lane.phase === "new");
    if (waiting.length === 0) return;
    try {
      await startThose(state, waiting, signal, onReady);
    } catch (error) {
      const first = waiting.find((lane) => lane.phase === "new");
      if (first === undefined) continue;
      await first.outage.failed(error, signal);
      await refreshTopics(state, signal);
    }
  }
}

/** One try. Errors: why some of them cannot be started just now, or ever. */
async function startThose(
  state: SourceState,
  lanes: readonly LaneState[],
  signal: AbortSignal,
  onReady: (lanes: readonly LaneState[]) => void,
): Promise<void> {
  const asked = state.context.options.range !== undefined;
  const floors = asked ? new Map() : await committedFloors(state, lanes, signal);
  const ends = await readEnds(state, lanes, signal);
  const tables = await markedTables(state, lanes, floors, signal);
  const readFrom = await notedStarts(state, lanes, signal);
  // All at once: tables are looked through once for all that have no floor.
  const tried = await Promise.allSettled(lanes.map(async (lane) => {
    const found = ends.get(lane)!;
    if (found instanceof CdcDeltaError) throw found;
    await startOne(state, lane, { floors, ends: found, tables, readFrom, signal });
  }));
  const ready = lanes.filter(({ phase }) => phase !== "new" && phase !== "lost");
  for (const lane of ready) lane.outage.recovered();
  onReady(ready);
  const errors = tried.flatMap((one) => one.status === "rejected" ? [one.reason as unknown] : []);
  const permanent = errors.find((error) => !(error instanceof CdcDeltaError) || !error.retryable);
  if (errors.length > 0) throw permanent ?? errors[0];
}

type Lookups = {
  readonly floors: ReadonlyMap<string, CommittedFloor>;
  readonly ends: LogEnds;
  /** Tables that marks name → their `txn` actions; null: there is no such table. */
  readonly tables: ReadonlyMap<string, Transactions | null>;
  /** Where replays say that reading has to begin at the latest, by `partitionName`. */
  readonly readFrom: ReadonlyMap<string, bigint>;
  readonly signal: AbortSignal;
};

async function startOne(state: SourceState, lane: LaneState, lookups: Lookups): Promise<void> {
  const { floors, ends, signal } = lookups;
  const { options } = state.context;
  const { topic, partition, topicId } = lane;
  const range = options.range?.get(nameOf(lane)) ?? null;
  if (range !== null) {
    startInRange(state, lane, range, ends);
    return;
  }
  const committed = floors.get(nameOf(lane)) ?? null;
  const watermarks = watermarksFor(state, lane, committed, lookups.tables);
  const verdict = judgeFloor({ committed, topicId, watermarks });
  const asks = verdict.kind === "none" || verdict.kind === "foreign";
  const held = asks
    ? await options.tables.heldPosition({ topic, partition, identity: topicId }, { signal })
    : null;
  const decision = decideStart({
    topic,
    partition,
    topicId,
    committed,
    watermarks,
    held,
    readFrom: lookups.readFrom.get(partitionName({ topic, partition, identity: topicId })) ?? null,
    appearedLater: lane.appearedLater || isAddedPartition(lane, floors),
    recreated: lane.recreated,
    autoOffsetReset: options.autoOffsetReset,
    ...ends,
  });
  if (lane.phase !== "new") return;
  applyStart(state, lane, decision, ends);
  if (verdict.kind !== "valid") return;
  lane.floor = verdict.nextOffset;
  for (const table of committed?.mark?.tables ?? []) lane.tables.set(table.key, table.offset);
}

/** Reads what was asked for. Errors: `data-loss` when it is gone; `source-replaced`. */
function startInRange(
  state: SourceState,
  lane: LaneState,
  { topicId, start, end }: ReadRange,
  ends: LogEnds,
): void {
  const { topic, partition } = lane;
  if (topicId !== lane.topicId) {
    throw new CdcDeltaError(
      "source-replaced",
      `Cannot read topic "${topic}" again: it was deleted and made anew meanwhile`,
      { context: { topic, partition } },
    );
  }
  const { logStart } = ends;
  const lost = logStart - start;
  const gone = { topic, partition, expected: start, available: logStart, lost };
  const loss = lost > 0n ? { ...gone, cause: "removed" as const } : null;
  const at = lost > 0n ? logStart : start;
  const verdict = { kind: "none" } as const;
  applyStart(state, lane, { kind: "start", at, why: "range", verdict, loss }, ends);
  if (end !== null && lane.target !== null && end < lane.target) lane.target = end;
}

function applyStart(
  state: SourceState,
  lane: LaneState,
  decision: StartDecision,
  ends: LogEnds,
): void {
  const { onEvent, failOnDataLoss, mode } = state.context.options;
  if (decision.kind === "refuse") throw noFloor(state, lane);
  const { verdict, loss, at, why } = decision;
  if (verdict.kind === "foreign") {
    onEvent({ kind: "foreign-reset", lane: lane.lane, offset: verdict.offset, ours: verdict.ours });
  }
  if (verdict.kind === "table-changed") {
    onEvent({ kind: "table-changed", lane: lane.lane, table: verdict.table });
  }
  if (why === "topic-recreated") {
    onEvent({ kind: "topic-recreated", topic: lane.topic, topicId: lane.topicId });
  }
  if (loss !== null) {
    if (failOnDataLoss) throw dataLossError(loss);
    onEvent({ kind: "data-loss", loss });
  }
  lane.startOffset = at;
  lane.fetchOffset = at;
  lane.delivered = at;
  lane.endOffset = ends.stableEnd;
  if (mode === "until-latest") lane.target = endOf(state.ends, lane, ends);
  lane.phase = "reading";
  onEvent({ kind: "lane-start", lane: lane.lane, nextOffset: at, why });
}

function noFloor({ context }: SourceState, { topic, partition }: LaneState): CdcDeltaError {
  const { groupId } = context.options;
  return new CdcDeltaError(
    "usage",
    `Cannot start reading partition ${partition} of topic "${topic}": consumer group "${groupId}" ` +
      `has no position of it, no table holds rows of it, and auto.offset.reset is none. Choose ` +
      `earliest (everything that is there) or latest (only what comes from now on)`,
    { context: { topic, partition, group: groupId } },
  );
}

/** A partition that did not exist when a floor of another one of its topic was committed. */
function isAddedPartition(
  lane: LaneState,
  floors: ReadonlyMap<string, CommittedFloor>,
): boolean {
  for (let sibling = 0; sibling < lane.partition; sibling++) {
    const floor = floors.get(nameOf({ topic: lane.topic, partition: sibling }));
    const mark = floor?.mark ?? null;
    if (mark === null || mark.nextOffset !== floor!.offset || mark.partitions === 0) continue;
    const sameTopic = mark.topicId === "" || mark.topicId === lane.topicId;
    if (sameTopic && mark.partitions <= lane.partition) return true;
  }
  return false;
}

/** What the group holds of the lanes' topics, other partitions included. */
async function committedFloors(
  state: SourceState,
  lanes: readonly LaneState[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, CommittedFloor>> {
  const topics = [...new Set(lanes.map((lane) => lane.topic))];
  const partitions = topics.flatMap((topic) =>
    (state.view?.get(topic)?.leaders ?? []).map((_, partition) => ({ topic, partition }))
  );
  return partitions.length === 0 ? new Map() : await fetchFloors(state, partitions, signal);
}

/** The group's offsets by `<partition> <topic>`; partitions without one are left out. */
export async function fetchFloors(
  state: SourceState,
  partitions: readonly TopicPartition[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, CommittedFloor>> {
  const { client, groupId } = state.context.options;
  const answers = await client.group(groupId).fetchOffsets(partitions, { signal });
  const floors = new Map<string, CommittedFloor>();
  for (const { error, offset, metadata, ...one } of answers) {
    if (error !== null) {
      throw brokerError(`read the offsets of consumer group "${groupId}"`, error, one);
    }
    if (offset >= 0n) floors.set(nameOf(one), { offset, mark: parseMark(metadata) });
  }
  return floors;
}

/** Start and stable end of each partition's log, or the error that kept it from being known. */
export async function readEnds<T extends TopicPartition>(
  state: SourceState,
  lanes: readonly T[],
  signal: AbortSignal,
): Promise<ReadonlyMap<T, LogEnds | CdcDeltaError>> {
  const { client } = state.context.options;
  const asked = lanes.map(({ topic, partition }) => ({ topic, partition }));
  const [starts, stableEnds] = await Promise.all([
    client.listOffsets(asked, { kind: "start" }, { signal }),
    client.listOffsets(asked, { kind: "stable-end" }, { signal }),
  ]);
  const byName = (list: typeof starts) => new Map(list.map((one) => [nameOf(one), one]));
  const [start, end] = [byName(starts), byName(stableEnds)];
  return new Map(lanes.map((lane): [T, LogEnds | CdcDeltaError] => {
    const [first, last] = [start.get(nameOf(lane)), end.get(nameOf(lane))];
    const error = first === undefined || last === undefined
      ? "UNKNOWN_TOPIC_OR_PARTITION"
      : first.error ?? last.error;
    if (error !== null) {
      return [lane, brokerError(`look up the offsets of ${laneName(lane, null)}`, error)];
    }
    return [lane, { logStart: first!.offset, stableEnd: last!.offset }];
  }));
}

/** Looks at the tables that the lanes' marks name. */
async function markedTables(
  state: SourceState,
  lanes: readonly LaneState[],
  floors: ReadonlyMap<string, CommittedFloor>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, Transactions | null>> {
  const { tables } = state.context.options;
  const marked = lanes.flatMap((lane) => floors.get(nameOf(lane))?.mark?.tables ?? []);
  const found = new Map<string, Transactions | null>();
  await forEachParallel(
    [...new Set(marked.map(({ key }) => key))],
    tablesParallelMax,
    async (key) => {
      found.set(key, await tables.transactionsOf(key, { signal }));
    },
  );
  return found;
}

/** Looks at what replays have noted. */
async function notedStarts(
  { context, session }: SourceState,
  lanes: readonly LaneState[],
  signal: AbortSignal,
): Promise<ReadonlyMap<string, bigint>> {
  const { membership, tables: { notes } } = context.options;
  if (membership !== "group" || notes === undefined) return new Map();
  const ids = lanes.map(({ topic, partition, topicId: identity }) => (
    { topic, partition, identity }
  ));
  return await notes.readFrom(ids, { fresh: session?.given === false, signal });
}

/** Tables that are looked at together. */
const tablesParallelMax = 8;

function watermarksFor(
  state: SourceState,
  { topic, partition, topicId }: LaneState,
  committed: CommittedFloor | null,
  tables: Lookups["tables"],
): ReadonlyMap<string, bigint | null> {
  const { owner } = state.context.options;
  const id = { topic, partition, identity: topicId };
  return new Map(
    (committed?.mark?.tables ?? []).map(({ key }): [string, bigint | null] => {
      const transactions = tables.get(key) ?? null;
      const watermark = transactions === null ? null : watermarkOf(transactions, owner, id);
      return [key, watermark?.offset ?? null];
    }),
  );
}

function nameOf({ topic, partition }: TopicPartition): string {
  return `${partition} ${topic}`;
}
