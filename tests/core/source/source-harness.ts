import { Buffer } from "node:buffer";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import type { RecordBatch } from "../../../src/core/event/record-batch.ts";
import { fileSource, type FileSourceOptions } from "../../../src/core/source/file-source.ts";
import type { Source, SourceEvent } from "../../../src/core/source/source.ts";
import type { Clock } from "../../../src/delta/engine.ts";
import { CdcDeltaError } from "../../../src/errors.ts";

export type Collected = {
  readonly lane: string;
  readonly text: string;
  readonly batches: readonly RecordBatch[];
};

/** Folders that `removeFolders` takes away again. */
const folders: string[] = [];

export function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "cdcdelta-source-"));
  folders.push(folder);
  return folder;
}

export function removeFolders(): void {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

/** Real time, for pipes. */
export const realClock: Clock = {
  nowMs: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, ms);
      signal.addEventListener("abort", () => {
        clearTimeout(timer);
        reject(signal.reason instanceof Error ? signal.reason : new Error("aborted"));
      }, { once: true });
    }),
};

/** A clock whose n-th sleep takes the n-th step, and whose last sleep aborts. */
export function steppingClock(
  steps: readonly (() => void)[],
): { readonly clock: Clock; readonly signal: AbortSignal } {
  const controller = new AbortController();
  let taken = 0;
  const sleep = () => {
    const step = steps[taken++];
    if (step === undefined) controller.abort(new Error("over"));
    else step();
    return Promise.resolve();
  };
  return { clock: { nowMs: () => 0, sleep }, signal: controller.signal };
}

export function sourceOf(path: string, options: Partial<FileSourceOptions> = {}): Source {
  const defaults = { follow: false, sourceId: null, clock: realClock, stdin: null };
  return fileSource({ ...defaults, path, ...options });
}

/** A pipe that gives these bytes in pieces of at most `pieceBytes`. */
export function pipeOf(bytes: Uint8Array, pieceBytes = 7): Readable {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    pieces.push(Buffer.from(bytes.subarray(at, at + pieceBytes)));
  }
  return Readable.from(pieces, { objectMode: false });
}

export async function eventsOf(
  source: Source,
  signal: AbortSignal = new AbortController().signal,
): Promise<SourceEvent[]> {
  const events: SourceEvent[] = [];
  for await (const event of source.events({ signal })) events.push(event);
  await source.close();
  return events;
}

/** The lanes of the events, in order of appearance, with their text put together. */
export function lanesOf(events: readonly SourceEvent[]): Collected[] {
  const lanes = new Map<string, RecordBatch[]>();
  for (const event of events) {
    if (event.kind === "lane-end" && !lanes.has(event.lane)) lanes.set(event.lane, []);
    if (event.kind !== "records") continue;
    lanes.set(event.lane, [...(lanes.get(event.lane) ?? []), event.batch]);
  }
  return [...lanes].map(([lane, batches]) => ({ lane, batches, text: textOf(batches) }));
}

export function textOf(batches: readonly RecordBatch[]): string {
  return Buffer.concat(batches.map((batch) => batch.bytes)).toString();
}

/** Throws unless the batches lie one behind the other, cut at line ends. */
export function checkContiguous(batches: readonly RecordBatch[]): void {
  let next = batches[0]?.position.baseOffset ?? 0n;
  for (const [index, batch] of batches.entries()) {
    if (batch.position.baseOffset !== next) throw new Error(`gap before batch ${index}`);
    next += BigInt(batch.bytes.length);
    const last = index === batches.length - 1;
    if (batch.bytes.length === 0) throw new Error(`batch ${index} is empty`);
    if (!last && batch.bytes.at(-1) !== 0x0a) throw new Error(`batch ${index} is cut in a line`);
  }
}

export async function failureOf(promise: Promise<unknown>): Promise<CdcDeltaError> {
  const error: unknown = await promise.then(() => null, (reason: unknown) => reason);
  if (!(error instanceof CdcDeltaError)) throw new Error(`not a CdcDeltaError: ${String(error)}`);
  return error;
}
