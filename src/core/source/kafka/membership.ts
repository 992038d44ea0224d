import { CdcDeltaError, messageOf } from "../../../errors.ts";
import type { GroupMember, JoinAnswer } from "../../kafka/kafka-client.ts";
import { createBell } from "./bell.ts";
import { brokerError } from "./broker-error.ts";
import {
  type Assignment,
  encodeSubscription,
  parseAssignment,
  protocolName,
  type Subscription,
} from "./member-protocol.ts";
import { createOutage, unlessAborted, withLimit } from "./outage.ts";
import type { SourceContext } from "./source-context.ts";

/** What a membership asks of, and tells, the source it belongs to. */
export type MembershipPorts = {
  /** What we read and own; looks at the topics anew. */
  subscription(signal: AbortSignal): Promise<Omit<Subscription, "ownedGeneration">>;
  /** The leader's part: assignments as bytes, by member. */
  assign(
    members: JoinAnswer["members"],
    signal: AbortSignal,
  ): Promise<Iterable<readonly [memberId: string, assignment: Uint8Array]>>;
  /** `keepable`: lanes that were ours and still are go on as they are. */
  assigned(assignment: Assignment, joined: Joined): void;
  /** All lanes are lost. */
  evicted(why: string): void;
  /** The run cannot go on. */
  failed(error: unknown): void;
};

export type Joined = GroupMember & {
  readonly leader: boolean;
  readonly keepable: boolean;
};

export type Membership = {
  /** Joins and stays in the group, in the background, until `leave`. */
  start(): void;
  /** The generation that our lanes belong to; null: none. */
  member(): GroupMember | null;
  isLeader(): boolean;
  /** A join is under way: the generation may be over at any moment. */
  isJoining(): boolean;
  rejoin(why: string): void;
  /** The coordinator refused this generation: joins anew unless that has happened meanwhile. */
  refused(member: GroupMember, why: string): void;
  /** Gives all lanes up when the coordinator must be assumed to have done so. */
  checkExpiry(): void;
  /** Leaves the group; takes `farewellMsMax` at most, and never fails. */
  leave(): Promise<void>;
};

type State = {
  memberId: string;
  current: GroupMember | null;
  leader: boolean;
  /** When the last request was sent that the coordinator answered well. */
  contactMs: number;
  /** When the join under way was sent; null: none is. */
  joiningMs: number | null;
  /** Why to join again; null: no need to. */
  rejoinWhy: string | null;
};

