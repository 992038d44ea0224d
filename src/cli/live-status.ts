import type { LaneProgress } from "../core/source/source.ts";
import { counted } from "./output/counted.ts";
import type { NotReady } from "./watch/readiness.ts";
import type { ProgressFacts } from "./progress.ts";

/** How a run on Kafka stands, beside what it has done. */
export type LiveFacts = {
  readonly lanes: readonly LaneProgress[];
  readonly heldBytes: number;
  readonly heldBytesMax: number;
  readonly notReady: readonly NotReady[];
  /** Partitions that others have to commit before a run `--until-latest` can end. */
  readonly waitsFor: number;
};

/** `12,000 events  3,400/s  lag 120  2 tables  last commit shop.orders v12 · reading`. Pure. */
export function liveLine(progress: ProgressFacts, live: LiveFacts, columns: number): string {
  const group = (count: number | bigint): string => count.toLocaleString("en-US");
  const lag = lagOf(live.lanes);
  const facts = [
    `${group(progress.records)} events`,
    `${group(progress.perSecond)}/s`,
    lag === null ? "lag ?" : `lag ${group(lag)}`,
    `${progress.tables} ${progress.tables === 1 ? "table" : "tables"}`,
    `last commit ${progress.lastCommit}`,
  ].join("  ");
  const line = `${facts} · ${waitsFor(live, lag)}`;
  return line.length < columns ? line : `${line.slice(0, Math.max(0, columns - 2))}…`;
}

/** What the run waits for, or does. */
function waitsFor(
  { notReady, lanes, heldBytes, heldBytesMax, waitsFor }: LiveFacts,
  lag: bigint | null,
): string {
  const [reason] = notReady;
  switch (reason?.part) {
    case "kafka":
      return `waiting for Kafka: ${reason.why}`;
    case "group":
      return `waiting for the group: ${reason.why}`;
    case "store":
      return `waiting for the store: ${reason.why}`;
    case "process":
      return `${reason.why}: committing what was read`;
    case undefined:
      break;
  }
  const allRead = lag === null || lag === 0n;
  if (waitsFor > 0 && allRead && heldBytes === 0) {
    return `waiting for others of the group to commit ${counted(waitsFor, "partition")}`;
  }
  if (lanes.length === 0) return "waiting for topics";
  if (heldBytes >= heldBytesMax) return "waiting for commits: the memory budget is full";
  if (lag !== 0n) return "reading";
  return heldBytes > 0 ? "gathering rows for the next commit" : "waiting for events";
}

/** Offsets between what was read and the ends; null as long as no end is known. */
function lagOf(lanes: readonly LaneProgress[]): bigint | null {
  let lag: bigint | null = null;
  for (const { nextOffset, endOffset } of lanes) {
    if (endOffset === null) continue;
    lag = (lag ?? 0n) + (endOffset > nextOffset ? endOffset - nextOffset : 0n);
  }
  return lag;
}
