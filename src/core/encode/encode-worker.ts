/**
 * Entry point of an encode thread; nothing here may await at top level, or messages that arrive
 * before the handler is set are lost in some runtimes.
 */
import { parentPort } from "node:worker_threads";
import { assert } from "../../errors.ts";
import { createEncoder } from "./run-encode-job.ts";
import { serveEncodeJobs } from "./serve-encode-jobs.ts";

assert(parentPort !== null, "encode-worker.ts runs as a worker thread");
serveEncodeJobs(parentPort, createEncoder);
