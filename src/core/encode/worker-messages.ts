import { CdcDeltaError, type ErrorCode, messageOf } from "../../errors.ts";
import type { RecordBatch } from "../event/record-batch.ts";
import type {
  EncodedPart,
  EncodedTable,
  EncodeJob,
  EncodeResult,
  MappingRules,
} from "./encode-job.ts";

/** What the pool sends to a thread. `start` comes first, once the thread has said `ready`. */
export type ToWorker =
  | { readonly kind: "start"; readonly rules: MappingRules }
  | { readonly kind: "job"; readonly job: EncodeJob };

/**
 * What a thread sends to the pool; each job is answered by one `result` or `failed`, and gives back
 * the memory that its records came in.
 */
export type FromWorker =
  | { readonly kind: "ready" }
  | { readonly kind: "result"; readonly result: EncodeResult; readonly memory: ArrayBuffer | null }
  | { readonly kind: "failed"; readonly error: ErrorMessage; readonly memory: ArrayBuffer | null };

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
export function packJob(job: EncodeJob, memory: ArrayBuffer | null): Parcel<ToWorker> {
  const size = job.batches.reduce((sum, batch) => sum + batch.bytes.length, 0);
  const buffer = memory !== null && memory.byteLength >= size ? memory : new ArrayBuffer(size);
  let at = 0;
  const batches = job.batches.map((batch): RecordBatch => {
    const bytes = new Uint8Array(buffer, at, batch.bytes.length);
    bytes.set(batch.bytes);
    at += bytes.length;
    return { ...batch, bytes };
  });
  const transfer = batches.length === 0 ? [] : [buffer];
  return { message: { kind: "job", job: { ...job, batches } }, transfer };
}

/** The buffer that `packJob` put a job's records into. */
export function jobMemory(job: EncodeJob): ArrayBuffer | null {
  const buffer = job.batches[0]?.bytes.buffer;
  return buffer instanceof ArrayBuffer ? buffer : null;
}

/** A result whose row groups move to the receiver; it is unusable on this side afterwards. */
export function packResult(
  result: EncodeResult,
  memory: ArrayBuffer | null,
): Parcel<FromWorker> {
  const transfer: ArrayBuffer[] = memory === null ? [] : [memory];
  const tables = result.tables.map((table): EncodedTable => ({
    ...table,
    parts: table.parts.map((part) => packPart(part, transfer)),
  }));
  return { message: { kind: "result", result: { ...result, tables }, memory }, transfer };
}

function packPart(part: EncodedPart, transfer: ArrayBuffer[]): EncodedPart {
  const bytes = owned(part.rowGroup.bytes);
  transfer.push(bytes.buffer);
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
