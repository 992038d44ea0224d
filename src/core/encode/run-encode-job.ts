import { hasMasks } from "../decode/field-mask.ts";
import type { EncodeJob, EncodeResult, MappingRules } from "./encode-job.ts";
import { JobRun } from "./job-run.ts";
import { collectionRules } from "./mapping.ts";
import type { Encoder } from "./serve-encode-jobs.ts";
import { TableCache } from "./table-cache.ts";

/**
 * Makes an encoder for collections mapped by `rules`. `run` is synchronous and its result depends on
 * nothing but the job: buffers are reused from job to job, what was learnt is not.
 *
 * Errors: `usage` when a pattern of `rules` is no regular expression.
 */
export function createEncoder(rules: MappingRules): Encoder {
  const rulesOf = collectionRules(rules);
  const anyMasks = [rules.defaults, ...rules.overrides.map((each) => each.rules)].some(hasMasks);
  const cache = new TableCache(rulesOf, anyMasks);
  return {
    run(job: EncodeJob): EncodeResult {
      return new JobRun(job, cache).run();
    },
  };
}
