import { describe, expect, test } from "bun:test";
import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import fc from "fast-check";
import type { DeletionVectorDescriptor } from "../../../src/delta/log/actions.ts";
import { deletionVectorKey, readDeletionVector } from "../../../src/delta/log/deletion-vector.ts";
import { readRowSet, rowsOutside } from "../../../src/delta/log/roaring-bitmap.ts";
import { decodeZ85 } from "../../../src/delta/log/z85.ts";
import { CdcDeltaError } from "../../../src/errors.ts";
import { signal, testEngine } from "../../support/delta-table.ts";

type Form = "array" | "bitmap" | "runs";

/** A portable RoaringBitmapArray of ascending rows, with the given form where it is allowed. */
function serialize(rows: readonly number[], form: Form): Buffer {
  const buckets = new Map<number, Map<number, number[]>>();
  for (const row of rows) {
    const high = Math.floor(row / 2 ** 32);
    const key = Math.floor(row / 65536) % 65536;
    const bucket = buckets.get(high) ?? new Map<number, number[]>();
    buckets.set(high, bucket.set(key, [...bucket.get(key) ?? [], row % 65536]));
  }
  const parts = [numbers([1681511377, 4], [buckets.size, 4], [0, 4])];
  for (const [high, containers] of buckets) {
    parts.push(numbers([high, 4]), bitmap(containers, form));
  }
  return Buffer.concat(parts);
}

function bitmap(containers: ReadonlyMap<number, readonly number[]>, form: Form): Buffer {
  const list = [...containers];
  const head = list.map(([key, values]) => numbers([key, 2], [values.length - 1, 2]));
  const bodies = list.map(([, values]) => container(values, form));
  const offsets = numbers(...list.map(() => [0, 4] as const));
  if (form !== "runs") {
    return Buffer.concat([numbers([12346, 4], [list.length, 4]), ...head, offsets, ...bodies]);
  }
  const flags = Buffer.alloc((list.length + 7) >> 3, 255);
  const cookie = numbers([12347, 2], [list.length - 1, 2]);
  const kept = list.length < 4 ? [] : [offsets];
  return Buffer.concat([cookie, flags, ...head, ...kept, ...bodies]);
}

function container(values: readonly number[], form: Form): Buffer {
  if (form === "runs") {
    const runs: [number, number][] = [];
    for (const value of values) {
      const last = runs.at(-1);
      if (last !== undefined && last[0] + last[1] + 1 === value) last[1] += 1;
      else runs.push([value, 0]);
    }
    return numbers([runs.length, 2], ...runs.flat().map((value) => [value, 2] as const));
  }
  if (values.length <= 4096) return numbers(...values.map((value) => [value, 2] as const));
  const bits = Buffer.alloc(8192);
  for (const value of values) bits[value >> 3]! |= 1 << (value & 7);
  return bits;
}

function numbers(...list: readonly (readonly [value: number, bytes: number])[]): Buffer {
  return Buffer.concat(list.map(([value, bytes]) => {
    const buffer = Buffer.alloc(bytes);
    buffer.writeUIntLE(value, 0, bytes);
    return buffer;
  }));
}

describe("readRowSet()", () => {
  const row = fc.oneof(
    fc.nat(200),
    fc.nat(300_000),
    fc.nat(1000).map((n) => 2 ** 32 + n),
  );
  const dense = fc.nat(3).map((n) => Array.from({ length: 5000 }, (_, i) => n * 65536 + 7 + i * 3));

  test("reads what was written, in every form of container", () => {
    fc.assert(
      fc.property(
        fc.tuple(fc.array(row), fc.array(dense, { maxLength: 2 })),
        fc.constantFrom<Form>("array", "runs"),
        ([some, many], form) => {
          const rows = [...new Set([...some, ...many.flat()])].sort((a, b) => a - b);
          const set = readRowSet(serialize(rows, form));
          expect(set.cardinality).toBe(rows.length);
          const start = 100;
          const length = 150_000;
          const deleted = new Set(rows);
          const left = Array.from({ length }, (_, i) => i).filter((i) => !deleted.has(start + i));
          const outside = rowsOutside(set, start, length);
          if (left.length === length) expect(outside).toBeNull();
          else expect(Buffer.from(outside!.buffer).equals(bytesOf(left))).toBe(true);
        },
      ),
      { numRuns: 30 },
    );
  });

  test("refuses bytes that are no bitmap, and never hangs on them", () => {
    const good = serialize([1, 2, 3, 70_000], "array");
    expect(() => readRowSet(good.subarray(0, good.length - 1))).toThrow("it ends too early");
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (noise) => {
      const bytes = Buffer.concat([good.subarray(0, 12), noise]);
      try {
        readRowSet(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(CdcDeltaError);
      }
    }));
  });
});

const bytesOf = (rows: readonly number[]): Buffer => Buffer.from(Int32Array.from(rows).buffer);

describe("readDeletionVector()", () => {
  const rows = [2, 5, 80_000];
  const data = serialize(rows, "array");
  const vector: DeletionVectorDescriptor = {
    storageType: "u",
    pathOrInlineDv: "ab^-aqEH.-t@S}K{vb[*k^",
    offset: 4,
    sizeInBytes: data.length,
    cardinality: 3n,
  };
  const key = "ab/deletion_vector_d2c639aa-8816-431a-aaf6-d3fe2512ff61.bin";

  const stored = (bytes: Buffer): Buffer => {
    const head = Buffer.from([1, 9, 9, 9, 0, 0, 0, 0]);
    head.writeUInt32BE(bytes.length, 4);
    const tail = Buffer.alloc(4);
    tail.writeUInt32BE(crc32(bytes));
    return Buffer.concat([head, bytes, tail]);
  };
  const read = async (file: Buffer, changes: Partial<DeletionVectorDescriptor> = {}) => {
    const engine = testEngine();
    await engine.store.put(key, [new Uint8Array(file)], { signal });
    return await readDeletionVector(engine, { ...vector, ...changes }, { signal });
  };

  test("finds the file by its name and the bitmap by its offset", async () => {
    expect(deletionVectorKey(vector, "memory:/t")).toBe(key);
    const set = await read(stored(data));
    expect([...rowsOutside(set, 0, 6)!]).toEqual([0, 1, 3, 4]);
  });

  test("compares size, checksum and cardinality", async () => {
    const damaged = stored(data);
    damaged[10]! ^= 1;
    await expect(read(damaged)).rejects.toThrow("its checksum is another one");
    await expect(read(stored(data), { sizeInBytes: 8 })).rejects.toThrow("has no 8 bytes at 4");
    await expect(read(stored(data), { cardinality: 4n })).rejects.toThrow("the log says 4");
  });

  test("refuses a way of storing that it does not know", async () => {
    const failure = read(stored(data), { storageType: "r" });
    await expect(failure).rejects.toMatchObject({ code: "unsupported" });
  });
});

describe("decodeZ85()", () => {
  test("reads the example of ZeroMQ's RFC 32", () => {
    expect(Buffer.from(decodeZ85("HelloWorld")).toString("hex")).toBe("864fd26fb559f75b");
  });

  test.each(["abcd", "ab~de", "#####"])("refuses %p", (text) => {
    expect(() => decodeZ85(text)).toThrow("is no Z85 text");
  });
});
