import { CdcDeltaError, messageOf } from "../../errors.ts";
import type { ColumnBatch } from "../columns/column.ts";
import type { Engine } from "../engine.ts";
import { openParquet, type ParquetFile } from "../parquet/reader.ts";
import { openRowGroupParts, type RowGroupParts } from "../parquet/row-group-parts.ts";
import { struct, type StructType } from "../schema/data-type.ts";
import type { ObjectMeta } from "../storage/object-store.ts";
import { asActionObject } from "./action-fields.ts";
import {
  readDomainMetadata,
  readMetadata,
  readProtocol,
  readRemove,
  readTransaction,
} from "./action-parts.ts";
import type { Action, AddFile, RemoveFile } from "./actions.ts";
import {
  addColumn,
  domainMetadataColumn,
  metaDataColumn,
  protocolColumn,
  removeColumn,
  sidecarColumn,
  txnColumn,
} from "./checkpoint-schema.ts";
import { addReader, presentRows } from "./checkpoint-values.ts";
import { parsedStatisticsColumn, statisticsOfParsed } from "./checkpoint-statistics.ts";
import { logFileGone } from "./log-reader.ts";
import { emptyState, type ReplayedState, replayState } from "./log-replay.ts";
import type { CheckpointFiles } from "./log-segment.ts";
import { readJsonCheckpoint, sidecarFile } from "./v2-checkpoint.ts";

type ReadOptions = { readonly signal: AbortSignal };

/**
 * The non-file actions of a checkpoint; the columns of its files are not read. Throws `log-corrupt`
 * for one that cannot be read.
 */
export async function readCheckpointState(
  engine: Engine,
  checkpoint: CheckpointFiles,
  options: ReadOptions,
): Promise<ReplayedState> {
  try {
    return await readState(engine, checkpoint, options);
  } catch (error) {
    throw ofCheckpoint(engine, checkpoint, error);
  }
}

async function readState(
  engine: Engine,
  checkpoint: CheckpointFiles,
  { signal }: ReadOptions,
): Promise<ReplayedState> {
  const [top] = checkpoint.files;
  if (checkpoint.kind === "v2-json" && top !== undefined) {
    const { actions } = await readJsonCheckpoint(engine, top, { signal });
    return replayState(emptyState, [actions]);
  }
  const wanted = struct([txnColumn, metaDataColumn, protocolColumn, domainMetadataColumn]);
  const actions: Action[] = [];
  for await (const { columns } of readParts(engine, checkpoint.files, wanted, signal)) {
    const [txn, metaData, protocol, domainMetadata] = columns;
    for (const object of presentRows(txn, txnColumn)) {
      actions.push({ kind: "txn", txn: readTransaction(object) });
    }
    for (const object of presentRows(metaData, metaDataColumn)) {
      actions.push({ kind: "metaData", metaData: readMetadata(object) });
    }
    for (const object of presentRows(protocol, protocolColumn)) {
      actions.push({ kind: "protocol", protocol: readProtocol(object) });
    }
    for (const object of presentRows(domainMetadata, domainMetadataColumn)) {
      actions.push({ kind: "domainMetadata", domainMetadata: readDomainMetadata(object) });
    }
  }
  return replayState(emptyState, [actions]);
}

/**
 * The file actions of a checkpoint in batches of bounded size. `schema` is the table's without
 * partition columns: statistics that stand there as columns are turned into text by it.
 */
export async function* readCheckpointFiles(
  engine: Engine,
  checkpoint: CheckpointFiles,
  options: ReadOptions & { readonly schema: StructType },
): AsyncGenerator<FileActions> {
  try {
    yield* readFiles(engine, checkpoint, options);
  } catch (error) {
    throw ofCheckpoint(engine, checkpoint, error);
  }
}

