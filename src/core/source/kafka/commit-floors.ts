import { messageOf } from "../../../errors.ts";
import type { Floor, Lane } from "../source.ts";
import { encodeMark } from "./floor-mark.ts";
import type { LaneState } from "./lane-state.ts";
import type { Membership } from "./membership.ts";
import { withLimit } from "./outage.ts";
import { failSource, type SourceState } from "./source-state.ts";

/** Tries of one commit; the next flush commits higher floors anyway. */
const triesMax = 3;
/** Wait before the second try; doubles. */
const retryMs = 250;

/** Refusals that mean that lanes are somebody else's now. */
const evictions: ReadonlySet<string> = new Set([
  "ILLEGAL_GENERATION",
  "UNKNOWN_MEMBER_ID",
  "FENCED_INSTANCE_ID",
]);

/**
 * Commits floors of lanes that are ours to the group. Never fails: a floor that is too low costs
 * reading again, so what cannot be committed is told and tried again with the next floors.
 */
export async function commitFloors(
  state: SourceState,
  membership: Membership,
  floors: readonly Floor[],
  signal: AbortSignal,
): Promise<void> {
  for (const floor of floors) {
    const lane = ownLane(state, floor.lane);
    if (lane === null || floor.nextOffset > lane.delivered) continue;
    for (const { key, offset } of floor.tables) lane.tables.set(key, offset);
    state.owed.set(floor.lane, floor);
  }
  if (state.owed.size > 0) await commitOwed(state, membership, signal);
  for (const floor of floors) endDoomed(state, floor);
}

/** Commits what is owed, within a limited time. */
async function commitOwed(
  state: SourceState,
  membership: Membership,
  signal: AbortSignal,
): Promise<void> {
  const { clock, onEvent } = state.context.options;
  const deadlineMs = clock.nowMs() + state.context.limits.farewellMsMax;
  let why = "";
  try {
    for (let attempt = 1; attempt <= triesMax; attempt++) {
      why = await tryOnce(state, membership, { deadlineMs, signal });
      if (state.owed.size === 0) return;
      if (clock.nowMs() >= deadlineMs) break;
      if (attempt < triesMax) await clock.sleep(retryMs * 2 ** (attempt - 1), signal);
    }
  } catch (error) {
    why = messageOf(error);
  }
  onEvent({ kind: "floors-failed", lanes: state.owed.size, why });
}

/** Ends the run for a topic that is gone, now that what was read of it is committed. */
function endDoomed(state: SourceState, { lane, nextOffset }: Floor): void {
  const doomed = state.doomed.get(lane);
  if (doomed !== undefined && nextOffset >= doomed.offset) failSource(state, doomed.error);
}

/** The lane of that name if its floors are ours to commit. */
function ownLane(state: SourceState, name: Lane): LaneState | null {
  // The consumer has not dropped yet what it holds of an earlier ownership.
  if (state.lost.has(name)) return null;
  return state.lanes.get(name) ?? null;
}

/** Commits what is owed; what cannot be committed by us any more is forgotten. */
async function tryOnce(
  state: SourceState,
  membership: Membership,
  { deadlineMs, signal }: { readonly deadlineMs: number; readonly signal: AbortSignal },
): Promise<string> {
  for (const name of state.owed.keys()) {
    if (ownLane(state, name) === null) state.owed.delete(name);
  }
  if (state.owed.size === 0) return "";
  const member = membership.member();
  if (member === null) return "not in the group just now";
  // It would wait behind the join on the same connection, and be refused then.
  if (membership.isJoining()) return "the group shares its partitions anew";
  const { client, clock, groupId, onEvent } = state.context.options;
  const sent = [...state.owed].map(([name, { nextOffset }]) => ({
    lane: state.lanes.get(name)!,
    nextOffset,
  }));
  const offsets = sent.map(({ lane, nextOffset }) => offsetOf(state, lane, nextOffset));
  const doing = `commit offsets of consumer group "${groupId}"`;
  let answers;
  try {
    answers = await withLimit(
      state.context,
      { ms: Math.max(1, deadlineMs - clock.nowMs()), doing, signal },
      (limited) => client.group(groupId).commitOffsets(member, offsets, { signal: limited }),
    );
  } catch (error) {
    signal.throwIfAborted();
    return messageOf(error);
  }
  let why = "";
  let committed = 0;
  for (const { lane, nextOffset } of sent) {
    const error = answers.find((one) =>
      one.topic === lane.topic && one.partition === lane.partition
    )?.error ?? null;
    if (error === null) {
      lane.floor = nextOffset;
      committed += 1;
    } else why = `the coordinator answered ${error}`;
    if (error !== null && evictions.has(error)) membership.refused(member, why);
    const gone = error === "UNKNOWN_TOPIC_OR_PARTITION";
    const done = error === null || gone;
    if (done && state.owed.get(lane.lane)?.nextOffset === nextOffset) state.owed.delete(lane.lane);
  }
  if (committed > 0) onEvent({ kind: "floors-committed", lanes: committed });
  return why;
}

function offsetOf(state: SourceState, lane: LaneState, nextOffset: bigint) {
  const { topic, partition, topicId } = lane;
  const partitions = state.view?.get(topic)?.leaders.length ?? 0;
  const tables = [...lane.tables].map(([key, offset]) => ({ key, offset }));
  const metadata = encodeMark({ topicId, nextOffset, partitions, tables });
  return { topic, partition, offset: nextOffset, metadata };
}

/**
 * Commits where lanes without a floor started, so that they start there again should we end before
 * their first floor: `latest` and topics found later mean the same offset then.
 */
export async function commitFirstFloors(
  state: SourceState,
  membership: Membership,
  lanes: readonly LaneState[],
  signal: AbortSignal,
): Promise<void> {
  const first = lanes.filter((lane) =>
    lane.floor === null && lane.phase !== "lost" && !state.owed.has(lane.lane)
  );
  const floors = first.map((lane): Floor => ({
    lane: lane.lane,
    nextOffset: lane.startOffset,
    tables: [],
  }));
  if (floors.length > 0) await commitFloors(state, membership, floors, signal);
}
