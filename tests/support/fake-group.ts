import type {
  GroupMember,
  JoinAnswer,
  JoinRequest,
  SyncAnswer,
  SyncRequest,
} from "../../src/core/kafka/kafka-client.ts";

/** The coordinator of one consumer group, as Kafka's classic protocol has it. */
export type FakeGroup = {
  state: "Empty" | "PreparingRebalance" | "CompletingRebalance" | "Stable";
  generation: number;
  leader: string;
  readonly members: Map<string, FakeMember>;
  /** Ids that were handed out, but did not join yet. */
  readonly pending: Set<string>;
  readonly offsets: Map<string, { readonly offset: bigint; readonly metadata: string }>;
  rebalanceUntilMs: number;
  ids: number;
  /** What happened, for tests and for the log of the simulation. */
  readonly log: string[];
};

type FakeMember = {
  readonly memberId: string;
  metadata: Uint8Array;
  sessionTimeoutMs: number;
  rebalanceTimeoutMs: number;
  seenMs: number;
  assignment: Uint8Array;
  answerJoin: ((answer: JoinAnswer) => void) | null;
  answerSync: ((answer: SyncAnswer) => void) | null;
};

const nothing = new Uint8Array(0);

export function createGroup(): FakeGroup {
  return {
    state: "Empty",
    generation: 0,
    leader: "",
    members: new Map(),
    pending: new Set(),
    offsets: new Map(),
    rebalanceUntilMs: 0,
    ids: 0,
    log: [],
  };
}

export function join(
  group: FakeGroup,
  request: JoinRequest,
  nowMs: number,
  clientId: string,
): JoinAnswer | Promise<JoinAnswer> {
  const refuse = (error: string, memberId = request.memberId): JoinAnswer => (
    { error, memberId, generationId: -1, leaderId: "", members: [] }
  );
  if (request.memberId === "") {
    const memberId = `${clientId}-${++group.ids}`;
    group.pending.add(memberId);
    return refuse("MEMBER_ID_REQUIRED", memberId);
  }
  const { memberId, metadata, sessionTimeoutMs, rebalanceTimeoutMs } = request;
  const known = group.members.get(memberId);
  if (known === undefined && !group.pending.delete(memberId)) return refuse("UNKNOWN_MEMBER_ID");
  const unchanged = known !== undefined && sameBytes(known.metadata, metadata);
  const settled = group.state === "CompletingRebalance" ||
    (group.state === "Stable" && group.leader !== memberId);
  if (unchanged && settled) {
    known.seenMs = nowMs;
    return joinAnswer(group, memberId);
  }
  const member = known ?? {
    memberId,
    metadata,
    sessionTimeoutMs,
    rebalanceTimeoutMs,
    seenMs: nowMs,
    assignment: nothing,
    answerJoin: null,
    answerSync: null,
  };
  Object.assign(member, { metadata, sessionTimeoutMs, rebalanceTimeoutMs, seenMs: nowMs });
  group.members.set(memberId, member);
  // A second join of the same member takes the place of the first, whose answer nobody awaits.
  const answer = new Promise<JoinAnswer>((resolve) => {
    member.answerJoin = resolve;
  });
  prepare(group, nowMs);
  return answer;
}

/** Asks all members to join again; goes on at once when they all wait already. */
function prepare(group: FakeGroup, nowMs: number): void {
  if (group.state !== "PreparingRebalance") {
    group.state = "PreparingRebalance";
    const timeouts = [...group.members.values()].map((one) => one.rebalanceTimeoutMs);
    group.rebalanceUntilMs = nowMs + Math.max(0, ...timeouts);
    for (const member of group.members.values()) {
      member.answerSync?.({ error: "REBALANCE_IN_PROGRESS", assignment: nothing });
      member.answerSync = null;
    }
  }
  const all = [...group.members.values()].every((member) => member.answerJoin !== null);
  if (all) completeJoin(group, nowMs);
}

function completeJoin(group: FakeGroup, nowMs: number): void {
  for (const member of group.members.values()) {
    if (member.answerJoin === null) removeMember(group, member.memberId, "did not join in time");
  }
  group.generation += 1;
  if (group.members.size === 0) {
    group.state = "Empty";
    return;
  }
  group.state = "CompletingRebalance";
  if (!group.members.has(group.leader)) group.leader = [...group.members.keys()][0]!;
  group.log.push(`generation ${group.generation}: ${[...group.members.keys()].join(", ")}`);
  for (const member of group.members.values()) {
    member.seenMs = nowMs;
    member.assignment = nothing;
    const { answerJoin } = member;
    member.answerJoin = null;
    answerJoin?.(joinAnswer(group, member.memberId));
  }
}

