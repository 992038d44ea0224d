import type { Engine } from "../../delta/engine.ts";
import type { AddFile } from "../../delta/log/actions.ts";
import { openVersion } from "../../delta/log/snapshot.ts";
import { requireTableState, type TableState } from "../../delta/log/table-state.ts";
import { planRestore } from "../../delta/operations/restore.ts";
import { diffVersions } from "../../delta/operations/version-diff.ts";
import { CdcDeltaError } from "../../errors.ts";
import type { TableKey, TableWatermark } from "../encode/encode-job.ts";
import type { KafkaClient } from "../kafka/kafka-client.ts";
import { partitionName, type PositionOwner, watermarksOf } from "../position/watermark.ts";
import { decideReplay } from "./decide-replay.ts";
import { type KafkaFacts, loadKafkaFacts, offsetsAtTime } from "./kafka-facts.ts";
import type { FileAmount, TableFacts, TableReplay } from "./replay-plan.ts";
import { type Offsets, offsetsOf, type ReplayPoint } from "./replay-range.ts";
import { countRows } from "./row-counts.ts";
import { findUndoneCommits } from "./undone-commits.ts";
import { findVersionBefore, isBefore, type ReplayBase } from "./version-before.ts";

/** A table that may be concerned. */
export type ReplayTable = {
  /** Null: it was found in a folder, and its collection is not known. */
  readonly key: TableKey | null;
  readonly uri: string;
  readonly engine: Engine;
};

export type ReplayQuestion = {
  readonly client: KafkaClient;
  readonly groupId: string;
  readonly pipelineId: string;
  readonly tables: readonly ReplayTable[];
  readonly from: ReplayPoint;
  readonly to: ReplayPoint | null;
  readonly signal: AbortSignal;
};

/** A table of the answer, and how it is reached. */
export type PlannedTable = { readonly table: ReplayTable; readonly replay: TableReplay };

export type ReplayPlan = {
  /** Tables that the range touches. */
  readonly tables: readonly PlannedTable[];
  readonly kafka: KafkaFacts;
};

type Opened = { readonly table: ReplayTable; readonly newest: TableState };

/**
 * Looks at tables and Kafka, and decides what a replay would do. Writes nothing. Errors: `usage`,
 * `data-loss` and `source-replaced` for partitions that cannot be meant; `kafka`; those of opening
 * tables and their versions.
 */
export async function planReplay(question: ReplayQuestion): Promise<ReplayPlan> {
  const { client, groupId, signal, pipelineId, from, to } = question;
  const owner: PositionOwner = { pipelineId, adopt: false };
  const opened: Opened[] = [];
  const topics = new Set<string>();
  for (const table of question.tables) {
    const newest = await requireTableState(table.engine, { signal });
    const own = watermarksOf(newest.transactions, owner);
    for (const { topic } of own) if (topic !== "") topics.add(topic);
    opened.push({ table, newest });
  }
  const kafka = await loadKafkaFacts(client, groupId, topics, { signal });
  checkNamed(
    from,
    opened.map(({ newest }) => watermarksOf(newest.transactions, owner)).flat(),
    kafka,
  );
  const starts = from.kind === "version" ? new Map() : await offsetsAt(question, kafka, from);
  const tables: PlannedTable[] = [];
  for (const one of opened) {
    const { table, newest } = one;
    const base = from.kind === "version"
      ? await versionBase(one, from.version, signal)
      : isBefore(newest.transactions, owner, starts)
      ? null
      : await findVersionBefore(table.engine, newest, { owner, starts, signal });
    if (base === null) continue;
    const ends = to === null ? null : await endsOf(question, kafka, table, to);
    const facts = await loadTableFacts(one, base, { owner, signal });
    const request = { starts, ends, pipelineId };
    tables.push({ table, replay: decideReplay({ table: facts, kafka, request }) });
  }
  return { tables, kafka };
}

/** Named partitions feed some table, and are those that they were. Errors: `usage`, `data-loss`, `source-replaced`. */
function checkNamed(
  from: ReplayPoint,
  held: readonly TableWatermark[],
  { topics }: KafkaFacts,
): void {
  if (from.kind !== "offsets") return;
  for (const { topic, partition } of from.offsets) {
    const context = { topic, partition };
    const fed = held.filter((one) => one.topic === topic);
    if (fed.length === 0) {
      throw new CdcDeltaError(
        "usage",
        `Cannot replay topic "${topic}": no table has rows of it. Check the name (of the topic, ` +
          "not the collection), the consumer group and the base path. What a replay took out that " +
          "was ended, cdcdelta run reads again first",
        { context },
      );
    }
    const known = topics.get(topic);
    if (known === undefined || partition >= known.partitions) {
      const what = known === undefined ? "the topic" : `partition ${partition}`;
      throw new CdcDeltaError(
        "data-loss",
        `Cannot replay topic "${topic}": ${what} is not in Kafka (any more)`,
        { context },
      );
    }
    const same = fed.some(({ identity }) => identity === known.topicId);
    if (same) continue;
    throw new CdcDeltaError(
      "source-replaced",
      `Cannot replay topic "${topic}": it was deleted and made anew, so that offsets mean other ` +
        `records. The tables' rows are of the one with id ${fed[0]!.identity}, Kafka has ` +
        known.topicId,
      { context },
    );
  }
}

