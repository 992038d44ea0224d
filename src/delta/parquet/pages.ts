import type { DataType } from "../schema/data-type.ts";
import { append, type ByteSink, byteSink, written } from "./byte-sink.ts";
import { type Bounds, boundsOfBytes, footerBounds, joinByteBounds } from "./bounds.ts";
import { compress } from "./codec.ts";
import { buildDictionary, type Dictionary, entriesMax } from "./dictionary.ts";
import type { EncodedColumnChunk, EncodedPage } from "./encoded-row-group.ts";
import { appendPlainValue, appendValues } from "./encodings.ts";
import { type Codec, codecNumber, encoding, pageType } from "./format.ts";
import { appendHybrid, appendRun, bitWidth } from "./hybrid.ts";
import { boundsOfPage, type LeafValues, leafValues } from "./leaf-values.ts";
import type { LeveledLeaf } from "./levels.ts";
import { thriftWriter } from "./thrift.ts";

export type PageOptions = {
  readonly codec: Codec;
  readonly level: number;
  /** False: no dictionary pages. */
  readonly dictionary: boolean;
  /** True: PLAIN values only, the encoding that no reader lacks. */
  readonly plain: boolean;
  /** True: facts of each page are kept for the page index. */
  readonly pageIndex: boolean;
};

/** Rows and value bytes after which a page ends. */
const pageRowsMax = 20_000;
const pageBytesMax = 1 << 20;
/** A larger scratch buffer is given back after use. */
const scratchBytesKept = 16 << 20;

// One of each, reused: encoding is synchronous, and a page is done before the next begins.
const valueSink = byteSink(2 * pageBytesMax);
const levelSink = byteSink(1 << 14);
const header = thriftWriter();

type BytesValues = LeafValues & { readonly kind: "bytes" };

export type EncodedLeaf = {
  readonly chunk: EncodedColumnChunk;
  readonly bounds: Bounds | null;
};

/** Appends the column chunk of a leaf to `out`, DATA_PAGE_V2 pages behind a dictionary page if any. */
export function appendColumnChunk(
  out: ByteSink,
  leaf: LeveledLeaf,
  physicalType: number,
  options: PageOptions,
): EncodedLeaf {
  const { values, bounds: ordered } = leafValues(leaf);
  const start = out.at;
  const dictionary = values.kind === "bytes" && options.dictionary
    ? buildDictionary(values.offsets, values.data, leaf.present)
    : null;
  const isText = values.kind === "bytes" && leaf.type.kind === "string" && leaf.present > 0;
  let bounds = isText && (dictionary !== null || !options.pageIndex)
    ? boundsOfStrings(values, dictionary, leaf.present)
    : ordered;
  let uncompressedSize = 0;
  const used = new Set<number>([encoding.rle]);
  if (dictionary !== null && values.kind === "bytes") {
    uncompressedSize += appendDictionaryPage(out, values, dictionary, options);
    used.add(encoding.plain);
  }
  const dataPageOffset = out.at;
  const pages: EncodedPage[] = [];
  let [entry, value, row] = [0, 0, 0];
  do {
    const page = nextPage(leaf, values, entry, value);
    const offset = out.at;
    valueSink.at = 0;
    const pageEncoding = dictionary === null
      ? appendValues(valueSink, values, value, page.valueEnd, options.plain)
      : appendIndices(dictionary, value, page.valueEnd);
    used.add(pageEncoding);
    uncompressedSize += appendDataPage(out, leaf, entry, value, page, pageEncoding, options);
    if (options.pageIndex) {
      const isWhole = bounds !== null && page.valueEnd - value === leaf.present;
      const ofPage = isWhole ? bounds : pageBounds(leaf, values, dictionary, value, page.valueEnd);
      // What was compared for the pages need not be compared again for the chunk.
      if (isText && dictionary === null) bounds = joinByteBounds(bounds, ofPage);
      pages.push({
        offset,
        byteLength: out.at - offset,
        firstRow: row,
        nullCount: page.entryEnd - entry - (page.valueEnd - value),
        isNull: page.valueEnd === value,
        ...minAndMax(leaf.type, ofPage),
      });
    }
    row += page.rows;
    entry = page.entryEnd;
    value = page.valueEnd;
  } while (entry < leaf.entries);
  // One huge value must not hold its room for the rest of the run.
  if (valueSink.bytes.length > scratchBytesKept) valueSink.bytes = new Uint8Array(2 * pageBytesMax);
  const chunk: EncodedColumnChunk = {
    physicalType,
    encodings: [...used],
    codec: codecNumber[options.codec],
    numValues: leaf.entries,
    uncompressedSize,
    compressedSize: out.at - start,
    dictionaryPageOffset: dictionary === null ? null : start,
    dataPageOffset,
    nullCount: leaf.entries - leaf.present,
    ...minAndMax(leaf.type, bounds),
    ...(options.pageIndex ? { pages } : {}),
  };
  return { chunk, bounds };
}

function minAndMax(type: DataType, bounds: Bounds | null): Pick<EncodedPage, "min" | "max"> {
  return footerBounds(type, bounds) ?? { min: null, max: null };
}

function boundsOfStrings(
  values: BytesValues,
  dictionary: Dictionary | null,
  count: number,
): Bounds {
  if (dictionary === null) return boundsOfBytes(values.offsets, values.data, null, count);
  const { entries } = dictionary;
  return boundsOfBytes(values.offsets, values.data, entries, entries.length);
}

