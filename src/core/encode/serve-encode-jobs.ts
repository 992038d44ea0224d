import type { MessagePort } from "node:worker_threads";
import { assert } from "../../errors.ts";
import type { EncodeJob, EncodeResult, MappingRules } from "./encode-job.ts";
import {
  type FromWorker,
  type PackedJob,
  packError,
  packResult,
  type ToWorker,
  unpackJob,
} from "./worker-messages.ts";

/** Runs jobs one after another; may keep scratch memory from job to job, but no meaning. */
export type Encoder = { run(job: EncodeJob): EncodeResult };

/** The thread's side of a worker pool: answers each job, in order. */
export function serveEncodeJobs(
  port: MessagePort,
  createEncoder: (rules: MappingRules) => Encoder,
): void {
  let encoder: Encoder | null = null;

  function answer(packed: PackedJob): void {
    const { memory } = packed;
    assert(encoder !== null, "a worker gets its rules before its first job");
    let result: EncodeResult;
    try {
      result = encoder.run(unpackJob(packed));
    } catch (error) {
      const failed: FromWorker = { kind: "failed", error: packError(error), memory };
      port.postMessage(failed, [memory]);
      return;
    }
    const { message, transfer } = packResult(result, memory);
    port.postMessage(message, transfer);
  }

  port.on("message", (message: ToWorker) => {
    switch (message.kind) {
      case "start":
        encoder = createEncoder(message.rules);
        return;
      case "job":
        answer(message.job);
        return;
    }
  });
  const ready: FromWorker = { kind: "ready" };
  port.postMessage(ready);
}
