import type { SourceEvent } from "../source.ts";
import { scheduleFetches } from "./fetch-lanes.ts";
import type { LaneState } from "./lane-state.ts";
import type { Queued, Session, SourceState } from "./source-state.ts";

/** What the consumer is given next; null: nothing is there just now. */
export function nextEvent(state: SourceState, session: Session): SourceEvent | null {
  // What lanes held before must be dropped before anything of them is given anew.
  if (state.lost.size > 0) return { kind: "lanes-lost", lanes: [...state.lost] };
  if (isGain(state, session)) return { kind: "lanes-gained" };
  for (;;) {
    const next = session.queue.shift();
    if (next === undefined) break;
    if (!session.queue.some((one) => one.broker === next.broker)) scheduleFetches(state);
    // Answers of lanes that are no longer ours, or start anew, are left out.
    if (next.lane.phase === "lost") continue;
    session.given = true;
    session.idleTold = false;
    session.drainedTold = false;
    return eventOf(next);
  }
  if (session.idleTold || !isIdle(state, session)) return null;
  session.idleTold = true;
  return { kind: "idle" };
}

/** The next event is the first of lanes that came to those the consumer was given something of. */
function isGain(state: SourceState, session: Session): boolean {
  const next = session.queue.find(({ lane }) => lane.phase !== "lost");
  if (next === undefined || next.lane.announced) return false;
  for (const lane of state.lanes.values()) if (lane.phase !== "new") lane.announced = true;
  next.lane.announced = true;
  return session.given;
}

function eventOf(next: Queued): SourceEvent {
  const { lane } = next;
  switch (next.kind) {
    case "records":
      return recordsEvent(lane, next.data);
    case "position":
      lane.delivered = next.nextOffset;
      lane.told = true;
      return { kind: "position", lane: lane.lane, nextOffset: next.nextOffset };
    case "lane-end":
      return { kind: "lane-end", lane: lane.lane };
  }
}

function recordsEvent(
  lane: LaneState,
  { bytes, nextOffset, records }: Extract<Queued, { kind: "records" }>["data"],
): SourceEvent {
  const baseOffset = lane.delivered;
  lane.delivered = nextOffset;
  lane.told = true;
  const { topic, partition, topicId: identity } = lane;
  return {
    kind: "records",
    lane: lane.lane,
    batch: {
      framing: "kafka-v2",
      bytes,
      position: { topic, partition, baseOffset, nextOffset, identity, records },
    },
  };
}

/** Every broker that lanes are read from had nothing more when it was asked last. */
function isIdle(state: SourceState, session: Session): boolean {
  const lanes = [...state.lanes.values()];
  if (lanes.some((lane) => lane.phase === "new")) return false;
  const reading = lanes.filter((lane) => lane.phase === "reading");
  return reading.length > 0 &&
    reading.every((lane) => session.brokers.get(lane.leader)?.quiet === true);
}
