import { isUtf8 } from "node:buffer";
import { CdcDeltaError } from "../../errors.ts";

/** JSON is UTF-8 (RFC 8259); what is not is kept byte for byte as a dead letter. Errors: `decode`. */
export function requireUtf8(u: Uint8Array, start: number, end: number): void {
  if (isUtf8(u.subarray(start, end))) return;
  throw new CdcDeltaError("decode", "Cannot decode the record: its bytes are not UTF-8");
}
