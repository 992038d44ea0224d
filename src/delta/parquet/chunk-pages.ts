import { type LeafData, pageDecoder } from "./chunk-reader.ts";
import type { FileNode } from "./file-schema.ts";
import { pageHeader } from "./page-header.ts";
import { decoding, readFailure } from "./read-failure.ts";
import type { ByteSource, Chunk } from "./reader.ts";

/** Bytes that are fetched at once of a chunk that is not fetched whole. */
const windowBytes = 4 << 20;
/** Most page headers are smaller by far; statistics in them may make them large. */
const headerBytes = 64 << 10;

/**
 * A column chunk's data pages, decoded one by one: what is in memory is a window of its bytes and one
 * page. `whole` are its bytes where they are there already. Errors: `parquet`, those of the source.
 */
export async function* chunkPages(
  source: ByteSource,
  { start, end, meta }: Chunk,
  node: FileNode,
  whole: Uint8Array | undefined,
): AsyncGenerator<LeafData> {
  const total = Number(meta.num_values);
  const decode = pageDecoder(meta, node);
  let window = whole ?? new Uint8Array(0);
  /** Of the window's first byte in the file. */
  let windowStart = start;
  const bytesAt = async (at: number, size: number): Promise<Uint8Array> => {
    const wanted = Math.min(at + size, end);
    if (wanted > windowStart + window.length) {
      const until = Math.min(Math.max(wanted, at + windowBytes), end);
      window = await source.read(at, until);
      windowStart = at;
      if (window.length !== until - at) throw readFailure("it is shorter than its footer says");
    }
    return window.subarray(at - windowStart);
  };
  let entries = 0;
  for (let at = start; entries < total;) {
    const { header, size } = await readHeader(bytesAt, at, end);
    const body = at + size;
    const next = body + header.compressed_page_size;
    if (next > end) throw readFailure("a page reaches beyond its column chunk");
    const count = (header.data_page_header ?? header.data_page_header_v2)?.num_values ?? 0;
    if (entries + count > total) {
      throw readFailure("a column chunk has more values than its metadata says");
    }
    const bytes = (await bytesAt(body, next - body)).subarray(0, next - body);
    const page = decoding("a page", () => decode(header, bytes));
    at = next;
    if (page === null) continue;
    entries += page.entries;
    yield page;
  }
}

type Header = { readonly header: ReturnType<typeof pageHeader>; readonly size: number };

/** A header says nothing of its own size: more bytes are tried until it can be read. */
async function readHeader(
  bytesAt: (at: number, size: number) => Promise<Uint8Array>,
  at: number,
  end: number,
): Promise<Header> {
  for (let size = headerBytes;; size *= 8) {
    const bytes = await bytesAt(at, size);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const reader = { view, offset: 0 };
    try {
      return { header: pageHeader(reader), size: reader.offset };
    } catch (error) {
      if (at + size < end) continue;
      return decoding("a page header", () => {
        throw error;
      });
    }
  }
}
