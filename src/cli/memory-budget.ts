import { fullFetchesMax } from "../limits.ts";

const mebibyte = 1024 ** 2;

/** What the process takes with nothing read: runtime, main thread, writes under way. */
const idleBytes = 128 * mebibyte;
/** The least that a run gets by on; a smaller budget could not be kept. */
export const memoryBytesMin = 192 * mebibyte;
/** What an encode thread takes: its job, columns, row groups and heap. */
const threadBytes = 64 * mebibyte;
/** Less input than this is not worth a job. */
const heldBytesMin = 16 * mebibyte;

/**
 * Memory that a run stays within unless told: three quarters of what the container or machine has,
 * at most 512 MiB, which is enough for two cores.
 */
export function defaultMemory(limitBytes: number): number {
  const part = Math.floor((limitBytes * 0.75) / mebibyte) * mebibyte;
  return Math.min(Math.max(part, memoryBytesMin), 512 * mebibyte);
}

/** Encode threads that fit into a memory budget beside the input they work on. */
export function workersWithin(memoryBytes: number): number {
  return Math.max(1, Math.floor((memoryBytes - idleBytes) / (2 * threadBytes)));
}

/** Memory of fetches from Kafka that are under way or were not handed over yet. */
export function fetchBytes(fetchBytesMax: number): number {
  return fullFetchesMax * fetchBytesMax;
}

/**
 * Raw input that may be held at once so that the process stays within its budget. Half of what is
 * left beside the threads: held input also passes through the stores' buffers, and collectors free
 * late. `buffersBytes` is what the source itself holds.
 */
export function heldBytesWithin(
  memoryBytes: number,
  workers: number,
  buffersBytes = 0,
): number {
  const left = memoryBytes - idleBytes - workers * threadBytes - buffersBytes;
  return Math.max(heldBytesMin, Math.floor(left / 2));
}
