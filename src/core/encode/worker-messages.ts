import { CdcDeltaError, type ErrorCode, messageOf } from "../../errors.ts";
import type { KafkaBatch, LineBatch, RecordBatch } from "../event/record-batch.ts";
import type { EncodedRowGroup } from "../../delta/parquet/encoded-row-group.ts";
import type {
  EncodedPart,
  EncodedTable,
  EncodeJob,
  EncodeResult,
  MappingRules,
} from "./encode-job.ts";

/*
 * Large memory travels as `ArrayBuffer`s, not as views: some runtimes look at every element of a
 * view when they prepare a message.
 */

/** Where a batch's bytes lie in the memory of its job. */
type PackedBatch = { readonly head: BatchHead; readonly at: number; readonly length: number };
type BatchHead = Omit<LineBatch, "bytes"> | Omit<KafkaBatch, "bytes">;

export type PackedJob = Omit<EncodeJob, "batches"> & {
  readonly memory: ArrayBuffer;
  readonly batches: readonly PackedBatch[];
};

type PackedPart = Omit<EncodedPart, "rowGroup"> & {
  readonly rowGroup: Omit<EncodedRowGroup, "bytes"> & { readonly bytes: ArrayBuffer };
};

export type PackedResult = Omit<EncodeResult, "tables"> & {
  readonly tables: readonly (Omit<EncodedTable, "parts"> & {
    readonly parts: readonly PackedPart[];
  })[];
};

/** What the pool sends to a thread. `start` comes first, once the thread has said `ready`. */
export type ToWorker =
  | { readonly kind: "start"; readonly rules: MappingRules }
  | { readonly kind: "job"; readonly job: PackedJob };

/**
 * What a thread sends to the pool; each job is answered by one `result` or `failed`, and gives back
 * the memory that its records came in.
 */
export type FromWorker =
  | { readonly kind: "ready" }
  | { readonly kind: "result"; readonly result: PackedResult; readonly memory: ArrayBuffer }
  | { readonly kind: "failed"; readonly error: ErrorMessage; readonly memory: ArrayBuffer };

/** A message and the buffers that move with it instead of being copied. */
export type Parcel<T> = { readonly message: T; readonly transfer: ArrayBuffer[] };

/** An error as plain data: classes do not survive between threads. */
export type ErrorMessage = {
  readonly code: ErrorCode;
  readonly message: string;
  readonly context: Readonly<Record<string, string | number | boolean>>;
  readonly retryable: boolean;
  readonly stack: string;
};

/**
 * A job with its own copy of the records: the sender keeps its bytes, since the job may have to be
 * run again. All of them lie in one buffer, `memory` if that is large enough: it goes to and fro
 * between the threads, since the collector is slow to see memory that only views hold.
 */
export function packJob(job: EncodeJob, spare: ArrayBuffer | null): Parcel<ToWorker> {
  const size = job.batches.reduce((sum, batch) => sum + batch.bytes.length, 0);
  const memory = spare !== null && spare.byteLength >= size ? spare : new ArrayBuffer(size);
  let at = 0;
  const batches = job.batches.map(({ bytes, ...head }): PackedBatch => {
    new Uint8Array(memory, at, bytes.length).set(bytes);
    at += bytes.length;
    return { head, at: at - bytes.length, length: bytes.length };
  });
  return { message: { kind: "job", job: { ...job, memory, batches } }, transfer: [memory] };
}

/** The job as the encoder takes it; its bytes stay in the memory they came in. */
export function unpackJob({ memory, batches, ...job }: PackedJob): EncodeJob {
  const unpacked = batches.map(({ head, at, length }): RecordBatch => ({
    ...head,
    bytes: new Uint8Array(memory, at, length),
  }));
  return { ...job, batches: unpacked };
}

/** A result whose row groups move to the receiver; it is unusable on this side afterwards. */
export function packResult(result: EncodeResult, memory: ArrayBuffer): Parcel<FromWorker> {
  const transfer: ArrayBuffer[] = [memory];
  const tables = result.tables.map((table) => ({
    ...table,
    parts: table.parts.map((part) => packPart(part, transfer)),
  }));
  return { message: { kind: "result", result: { ...result, tables }, memory }, transfer };
}

/** The result as the pump takes it. */
export function unpackResult(result: PackedResult): EncodeResult {
  const tables = result.tables.map((table): EncodedTable => ({
    ...table,
    parts: table.parts.map((part): EncodedPart => ({
      ...part,
      rowGroup: { ...part.rowGroup, bytes: new Uint8Array(part.rowGroup.bytes) },
    })),
  }));
  return { ...result, tables };
}

function packPart(part: EncodedPart, transfer: ArrayBuffer[]): PackedPart {
  const bytes = owned(part.rowGroup.bytes).buffer;
  transfer.push(bytes);
  const chunks = part.rowGroup.chunks.map((chunk) => ({
    ...chunk,
    min: chunk.min === null ? null : owned(chunk.min),
    max: chunk.max === null ? null : owned(chunk.max),
  }));
  return { ...part, rowGroup: { ...part.rowGroup, bytes, chunks } };
}

/** The same bytes alone in their buffer. */
function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer } = bytes;
  return buffer instanceof ArrayBuffer && buffer.byteLength === bytes.byteLength
    ? new Uint8Array(buffer)
    : new Uint8Array(bytes);
}

/** An error as a message; anything but a `CdcDeltaError` becomes an `internal` one. */
export function packError(error: unknown): ErrorMessage {
  const stack = error instanceof Error ? error.stack ?? "" : "";
  if (error instanceof CdcDeltaError) {
    const { code, message, context, retryable } = error;
    return { code, message, context, retryable, stack };
  }
  const message = `Encoding a batch of records failed unexpectedly: ${messageOf(error)}`;
  return { code: "internal", message, context: {}, retryable: false, stack };
}

/** The error that a message stands for. */
export function unpackError(packed: ErrorMessage): CdcDeltaError {
  const { code, message, context, retryable, stack } = packed;
  const error = new CdcDeltaError(code, message, { context, retryable });
  // The place that matters is the one in the worker.
  if (stack !== "") error.stack = stack;
  return error;
}
