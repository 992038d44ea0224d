/** When rows become a commit. Pure: the pump asks, this decides. */

export type FlushSettings = {
  /** Records after which a flush is due once nothing more is ready to be read. */
  readonly rowsMin: number;
  /** Bytes of input (decompressed) after which a flush is due at once. */
  readonly bytesMax: number;
  /** Age of the oldest held record after which a flush is due, in milliseconds. */
  readonly ageMsMax: number;
  /** Bytes of memory that input may take in all, that being committed included. */
  readonly heldBytesMax: number;
};

export type FlushFacts = {
  readonly nowMs: number;
  /** When the first record of the open flush was read; null while it holds none. */
  readonly openedAtMs: number | null;
  readonly records: number;
  readonly bytes: number;
  /** Memory held in all, in bytes: the open flush and the one being committed. */
  readonly heldBytes: number;
  /** Nothing more is ready to be read just now. */
  readonly idle: boolean;
  /** A flush is being committed; the open one gathers meanwhile. */
  readonly committing: boolean;
  /** Nothing more can be read, now or at all. */
  readonly inputEnded: boolean;
  readonly stopping: boolean;
};

export type FlushReason = "rows" | "bytes" | "age" | "memory" | "end" | "shutdown";

export type FlushDecision =
  | { readonly kind: "flush"; readonly reason: FlushReason }
  /** `untilMs`: when to ask again although nothing happened; null: only when something happens. */
  | { readonly kind: "wait"; readonly untilMs: number | null };

/**
 * Decides whether the open flush is due. While the source is behind, only bytes and age count, so
 * that catching up makes few, large files; rows count once nothing more is ready.
 */
export function decideFlush(facts: FlushFacts, settings: FlushSettings): FlushDecision {
  if (facts.openedAtMs === null || facts.committing) return { kind: "wait", untilMs: null };
  if (facts.stopping) return { kind: "flush", reason: "shutdown" };
  if (facts.inputEnded) return { kind: "flush", reason: "end" };
  if (facts.bytes >= settings.bytesMax) return { kind: "flush", reason: "bytes" };
  if (facts.heldBytes >= settings.heldBytesMax) return { kind: "flush", reason: "memory" };
  const dueMs = facts.openedAtMs + settings.ageMsMax;
  // A clock that was set back says nothing of the age: better early than hours late.
  const setBack = facts.nowMs < facts.openedAtMs;
  if (setBack || facts.nowMs >= dueMs) return { kind: "flush", reason: "age" };
  if (facts.idle && facts.records >= settings.rowsMin) return { kind: "flush", reason: "rows" };
  return { kind: "wait", untilMs: dueMs };
}
