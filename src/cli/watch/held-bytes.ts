import type { RecordBatch } from "../../core/event/record-batch.ts";
import type { Lane, Source } from "../../core/source/source.ts";

/** A source that tells how many bytes it has given and not got back. */
export type MeteredSource<S extends Source> = S & { heldBytes(): number };

/** Counts the bytes that the pump holds of a source: given, neither released nor lost. */
export function meteredSource<S extends Source>(source: S): MeteredSource<S> {
  // With their sizes, since bytes that are handed on may be gone from the batch.
  const held = new Map<RecordBatch, { readonly lane: Lane; readonly size: number }>();
  let bytes = 0;
  const forget = (batch: RecordBatch): void => {
    bytes -= held.get(batch)?.size ?? 0;
    held.delete(batch);
  };
  return {
    ...source,
    heldBytes: () => bytes,
    async *events(options) {
      // Asked again, the source starts again: what was held then is given up.
      held.clear();
      bytes = 0;
      for await (const event of source.events(options)) {
        if (event.kind === "records") {
          const { lane, batch } = event;
          held.set(batch, { lane, size: batch.bytes.length });
          bytes += batch.bytes.length;
        } else if (event.kind === "lanes-lost") {
          const lost = new Set(event.lanes);
          for (const [batch, { lane }] of held) if (lost.has(lane)) forget(batch);
        }
        yield event;
      }
    },
    release(batches) {
      // Before their memory is used again.
      for (const batch of batches) forget(batch);
      source.release(batches);
    },
  };
}