/** Says of what is wrong with a checkpoint's bytes whose they are, so that it can be done without. */
function ofCheckpoint(
  engine: Engine,
  { files, version }: CheckpointFiles,
  error: unknown,
): unknown {
  if (!(error instanceof CdcDeltaError) || error.code !== "log-corrupt") return error;
  const checkpoint = files[0]?.key ?? "";
  const isNamed = error.context["file"] !== undefined;
  const message = isNamed
    ? error.message
    : `Cannot read the checkpoint ${engine.store.uri}/${checkpoint}: ${error.message}`;
  return new CdcDeltaError("log-corrupt", message, {
    cause: error,
    context: { ...error.context, checkpoint, version },
  });
}

async function* readFiles(
  engine: Engine,
  checkpoint: CheckpointFiles,
  { schema, signal }: ReadOptions & { readonly schema: StructType },
): AsyncGenerator<FileActions> {
  const { inline, files } = await fileActionsOf(engine, checkpoint, signal);
  yield inline;
  const wanted = struct([addColumn({ stats: true }), removeColumn]);
  const readAdds = addReader();
  for await (const group of readGroups(engine, files, wanted, signal)) {
    const parts = await group.open(wanted);
    const parsed = parsedStatistics(group, schema);
    for (let batch = await parts.next(); batch !== null; batch = await parts.next()) {
      const [addValues, removeValues] = batch.columns;
      let adds = readAdds(addValues);
      if (adds.some((add) => add.stats === undefined) && group.hasParsedStatistics) {
        adds = withParsedStatistics(adds, await parsed.next(batch.length));
      } else parsed.skip(batch.length);
      yield { adds, removes: [...presentRows(removeValues, removeColumn)].map(readRemove) };
    }
  }
}

type FileActions = { readonly adds: readonly AddFile[]; readonly removes: readonly RemoveFile[] };

/** Where a checkpoint keeps its file actions: in sidecars, or else beside all others. */
async function fileActionsOf(
  engine: Engine,
  checkpoint: CheckpointFiles,
  signal: AbortSignal,
): Promise<{ readonly inline: FileActions; readonly files: readonly ObjectMeta[] }> {
  const none = { adds: [], removes: [] };
  const [top] = checkpoint.files;
  if (checkpoint.kind === "v2-json" && top !== undefined) {
    const { actions, sidecars } = await readJsonCheckpoint(engine, top, { signal });
    const adds = actions.flatMap((action) => action.kind === "add" ? [action.add] : []);
    const removes = actions.flatMap((action) => action.kind === "remove" ? [action.remove] : []);
    return { inline: { adds, removes }, files: sidecars };
  }
  const sidecars = await sidecarsOf(engine, checkpoint, { signal });
  return { inline: none, files: sidecars.length > 0 ? sidecars : checkpoint.files };
}

/** The sidecars that a checkpoint names; none for one that holds its file actions itself. */
export async function sidecarsOf(
  engine: Engine,
  checkpoint: CheckpointFiles,
  { signal }: ReadOptions,
): Promise<readonly ObjectMeta[]> {
  const [top] = checkpoint.files;
  if (checkpoint.kind === "v2-json" && top !== undefined) {
    return (await readJsonCheckpoint(engine, top, { signal })).sidecars;
  }
  const sidecars: ObjectMeta[] = [];
  const wanted = struct([sidecarColumn]);
  for await (const { columns } of readParts(engine, checkpoint.files, wanted, signal)) {
    const [column] = columns;
    for (const sidecar of presentRows(column, sidecarColumn)) {
      sidecars.push(sidecarFile(sidecar, engine.store.uri));
    }
  }
  return sidecars;
}

type ParsedStatistics = {
  /** Statistics of the adds among the next rows; null when they have a form that we cannot read. */
  next(rows: number): Promise<(string | undefined)[] | null>;
  skip(rows: number): void;
};

