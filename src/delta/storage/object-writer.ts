import type { IoOptions, ObjectStore, Upload } from "./object-store.ts";

/** An object that is written piece by piece; nobody sees it before `finish`. */
export type ObjectWriter = {
  /** Takes a copy of the bytes. Errors: the store's, of earlier bytes as well. */
  write(bytes: Uint8Array): Promise<void>;
  /** Makes the object visible; its size in bytes. */
  finish(): Promise<number>;
  /** Gives the object up; what is left of it is vacuum's. Never fails. */
  abort(): Promise<void>;
};

/** Bytes of a piece where the store takes no parts. */
const pieceBytes = 1 << 20;
/** Parts on their way while the next one is being filled. */
const partsInFlightMax = 2;

/**
 * Writes an object of any size in bounded memory: in parts where the store takes them, else with one
 * put at the end. Errors: the store's.
 */
export function objectWriter(
  store: ObjectStore,
  key: string,
  options: IoOptions,
): ObjectWriter {
  let upload: Upload | null = null;
  let whole: Uint8Array[] = [];
  let part = new Uint8Array(0);
  let [filled, size, count] = [0, 0, 0];
  const inFlight = new Set<Promise<void>>();
  let failure: { readonly error: unknown } | null = null;

  const send = async (open: Upload, bytes: Uint8Array): Promise<void> => {
    while (inFlight.size >= partsInFlightMax) await Promise.race(inFlight);
    if (failure !== null) throw failure.error;
    const sending: Promise<void> = open.putPart(count++, bytes, options)
      .then(() => release(bytes), (error: unknown) => {
        failure ??= { error };
      })
      .finally(() => inFlight.delete(sending));
    inFlight.add(sending);
  };

  const endPart = async (): Promise<void> => {
    const bytes = part;
    part = new Uint8Array(0);
    filled = 0;
    // Not before the second part: what is smaller is one put.
    if (upload === null) upload = await store.uploads?.begin(key, options) ?? null;
    if (upload === null) whole.push(bytes);
    else await send(upload, bytes);
  };

  return {
    async write(bytes) {
      for (let at = 0; at < bytes.length;) {
        if (filled > 0 && filled === part.length) await endPart();
        if (part.length === 0) part = new Uint8Array(store.uploads?.partBytes ?? pieceBytes);
        const piece = bytes.subarray(at, at + part.length - filled);
        part.set(piece, filled);
        filled += piece.length;
        size += piece.length;
        at += piece.length;
      }
    },
    async finish() {
      const rest = part.subarray(0, filled);
      if (upload === null) await store.put(key, [...whole, rest], options);
      else {
        await send(upload, rest);
        await Promise.all(inFlight);
        if (failure !== null) throw failure.error;
        await upload.complete(count, options);
      }
      release(part);
      whole = [];
      return size;
    },
    async abort() {
      await Promise.all(inFlight);
      await upload?.abort().catch(() => undefined);
    },
  };
}

/** The memory goes at once: collectors are slow to notice what only views hold. */
function release({ buffer, byteLength }: Uint8Array): void {
  const isWhole = byteLength === buffer.byteLength;
  if (isWhole && buffer instanceof ArrayBuffer && !buffer.detached) buffer.transfer(0);
}