function joinAnswer(group: FakeGroup, memberId: string): JoinAnswer {
  const members = [...group.members.values()].map((one) => ({
    memberId: one.memberId,
    metadata: one.metadata,
  }));
  return {
    error: null,
    memberId,
    generationId: group.generation,
    leaderId: group.leader,
    members: group.leader === memberId ? members : [],
  };
}

export function sync(
  group: FakeGroup,
  request: SyncRequest,
  nowMs: number,
): SyncAnswer | Promise<SyncAnswer> {
  const refuse = (error: string): SyncAnswer => ({ error, assignment: nothing });
  const member = group.members.get(request.memberId);
  if (member === undefined) return refuse("UNKNOWN_MEMBER_ID");
  if (request.generationId !== group.generation) return refuse("ILLEGAL_GENERATION");
  member.seenMs = nowMs;
  if (group.state === "PreparingRebalance") return refuse("REBALANCE_IN_PROGRESS");
  if (group.state === "Stable") {
    return { error: null, assignment: member.assignment };
  }
  const answer = new Promise<SyncAnswer>((resolve) => {
    member.answerSync = resolve;
  });
  if (group.leader !== request.memberId) return answer;
  for (const { memberId, assignment } of request.assignments) {
    const to = group.members.get(memberId);
    if (to !== undefined) to.assignment = assignment;
  }
  group.state = "Stable";
  for (const one of group.members.values()) {
    const { answerSync } = one;
    one.answerSync = null;
    answerSync?.({ error: null, assignment: one.assignment });
  }
  return answer;
}

export function heartbeat(group: FakeGroup, who: GroupMember, nowMs: number): string | null {
  const error = judge(group, who);
  if (error !== null) return error;
  group.members.get(who.memberId)!.seenMs = nowMs;
  return group.state === "PreparingRebalance" ? "REBALANCE_IN_PROGRESS" : null;
}

export function leave(group: FakeGroup, memberId: string, nowMs: number): string | null {
  if (!group.members.has(memberId)) {
    return group.pending.delete(memberId) ? null : "UNKNOWN_MEMBER_ID";
  }
  removeMember(group, memberId, "left");
  prepare(group, nowMs);
  return null;
}

/** The error with which a commit of this member is refused; null: it is taken. */
export function judgeCommit(group: FakeGroup, who: GroupMember, nowMs: number): string | null {
  // As tools do it: from outside, while nobody is in the group.
  const outside = who.memberId === "" && who.generationId === -1;
  if (outside && group.members.size === 0) return null;
  const error = judge(group, who);
  if (error !== null) return error;
  if (group.state === "CompletingRebalance") return "REBALANCE_IN_PROGRESS";
  group.members.get(who.memberId)!.seenMs = nowMs;
  return null;
}

function judge(group: FakeGroup, { memberId, generationId }: GroupMember): string | null {
  if (!group.members.has(memberId)) return "UNKNOWN_MEMBER_ID";
  return generationId === group.generation ? null : "ILLEGAL_GENERATION";
}

/** Throws out who was silent for too long. To be called again and again. */
export function expire(group: FakeGroup, nowMs: number): void {
  let any = false;
  for (const member of group.members.values()) {
    if (member.answerJoin !== null) continue;
    if (nowMs - member.seenMs <= member.sessionTimeoutMs) continue;
    removeMember(group, member.memberId, "was silent for too long");
    any = true;
  }
  if (any) prepare(group, nowMs);
  if (group.state === "PreparingRebalance" && nowMs >= group.rebalanceUntilMs) {
    completeJoin(group, nowMs);
  }
}

function removeMember(group: FakeGroup, memberId: string, why: string): void {
  group.log.push(`${memberId} ${why}`);
  const member = group.members.get(memberId);
  group.members.delete(memberId);
  const refused = { error: "UNKNOWN_MEMBER_ID", memberId };
  member?.answerJoin?.({ ...refused, generationId: -1, leaderId: "", members: [] });
  member?.answerSync?.({ error: "UNKNOWN_MEMBER_ID", assignment: nothing });
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}
