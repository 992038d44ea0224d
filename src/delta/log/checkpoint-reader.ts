import { assert, CdcDeltaError, messageOf } from "../../errors.ts";
import type { Column, ColumnBatch } from "../columns/column.ts";
import { valueAt } from "../columns/column-value.ts";
import type { Engine } from "../engine.ts";
import { openParquet, type ParquetFile, readRowGroup } from "../parquet/reader.ts";
import { struct, type StructField } from "../schema/data-type.ts";
import type { ObjectMeta } from "../storage/object-store.ts";
import { type ActionObject, asActionObject } from "./action-fields.ts";
import {
  readAdd,
  readDomainMetadata,
  readMetadata,
  readProtocol,
  readRemove,
  readTransaction,
} from "./action-parts.ts";
import type { Action, AddFile, PartitionValues, RemoveFile } from "./actions.ts";
import {
  addColumn,
  domainMetadataColumn,
  metaDataColumn,
  protocolColumn,
  removeColumn,
  sidecarColumn,
  txnColumn,
} from "./checkpoint-schema.ts";
import { emptyState, type ReplayedState, replayState } from "./log-replay.ts";
import { type CheckpointFiles, v2CheckpointUnsupported } from "./log-segment.ts";

type ReadOptions = { readonly signal: AbortSignal };

/**
 * The non-file actions of a checkpoint; the columns of its files are not read. Throws
 * `unsupported` for a V2 checkpoint under a classic name, `log-corrupt` for one that cannot be read.
 */
export async function readCheckpointState(
  engine: Engine,
  checkpoint: CheckpointFiles,
  { signal }: ReadOptions,
): Promise<ReplayedState> {
  const wanted = [
    txnColumn,
    metaDataColumn,
    protocolColumn,
    domainMetadataColumn,
    sidecarColumn,
  ];
  const actions: Action[] = [];
  for await (const batch of readBatches(engine, checkpoint, wanted, signal)) {
    const [txn, metaData, protocol, domainMetadata, sidecar] = batch.columns;
    assert(sidecar !== undefined, "a batch has the columns that were asked for");
    for (const _ of presentRows(sidecar, sidecarColumn)) {
      throw v2CheckpointUnsupported(engine.store.uri);
    }
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

/** The file actions of a checkpoint, one batch for each row group. */
export async function* readCheckpointFiles(
  engine: Engine,
  checkpoint: CheckpointFiles,
  { signal }: ReadOptions,
): AsyncGenerator<{ readonly adds: readonly AddFile[]; readonly removes: readonly RemoveFile[] }> {
  const wanted = [addColumn({ stats: true }), removeColumn];
  const intern = partitionValuesPool();
  for await (const batch of readBatches(engine, checkpoint, wanted, signal)) {
    const [add, remove] = batch.columns;
    const adds: AddFile[] = [];
    for (const object of presentRows(add, wanted[0])) {
      const file = readAdd(object);
      adds.push({ ...file, partitionValues: intern(file.partitionValues) });
    }
    const removes: RemoveFile[] = [];
    for (const object of presentRows(remove, removeColumn)) removes.push(readRemove(object));
    yield { adds, removes };
  }
}

/** Files of one partition share one object: a large table has far fewer partitions than files. */
function partitionValuesPool(): (values: PartitionValues) => PartitionValues {
  const pool = new Map<string, PartitionValues>();
  return (values) => {
    const key = JSON.stringify(values);
    const known = pool.get(key);
    if (known !== undefined) return known;
    pool.set(key, values);
    return values;
  };
}

async function* readBatches(
  engine: Engine,
  checkpoint: CheckpointFiles,
  wanted: readonly StructField[],
  signal: AbortSignal,
): AsyncGenerator<ColumnBatch> {
  for (const meta of checkpoint.files) {
    const file = await reading(engine, meta, () => open(engine, meta, signal));
    for (let index = 0; index < file.rowGroups.length; index++) {
      yield await reading(engine, meta, () => readRowGroup(file, index, struct(wanted)));
    }
  }
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
    if (!(cause instanceof CdcDeltaError) || cause.code !== "parquet") throw cause;
    throw new CdcDeltaError(
      "log-corrupt",
      `Cannot read the checkpoint ${engine.store.uri}/${meta.key}: ${messageOf(cause)}`,
      { cause, context: { file: meta.key } },
    );
  }
}

/** The rows that have an action in this column, as objects. */
function* presentRows(
  column: Column | undefined,
  field: StructField | undefined,
): Generator<ActionObject> {
  assert(column !== undefined && field !== undefined, "a batch has the columns asked for");
  if (column.kind === "null") return;
  for (let row = 0; row < column.length; row++) {
    if (column.valid[row] === 1) yield asActionObject(valueAt(column, field.type, row), field.name);
  }
}
