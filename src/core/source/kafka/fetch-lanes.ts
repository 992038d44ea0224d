import { fullFetchesMax } from "../../../limits.ts";
import type { FetchedPartition, TopicPartition } from "../../kafka/kafka-client.ts";
import { brokerError } from "./broker-error.ts";
import { dataLossError } from "./data-loss.ts";
import { addLane, loseLane } from "./lane-set.ts";
import type { LaneState } from "./lane-state.ts";
import { createOutage } from "./outage.ts";
import { refreshTopics } from "./refresh-topics.ts";
import {
  type BrokerState,
  inBackground,
  type Queued,
  type Session,
  type SourceState,
} from "./source-state.ts";
import { splitBatches } from "./split-batches.ts";
import { readEnds } from "./start-lanes.ts";

/**
 * Fetches from every broker that leads lanes of ours, unless one of its answers waits for the
 * consumer: so at most one answer a broker is held, whatever the consumer does.
 */
export function scheduleFetches(state: SourceState): void {
  const { session } = state;
  if (session === null || session.abort.signal.aborted) return;
  const byLeader = new Map<number, LaneState[]>();
  for (const lane of state.lanes.values()) {
    if (lane.phase !== "reading") continue;
    if (lane.leader < 0) {
      holdUp(state, session, lane, brokerError(`read ${lane.lane}`, "LEADER_NOT_AVAILABLE"));
      continue;
    }
    const others = byLeader.get(lane.leader);
    if (others === undefined) byLeader.set(lane.leader, [lane]);
    else others.push(lane);
  }
  for (const [nodeId, outage] of state.fetchOutages) {
    // One that leads nothing of ours any more is not missed.
    const busy = session.brokers.get(nodeId)?.busy === true;
    if (!busy && !byLeader.has(nodeId)) outage.recovered();
  }
  const waiting = new Set(session.queue.map((one) => one.broker));
  for (const [nodeId, lanes] of byLeader) {
    const broker = brokerOf(state, session, nodeId);
    if (broker.busy || waiting.has(broker)) continue;
    broker.busy = true;
    const share = Math.min(1, fullFetchesMax / byLeader.size);
    const bytesMax = Math.ceil(state.context.limits.fetchBytesMax * share);
    inBackground(state, session, () => fetchFrom(state, session, { broker, lanes, bytesMax }));
  }
}

function brokerOf(state: SourceState, session: Session, nodeId: number): BrokerState {
  const known = session.brokers.get(nodeId);
  if (known !== undefined) return known;
  const outage = state.fetchOutages.get(nodeId) ??
    createOutage(state.context, `fetch from broker ${nodeId}`);
  state.fetchOutages.set(nodeId, outage);
  const made: BrokerState = { nodeId, outage, busy: false, quiet: false };
  session.brokers.set(nodeId, made);
  return made;
}

async function fetchFrom(
  state: SourceState,
  session: Session,
  { broker, lanes, bytesMax }: {
    readonly broker: BrokerState;
    readonly lanes: readonly LaneState[];
    readonly bytesMax: number;
  },
): Promise<void> {
  const { limits, options } = state.context;
  const { signal } = session.abort;
  // The ones served longest ago come first, since answers are filled in this order.
  const turn = [...lanes].sort((a, b) => a.servedAt - b.servedAt);
  const asked = new Map(turn.map((lane) => [lane, lane.fetchOffset]));
  try {
    const answers = await options.client.fetch({
      nodeId: broker.nodeId,
      partitions: turn.map(({ topic, topicId, partition, fetchOffset }) => ({
        topic,
        topicId,
        partition,
        fetchOffset,
        bytesMax: limits.partitionBytesMax,
      })),
      bytesMax,
      bytesMin: 1,
      waitMsMax: limits.fetchWaitMsMax,
    }, { signal });
    if (signal.aborted) return;
    broker.outage.recovered();
    const before = session.queue.length;
    const found = new Map(answers.map((one) => [nameOf(one), one]));
    for (const [lane, offset] of asked) {
      const answer = found.get(nameOf(lane));
      if (answer === undefined || lane.phase !== "reading" || lane.fetchOffset !== offset) continue;
      takeAnswer(state, session, broker, lane, answer);
    }
    broker.quiet = session.queue.length === before;
    state.bell.ring();
  } catch (error) {
    await broker.outage.failed(error, signal);
    await refreshTopics(state, signal);
  } finally {
    broker.busy = false;
  }
  scheduleFetches(state);
}

