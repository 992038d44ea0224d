/**
 * What went wrong, as a word that scripts and tests can rely on.
 *
 * - `usage`: flags, environment or configuration are wrong (exit code 2)
 * - `not-found`: an object, file, table or version is not there
 * - `store`: an object store failed in a way that is not the caller's fault
 * - `store-unsafe`: the store does not refuse a second conditional PUT
 * - `permission`: the store or the system refused access
 * - `log-corrupt`: a Delta log that breaks the protocol
 * - `unsupported`: a table feature or a file feature that cdcdelta does not implement
 * - `conflict`: another writer changed the table in a way that ends this operation
 * - `parquet`: a Parquet file that cannot be read
 * - `source`: the input cannot be read
 * - `source-replaced`: the input is not the one whose positions the tables hold
 * - `data-loss`: records that were never read are no longer in Kafka
 * - `kafka`: a Kafka broker failed or refused a request
 * - `connect`: Kafka Connect failed or refused a request, or a connector does not run
 * - `spark`: Spark could not be started, or did not finish what it was told to do
 * - `offset-order`: offsets of a source went backwards
 * - `decode`: input bytes that are not what they should be
 * - `worker`: a worker thread died
 * - `internal`: an invariant of cdcdelta itself does not hold
 */
export type ErrorCode =
  | "usage"
  | "not-found"
  | "store"
  | "store-unsafe"
  | "permission"
  | "log-corrupt"
  | "unsupported"
  | "conflict"
  | "parquet"
  | "source"
  | "source-replaced"
  | "data-loss"
  | "kafka"
  | "connect"
  | "spark"
  | "offset-order"
  | "decode"
  | "worker"
  | "internal";

export type ErrorOptions = {
  /** Facts for logs: keys and plain values, no secrets. */
  readonly context?: Readonly<Record<string, string | number | boolean>>;
  /** True when the same call may succeed later without anybody changing anything. */
  readonly retryable?: boolean;
  readonly cause?: unknown;
};

/**
 * The only error class of cdcdelta. The message says what was being done, to what, and what to do
 * next; it is meant to be read by the user as it stands.
 */
export class CdcDeltaError extends Error {
  readonly code: ErrorCode;
  readonly context: Readonly<Record<string, string | number | boolean>>;
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "CdcDeltaError";
    this.code = code;
    this.context = options.context ?? {};
    this.retryable = options.retryable ?? false;
  }
}

/** Throws an `internal` error when an invariant does not hold; stays on in production. */
export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new CdcDeltaError("internal", `Invariant broken: ${message}`);
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