/** Offsets that a point means, by partition. */
async function offsetsAt(
  { client, signal }: ReplayQuestion,
  kafka: KafkaFacts,
  point: Exclude<ReplayPoint, { kind: "version" }>,
): Promise<Offsets> {
  switch (point.kind) {
    case "timestamp":
      return await offsetsAtTime(client, kafka, point.timestampMs, { signal });
    case "offsets": {
      const ids = new Map([...kafka.topics].map(([topic, { topicId }]) => [topic, topicId]));
      return offsetsOf(point.offsets, ids);
    }
  }
}

/** Where the range ends; a version's rows belong to it. */
async function endsOf(
  question: ReplayQuestion,
  kafka: KafkaFacts,
  { engine }: ReplayTable,
  to: ReplayPoint,
): Promise<Offsets> {
  if (to.kind !== "version") return await offsetsAt(question, kafka, to);
  const { signal, pipelineId } = question;
  const at = { kind: "version", version: to.version } as const;
  const { state } = await openVersion(engine, { at, signal });
  const own = watermarksOf(state.transactions, { pipelineId, adopt: false });
  return new Map(own.map((one) => [partitionName(one), one.offset + 1n]));
}

/** Null: it is the newest one, after which nothing follows. */
async function versionBase(
  { table, newest }: Opened,
  version: number,
  signal: AbortSignal,
): Promise<ReplayBase | null> {
  if (version === newest.version) return null;
  const { state } = await openVersion(table.engine, { at: { kind: "version", version }, signal });
  return { kind: "version", state };
}

async function loadTableFacts(
  { table, newest }: Opened,
  base: ReplayBase,
  { owner, signal }: { readonly owner: PositionOwner; readonly signal: AbortSignal },
): Promise<TableFacts> {
  const { key, uri, engine } = table;
  const none: FileAmount = { files: 0, bytes: 0 };
  const nothing = { leaving: none, returning: none, restoreRefused: null, rows: [] };
  const known = { key, uri, newest, base };
  if (base.kind === "unreachable") return { ...known, ...nothing, undone: [] };
  const after = base.kind === "version" ? base.state.version : -1;
  const undone = await findUndoneCommits(engine, { after, to: newest.version, signal });
  const files = await filesOf(table, base, signal);
  const kept = new Map(
    (base.kind === "version"
      ? watermarksOf(base.state.transactions, { ...owner, adopt: true })
      : [])
      .map((one) => [`${one.partition} ${one.topic}`, one.offset]),
  );
  const rows = await countRows(engine, newest, files.leavingFiles(), {
    signal,
    counts: (topic, partition, offset) => offset > (kept.get(`${partition} ${topic}`) ?? -1n),
  });
  return {
    ...known,
    undone,
    rows,
    restoreRefused: files.refused,
    leaving: files.leaving,
    returning: files.returning,
  };
}

type FilesMoved = {
  readonly leaving: FileAmount;
  readonly returning: FileAmount;
  readonly leavingFiles: () => AsyncIterable<AddFile>;
  /** Why the version cannot come back, naming files that are gone; null: it can. */
  readonly refused: string | null;
};

/** The files that go and come, or would if it were possible. */
async function filesOf(
  { engine }: ReplayTable,
  base: Exclude<ReplayBase, { kind: "unreachable" }>,
  signal: AbortSignal,
): Promise<FilesMoved> {
  if (base.kind === "empty") return await allFiles(engine, signal);
  const at = { kind: "version", version: base.state.version } as const;
  try {
    const { diff: { leaving, returning, leavingFiles } } = await planRestore(engine, {
      at,
      signal,
    });
    return { leaving, returning, leavingFiles, refused: null };
  } catch (error) {
    const vacuumed = error instanceof CdcDeltaError && error.code === "not-found" &&
      error.context["missing"] !== undefined;
    const forbidden = error instanceof CdcDeltaError && error.code === "usage";
    if (!vacuumed && !forbidden) throw error;
    const from = await openVersion(engine, { signal });
    const to = await openVersion(engine, { at, signal });
    const { leaving, returning, leavingFiles } = await diffVersions(engine, { from, to }, {
      signal,
    });
    return { leaving, returning, leavingFiles, refused: error.message };
  }
}

async function allFiles(engine: Engine, signal: AbortSignal): Promise<FilesMoved> {
  const version = await openVersion(engine, { signal });
  const leavingFiles = async function* (): AsyncGenerator<AddFile> {
    for await (const { adds } of version.files({ signal })) yield* adds;
  };
  let [files, bytes] = [0, 0];
  for await (const { size } of leavingFiles()) {
    files += 1;
    bytes += size;
  }
  const leaving = { files, bytes };
  return { leaving, returning: { files: 0, bytes: 0 }, leavingFiles, refused: null };
}
