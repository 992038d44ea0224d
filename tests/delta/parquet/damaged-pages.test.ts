import { describe, expect, test } from "bun:test";
import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import { batchFromRows } from "../../../src/delta/columns/column-builder.ts";
import { decompress } from "../../../src/delta/parquet/decompress.ts";
import { pageHeader } from "../../../src/delta/parquet/page-header.ts";
import { bytesSource, openParquet, readRowGroup } from "../../../src/delta/parquet/reader.ts";
import { assembleParquetFile, encodeRowGroup } from "../../../src/delta/parquet/writer.ts";
import { field, struct } from "../../../src/delta/schema/data-type.ts";

const schema = struct([field("n", { kind: "long" })]);
const rows = Array.from({ length: 100 }, (_, i) => ({ n: BigInt(i) }));

function fileOf(): Uint8Array {
  const chunks = assembleParquetFile(
    schema,
    [encodeRowGroup(batchFromRows(schema, rows), schema)],
    { createdBy: "test" },
  );
  return new Uint8Array(Buffer.concat(chunks));
}

describe("damaged pages", () => {
  test.each([
    ["nothing", [0]],
    ["no sizes", [0x15, 0, 0]],
    ["a negative size", [0x15, 0, 0x15, 2, 0x15, 1, 0]],
    // DATA_PAGE of -1 values
    ["a negative count", [0x15, 0, 0x15, 2, 0x15, 2, 0x2c, 0x15, 1, 0, 0]],
    // DICTIONARY_PAGE of 2^31 - 1 values in two bytes
    [
      "more values than bytes",
      [0x15, 4, 0x15, 4, 0x15, 4, 0x4c, 0x15, 0xfe, 0xff, 0xff, 0xff, 0x0f, 0, 0],
    ],
  ])("a header with %s is refused", (_, bytes) => {
    const view = new DataView(new Uint8Array(bytes).buffer);
    expect(() => pageHeader({ view, offset: 0 })).toThrow("a size or a count that is none");
  });

  test("a footer that claims 2^31 values of a small chunk is refused before room is made", async () => {
    const file = await openParquet(bytesSource(fileOf()));
    const [group] = file.metadata.row_groups;
    const claimed = 0x7fff_fff0n;
    group!.num_rows = claimed;
    group!.columns[0]!.meta_data!.num_values = claimed;
    await expect(readRowGroup(file, 0, schema)).rejects.toThrow("Cannot read the Parquet file");
  });

  test("a footer without the number of its rows is refused", async () => {
    // A zero ends a struct, so that the fields after it are missing.
    const bytes = fileOf();
    let refused = 0;
    for (let at = bytes.length - 200; at < bytes.length - 8; at++) {
      const damaged = bytes.slice();
      damaged[at] = 0;
      try {
        const file = await openParquet(bytesSource(damaged));
        for (const { numRows } of file.rowGroups) expect(Number.isSafeInteger(numRows)).toBe(true);
      } catch (error) {
        expect(String(error)).toContain("Cannot read the Parquet file");
        refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(0);
  });

  test.each([
    ["SNAPPY", 1 << 30],
    ["LZ4_RAW", 1 << 30],
    ["ZSTD", -1],
  ])("%s of ten bytes does not hold %d", (codec, size) => {
    expect(() => decompress(codec, new Uint8Array(10), size)).toThrow("cannot hold");
  });

  test("a page that holds more than its header says is not inflated to its end", () => {
    const bomb = gzipSync(new Uint8Array(8 << 20));
    expect(() => decompress("GZIP", bomb, 100)).toThrow("is damaged");
  });
});
