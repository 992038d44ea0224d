import { Buffer } from "node:buffer";
import type { EncodeJob, EncodeResult } from "../../../src/core/encode/encode-job.ts";
import type { Encoder } from "../../../src/core/encode/serve-encode-jobs.ts";
import { CdcDeltaError } from "../../../src/errors.ts";

/** A job whose one line is `verb argument`; see `scriptedEncoder`. */
export function scriptedJob(line: string, ingestionTimestampMs = 0): EncodeJob {
  // The records lie inside a larger buffer, as a source's do.
  const buffer = new Uint8Array(Buffer.from(`before|${line}|after`));
  return {
    batches: [{
      framing: "lines",
      bytes: buffer.subarray(7, 7 + line.length),
      position: { topic: "t", partition: 0, baseOffset: 2n ** 60n, identity: "" },
    }],
    tables: [],
    ingestionTimestampMs,
  };
}

/** The text that `echo` and `slow` put into the row group. */
export function rowGroupText(result: EncodeResult): string {
  const bytes = result.tables[0]?.parts[0]?.rowGroup.bytes;
  return bytes === undefined ? "" : Buffer.from(bytes).toString();
}

/**
 * `echo X` answers X; `slow MS` answers after blocking its thread; `fail` throws a CdcDeltaError,
 * `throw` a TypeError, `exit N` ends the thread.
 */
export function scriptedEncoder(hooks: { readonly exit: (code: number) => void }): Encoder {
  return {
    run(job) {
      const [verb = "", argument = ""] = lineOf(job).split(" ");
      switch (verb) {
        case "slow":
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(argument));
          break;
        case "fail":
          throw new CdcDeltaError("decode", "scripted", { context: { at: 7 }, retryable: true });
        case "throw":
          throw new TypeError("scripted type error");
        case "exit":
          hooks.exit(Number(argument));
          break;
        default:
          break;
      }
      return resultOf(argument, job);
    },
  };
}

function lineOf(job: EncodeJob): string {
  const bytes = job.batches[0]?.bytes;
  return bytes === undefined ? "" : Buffer.from(bytes).toString();
}

function resultOf(text: string, job: EncodeJob): EncodeResult {
  // A view into scratch memory that the encoder keeps: it must be copied, not moved.
  const scratch = new Uint8Array(1024);
  const bytes = scratch.subarray(10, 10 + text.length);
  bytes.set(Buffer.from(text));
  return {
    tables: [{
      key: "db.items",
      baseEpoch: 0,
      schema: { kind: "struct", fields: [] },
      partitionBy: [],
      parts: [{
        partitionValues: { a: null },
        rowGroup: { bytes, numRows: 1, chunks: [] },
        statistics: { numRecords: 1, leaves: [] },
      }],
      rows: 1,
      positions: [],
      droppedRows: 0,
      confirmedWatermarks: [],
      widened: [],
      rescued: [],
      newestSourceMs: null,
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }],
    positions: [{
      topic: "t",
      partition: 0,
      identity: "",
      firstOffset: job.batches[0]?.position.baseOffset ?? 0n,
      lastOffset: 2n ** 62n,
      lastRecordHash: 2n ** 64n - 1n,
    }],
    counts: { records: 1, bytes: text.length, tombstones: 0, rowless: 0 },
    decodedBytes: [text.length],
    fault: null,
  };
}