/** The dictionary's entries that a page holds, each once. */
const seen = new Uint8Array(entriesMax);
const held = new Int32Array(entriesMax);

/** As `boundsOfPage`; of values that a dictionary numbers each distinct one is compared once. */
function pageBounds(
  { type }: LeveledLeaf,
  values: LeafValues,
  dictionary: Dictionary | null,
  start: number,
  end: number,
): Bounds | null {
  if (dictionary === null) return boundsOfPage(type, values, start, end);
  if (values.kind !== "bytes" || type.kind !== "string" || start === end) return null;
  const { indices, entries } = dictionary;
  seen.fill(0, 0, entries.length);
  let count = 0;
  for (let i = start; i < end && count < entries.length; i++) {
    const entry = indices[i]!;
    if (seen[entry] !== 0) continue;
    seen[entry] = 1;
    held[count++] = entries[entry]!;
  }
  return boundsOfBytes(values.offsets, values.data, held, count);
}

type Page = { readonly entryEnd: number; readonly valueEnd: number; readonly rows: number };

/** Where the page that begins at `entry` and `value` ends: within the bounds, between two rows. */
function nextPage(leaf: LeveledLeaf, values: LeafValues, entry: number, value: number): Page {
  let size = Math.min(pageRowsMax, leaf.entries - entry);
  for (;;) {
    const entryEnd = rowEnd(leaf, entry + size);
    const valueEnd = value + presentBetween(leaf, entry, entryEnd);
    if (size > 1 && sizeOf(values, value, valueEnd) > pageBytesMax) {
      size = size >> 1;
      continue;
    }
    return { entryEnd, valueEnd, rows: rowsBetween(leaf, entry, entryEnd) };
  }
}

function rowEnd({ repetition, entries }: LeveledLeaf, at: number): number {
  let end = at;
  if (repetition !== null) { while (end < entries && repetition[end] !== 0) end++; }
  return end;
}

function presentBetween(leaf: LeveledLeaf, start: number, end: number): number {
  const { definition, maxDefinition } = leaf;
  if (definition === null) return end - start;
  let count = 0;
  for (let i = start; i < end; i++) if (definition[i] === maxDefinition) count++;
  return count;
}

function rowsBetween({ repetition }: LeveledLeaf, start: number, end: number): number {
  if (repetition === null) return end - start;
  let count = 0;
  for (let i = start; i < end; i++) if (repetition[i] === 0) count++;
  return count;
}

function sizeOf(values: LeafValues, start: number, end: number): number {
  switch (values.kind) {
    case "bytes":
      return values.offsets[end]! - values.offsets[start]!;
    case "fixed":
      return (end - start) * values.width;
    default:
      return (end - start) * 8;
  }
}

/** Dictionary indices: a width byte and the hybrid. */
function appendIndices({ indices, entries }: Dictionary, start: number, end: number): number {
  const width = Math.max(1, bitWidth(entries.length - 1));
  append(valueSink, Uint8Array.of(width));
  appendHybrid(valueSink, indices, start, end, width);
  return encoding.rleDictionary;
}

function appendDictionaryPage(
  out: ByteSink,
  values: BytesValues,
  { entries }: Dictionary,
  options: PageOptions,
): number {
  valueSink.at = 0;
  for (let i = 0; i < entries.length; i++) {
    const at = entries[i]!;
    appendPlainValue(valueSink, values.data, values.offsets[at]!, values.offsets[at + 1]!);
  }
  const body = compress(options.codec, written(valueSink), options.level);
  header.reset();
  header.i32Field(1, pageType.dictionaryPage);
  header.i32Field(2, valueSink.at);
  header.i32Field(3, body.length);
  header.structField(7);
  header.i32Field(1, entries.length);
  header.i32Field(2, encoding.plain);
  header.endStruct();
  header.endStruct();
  const headerBytes = header.bytes();
  append(out, headerBytes);
  append(out, body);
  return headerBytes.length + valueSink.at;
}

function appendDataPage(
  out: ByteSink,
  leaf: LeveledLeaf,
  entry: number,
  value: number,
  page: Page,
  pageEncoding: number,
  options: PageOptions,
): number {
  const entries = page.entryEnd - entry;
  levelSink.at = 0;
  if (leaf.repetition !== null) {
    const width = bitWidth(leaf.maxRepetition);
    appendHybrid(levelSink, leaf.repetition, entry, page.entryEnd, width);
  }
  const repetitionSize = levelSink.at;
  if (leaf.maxDefinition > 0) {
    const width = bitWidth(leaf.maxDefinition);
    if (leaf.definition === null) appendRun(levelSink, leaf.maxDefinition, entries, width);
    else appendHybrid(levelSink, leaf.definition, entry, page.entryEnd, width);
  }
  const body = compress(options.codec, written(valueSink), options.level);
  header.reset();
  header.i32Field(1, pageType.dataPageV2);
  header.i32Field(2, levelSink.at + valueSink.at);
  header.i32Field(3, levelSink.at + body.length);
  header.structField(8);
  header.i32Field(1, entries);
  header.i32Field(2, entries - (page.valueEnd - value));
  header.i32Field(3, page.rows);
  header.i32Field(4, pageEncoding);
  header.i32Field(5, levelSink.at - repetitionSize);
  header.i32Field(6, repetitionSize);
  header.boolField(7, options.codec !== "uncompressed");
  header.endStruct();
  header.endStruct();
  const headerBytes = header.bytes();
  append(out, headerBytes);
  append(out, written(levelSink));
  append(out, body);
  return headerBytes.length + levelSink.at + valueSink.at;
}
