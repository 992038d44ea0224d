import { describe, expect, test } from "bun:test";
import type { EncodeResult } from "../../../src/core/encode/encode-job.ts";
import type { EncodePool } from "../../../src/core/encode/encode-pool.ts";
import { inlinePool } from "../../../src/core/encode/inline-pool.ts";
import type { KafkaBatch, RecordBatch } from "../../../src/core/event/record-batch.ts";
import { createInflation } from "../../../src/core/pump/inflation.ts";
import type { Floor, Source } from "../../../src/core/source/source.ts";
import {
  kafkaBatchOf,
  kafkaRecordBatch,
  type TestBatchOptions,
  type TestRecord,
} from "../../support/kafka-batches.ts";
import { mappingRules } from "../../support/mapping-rules.ts";
import { changeLine, newLake, pump, readTable } from "./pump-harness.ts";

const topic = "cdc.shop.orders";
const parent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;

function kafka(
  records: readonly TestRecord[],
  options: TestBatchOptions,
  position: Partial<KafkaBatch["position"]> = {},
): KafkaBatch {
  return kafkaBatchOf([kafkaRecordBatch(records, options)], { topic, ...position });
}

describe("createInflation()", () => {
  const text = "abc".repeat(5000);
  const plain = kafka([{ value: text }], { baseOffset: 0n });
  const packed = kafka([{ value: text }], { baseOffset: 0n, compression: "gzip" });
  const other = kafka([{ value: text }], { baseOffset: 0n, compression: "gzip" }, { topic: "b" });
  const size = packed.bytes.length;

  test("takes what is not compressed as it is", () => {
    const position = { topic: "f", partition: 0, baseOffset: 0n, identity: "" };
    const lines: RecordBatch = { framing: "lines", bytes: new Uint8Array(77).fill(3), position };
    const inflation = createInflation();
    inflation.learn([lines, plain], [1, 1]);
    for (const batch of [lines, plain]) {
      expect(inflation.decodedBytes(batch)).toBe(batch.bytes.length);
      expect(inflation.heldBytes(batch)).toBe(batch.bytes.length);
    }
  });

  test("guesses at first, then knows each topic's ratio", () => {
    const inflation = createInflation();
    expect(inflation.decodedBytes(packed)).toBe(5 * size);
    inflation.learn([packed, plain, packed], [10 * size, 9, 20 * size]);
    expect(inflation.decodedBytes(packed)).toBe(15 * size);
    expect(inflation.decodedBytes(other)).toBe(5 * size);
  });

  test("forgets by and by, and learns nothing from what was left out", () => {
    const inflation = createInflation();
    inflation.learn([packed], [16 * size]);
    inflation.learn([packed], [0]);
    expect(inflation.decodedBytes(packed)).toBe(16 * size);
    inflation.learn([packed], [4 * size]);
    expect(inflation.decodedBytes(packed)).toBe(8 * size);
    for (let round = 0; round < 40; round++) inflation.learn([packed], [2 * size]);
    expect(inflation.decodedBytes(packed)).toBeLessThan(2.1 * size);
  });

  test("counts the rows of compressed batches as memory too", () => {
    expect(createInflation().heldBytes(packed)).toBe(2 * size);
  });
});

describe("compressed batches", () => {
  const perBatch = 5;
  const batches = Array.from({ length: 60 }, (_, index) => {
    const first = index * perBatch;
    const records = Array.from({ length: perBatch }, (_, i): TestRecord => ({
      key: `{"id":"${first + i}"}`,
      value: changeLine("c", { _id: first + i, text: "lorem ipsum ".repeat(100) }),
      headers: index === 59 ? [["traceparent", parent]] : [],
    }));
    return kafka(records, { baseOffset: BigInt(first * 2), compression: "zstd" });
  });
  const recordBytes = 1360;

  function kafkaSource(floors: Floor[]): Source {
    return {
      description: "batches",
      async *events() {
        for (const batch of batches) {
          yield { kind: "records", lane: "orders-0", batch };
          // Jobs run in between, as they do while a fetch is under way.
          await new Promise((resolve) => setTimeout(resolve, 2));
        }
      },
      commitFloors: (committed) => Promise.resolve(void floors.push(...committed)),
      release: () => undefined,
      lanes: () => [],
      progress: () => ({ bytesRead: 0, bytesTotal: null }),
      close: () => Promise.resolve(),
    };
  }

  function recordingPool(results: EncodeResult[]): EncodePool {
    const pool = inlinePool({ size: 2, rules: mappingRules() });
    return {
      ...pool,
      async run(job, options) {
        const result = await pool.run(job, options);
        results.push(result);
        return result;
      },
    };
  }

  test("make jobs of the size that they are decompressed to", async () => {
    const floors: Floor[] = [];
    const results: EncodeResult[] = [];
    const jobBytesMax = 4 * perBatch * recordBytes;
    const lake = newLake();
    const { events } = await pump(lake, kafkaSource(floors), {
      settings: {
        jobBytesMax,
        flush: { rowsMin: 1e6, bytesMax: 1 << 30, ageMsMax: 60_000, heldBytesMax: 1 << 30 },
      },
      pool: recordingPool(results),
    });
    const { rows } = await readTable(lake, "shop.orders");
    expect(rows.length).toBe(batches.length * perBatch);
    // The first job is cut by a guess that is too low; from then on all know better.
    const sizes = results.map(({ counts }) => counts.bytes).slice(2, -1);
    expect(sizes.length).toBeGreaterThan(1);
    for (const size of sizes) {
      expect(size).toBeGreaterThan(jobBytesMax * 0.8);
      expect(size).toBeLessThan(jobBytesMax * 1.3);
    }
    const tables = [{ key: "shop.orders", offset: 59n * 10n + 4n }];
    expect(floors).toEqual([{ lane: "orders-0", nextOffset: 59n * 10n + 5n, tables }]);
    expect(events.find(({ kind }) => kind === "committed")).toMatchObject({ traceparent: parent });
  });

  test("are flushed by the size that they are decompressed to", async () => {
    const { events } = await pump(newLake(), kafkaSource([]), {
      settings: {
        jobBytesMax: perBatch * recordBytes,
        flush: {
          rowsMin: 1e6,
          bytesMax: 20 * perBatch * recordBytes,
          ageMsMax: 60_000,
          heldBytesMax: 1 << 30,
        },
      },
    });
    const flushes = events.filter((event) => event.kind === "flushed");
    expect(flushes.map(({ reason }) => reason)).toContain("bytes");
    expect(flushes.length).toBeLessThan(8);
  });
});