/** Membership of the consumer group; see `Membership`. */
export function createMembership(context: SourceContext, ports: MembershipPorts): Membership {
  const { options, limits } = context;
  const { clock } = options;
  const group = options.client.group(options.groupId);
  const stop = new AbortController();
  const bell = createBell(clock);
  const outage = createOutage(context, `join consumer group "${options.groupId}"`);
  let done: Promise<unknown> = Promise.resolve();
  let started = false;
  const state: State = {
    memberId: "",
    current: null,
    leader: false,
    contactMs: 0,
    joiningMs: null,
    rejoinWhy: null,
  };

  const evict = (why: string): void => {
    if (state.current === null) return;
    state.current = null;
    state.leader = false;
    // A join under way tells who we are from now on.
    if (state.joiningMs === null) {
      state.memberId = "";
      state.rejoinWhy = why;
    }
    ports.evicted(why);
    bell.ring();
  };

  const checkExpiry = (): void => {
    const nowMs = clock.nowMs();
    const { joiningMs } = state;
    // The coordinator holds a join back until all members have joined: that is no silence.
    const joinMs = Math.max(limits.sessionTimeoutMs, limits.rebalanceTimeoutMs);
    if (joiningMs !== null && nowMs - joiningMs <= joinMs) return;
    const silentMs = nowMs - state.contactMs;
    if (silentMs <= limits.sessionTimeoutMs) return;
    evict(`no answer of the coordinator for ${Math.round(silentMs / 1000)} s`);
  };

  /** Watches the session even while a heartbeat waits for its answer. */
  const watch = async (): Promise<void> => {
    for (;;) {
      const untilMs = state.contactMs + limits.sessionTimeoutMs - clock.nowMs();
      await clock.sleep(Math.max(limits.heartbeatIntervalMs, untilMs + 1), stop.signal);
      checkExpiry();
    }
  };

  const live = async (): Promise<void> => {
    for (;;) {
      stop.signal.throwIfAborted();
      state.rejoinWhy = null;
      let joined = false;
      try {
        joined = await joinOnce(stop.signal);
      } catch (error) {
        await outage.failed(error, stop.signal);
      } finally {
        state.joiningMs = null;
      }
      if (!joined) continue;
      outage.recovered();
      await beat();
      options.onEvent({ kind: "rejoining", why: state.rejoinWhy ?? "" });
    }
  };

  /** Join and sync. False: try again at once. Errors: as `Outage.failed` takes them. */
  const joinOnce = async (signal: AbortSignal): Promise<boolean> => {
    const before = state.current;
    const subscription = await ports.subscription(signal);
    // Lanes may have been lost while topics were looked at.
    const owned = state.current === before ? subscription.owned : [];
    const ownedGeneration = state.current?.generationId ?? -1;
    const metadata = encodeSubscription({ ...subscription, owned, ownedGeneration });
    const doing = `join consumer group "${options.groupId}"`;
    const sentMs = clock.nowMs();
    state.joiningMs = sentMs;
    const answer = await withLimit(
      context,
      { ms: limits.rebalanceTimeoutMs + limits.farewellMsMax, doing, signal },
      (limited) =>
        group.join({
          memberId: state.memberId,
          sessionTimeoutMs: limits.sessionTimeoutMs,
          rebalanceTimeoutMs: limits.rebalanceTimeoutMs,
          protocol: protocolName,
          metadata,
        }, { signal: limited }),
    );
    if (answer.error !== null) return refusedJoin(answer, doing);
    state.memberId = answer.memberId;
    state.contactMs = clock.nowMs();
    return await syncOnce(answer, signal);
  };

  const refusedJoin = (answer: JoinAnswer, doing: string): boolean => {
    switch (answer.error) {
      case "MEMBER_ID_REQUIRED":
        state.memberId = answer.memberId;
        return false;
      case "UNKNOWN_MEMBER_ID":
      case "ILLEGAL_GENERATION":
      case "FENCED_INSTANCE_ID":
        state.memberId = "";
        evict(`the coordinator answered ${answer.error}`);
        return false;
      default:
        throw brokerError(doing, answer.error!);
    }
  };

  const syncOnce = async (answer: JoinAnswer, signal: AbortSignal): Promise<boolean> => {
    const { memberId, generationId } = answer;
    const doing = `learn the partitions from consumer group "${options.groupId}"`;
    const leader = answer.leaderId === memberId;
    const shares = leader ? await ports.assign(answer.members, signal) : [];
    const assignments = [...shares].map(([id, assignment]) => ({ memberId: id, assignment }));
    const sentMs = clock.nowMs();
    const synced = await withLimit(
      context,
      { ms: limits.rebalanceTimeoutMs, doing, signal },
      (limited) => group.sync({ memberId, generationId, assignments }, { signal: limited }),
    );
    switch (synced.error) {
      case null:
        break;
      case "REBALANCE_IN_PROGRESS":
        return false;
      case "UNKNOWN_MEMBER_ID":
      case "ILLEGAL_GENERATION":
      case "FENCED_INSTANCE_ID":
        state.memberId = "";
        evict(`the coordinator answered ${synced.error}`);
        return false;
      default:
        throw brokerError(doing, synced.error);
    }
    const assignment = parseAssignment(synced.assignment);
    if (assignment === null) {
      throw new CdcDeltaError("kafka", `Cannot ${doing}: the leader's answer is not readable`);
    }
    const before = state.current;
    const keepable = before !== null && before.memberId === memberId &&
      generationId === before.generationId + 1;
    state.current = { memberId, generationId };
    state.leader = leader;
    state.contactMs = sentMs;
    // What asked for this generation is done with; what came up since is looked at once more.
    state.rejoinWhy = null;
    ports.assigned(assignment, { memberId, generationId, leader, keepable });
    return true;
  };

  /** Heartbeats until there is a reason to join again. */
  const beat = async (): Promise<void> => {
    const doing = `send a heartbeat to consumer group "${options.groupId}"`;
    const ms = Math.min(10_000, Math.ceil(limits.sessionTimeoutMs / 3));
    let failures = 0;
    while (state.rejoinWhy === null) {
      await bell.wait(limits.heartbeatIntervalMs, stop.signal);
      stop.signal.throwIfAborted();
      checkExpiry();
      const member = state.current;
      if (member === null || state.rejoinWhy !== null) return;
      const sentMs = clock.nowMs();
      try {
        const { error } = await withLimit(
          context,
          { ms, doing, signal: stop.signal },
          (signal) => group.heartbeat(member, { signal }),
        );
        if (state.current !== member) return;
        if (error === null) {
          state.contactMs = sentMs;
          failures = 0;
          context.health.up(doing);
        } else judgeHeartbeat(error, doing);
      } catch (error) {
        stop.signal.throwIfAborted();
        if (!(error instanceof CdcDeltaError) || !error.retryable) throw error;
        // The session decides how long this may go on.
        context.health.down(doing, messageOf(error));
        failures += 1;
        const delayMs = limits.heartbeatIntervalMs;
        const { message } = error;
        options.onEvent({ kind: "retry", what: doing, attempt: failures, delayMs, error: message });
      }
    }
  };

  const judgeHeartbeat = (error: string, doing: string): void => {
    switch (error) {
      case "REBALANCE_IN_PROGRESS":
        state.contactMs = clock.nowMs();
        state.rejoinWhy = "the group shares its partitions anew";
        return;
      case "UNKNOWN_MEMBER_ID":
      case "ILLEGAL_GENERATION":
      case "FENCED_INSTANCE_ID":
        evict(`the coordinator answered ${error}`);
        return;
      default:
        throw brokerError(doing, error);
    }
  };

  return {
    start() {
      if (started) return;
      started = true;
      const ended = (error: unknown): void => {
        if (!stop.signal.aborted) ports.failed(error);
      };
      const watched = watch().catch(ended);
      done = Promise.all([live().catch(ended), watched]);
    },
    member: () => state.current,
    isLeader: () => state.leader,
    isJoining: () => state.joiningMs !== null,
    rejoin(why) {
      state.rejoinWhy ??= why;
      bell.ring();
    },
    refused(member, why) {
      // One that is joining anew hears of its next generation anyway.
      if (state.current === member && state.joiningMs === null) evict(why);
    },
    checkExpiry,
    async leave() {
      stop.abort(new CdcDeltaError("kafka", "The source is being closed"));
      await done;
      const { memberId } = state;
      state.current = null;
      if (memberId === "") return;
      const doing = `leave consumer group "${options.groupId}"`;
      const signal = new AbortController().signal;
      try {
        await withLimit(
          context,
          { ms: limits.farewellMsMax, doing, signal },
          (limited) => unlessAborted(group.leave(memberId, { signal: limited }), limited),
        );
        options.onEvent({ kind: "left" });
      } catch (error) {
        // Without a farewell the group learns of it by the session's end.
        options.onEvent({
          kind: "retry",
          what: doing,
          attempt: 1,
          delayMs: 0,
          error: messageOf(error),
        });
      }
    },
  };
}
