import { CdcDeltaError } from "../../errors.ts";

/** A `parquet` error: what is wrong with a file that is being read. */
export function readFailure(what: string, cause?: unknown): CdcDeltaError {
  return new CdcDeltaError(
    "parquet",
    `Cannot read the Parquet file: ${what}`,
    cause === undefined ? {} : { cause },
  );
}
