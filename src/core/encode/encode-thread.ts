import { Worker } from "node:worker_threads";
import type { EncodeJob, EncodeResult, MappingRules } from "./encode-job.ts";
import {
  type FromWorker,
  packJob,
  type ToWorker,
  unpackError,
  unpackResult,
} from "./worker-messages.ts";

/** What becomes of a thread, told to the pool. */
export type ThreadEvents = {
  ready(): void;
  result(result: EncodeResult): void;
  failed(error: Error): void;
  /** The thread ended without being asked to; told once. */
  died(reason: string): void;
};

export type EncodeThread = {
  post(job: EncodeJob): void;
  terminate(): Promise<void>;
};

/** Starts a thread; it takes jobs once it is `ready`, one at a time. */
export function startEncodeThread(
  url: URL,
  rules: MappingRules,
  events: ThreadEvents,
): EncodeThread {
  const worker = new Worker(url);
  let over = false;
  let spare: ArrayBuffer | null = null;

  function end(reason: string): void {
    if (over) return;
    over = true;
    events.died(reason);
  }

  worker.on("message", (message: FromWorker) => {
    if (over) return;
    switch (message.kind) {
      case "ready": {
        const start: ToWorker = { kind: "start", rules };
        worker.postMessage(start, []);
        events.ready();
        return;
      }
      case "result":
        spare = message.memory;
        events.result(unpackResult(message.result));
        return;
      case "failed":
        spare = message.memory;
        events.failed(unpackError(message.error));
        return;
    }
  });
  worker.on("messageerror", (error: Error) => end(error.message));
  worker.on("error", (error: Error) => end(error.message));
  worker.on("exit", (code: number) => end(`it ended with exit code ${code}`));

  return {
    post(job) {
      const { message, transfer } = packJob(job, spare);
      spare = null;
      worker.postMessage(message, transfer);
    },
    async terminate() {
      over = true;
      await worker.terminate();
    },
  };
}
