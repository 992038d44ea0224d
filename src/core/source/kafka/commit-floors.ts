import { Buffer } from "node:buffer";
import { messageOf } from "../../../errors.ts";
import type { GroupMember } from "../../kafka/kafka-client.ts";
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
  const owed = [...state.owed].map(([name, { nextOffset }]): Owed => {
    const lane = state.lanes.get(name)!;
    return { lane, nextOffset, metadata: markOf(state, lane, nextOffset) };
  });
  let why = "";
  let committed = 0;
  try {
    for (const some of inRequests(owed)) {
      const answered = await commitSome(state, membership, member, some, { deadlineMs, signal });
      committed += answered.committed;
      why = answered.why === "" ? why : answered.why;
    }
  } catch (error) {
    signal.throwIfAborted();
    why = messageOf(error);
  }
  if (committed > 0) state.context.options.onEvent({ kind: "floors-committed", lanes: committed });
  return why;
}

type Owed = {
  readonly lane: LaneState;
  readonly nextOffset: bigint;
  readonly metadata: string;
};

/** Brokers store a commit as one record batch: of 1 MiB at most unless told, together with keys. */
const commitBytesMax = 512 * 1024;
/** What a stored offset takes beside its metadata and names, generously. */
const offsetBytes = 128;

function inRequests(owed: readonly Owed[]): Owed[][] {
  const requests: Owed[][] = [];
  let left = 0;
  for (const one of owed) {
    const { lane: { topic }, metadata } = one;
    const bytes = Buffer.byteLength(metadata) + topic.length + offsetBytes;
    if (bytes > left) {
      requests.push([]);
      left = commitBytesMax;
    }
    requests.at(-1)!.push(one);
    left -= bytes;
  }
  return requests;
}

/** One request. Errors: what kept it from being answered. */
async function commitSome(
  state: SourceState,
  membership: Membership,
  member: GroupMember,
  owed: readonly Owed[],
  { deadlineMs, signal }: { readonly deadlineMs: number; readonly signal: AbortSignal },
): Promise<{ readonly committed: number; readonly why: string }> {
  const { client, clock, groupId } = state.context.options;
  const offsets = owed.map(({ lane: { topic, partition }, nextOffset: offset, metadata }) => (
    { topic, partition, offset, metadata }
  ));
  const doing = `commit offsets of consumer group "${groupId}"`;
  const answers = await withLimit(
    state.context,
    { ms: Math.max(1, deadlineMs - clock.nowMs()), doing, signal },
    (limited) => client.group(groupId).commitOffsets(member, offsets, { signal: limited }),
  );
  let why = "";
  let committed = 0;
  for (const { lane, nextOffset } of owed) {
    const error = answers.find((one) =>
      one.topic === lane.topic && one.partition === lane.partition
    )?.error ?? null;
    if (error === null) {
      lane.floor = nextOffset;
      committed += 1;
      const { topic, partition, topicId: identity } = lane;
      const { notes } = state.context.options.tables;
      await notes?.passed({ topic, partition, identity }, nextOffset, { signal });
    } else why = `the coordinator answered ${error}`;
    if (error !== null && evictions.has(error)) membership.refused(member, why);
    const gone = error === "UNKNOWN_TOPIC_OR_PARTITION";
    const done = error === null || gone;
    if (done && state.owed.get(lane.lane)?.nextOffset === nextOffset) state.owed.delete(lane.lane);
  }
  return { committed, why };
}

function markOf(state: SourceState, lane: LaneState, nextOffset: bigint): string {
  const { topic, topicId } = lane;
  const partitions = state.view?.get(topic)?.leaders.length ?? 0;
  const tables = [...lane.tables].map(([key, offset]) => ({ key, offset }));
  return encodeMark({ topicId, nextOffset, partitions, tables });
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
