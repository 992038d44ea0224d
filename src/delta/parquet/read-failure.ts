import { CdcDeltaError, messageOf } from "../../errors.ts";

/** A `parquet` error: what is wrong with a file that is being read. */
export function readFailure(what: string, cause?: unknown): CdcDeltaError {
  return new CdcDeltaError(
    "parquet",
    `Cannot read the Parquet file: ${what}`,
    cause === undefined ? {} : { cause },
  );
}

/**
 * Runs a decoder of bytes that may be damaged: what it throws that is no error of ours becomes a
 * `parquet` error.
 */
export function decoding<T>(what: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (error instanceof CdcDeltaError) throw error;
    throw readFailure(`${what} is damaged: ${messageOf(error)}`, error);
  }
}
