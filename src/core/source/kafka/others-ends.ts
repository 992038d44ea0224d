import type { TopicPartition } from "../../kafka/kafka-client.ts";
import { type CommittedFloor, judgeFloor } from "./decide-start.ts";
import { refreshTopics } from "./refresh-topics.ts";
import { nameOf, othersEnds, promise, type RunEnd } from "./run-ends.ts";
import type { SourceState } from "./source-state.ts";
import { fetchFloors, readEnds } from "./start-lanes.ts";
import { partitionsOf } from "./topic-view.ts";

/** Metadata in a row without a topic after which it is taken for deleted. */
const missingMax = 2;

/** Takes the ends of all partitions, ours or not. Errors: `kafka`. */
export async function takeEnds(state: SourceState, signal: AbortSignal): Promise<void> {
  const { ends } = state;
  if (ends.taken || ends.taking) return;
  ends.taking = true;
  try {
    while (!await takeThose(state, signal)) await refreshTopics(state, signal);
    ends.taken = true;
  } finally {
    ends.taking = false;
    state.bell.ring();
  }
}

/** False: some are not known yet. */
async function takeThose(state: SourceState, signal: AbortSignal): Promise<boolean> {
  const { all, takeOutage } = state.ends;
  const asked = partitionsOf(state.view!, state.reads).filter((one) => !all.has(nameOf(one)));
  if (asked.length === 0) return true;
  try {
    let failure: Error | null = null;
    for (const [one, found] of await readEnds(state, asked, signal)) {
      if ("logStart" in found) promise(state.ends, one, topicIdOf(state, one), found);
      else failure = found;
    }
    if (failure !== null) throw failure;
    takeOutage.recovered();
    return true;
  } catch (error) {
    await takeOutage.failed(error, signal);
    return false;
  }
}

/** What is neither read to its end by us nor known to be committed by others. */
export function openEnds({ ends, lanes }: SourceState): readonly RunEnd[] {
  return othersEnds(ends, lanes.values());
}

/** Looks once how far others are, and tells the first time that they are waited for. */
export async function lookAtOthers(state: SourceState, signal: AbortSignal): Promise<void> {
  const { ends } = state;
  try {
    await dropGone(state, signal);
    const asked = openEnds(state);
    const none = new Map<string, CommittedFloor>();
    const floors = asked.length === 0 ? none : await fetchFloors(state, asked, signal);
    for (const one of asked) one.reached = hasReached(one, floors.get(nameOf(one)) ?? null);
    ends.lookOutage.recovered();
  } catch (error) {
    await ends.lookOutage.failed(error, signal);
    return;
  }
  const open = openEnds(state);
  ends.waitsFor = open.length;
  if (open.length === 0 || ends.told) return;
  ends.told = true;
  const partitions = open.map(({ topic, partition }) => ({ topic, partition }));
  state.context.options.onEvent({ kind: "waits-for-others", partitions, all: ends.all.size });
}

function hasReached({ topicId, end, empty }: RunEnd, committed: CommittedFloor | null): boolean {
  if (committed === null) return empty;
  // Tables that the mark names were looked at by whoever has the partition.
  const verdict = judgeFloor({ committed, topicId, watermarks: null });
  return verdict.kind === "valid" && verdict.nextOffset >= end;
}

/** Forgets partitions of topics that were deleted or made anew: nobody can read them any more. */
async function dropGone(state: SourceState, signal: AbortSignal): Promise<void> {
  const { all } = state.ends;
  const open = openEnds(state);
  const missing = (one: RunEnd): boolean => one.partition >= partitionCount(state, one.topic);
  const other = (one: RunEnd): boolean => topicIdOf(state, one) !== one.topicId;
  if (open.some((one) => missing(one) || other(one))) await refreshTopics(state, signal);
  for (const one of open) {
    one.missing = missing(one) ? one.missing + 1 : 0;
    const gone = one.missing >= missingMax || one.missing === 0 && other(one);
    if (gone && all.get(nameOf(one)) === one) all.delete(nameOf(one));
  }
}

function partitionCount({ view }: SourceState, topic: string): number {
  return view?.get(topic)?.leaders.length ?? 0;
}

function topicIdOf({ view }: SourceState, { topic }: TopicPartition): string {
  return view?.get(topic)?.topicId ?? "";
}
