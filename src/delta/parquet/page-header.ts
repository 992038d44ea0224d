import type { PageHeader } from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";
import { readFailure } from "./read-failure.ts";

/**
 * Reads the header of a page, and `offset` moves behind it. A damaged one may lack any of its
 * numbers, or have others: with one that is no size a reader would never come to an end, and with a
 * count that its bytes cannot hold it would make room for it. Throws what cannot be read.
 */
export function pageHeader(reader: { readonly view: DataView; offset: number }): PageHeader {
  const header = parquetHeader(reader);
  const {
    compressed_page_size: size,
    uncompressed_page_size: plainSize,
    dictionary_page_header: dictionary,
    data_page_header: data,
    data_page_header_v2: dataV2,
  } = header;
  const counts = [size, plainSize];
  if (data !== undefined) counts.push(data.num_values);
  if (dataV2 !== undefined) {
    const { repetition_levels_byte_length: repetition, definition_levels_byte_length: definition } =
      dataV2;
    counts.push(dataV2.num_values, repetition, definition, size - repetition - definition);
  }
  // Every value of a dictionary takes a byte at least.
  if (dictionary !== undefined) {
    counts.push(dictionary.num_values, plainSize - dictionary.num_values);
  }
  if (!counts.every((count) => Number.isSafeInteger(count) && count >= 0)) {
    throw readFailure("a page has a size or a count that is none");
  }
  return header;
}
