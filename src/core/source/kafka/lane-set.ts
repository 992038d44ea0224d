import type { TopicPartition } from "../../kafka/kafka-client.ts";
import type { Lane } from "../source.ts";
import { laneName, type LaneState } from "./lane-state.ts";
import { createOutage } from "./outage.ts";
import type { SourceState } from "./source-state.ts";

/** Changes of the set of lanes that are ours. */

/** Makes a lane of a partition, to be started. The topic must be known. */
export function addLane(
  state: SourceState,
  one: TopicPartition,
  facts: { readonly appearedLater: boolean; readonly recreated: boolean },
): LaneState {
  const known = state.view?.get(one.topic);
  const topicId = known?.topicId ?? "";
  const plain = laneName(one, null);
  const firstId = state.firstIds.get(plain) ?? topicId;
  state.firstIds.set(plain, firstId);
  const lane = laneName(one, firstId === topicId ? null : topicId);
  comeBack(state, lane);
  const made: LaneState = {
    topic: one.topic,
    partition: one.partition,
    lane,
    topicId,
    appearedLater: facts.appearedLater || appearedLater(state, one, topicId),
    recreated: facts.recreated || firstId !== topicId,
    phase: "new",
    starting: false,
    leader: known?.leaders[one.partition] ?? -1,
    startOffset: 0n,
    fetchOffset: 0n,
    delivered: 0n,
    announced: false,
    told: false,
    floor: null,
    tables: new Map(),
    endOffset: null,
    target: null,
    servedAt: 0,
    missing: 0,
    outage: createOutage(state.context, `read ${plain}`),
  };
  state.lanes.set(lane, made);
  return made;
}

/** A topic that was taken for deleted is there again: what was given of it is given anew. */
function comeBack(state: SourceState, name: Lane): void {
  const before = state.gone.get(name);
  if (before === undefined) return;
  state.gone.delete(name);
  state.doomed.delete(name);
  loseLane(state, before);
}

function appearedLater(
  { firstView }: SourceState,
  { topic, partition }: TopicPartition,
  topicId: string,
): boolean {
  if (firstView === null) return false;
  const known = firstView.get(topic);
  if (known === undefined || partition >= known.leaders.length) return true;
  return known.topicId !== topicId;
}

/** The lane belongs to somebody else now, or starts anew: what the consumer holds is to be dropped. */
export function loseLane(state: SourceState, lane: LaneState): void {
  lane.phase = "lost";
  // Whatever was wrong with it is no longer our concern.
  lane.outage.recovered();
  state.owed.delete(lane.lane);
  if (state.lanes.get(lane.lane) === lane) state.lanes.delete(lane.lane);
  if (lane.told && state.session !== null) state.lost.add(lane.lane);
  state.bell.ring();
}

/** Lanes start at their floors again: their consumer is gone, so nobody has to be told. */
export function restartLanes(state: SourceState): void {
  const before = [...state.lanes.values()];
  state.lanes.clear();
  state.gone.clear();
  // What tables they stand for is known again only once the lanes have come so far.
  state.owed.clear();
  for (const lane of before) {
    lane.phase = "lost";
    // Of a topic that is gone there is nothing to read again.
    if (state.view?.has(lane.topic) === true) addLane(state, lane, lane);
    else lane.outage.recovered();
  }
  state.lost.clear();
}
