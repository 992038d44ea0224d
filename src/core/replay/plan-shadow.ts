import { openVersion } from "../../delta/log/snapshot.ts";
import { requireTableState, type TableState } from "../../delta/log/table-state.ts";
import type { PartitionId } from "../encode/encode-job.ts";
import { partitionName, watermarksOf } from "../position/watermark.ts";
import { type KafkaFacts, loadKafkaFacts, offsetsAtTime } from "./kafka-facts.ts";
import type { ReplayQuestion, ReplayTable } from "./load-replay.ts";
import { type Offsets, offsetsOf, placeText, type ReplayPoint } from "./replay-range.ts";

/** What is read of one partition: from `start` to before `end`. */
export type ShadowRange = PartitionId & { readonly start: bigint; readonly end: bigint };

export type ShadowPlan = {
  readonly table: ReplayTable;
  readonly ranges: readonly ShadowRange[];
  /** Reasons in full sentences; none: it can be done. */
  readonly refusals: readonly string[];
};

export type ShadowQuestion = Omit<ReplayQuestion, "tables"> & {
  readonly table: ReplayTable;
  /** Where the shadow was begun from; it goes on from there. Null: it is not there yet. */
  readonly begun: Offsets | null;
};

/** Looks up what of Kafka a shadow table would be made of. Errors: `kafka`, those of the table. */
export async function planShadow(question: ShadowQuestion): Promise<ShadowPlan> {
  const { table, client, groupId, pipelineId, from, to, begun, signal } = question;
  const newest = await requireTableState(table.engine, { signal });
  const own = watermarksOf(newest.transactions, { pipelineId, adopt: false });
  const topics = new Set(own.map(({ topic }) => topic).filter((topic) => topic !== ""));
  const kafka = await loadKafkaFacts(client, groupId, topics, { signal });
  const starts = begun ?? await pointOffsets(question, kafka, newest, from, "start");
  const ends = to === null ? null : await pointOffsets(question, kafka, newest, to, "end");
  const ranges = [...kafka.logs.values()].flatMap((log): ShadowRange[] => {
    const name = partitionName(log);
    const start = starts.get(name);
    if (start === undefined) return [];
    const { topic, partition, identity, stableEnd } = log;
    const asked = ends?.get(name) ?? stableEnd;
    const end = asked < stableEnd ? asked : stableEnd;
    return [{ topic, partition, identity, start, end: end > start ? end : start }];
  });
  return { table, ranges, refusals: refusalsOf(question, kafka, ranges, own) };
}

/** Offsets that a point means; a version's rows end with it, and the range begins behind them. */
async function pointOffsets(
  { client, table, pipelineId, signal }: ShadowQuestion,
  kafka: KafkaFacts,
  newest: TableState,
  point: ReplayPoint,
  side: "start" | "end",
): Promise<Offsets> {
  switch (point.kind) {
    case "timestamp":
      return await offsetsAtTime(client, kafka, point.timestampMs, { signal });
    case "offsets": {
      const ids = new Map([...kafka.topics].map(([topic, { topicId }]) => [topic, topicId]));
      return offsetsOf(point.offsets, ids);
    }
    case "version": {
      const at = { kind: "version", version: point.version } as const;
      const { state } = point.version === newest.version
        ? { state: newest }
        : await openVersion(table.engine, { at, signal });
      const owner = { pipelineId, adopt: false };
      const held = new Map(
        watermarksOf(state.transactions, owner).map((one) => [partitionName(one), one.offset]),
      );
      return new Map([...kafka.logs].map(([name, { logStart }]): [string, bigint] => {
        const offset = held.get(name);
        if (offset !== undefined) return [name, offset + 1n];
        return [name, side === "start" ? logStart : 0n];
      }));
    }
  }
}

function refusalsOf(
  { from, table, pipelineId, begun }: ShadowQuestion,
  { topics, logs }: KafkaFacts,
  ranges: readonly ShadowRange[],
  own: readonly PartitionId[],
): string[] {
  const refusals: string[] = [];
  if (own.length === 0) {
    refusals.push(`${table.uri} holds no positions of pipeline "${pipelineId}"`);
  }
  const fed = new Set(own.map(({ topic }) => topic));
  for (const one of from.kind === "offsets" ? from.offsets : []) {
    if (ranges.some(({ topic, partition }) => topic === one.topic && partition === one.partition)) {
      continue;
    }
    refusals.push(
      !fed.has(one.topic)
        ? `topic "${one.topic}" does not feed ${table.uri}`
        : topics.has(one.topic)
        ? `there is no ${placeText(one)} in Kafka`
        : `topic "${one.topic}" is not in Kafka any more`,
    );
  }
  for (const one of ranges) {
    const { logStart } = logs.get(partitionName(one))!;
    if (one.start >= logStart || one.start === one.end) continue;
    refusals.push(
      `Kafka no longer has the range: ${placeText(one)} begins at offset ${logStart} by now, ` +
        `needed is ${one.start} (${logStart - one.start} fewer)`,
    );
  }
  if (ranges.length === 0 && refusals.length === 0 && begun === null) {
    refusals.push("no partition of Kafka is in the range");
  }
  return refusals;
}
