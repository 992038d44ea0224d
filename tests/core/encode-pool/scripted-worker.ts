/** An encode thread whose behaviour is scripted by the job's first batch, for the pool's tests. */
import process from "node:process";
import { parentPort } from "node:worker_threads";
import { CdcDeltaError } from "../../../src/errors.ts";
import { serveEncodeJobs } from "../../../src/core/encode/serve-encode-jobs.ts";
import { scriptedEncoder } from "./scripted-encoder.ts";

if (parentPort === null) throw new CdcDeltaError("internal", "not a worker thread");
serveEncodeJobs(parentPort, () => scriptedEncoder({ exit: (code) => process.exit(code) }));
