import type { FloorMark } from "./floor-mark.ts";
import type { DataLoss, StartReason } from "./kafka-source-event.ts";
import type { AutoOffsetReset, HeldPosition } from "./kafka-source-options.ts";

/** What is known of a partition before it is read. */
export type StartFacts = {
  readonly topic: string;
  readonly partition: number;
  /** Empty where the cluster has no topic ids. */
  readonly topicId: string;
  /** What the group holds; null: nothing. */
  readonly committed: CommittedFloor | null;
  /** Tables named by a valid mark → our watermark there; null: no table, or none in it. */
  readonly watermarks: ReadonlyMap<string, bigint | null>;
  /** What tables hold of it; asked only when there is no floor to rely on. */
  readonly held: HeldPosition | null;
  /** Where replays say that reading has to begin at the latest; null: nowhere. */
  readonly readFrom: bigint | null;
  /** The topic or the partition appeared after the pipeline began to read. */
  readonly appearedLater: boolean;
  /** We met an earlier topic of this name in this run. */
  readonly recreated: boolean;
  readonly autoOffsetReset: AutoOffsetReset;
  readonly logStart: bigint;
  readonly stableEnd: bigint;
};

export type CommittedFloor = { readonly offset: bigint; readonly mark: FloorMark | null };

export type FloorVerdict =
  | { readonly kind: "valid"; readonly nextOffset: bigint }
  | { readonly kind: "none" }
  | { readonly kind: "foreign"; readonly offset: bigint; readonly ours: bigint | null }
  | { readonly kind: "recreated" }
  | { readonly kind: "table-changed"; readonly table: string };

/** Where to start, and what was lost before it; `refuse`: `autoOffsetReset` is `none`. */
export type StartDecision =
  | {
    readonly kind: "start";
    readonly at: bigint;
    readonly why: StartReason;
    readonly verdict: FloorVerdict;
    /** Records that were never read and are gone; the caller decides whether that is an error. */
    readonly loss: DataLoss | null;
  }
  | { readonly kind: "refuse" };

/** Whether the group's offset is a floor of ours that still means what it did. */
export function judgeFloor(
  facts: Pick<StartFacts, "committed" | "topicId"> & {
    /** As in `StartFacts`; null: tables do not count. */
    readonly watermarks: StartFacts["watermarks"] | null;
  },
): FloorVerdict {
  const { committed, topicId, watermarks } = facts;
  if (committed === null) return { kind: "none" };
  const { offset, mark } = committed;
  if (mark === null) return { kind: "foreign", offset, ours: null };
  if (mark.topicId !== "" && topicId !== "" && mark.topicId !== topicId) {
    return { kind: "recreated" };
  }
  if (mark.nextOffset !== offset) return { kind: "foreign", offset, ours: mark.nextOffset };
  const changed = watermarks === null ? undefined : mark.tables.find((table) => {
    const watermark = watermarks.get(table.key) ?? null;
    return watermark === null || watermark < table.offset;
  });
  if (changed !== undefined) return { kind: "table-changed", table: changed.key };
  return { kind: "valid", nextOffset: offset };
}

/** Decides where a partition starts. Pure: everything was looked up before. */
export function decideStart(facts: StartFacts): StartDecision {
  const verdict = judgeFloor(facts);
  const start = (at: bigint, why: StartReason, loss: DataLoss | null = null): StartDecision => ({
    kind: "start",
    at,
    why,
    verdict,
    loss,
  });
  const { logStart, stableEnd } = facts;
  switch (verdict.kind) {
    case "valid":
      if (facts.readFrom !== null && facts.readFrom < verdict.nextOffset) {
        return startAt(facts, facts.readFrom, "replay", start);
      }
      return startAt(facts, verdict.nextOffset, "floor", start);
    case "recreated":
      return start(logStart, "topic-recreated");
    case "table-changed":
      return start(logStart, "table-changed");
    case "foreign":
    case "none":
      break;
  }
  if (facts.recreated) return start(logStart, "topic-recreated");
  if (facts.held !== null) {
    const loss = lossAfterTables(facts, facts.held);
    if (facts.held.offset === null) return start(logStart, "topic-recreated");
    return start(
      logStart,
      verdict.kind === "foreign" ? "foreign-reset" : "tables-without-floor",
      loss,
    );
  }
  // Somebody was here before, maybe we: what lies behind that offset must not be left out.
  if (verdict.kind === "foreign") return start(logStart, "foreign-reset");
  if (facts.appearedLater) return start(logStart, "appeared-later");
  switch (facts.autoOffsetReset) {
    case "earliest":
      return start(logStart, "earliest");
    case "latest":
      return start(stableEnd, "latest");
    case "none":
      return { kind: "refuse" };
  }
}

function startAt(
  { topic, partition, logStart, stableEnd }: StartFacts,
  floor: bigint,
  why: StartReason,
  start: (at: bigint, why: StartReason, loss?: DataLoss) => StartDecision,
): StartDecision {
  const gone = { topic, partition, expected: floor, available: logStart };
  if (floor < logStart) {
    return start(logStart, "data-loss", { ...gone, cause: "removed", lost: logStart - floor });
  }
  if (floor > stableEnd) {
    return start(logStart, "data-loss", { ...gone, cause: "truncated", lost: floor - stableEnd });
  }
  return start(floor, why);
}

/**
 * Without a floor the highest watermark tells up to where records were certainly read. A log that
 * ends before it was truncated, or made anew on a cluster without topic ids: its records up to there
 * would be taken for those that the tables have.
 */
function lossAfterTables(
  { topic, partition, logStart, stableEnd }: StartFacts,
  { offset }: HeldPosition,
): DataLoss | null {
  if (offset === null || offset < 0n) return null;
  const expected = offset + 1n;
  const gone = { topic, partition, expected, available: logStart };
  if (logStart > expected) return { ...gone, cause: "removed", lost: logStart - expected };
  if (stableEnd < expected) return { ...gone, cause: "truncated", lost: expected - stableEnd };
  return null;
}
