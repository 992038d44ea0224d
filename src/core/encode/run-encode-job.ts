import { CdcDeltaError } from "../../errors.ts";
import type { EncodeJob, EncodeResult, MappingRules } from "./encode-job.ts";

/** Stands in until the encoder is there. */
export function createEncoder(_rules: MappingRules): { run(job: EncodeJob): EncodeResult } {
  return {
    run() {
      throw new CdcDeltaError("internal", "There is no encoder yet");
    },
  };
}
