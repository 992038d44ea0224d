import type { Engine } from "../../delta/engine.ts";
import { loadTableState } from "../../delta/log/table-state.ts";
import { CdcDeltaError } from "../../errors.ts";
import type { PartitionId, TableKey } from "../encode/encode-job.ts";
import { partitionName, type Transactions, watermarkOf } from "../position/watermark.ts";
import type { ReadRange } from "../source/kafka/kafka-source-options.ts";
import { nameOf } from "../source/kafka/run-ends.ts";
import type { ShadowRange } from "./plan-shadow.ts";
import type { Offsets } from "./replay-range.ts";

/** The property of a shadow table that tells what it is a shadow of, and where it was begun. */
export const shadowProperty = "cdcdelta.replay";

/** Whose positions a shadow table holds: nobody else writes under this name. */
export function shadowPipeline(pipelineId: string): string {
  return `${pipelineId}/replay`;
}

/** What a shadow is made of; the same text means the same shadow. */
export type ShadowOrigin = {
  readonly pipelineId: string;
  readonly key: TableKey;
  /** The range's begin as it was asked for. */
  readonly from: string;
};

/** What is there of a shadow. */
export type ShadowState = {
  readonly begun: Offsets;
  readonly transactions: Transactions;
};

/** The property of a new shadow. Pure. */
export function shadowText(
  { pipelineId, key, from }: ShadowOrigin,
  ranges: readonly ShadowRange[],
): string {
  const starts = ranges.map((one): [string, string] => [partitionName(one), String(one.start)]);
  return JSON.stringify({ pipeline: pipelineId, collection: key, from, starts });
}

/**
 * Looks at the place of a shadow; null: there is no table. Errors: `usage` when what is there is no
 * shadow, or one of another range.
 */
export async function loadShadow(
  engine: Engine,
  origin: ShadowOrigin,
  { signal }: { readonly signal: AbortSignal },
): Promise<ShadowState | null> {
  const state = await loadTableState(engine, { signal });
  if (state === null) return null;
  const { uri } = engine.store;
  const known = parseShadow(state.metadata.configuration[shadowProperty]);
  const { pipelineId, key, from } = origin;
  const same = known !== null && known.pipeline === pipelineId && known.collection === key &&
    known.from === from;
  if (same) return { begun: known.starts, transactions: state.transactions };
  throw new CdcDeltaError(
    "usage",
    known === null
      ? `Cannot replay into ${uri}: there is a table that no replay has made. Name another place`
      : `Cannot replay into ${uri}: the shadow table there is of ${known.collection} from ` +
        `${known.from}, not of ${key} from ${from}. Name another place, or delete it`,
    { context: { table: uri } },
  );
}

/** Where reading goes on: behind what the shadow has. Pure. */
export function goOnAt(
  range: ShadowRange,
  shadow: ShadowState | null,
  pipelineId: string,
): bigint {
  if (shadow === null) return range.start;
  const id: PartitionId = range;
  const owner = { pipelineId: shadowPipeline(pipelineId), adopt: false };
  const held = watermarkOf(shadow.transactions, owner, id);
  return held === null || held.offset < range.start ? range.start : held.offset + 1n;
}

/** What a source reads for a shadow. Pure. */
export function rangesOf(ranges: readonly ShadowRange[]): ReadonlyMap<string, ReadRange> {
  return new Map(
    ranges.filter(({ start, end }) => start < end)
      .map(({ topic, partition, identity: topicId, start, end }) => [
        nameOf({ topic, partition }),
        { topicId, start, end },
      ]),
  );
}

type Known = {
  readonly pipeline: string;
  readonly collection: string;
  readonly from: string;
  readonly starts: Offsets;
};

function parseShadow(text: string | undefined): Known | null {
  let value: unknown;
  try {
    value = JSON.parse(text ?? "");
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null) return null;
  const { pipeline, collection, from, starts } = value as Record<string, unknown>;
  if (typeof pipeline !== "string" || typeof collection !== "string") return null;
  if (typeof from !== "string" || !Array.isArray(starts)) return null;
  const offsets = new Map<string, bigint>();
  for (const one of starts as unknown[]) {
    if (!Array.isArray(one)) return null;
    const [name, offset] = one as unknown[];
    if (typeof name !== "string" || typeof offset !== "string" || !/^\d+$/.test(offset)) {
      return null;
    }
    offsets.set(name, BigInt(offset));
  }
  return { pipeline, collection, from, starts: offsets };
}
