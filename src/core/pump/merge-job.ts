import { CdcDeltaError } from "../../errors.ts";
import type { EncodeResult, PositionRange, SourceFault, TableKey } from "../encode/encode-job.ts";
import { unnamedTopic } from "../event/record-batch.ts";
import { partitionName, refuseForeignPositions } from "../position/watermark.ts";
import type { HeldJob } from "./held-job.ts";
import { isCurrent, type OpenTable, openTable, schemaText, takeOver } from "./open-table.ts";
import type { FrozenSchemas, Session } from "./session.ts";
import { proveRows } from "./source-proof.ts";

/**
 * Takes over what a job added to the schemas of its tables; a job that worked from an outdated view
 * is encoded again first. Called under the session's lock, job after job in the order they were
 * read, which makes the outcome independent of which worker was faster.
 */
export async function mergeJob(session: Session, job: HeldJob): Promise<void> {
  for (;;) {
    const result = await job.result;
    if (result.fault !== null) throw faultError(result.fault);
    const tables = await tablesOf(session, result);
    const current = result.tables.every((encoded, index) => isCurrent(tables[index]!, encoded));
    if (current) {
      if (job.merged === null) {
        followOffsets(session, result);
        session.inflation.learn(job.batches.map(({ batch }) => batch), result.decodedBytes);
      }
      for (const [index, encoded] of result.tables.entries()) {
        const table = tables[index]!;
        proveRows(session, table, encoded);
        const before = table.pending;
        if (takeOver(table, encoded)) {
          const change = { before, after: encoded.schema };
          session.observe({ kind: "schema-changed", table: table.key, ...change });
        }
      }
      job.merged = result;
      return;
    }
    job.result = session.encode(job, null);
  }
}

/** Offsets of a (topic, partition) only ever grow in a run; what comes back is a broken input. */
function followOffsets(session: Session, result: EncodeResult): void {
  for (const range of result.positions) {
    const name = partitionName(range);
    session.readPartitions.add(name);
    const before = session.lastOffsets.get(name);
    if (before !== undefined && range.firstOffset <= before) {
      const { firstOffset: offset } = range;
      throw faultError({ kind: "offset-backwards", partition: range, before, offset });
    }
    session.lastOffsets.set(name, range.lastOffset);
  }
}

/** Encodes again, against the given schemas, those jobs whose rows were encoded against others. */
export async function alignJobs(
  session: Session,
  jobs: readonly HeldJob[],
  schemas: FrozenSchemas,
): Promise<void> {
  const texts = new Map([...schemas].map(([key, schema]) => [key, schemaText(schema)]));
  const stale = jobs.filter((job) =>
    job.merged!.tables.some((encoded) => schemaText(encoded.schema) !== texts.get(encoded.key))
  );
  await Promise.all(stale.map(async (job) => {
    job.result = session.encode(job, schemas);
    const result = await job.result;
    for (const encoded of result.tables) {
      if (schemaText(encoded.schema) === texts.get(encoded.key)) continue;
      throw new CdcDeltaError(
        "internal",
        `Rows of ${encoded.key} do not fit the schema that was made from them`,
        { context: { table: encoded.key } },
      );
    }
    job.merged = result;
  }));
}

/** The pending schemas of all tables as they are now. */
export function freezeSchemas(session: Session): FrozenSchemas {
  const entries = [...session.tables.values()].flatMap((table) =>
    table.pending === null ? [] : [[table.key, table.pending] as const]
  );
  return new Map(entries);
}

/** The open tables of a result, in its order; opens those met for the first time. */
async function tablesOf(session: Session, result: EncodeResult): Promise<OpenTable[]> {
  const tables: OpenTable[] = [];
  for (const encoded of result.tables) {
    let table = session.tables.get(encoded.key);
    if (table === undefined) {
      table = await openFirst(session, encoded.key);
      session.tables.set(encoded.key, table);
    }
    for (const range of encoded.positions) vet(session, table, range);
    tables.push(table);
  }
  return tables;
}

async function openFirst(session: Session, key: TableKey): Promise<OpenTable> {
  const { signal } = session;
  const table = await openTable(key, session.world.locate(key), { signal });
  const version = table.state?.version ?? null;
  session.observe({ kind: "table-opened", table: key, uri: table.home.uri, version });
  return table;
}

/** Holds a partition's identity against the table's positions, once. */
function vet(
  session: Session,
  table: OpenTable,
  range: PositionRange,
): void {
  const name = partitionName(range);
  if (table.state === null || range.topic === unnamedTopic || table.vetted.has(name)) return;
  const { replaced } = refuseForeignPositions({
    tableUri: table.home.uri,
    transactions: table.state.transactions,
    partition: range,
    pipelineId: session.settings.pipelineId,
    adopt: session.settings.adopt,
    mayBeReplaced: range.identity !== "" && range.lastRecordHash === null,
  });
  if (replaced) {
    const { topic, partition } = range;
    session.observe({ kind: "topic-recreated", table: table.key, topic, partition });
  }
  table.vetted.add(name);
}

function faultError(fault: SourceFault): CdcDeltaError {
  const place = `"${fault.partition.topic}" partition ${fault.partition.partition}`;
  switch (fault.kind) {
    case "offset-backwards":
      return new CdcDeltaError(
        "offset-order",
        `Cannot read ${place}: offset ${fault.offset} comes after offset ${fault.before}. Records ` +
          `must stand in the order of their offsets; sort the input by topic, partition and offset`,
        { context: { topic: fault.partition.topic, offset: String(fault.offset) } },
      );
    case "record-changed":
      return new CdcDeltaError(
        "source-replaced",
        `Cannot continue ${place} into ${fault.table}: the record at offset ${fault.offset} is not ` +
          `the one that was committed from there, so the input was changed or replaced. Restore ` +
          `the original, or feed the new one under another name (--source-id)`,
        { context: { topic: fault.partition.topic, offset: String(fault.offset) } },
      );
  }
}

/** Keys of the tables that these jobs have rows for. */
export function tableKeys(jobs: readonly HeldJob[]): TableKey[] {
  return [
    ...new Set(
      jobs.flatMap((job) =>
        job.merged!.tables.filter((table) => table.rows > 0).map((table) => table.key)
      ),
    ),
  ];
}
