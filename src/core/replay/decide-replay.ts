import type { PartitionId, TableWatermark } from "../encode/encode-job.ts";
import { parseAppId } from "../position/app-id.ts";
import { partitionName, type Transactions, watermarksOf } from "../position/watermark.ts";
import { positionBefore } from "./position-before.ts";
import type { KafkaFacts, LogFacts } from "./kafka-facts.ts";
import type {
  DecideTable,
  PartitionReplay,
  ReplayRequest,
  TableFacts,
  TableReplay,
} from "./replay-plan.ts";
import { placeText } from "./replay-range.ts";
import type { RowCount } from "./row-counts.ts";

/** Named in one sentence at most. */
const namedMax = 5;

/** What a replay does to a table, and every reason that forbids it. Pure. */
export function decideReplay({ table, kafka, request }: DecideTable): TableReplay {
  const { key, uri, newest, base, leaving, returning } = table;
  const owner = { pipelineId: request.pipelineId, adopt: false };
  const before: Transactions = base.kind === "version" ? base.state.transactions : new Map();
  const held = (one: PartitionId): bigint | null => positionBefore(before, one, request.pipelineId);
  const moved = watermarksOf(newest.transactions, owner)
    .filter((one) => held(one) !== one.offset);
  const refusals = [
    ...tableRefusals(table, request),
    ...foreignRefusals(table, before, request),
  ];
  const partitions: PartitionReplay[] = [];
  for (const was of moved) {
    const log = kafka.logs.get(partitionName(was));
    if (log === undefined) {
      refusals.push(absentText(was, kafka));
      continue;
    }
    const becomes = held(was);
    const rows = table.rows.find((one) =>
      one.topic === was.topic && one.partition === was.partition
    );
    const from = startOf(log, { becomes, rows, asked: request.starts.get(partitionName(was)) });
    const { topic, partition, identity, offset } = was;
    partitions.push({
      topic,
      partition,
      identity,
      from,
      was: offset,
      becomes,
      rows: rows?.rows ?? 0,
    });
    refusals.push(...logRefusals(log, was, { rows, request }));
  }
  if (moved.length === 0 && refusals.length === 0) {
    refusals.push(
      "nothing was written from Kafka since that version; what the table has not yet, cdcdelta run " +
        "reads",
    );
  }
  return {
    key,
    uri,
    newestVersion: newest.version,
    version: base.kind === "version" ? base.state.version : null,
    known: base.kind !== "unreachable",
    leaving,
    returning,
    partitions,
    refusals,
  };
}

/** What of the table itself forbids it. */
function tableRefusals(
  { newest, base, restoreRefused, undone }: TableFacts,
  { pipelineId }: ReplayRequest,
): string[] {
  const refusals: string[] = [];
  const owner = { pipelineId, adopt: false };
  if (watermarksOf(newest.transactions, owner).length === 0) {
    const others = new Set(
      [...newest.transactions.keys()].flatMap((appId) => parseAppId(appId)?.pipelineId ?? []),
    );
    refusals.push(
      others.size === 0
        ? "the table holds no positions: no cdcdelta has fed it"
        : `the table is fed by pipeline ${listText([...others].map(quoted))}, not by ` +
          `"${pipelineId}": use that pipeline's name as consumer group`,
    );
  }
  if (newest.properties.appendOnly && restoreRefused === null) {
    refusals.push("rows may not leave the table: its property delta.appendOnly is true");
  }
  if (base.kind === "unreachable") {
    refusals.push(
      `the version before the range cannot be opened: the oldest one that the log still tells, ` +
        `${base.oldest}, has rows of the range already`,
    );
  }
  if (restoreRefused !== null) refusals.push(restoreRefused);
  if (undone.length > 0) {
    const named = undone.map(({ version, operation }) => `${operation} in version ${version}`);
    refusals.push(
      `it would undo what others did to the table: ${listText(named)}. Replay into another table ` +
        "instead, or restore the table yourself first",
    );
  }
  return refusals;
}

/** Positions of others that would go back as well, with nobody to read them again. */
function foreignRefusals(
  { newest }: TableFacts,
  before: Transactions,
  { pipelineId }: ReplayRequest,
): string[] {
  const foreign = new Set<string>();
  for (const { appId, version } of newest.transactions.values()) {
    const id = parseAppId(appId);
    if (id !== null && (id.kind === "check" || id.pipelineId === pipelineId)) continue;
    if (before.get(appId)?.version === version) continue;
    foreign.add(id === null ? `stream ${quoted(appId)}` : `pipeline ${quoted(id.pipelineId)}`);
  }
  if (foreign.size === 0) return [];
  return [`rows of ${listText([...foreign])} would leave the table and not be read again`];
}

/** Why records of a position cannot be read again. */
function absentText(was: TableWatermark, { topics }: KafkaFacts): string {
  const { topic, identity } = was;
  if (was.recordHash !== null) {
    return `rows of "${topic}" came from a file or a pipe: only what Kafka has can be replayed`;
  }
  const known = topics.get(topic);
  if (known === undefined) return `topic "${topic}" is not in Kafka any more`;
  if (identity === "") {
    return `positions of topic "${topic}" do not tell which topic it was (rows were read from ` +
      "lines, not from Kafka)";
  }
  if (known.topicId !== identity) {
    return `topic "${topic}" was deleted and made anew: the table's rows are of the one with id ` +
      `${identity}, Kafka has ${known.topicId}`;
  }
  return `topic "${topic}" has fewer partitions than the table has positions of`;
}

type PartitionNeeds = {
  readonly becomes: bigint | null;
  readonly rows: RowCount | undefined;
  readonly asked: bigint | undefined;
};

/** Where reading begins: behind the rows that stay, but never before the log. */
function startOf({ logStart }: LogFacts, { becomes, rows, asked }: PartitionNeeds): bigint {
  const known = [rows?.first, asked].filter((offset) => offset !== undefined);
  const first = becomes === null
    ? known.reduce((low, offset) => offset < low ? offset : low, known[0] ?? logStart)
    : becomes + 1n;
  return first > logStart ? first : logStart;
}

function logRefusals(
  { logStart, stableEnd }: LogFacts,
  was: TableWatermark,
  { rows, request }: { readonly rows: RowCount | undefined; readonly request: ReplayRequest },
): string[] {
  const refusals: string[] = [];
  const place = placeText(was);
  const asked = request.starts.get(partitionName(was));
  const needed = [rows?.first, asked].filter((offset) => offset !== undefined)
    .filter((offset) => offset < logStart)
    .reduce((low: bigint | null, offset) => low === null || offset < low ? offset : low, null);
  if (needed !== null) {
    refusals.push(
      `Kafka no longer has the range: ${place} begins at offset ${logStart} by now, needed is ` +
        `${needed} (${logStart - needed} fewer)`,
    );
  }
  if (stableEnd <= was.offset) {
    refusals.push(
      `Kafka's log of ${place} ends at offset ${stableEnd}, before the table's position ` +
        `${was.offset}: it was cut off, or a transaction is still open`,
    );
  }
  const end = request.ends?.get(partitionName(was));
  if (end !== undefined && end <= was.offset) {
    refusals.push(
      `--to ends ${place} at offset ${end}, but the table has rows up to ${was.offset}, which ` +
        "would be missing: leave --to out, or replay into another table",
    );
  }
  return refusals;
}

function listText(items: readonly string[]): string {
  const more = items.length > namedMax ? ` and ${items.length - namedMax} more` : "";
  return items.slice(0, namedMax).join(", ") + more;
}

const quoted = (text: string): string => `"${text}"`;
