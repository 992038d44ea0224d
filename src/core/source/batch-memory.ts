/**
 * Memory for batches that is used again once a batch was released: allocating it anew for every
 * batch grows the process faster than the collector notices.
 */
export type BatchMemory = {
  /** Memory of exactly this size; what it holds is left over from an earlier use. */
  take(size: number): Uint8Array<ArrayBuffer>;
  /** Gives back what `take` gave, or a part of it. */
  giveBack(memory: Uint8Array): void;
};

/** Keeps up to `sparesMax` pieces of `pieceBytes` each; other sizes are allocated and forgotten. */
export function batchMemory(pieceBytes: number, sparesMax: number): BatchMemory {
  const spares: ArrayBuffer[] = [];
  return {
    take(size) {
      const spare = size === pieceBytes ? spares.pop() : undefined;
      return spare === undefined ? new Uint8Array(size) : new Uint8Array(spare);
    },
    giveBack({ buffer }) {
      if (!(buffer instanceof ArrayBuffer) || buffer.byteLength !== pieceBytes) return;
      if (spares.length < sparesMax && !spares.includes(buffer)) spares.push(buffer);
    },
  };
}
