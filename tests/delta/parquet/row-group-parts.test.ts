import { expect, test } from "bun:test";
import { Buffer } from "node:buffer";
import * as fc from "fast-check";
import { batchFromRows } from "../../../src/delta/columns/column-builder.ts";
import { rowsOfBatch } from "../../../src/delta/columns/column-value.ts";
import { freeBatch } from "../../../src/delta/columns/free-batch.ts";
import type { LeafData } from "../../../src/delta/parquet/chunk-reader.ts";
import { fileFields, fileLeaves } from "../../../src/delta/parquet/file-schema.ts";
import { leafRows } from "../../../src/delta/parquet/leaf-rows.ts";
import { bytesSource, openParquet } from "../../../src/delta/parquet/reader.ts";
import { openRowGroupParts } from "../../../src/delta/parquet/row-group-parts.ts";
import { assembleParquetFile, encodeRowGroup } from "../../../src/delta/parquet/writer.ts";
import { field, struct } from "../../../src/delta/schema/data-type.ts";
import { arbitraryTable, type Row } from "./arbitrary-rows.ts";

async function readParts(
  schema: ReturnType<typeof struct>,
  rows: readonly Row[],
): Promise<{ readonly rows: Row[]; readonly parts: number; readonly largestRead: number }> {
  const group = encodeRowGroup(batchFromRows(schema, rows), schema);
  const bytes = Buffer.concat(assembleParquetFile(schema, [group], { createdBy: "test" }));
  const source = bytesSource(new Uint8Array(bytes));
  let largestRead = 0;
  const file = await openParquet({
    ...source,
    read: (start, end) => {
      largestRead = Math.max(largestRead, end - start);
      return source.read(start, end);
    },
  });
  const found: Row[] = [];
  let parts = 0;
  const group0 = await openRowGroupParts(file, 0, schema);
  for (let batch = await group0.next(); batch !== null; batch = await group0.next()) {
    parts += 1;
    for (const row of rowsOfBatch(batch, schema)) found.push(row);
  }
  return { rows: found, parts, largestRead };
}

test("rows of any schema come back part by part", async () => {
  await fc.assert(
    fc.asyncProperty(arbitraryTable(), async ({ schema, rows }) => {
      fc.pre(rows.length > 0);
      const many = Array.from({ length: 4500 }, (_, i) => rows[i % rows.length]!);
      const read = await readParts(schema, many);
      expect(read.parts).toBe(2);
      expect(read.rows).toEqual(many);
    }),
    { numRuns: 25 },
  );
});

test("a column of many pages sets the pace; a large one is fetched in windows", async () => {
  const schema = struct([
    field("id", { kind: "long" }),
    field("text", { kind: "string" }),
    field("tags", { kind: "array", elementType: { kind: "string" }, containsNull: true }),
  ]);
  const noise = fc.sample(fc.string({ minLength: 3000, maxLength: 3000 }), {
    numRuns: 40,
    seed: 1,
  });
  const rows = Array.from({ length: 6000 }, (_, i): Row => ({
    id: BigInt(i),
    text: i % 7 === 0 ? null : `${noise[i % 40]!.slice(i % 100)}${Math.sin(i)}${noise[i % 39]}`,
    tags: i % 3 === 0 ? null : [String(i), null, ""].slice(0, i % 4),
  }));
  const read = await readParts(schema, rows);
  expect(read.rows).toEqual(rows);
  expect(read.parts).toBeGreaterThan(6);
  expect(read.largestRead).toBeLessThanOrEqual(5 << 20);
});

test("a dictionary is kept for the pages after one that holds each of its values once", async () => {
  const schema = struct([field("text", { kind: "string" })]);
  // A page ends before 1 MiB of values: with the last one of the dictionary.
  const rows = Array.from({ length: 4 * 312 }, (_, i): Row => ({
    text: `${i % 312} `.padEnd(3000, "x"),
  }));
  const group = encodeRowGroup(batchFromRows(schema, rows), schema);
  const bytes = Buffer.concat(assembleParquetFile(schema, [group], { createdBy: "test" }));
  const parts = await openRowGroupParts(await openParquet(bytesSource(bytes)), 0, schema);
  const found: Row[] = [];
  for (let part = await parts.next(); part !== null; part = await parts.next()) {
    found.push(...rowsOfBatch(part, schema));
    freeBatch(part);
  }
  expect(found).toEqual(rows);
});

/** A repeated leaf: lists of texts that may be null, empty, or hold nulls. */
const [node] = fileLeaves(fileFields([
  { name: "root", num_children: 1 },
  { name: "l", repetition_type: "OPTIONAL", num_children: 1 },
  { name: "list", repetition_type: "REPEATED", num_children: 1 },
  { name: "element", repetition_type: "OPTIONAL", type: "BYTE_ARRAY" },
]));

type Entry = { readonly repetition: number; readonly definition: number; readonly text: string };

function leafOf(entries: readonly Entry[]): LeafData {
  const texts = entries.filter(({ definition }) => definition === 3).map(({ text }) => text);
  const offsets = new Int32Array(texts.length + 1);
  for (const [i, text] of texts.entries()) offsets[i + 1] = offsets[i]! + text.length;
  const definition = Uint8Array.from(entries, (entry) => entry.definition);
  return {
    entries: entries.length,
    definition: texts.length === entries.length ? null : definition,
    repetition: Uint8Array.from(entries, (entry) => entry.repetition),
    values: { kind: "bytes", offsets, data: new TextEncoder().encode(texts.join("")) },
    present: texts.length,
  };
}

function entriesOf({ entries, definition, repetition, values, present }: LeafData): Entry[] {
  if (values.kind !== "bytes") throw new Error("not bytes");
  const decoder = new TextDecoder();
  let value = 0;
  const found = Array.from({ length: entries }, (_, i): Entry => {
    const level = definition === null ? 3 : definition[i]!;
    const text = level === 3
      ? decoder.decode(values.data.subarray(values.offsets[value]!, values.offsets[++value]!))
      : "";
    return { repetition: repetition![i]!, definition: level, text };
  });
  expect(value).toBe(present);
  return found;
}

test("a leaf's rows are taken wherever its pages end", async () => {
  const list = fc.array(fc.constantFrom("a", "bc", null), { maxLength: 4 });
  const rowEntries = fc.option(list, { nil: null }).map((items): Entry[] => {
    if (items === null) return [{ repetition: 0, definition: 0, text: "" }];
    if (items.length === 0) return [{ repetition: 0, definition: 1, text: "" }];
    return items.map((item, i) => ({
      repetition: i === 0 ? 0 : 1,
      definition: item === null ? 2 : 3,
      text: item ?? "",
    }));
  });
  const rows = fc.array(rowEntries, { minLength: 1, maxLength: 20 });
  const sizes = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 9 });
  await fc.assert(fc.asyncProperty(rows, sizes, sizes, async (list, pageSizes, takes) => {
    const all = list.flat();
    async function* pages(): AsyncGenerator<LeafData> {
      for (let at = 0, i = 0; at < all.length; i++) {
        const size = pageSizes[i % pageSizes.length]!;
        yield await Promise.resolve(leafOf(all.slice(at, at + size)));
        at += size;
      }
    }
    const leaf = leafRows(pages(), node!);
    for (let row = 0, i = 0; row < list.length; i++) {
      const count = Math.min(takes[i % takes.length]!, list.length - row);
      expect(entriesOf(await leaf.take(count))).toEqual(list.slice(row, row + count).flat());
      row += count;
    }
    expect(leaf.take(1)).rejects.toMatchObject({ code: "parquet" });
  }));
});