/**
 * A byte that is fetched lies in the chunk of the socket, in the whole answer, and in what is held of
 * it. Collectors notice none of them in time.
 */
const litterRatio = 3;

function takeAnswer(
  state: SourceState,
  session: Session,
  broker: BrokerState,
  lane: LaneState,
  answer: FetchedPartition,
): void {
  if (answer.error === "OFFSET_OUT_OF_RANGE") {
    lane.phase = "held-up";
    inBackground(state, session, () => findWayBack(state, session, lane));
    return;
  }
  if (answer.error !== null) {
    holdUp(state, session, lane, brokerError(`read ${lane.lane}`, answer.error));
    return;
  }
  lane.outage.recovered();
  lane.endOffset = answer.lastStableOffset;
  const { limits } = state.context;
  const push = (one: Queued): void => {
    session.queue.push({ ...one, broker });
  };
  const reached = (): boolean => lane.target !== null && lane.fetchOffset >= lane.target;
  const pieces = answer.data.flatMap((data) => splitBatches(data, limits));
  for (const data of pieces) {
    if (reached()) break;
    push({ kind: "records", lane, data });
    lane.fetchOffset = data.nextOffset;
    state.bytesRead += data.bytes.length;
    state.litter.left(litterRatio * data.bytes.length);
    lane.servedAt = ++state.served;
  }
  if (!reached() && answer.nextOffset > lane.fetchOffset) {
    push({ kind: "position", lane, nextOffset: answer.nextOffset });
    lane.fetchOffset = answer.nextOffset;
  }
  endIfReached(state, session, lane);
}

function nameOf({ topic, partition }: TopicPartition): string {
  return `${partition} ${topic}`;
}

/** With `until-latest`: a lane ends where its log ended at first, markers included. */
export function endIfReached(state: SourceState, session: Session, lane: LaneState): void {
  if (lane.phase !== "reading" || lane.target === null || lane.fetchOffset < lane.target) return;
  lane.phase = "ended";
  session.queue.push({ kind: "lane-end", lane, broker: null });
  state.bell.ring();
}

/** The partition cannot be read just now: it is tried again later, maybe at another broker. */
function holdUp(state: SourceState, session: Session, lane: LaneState, error: unknown): void {
  lane.phase = "held-up";
  inBackground(state, session, async () => {
    const { signal } = session.abort;
    await lane.outage.failed(error, signal);
    await refreshTopics(state, signal);
    if (lane.phase === "held-up") lane.phase = "reading";
    scheduleFetches(state);
  });
}

/** The broker does not have the offset: told with numbers, never jumped over without a word. */
async function findWayBack(
  state: SourceState,
  session: Session,
  lane: LaneState,
): Promise<void> {
  const { signal } = session.abort;
  const { failOnDataLoss, onEvent } = state.context.options;
  const doing = `read ${lane.lane} at offset ${lane.fetchOffset}`;
  for (;;) {
    await refreshTopics(state, signal);
    if (lane.phase !== "held-up") return;
    const ends = (await readEnds(state, [lane], signal).catch((error: unknown) =>
      lane.outage.failed(error, signal)
    ))?.get(lane);
    if (lane.phase !== "held-up") {
      return;
    }
    if (ends === undefined) {
      continue;
    }
    if (!("logStart" in ends)) {
      await lane.outage.failed(ends, signal);
      continue;
    }
    const { topic, partition, fetchOffset } = lane;
    const { logStart, stableEnd } = ends;
    const removed = fetchOffset < logStart;
    if (!removed && fetchOffset <= stableEnd) {
      await lane.outage.failed(brokerError(doing, "OFFSET_OUT_OF_RANGE"), signal);
      if (lane.phase !== "held-up") {
        return;
      }
      lane.phase = "reading";
      break;
    }
    const loss = {
      cause: removed ? "removed" as const : "truncated" as const,
      topic,
      partition,
      expected: fetchOffset,
      available: logStart,
      lost: removed ? logStart - fetchOffset : fetchOffset - stableEnd,
    };
    if (failOnDataLoss) {
      throw dataLossError(loss);
    }
    onEvent({ kind: "data-loss", loss });
    if (removed) {
      session.queue.push({ kind: "position", lane, nextOffset: logStart, broker: null });
      lane.fetchOffset = logStart;
      lane.phase = "reading";
      state.bell.ring();
    } else {
      // Offsets go back: for the consumer it is as if the lane had been given to us anew.
      loseLane(state, lane);
      addLane(state, lane, lane);
      state.startNew();
    }
    break;
  }
  scheduleFetches(state);
}
