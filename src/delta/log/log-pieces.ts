import { litter } from "../../collect-garbage.ts";
import { CdcDeltaError } from "../../errors.ts";
import { free } from "../columns/free-batch.ts";
import type { Engine } from "../engine.ts";
import type { ObjectMeta } from "../storage/object-store.ts";
import { joinedBytes, lineEnd } from "./log-lines.ts";
import { getIfThere, logFileGone } from "./log-reader.ts";
import type { LogPiece } from "./log-segment.ts";
import { repairAdvice } from "./repair-advice.ts";

type ReadOptions = { readonly signal: AbortSignal };

/** Files of the log that are fetched at the same time: most have a kilobyte or two. */
const piecesAtOnce = 64;
/** Bytes of those together. */
const piecesBytesMax = 16 << 20;
/** A larger file is read part by part. */
const partBytesMax = 8 << 20;
/** No writer makes longer lines; to parse one takes several times its size. */
const lineBytesMax = 64 << 20;

/** Bytes of files that are kept between two ways through a log: some 15,000 commits of a stream. */
const keptBytesMax = 32 << 20;

/** Files of the log by key, as many as fit: a short log is fetched once, although gone through twice. */
export type PieceCache = { readonly files: Map<string, Uint8Array>; bytes: number };

/** An empty cache. */
export function pieceCache(): PieceCache {
  return { files: new Map(), bytes: 0 };
}

function keep(cache: PieceCache | undefined, key: string, bytes: Uint8Array): void {
  if (cache === undefined || cache.bytes + bytes.length > keptBytesMax) return;
  cache.files.set(key, bytes);
  cache.bytes += bytes.length;
}

/** A file of the log, read: whole; or too large for that, see `readParts`; or not there any more. */
export type ReadPiece =
  | { readonly kind: "whole"; readonly piece: LogPiece; readonly bytes: Uint8Array }
  | { readonly kind: "large" | "gone"; readonly piece: LogPiece };

/**
 * Reads files of the log in the order given, many at a time; the next ones are on their way while
 * some are used. What `cache` has is not fetched. The bytes are good until the next ones are asked
 * for: then their memory is given back. Errors: the store's.
 */
export async function* readLogPieces(
  engine: Engine,
  pieces: readonly LogPiece[],
  { signal, cache }: ReadOptions & { readonly cache?: PieceCache | undefined },
): AsyncGenerator<readonly ReadPiece[]> {
  const fetchWave = (from: number): { end: number; read: Promise<ReadPiece[]> } => {
    const end = waveEnd(pieces, from);
    const read = Promise.all(pieces.slice(from, end).map((piece) => fetchPiece(piece)));
    // It may fail before anybody waits for it.
    read.catch(() => {});
    return { end, read };
  };
  const fetchPiece = async (piece: LogPiece): Promise<ReadPiece> => {
    const { key, size } = piece.meta;
    if (size > partBytesMax) return { kind: "large", piece };
    const known = cache?.files.get(key);
    if (known !== undefined) return { kind: "whole", piece, bytes: known };
    const bytes = await getIfThere(engine, key, { signal });
    if (bytes === null) return { kind: "gone", piece };
    keep(cache, key, bytes);
    return { kind: "whole", piece, bytes };
  };
  const garbage = litter();
  let wave = fetchWave(0);
  for (let from = 0; from < pieces.length;) {
    const current = await wave.read;
    from = wave.end;
    wave = fetchWave(from);
    yield current;
    for (const read of current) {
      if (read.kind !== "whole") continue;
      // Text and objects that were made of them take more than they do.
      garbage.left(3 * read.bytes.length);
      if (!isKept(cache, read)) free(read.bytes);
    }
  }
}

function isKept(cache: PieceCache | undefined, { piece }: ReadPiece): boolean {
  return cache?.files.has(piece.meta.key) === true;
}

/** At least one; a large one stands alone, since it is not fetched here. */
function waveEnd(pieces: readonly LogPiece[], from: number): number {
  let bytes = 0;
  let end = from;
  while (end < pieces.length && end - from < piecesAtOnce) {
    bytes += pieces[end]!.meta.size;
    if (bytes > piecesBytesMax && end > from) break;
    end += 1;
  }
  return end;
}

/**
 * The lines of a file in parts of bounded size that begin and end with a line, from its first or from
 * its last one. Errors: `not-found` (retryable) when it is gone, `log-corrupt` for a line of more than
 * 64 MiB, the store's.
 */
export async function* readParts(
  engine: Engine,
  meta: ObjectMeta,
  { signal, from }: ReadOptions & { readonly from: "first" | "last" },
): AsyncGenerator<Uint8Array> {
  const read = async (start: number, end: number): Promise<Uint8Array> => {
    const bytes = await getIfThere(engine, meta.key, { signal, range: { start, end } });
    if (bytes === null) throw logFileGone(engine.store.uri, meta.key);
    return bytes;
  };
  const garbage = litter();
  let rest: Uint8Array = new Uint8Array(0);
  for (let done = 0; done < meta.size; done += partBytesMax) {
    const size = Math.min(partBytesMax, meta.size - done);
    const isLast = done + size === meta.size;
    garbage.left(3 * size);
    const start = from === "first" ? done : meta.size - done - size;
    const bytes = await read(start, start + size);
    if (bytes.length !== size) throw changed(engine.store.uri, meta);
    const both = from === "first" ? joinedBytes(rest, bytes) : joinedBytes(bytes, rest);
    const cut = from === "first" ? both.lastIndexOf(lineEnd) + 1 : both.indexOf(lineEnd) + 1;
    if (isLast) yield both;
    else if (from === "first") {
      if (cut > 0) yield both.subarray(0, cut);
      rest = both.subarray(cut);
    } else {
      // Nothing before the first line end is known to be whole.
      if (cut > 0) yield both.subarray(cut);
      rest = cut > 0 ? both.subarray(0, cut) : both;
    }
    if (rest.length > lineBytesMax) throw lineTooLong(engine.store.uri, meta);
  }
}

function changed(uri: string, { key }: ObjectMeta): CdcDeltaError {
  return new CdcDeltaError(
    "not-found",
    `Cannot read the Delta table at ${uri}: "${key}" has another size than it was listed with; ` +
      "somebody may be replacing it, try again",
    { context: { table: uri, key }, retryable: true },
  );
}

function lineTooLong(uri: string, { key }: ObjectMeta): CdcDeltaError {
  return new CdcDeltaError(
    "log-corrupt",
    `Cannot read the Delta log at ${uri}/${key}: it has a line of more than ` +
      `${lineBytesMax / 2 ** 20} MiB, which no writer makes. ${repairAdvice}`,
    { context: { file: key } },
  );
}