/** Statistics that a row group keeps as columns; nothing is read before they are asked for. */
function parsedStatistics(group: RowGroup, schema: StructType): ParsedStatistics {
  const column = parsedStatisticsColumn(schema);
  let parts: RowGroupParts | null = null;
  let isReadable = true;
  const skipped: number[] = [];
  const read = async (rows: number): Promise<(string | undefined)[]> => {
    parts ??= await group.open(struct([column]));
    for (let due = skipped.shift(); due !== undefined; due = skipped.shift()) await parts.next(due);
    const batch = await parts.next(rows);
    return [...presentRows(batch?.columns[0], column)].map((add) => {
      const parsed = add["stats_parsed"];
      return parsed === null
        ? undefined
        : statisticsOfParsed(asActionObject(parsed, "stats_parsed"), schema);
    });
  };
  return {
    async next(rows) {
      if (!isReadable) return null;
      try {
        return await read(rows);
      } catch (error) {
        // Statistics are a help, not a need: a file is part of the table without them as well.
        if (!(error instanceof CdcDeltaError) || error.code !== "log-corrupt") throw error;
        isReadable = false;
        return null;
      }
    },
    skip: (rows) => void skipped.push(rows),
  };
}

function withParsedStatistics(
  adds: readonly AddFile[],
  parsed: readonly (string | undefined)[] | null,
): AddFile[] {
  return adds.map((add, i) => {
    const stats = add.stats ?? parsed?.[i];
    return stats === undefined ? add : { ...add, stats };
  });
}

type RowGroup = {
  readonly hasParsedStatistics: boolean;
  open(wanted: StructType): Promise<RowGroupParts>;
};

/** The rows that may hold actions of the wanted kinds. */
async function* readParts(
  engine: Engine,
  files: readonly ObjectMeta[],
  wanted: StructType,
  signal: AbortSignal,
): AsyncGenerator<ColumnBatch> {
  for await (const group of readGroups(engine, files, wanted, signal)) {
    const parts = await group.open(wanted);
    for (let batch = await parts.next(); batch !== null; batch = await parts.next()) yield batch;
  }
}

/** The row groups that may hold actions of the wanted kinds. */
async function* readGroups(
  engine: Engine,
  files: readonly ObjectMeta[],
  wanted: StructType,
  signal: AbortSignal,
): AsyncGenerator<RowGroup> {
  for (const meta of files) {
    const file = await reading(engine, meta, () => open(engine, meta, signal));
    if (!file.fields.some((node) => wanted.fields.some((field) => field.name === node.name))) {
      continue;
    }
    const add = file.fields.find((node) => node.name === "add");
    const hasParsedStatistics = add?.children.some((node) => node.name === "stats_parsed") ?? false;
    for (let index = 0; index < file.rowGroups.length; index++) {
      if (isAllNull(file, index, wanted)) continue;
      yield {
        hasParsedStatistics,
        open: async (columns) => {
          const parts = await reading(engine, meta, () => openRowGroupParts(file, index, columns));
          return { next: (rows) => reading(engine, meta, () => parts.next(rows)) };
        },
      };
    }
  }
}

/** By the footer's counts, so that a large checkpoint's state costs few requests. */
function isAllNull(file: ParquetFile, index: number, wanted: StructType): boolean {
  const names = new Set(wanted.fields.map((field) => field.name));
  const columns = file.metadata.row_groups[index]?.columns ?? [];
  return columns.every(({ meta_data: meta }) => {
    if (meta === undefined) return false;
    if (!names.has(meta.path_in_schema[0] ?? "")) return true;
    const nulls = meta.statistics?.null_count;
    return nulls !== undefined && nulls === meta.num_values;
  });
}

function open(engine: Engine, meta: ObjectMeta, signal: AbortSignal): Promise<ParquetFile> {
  return openParquet({
    byteLength: meta.size,
    read: (start, end) => engine.store.get(meta.key, { signal, range: { start, end } }),
  });
}

/** A checkpoint that is no Parquet file is the log's fault; what the store throws is not. */
async function reading<T>(engine: Engine, meta: ObjectMeta, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (!(cause instanceof CdcDeltaError)) throw cause;
    if (cause.code === "not-found") throw logFileGone(engine.store.uri, meta.key);
    if (cause.code !== "parquet") throw cause;
    throw new CdcDeltaError(
      "log-corrupt",
      `Cannot read the checkpoint ${engine.store.uri}/${meta.key}: ${messageOf(cause)}`,
      { cause, context: { file: meta.key } },
    );
  }
}
