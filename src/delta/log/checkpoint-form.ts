import type { Engine } from "../engine.ts";
import type { Sidecar } from "./actions.ts";
import { type CheckpointFile, checkpointFile } from "./checkpoint-file.ts";
import { checkpointMetadataRow, type CheckpointRow, sidecarRow } from "./checkpoint-row.ts";
import {
  type AddColumns,
  checkpointSchema,
  sidecarSchema,
  topFileSchema,
} from "./checkpoint-schema.ts";
import type { LastCheckpoint } from "./last-checkpoint.ts";
import { classicCheckpointKey, logFolder, sidecarFolder, v2CheckpointKey } from "./log-path.ts";
import { protocolFeatures } from "./table-features.ts";
import type { StructType } from "../schema/data-type.ts";
import type { TableState } from "./table-state.ts";

/** Where the rows of a checkpoint go. Errors: the store's. */
export type CheckpointSink = {
  /** Everything but files and tombstones. */
  state(row: CheckpointRow): Promise<void>;
  /** A file or a tombstone. */
  file(row: CheckpointRow): Promise<void>;
  /** Writes what is left; only now there is a checkpoint. */
  finish(): Promise<Omit<LastCheckpoint, "numOfAddFiles">>;
  /** Gives the checkpoint up. Never fails. */
  abort(): Promise<void>;
};

export type SinkOptions = AddColumns & {
  readonly version: number;
  readonly signal: AbortSignal;
  /** Files and tombstones of a sidecar at most. */
  readonly sidecarRowsMax?: number;
};

/** Whether a table's checkpoints are V2 ones: the feature is listed and the policy asks for it. */
export function wantsV2(
  { protocol, metadata }: Pick<TableState, "protocol" | "metadata">,
): boolean {
  return metadata.configuration["delta.checkpointPolicy"]?.trim().toLowerCase() === "v2" &&
    protocolFeatures(protocol).includes("v2Checkpoint");
}

/** A classic checkpoint: one file, which nobody sees before all of it is there. */
export function classicSink(engine: Engine, options: SinkOptions): CheckpointSink {
  const { version, signal } = options;
  const key = classicCheckpointKey(version);
  const file = checkpointFile(engine, { key, schema: checkpointSchema(options) }, { signal });
  return {
    state: (row) => file.push(row),
    file: (row) => file.push(row),
    async finish() {
      return { version, sizeInBytes: await file.finish(), size: file.rows };
    },
    abort: () => file.abort(),
  };
}

/** About 20 MB of a sidecar with statistics of ten columns. */
const defaultSidecarRowsMax = 100_000;

/** Longer lists of sidecars are not repeated in `_last_checkpoint`, as delta-spark does. */
const listedSidecarsMax = 30;

/**
 * A V2 checkpoint (PROTOCOL.md, "V2 Spec"): files and tombstones go into sidecars of bounded size,
 * each put as soon as it is full; the top file, which names them, is the last one. Sidecars that an
 * attempt leaves behind are taken by the clean-up of the log.
 */
export function v2Sink(engine: Engine, options: SinkOptions): CheckpointSink {
  const { version, signal, sidecarRowsMax = defaultSidecarRowsMax } = options;
  const begin = (key: string, schema: StructType): CheckpointFile =>
    checkpointFile(engine, { key, schema }, { signal });
  const key = v2CheckpointKey(version, engine.random.uuid());
  const top = begin(key, topFileSchema(options));
  const sidecars: Sidecar[] = [];
  let current: { readonly path: string; readonly file: CheckpointFile } | null = null;
  let rows = 0;
  let bytes = 0;
  const close = async (): Promise<void> => {
    if (current === null) return;
    const { path, file } = current;
    const sizeInBytes = await file.finish();
    current = null;
    sidecars.push({ path, sizeInBytes, modificationTime: engine.clock.nowMs() });
    rows += file.rows;
    bytes += sizeInBytes;
  };
  return {
    async state(row) {
      if (top.rows === 0) await top.push(checkpointMetadataRow(version));
      await top.push(row);
    },
    async file(row) {
      if (current === null) {
        const path = `${engine.random.uuid()}.parquet`;
        current = { path, file: begin(`${sidecarFolder}${path}`, sidecarSchema(options)) };
      }
      await current.file.push(row);
      if (current.file.rows >= sidecarRowsMax) await close();
    },
    async finish() {
      await close();
      for (const sidecar of sidecars) await top.push(sidecarRow(sidecar));
      const sizeInBytes = await top.finish();
      const modificationTime = engine.clock.nowMs();
      const path = key.slice(logFolder.length);
      const listed = sidecars.length <= listedSidecarsMax ? { sidecarFiles: sidecars } : {};
      return {
        version,
        size: top.rows + rows,
        sizeInBytes: sizeInBytes + bytes,
        v2Checkpoint: { path, sizeInBytes, modificationTime, ...listed },
      };
    },
    async abort() {
      await current?.file.abort();
      await top.abort();
    },
  };
}
