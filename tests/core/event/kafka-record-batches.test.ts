import { describe, expect, test } from "bun:test";
import { createRequire } from "node:module";
import fc from "fast-check";
import { forEachKafkaRecord } from "../../../src/core/event/kafka-record-batches.ts";
import { kafkaKey, kafkaValue } from "../../../src/core/event/kafka-record.ts";
import { headersJson } from "../../../src/core/event/kafka-headers.ts";
import { offsetOf } from "../../../src/core/event/record-position.ts";
import { CdcDeltaError } from "../../../src/errors.ts";
import {
  concatBytes,
  kafkaControlBatch,
  kafkaRecordBatch,
  sealKafkaBatch,
  type TestBatchOptions,
  type TestCompression,
  type TestRecord,
} from "../../support/kafka-batches.ts";
import { javaBatches } from "./kafka-samples.ts";

const compressions: readonly TestCompression[] = [
  "none",
  "gzip",
  "snappy",
  "snappy-raw",
  "lz4",
  "zstd",
];
const decoder = new TextDecoder("utf-8", { fatal: true });
const origin = { topic: "shop.things", partition: 7, baseOffset: 0n };

type Read = {
  readonly offset: bigint;
  readonly timestampMs: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly headers: string | null;
};

function readAll(bytes: Uint8Array, baseOffset = 0n): Read[] {
  const found: Read[] = [];
  forEachKafkaRecord(bytes, { ...origin, baseOffset }, (record) => {
    found.push({
      offset: offsetOf(record.offsetHigh, record.offsetLow),
      timestampMs: record.timestampMs,
      key: kafkaKey(record),
      value: kafkaValue(record),
      headers: headersJson(record),
    });
  });
  return found;
}

const offsetsOf = (bytes: Uint8Array, baseOffset?: bigint): bigint[] =>
  readAll(bytes, baseOffset).map(({ offset }) => offset);

function failureOf(bytes: Uint8Array): CdcDeltaError {
  try {
    readAll(bytes);
  } catch (error) {
    if (error instanceof CdcDeltaError) return error;
    throw error;
  }
  throw new Error("Nothing was refused");
}

const three: readonly TestRecord[] = ["a", "b", "c"].map((value) => ({ key: `k${value}`, value }));
const batch = (options: Partial<TestBatchOptions> = {}, records = three) =>
  kafkaRecordBatch(records, { baseOffset: 100n, ...options });

describe("forEachKafkaRecord()", () => {
  const bytes = fc.option(fc.uint8Array({ maxLength: 200 }), { nil: null });
  const record = fc.record({
    key: bytes,
    value: fc.oneof(
      bytes,
      fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 9 }), fc.nat(9000))
        .map(([unit, times]) => concatBytes(Array.from({ length: times }, () => unit))),
    ),
    headers: fc.array(fc.tuple(fc.string(), fc.option(fc.string(), { nil: null })), {
      maxLength: 3,
    }),
    gap: fc.nat(3),
    timestampMs: fc.integer({ min: 0, max: 253402300799999 }),
  });

  for (const compression of compressions) {
    test(`gives back what was written with ${compression}`, () => {
      fc.assert(
        fc.property(
          fc.array(record, { minLength: 1, maxLength: 12 }),
          fc.bigInt({ min: 0n, max: 2n ** 62n }),
          (drafts, baseOffset) => {
            let next = baseOffset;
            const records = drafts.map(({ gap, ...rest }, i) => {
              next += BigInt(i === 0 ? 0 : gap + 1);
              return { ...rest, offset: next };
            });
            const expected = records.map(({ offset, timestampMs, key, value, headers }): Read => ({
              offset,
              timestampMs,
              key,
              value,
              headers: headers.length === 0
                ? null
                : JSON.stringify(headers.map(([key, value]) => ({ key, value }))),
            }));
            expect(readAll(kafkaRecordBatch(records, { baseOffset, compression }))).toEqual(
              expected,
            );
          },
        ),
        { numRuns: 40 },
      );
    });
  }

  test("reads what another library wrote", async () => {
    const load = createRequire(import.meta.url);
    const { RecordBatch } = load("kafkajs/src/protocol/recordBatch/v0");
    const Record = load("kafkajs/src/protocol/recordBatch/record/v0");
    for (const compression of [0, 1]) {
      const records = [0, 1].map((offsetDelta) =>
        Record({
          offsetDelta,
          timestampDelta: 5,
          key: "k",
          value: `v${offsetDelta}`,
          headers: { h: "x" },
        })
      );
      const encoded = await RecordBatch({
        compression,
        records,
        lastOffsetDelta: 1,
        firstTimestamp: 1_700_000_000_000,
      });
      expect(
        readAll(encoded.buffer).map((
          { value, ...rest },
        ) => [rest.offset, rest.timestampMs, decoder.decode(value!), rest.headers]),
      ).toEqual([
        [0n, 1_700_000_000_005, "v0", '[{"key":"h","value":"x"}]'],
        [1n, 1_700_000_000_005, "v1", '[{"key":"h","value":"x"}]'],
      ]);
    }
  });

  for (const [codec, bytes] of Object.entries(javaBatches)) {
    test(`reads what Java's producer wrote with ${codec}`, () => {
      const found = readAll(bytes).map(({ key, value, ...rest }) => ({
        ...rest,
        key: decoder.decode(key!),
        value: value === null ? null : decoder.decode(value),
      }));
      expect(found).toEqual([0, 1, 2].map((i) => ({
        offset: 4294967294n + BigInt(i),
        timestampMs: 1_700_000_000_000 + i,
        key: `{"id":"${i}"}`,
        value: i === 2 ? null : `{"n":${i},"text":"${"abcdefgh".repeat(30)}"}`,
        headers: '[{"key":"h","value":"x"},{"key":"n","value":null}]',
      })));
    });
  }

  test("leaves out what lies below the base offset", () => {
    for (const compression of compressions) {
      const all = concatBytes([batch({ compression }), batch({ compression, baseOffset: 103n })]);
      expect(offsetsOf(all, 102n)).toEqual([102n, 103n, 104n, 105n]);
      expect(offsetsOf(all, 105n)).toEqual([105n]);
      expect(offsetsOf(all, 106n)).toEqual([]);
    }
    const wide = 2n ** 32n * 5n - 2n;
    expect(offsetsOf(batch({ baseOffset: wide }), wide + 1n)).toEqual([wide + 1n, wide + 2n]);
    expect(offsetsOf(batch({ baseOffset: wide }), wide + 3n)).toEqual([]);
  });

  test("passes over control batches and those that compaction has emptied", () => {
    const marker = kafkaControlBatch({ offset: 103n, kind: "commit", producerId: 5n });
    const empty = kafkaRecordBatch([], { baseOffset: 104n, lastOffset: 110n });
    const all = concatBytes([
      batch({ producerId: 5n }),
      marker,
      empty,
      batch({ baseOffset: 111n }),
    ]);
    expect(offsetsOf(all)).toEqual([100n, 101n, 102n, 111n, 112n, 113n]);
  });

  test("tells the broker's time where the topic has that", () => {
    const ms = 1_800_000_000_123;
    const times = readAll(batch({ logAppendTimeMs: ms })).map(({ timestampMs }) => timestampMs);
    expect(times).toEqual([ms, ms, ms]);
  });

  test("reads no batches", () => {
    expect(readAll(new Uint8Array(0))).toEqual([]);
  });
});

describe("damaged batches", () => {
  const changed = (at: number, byte: number, seal = true): Uint8Array => {
    const bytes = batch();
    bytes[at] = byte;
    return seal ? sealKafkaBatch(bytes) : bytes;
  };
  const cases: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ["a header that is cut off", batch().subarray(0, 40), /its header is cut off/],
    ["a batch that is cut off", batch().subarray(0, -1), /it is cut off/],
    ["a length below the header's", changed(11, 10), /it is cut off/],
    ["a format that there is not", changed(16, 3), /its format is 3, not 2/],
    ["a flipped bit", changed(70, 0x55, false), /its checksum is wrong/],
    ["a negative number of records", changed(57, 0x80), /its number of records is negative/],
    ["more records than there are", changed(60, 4), /a record is cut off/],
    ["fewer records than there are", changed(60, 2), /it holds more than its records/],
    ["a record longer than the batch", changed(61, 0x7e), /a record is cut off/],
    ["a key longer than its record", changed(65, 0x7e), /a record is malformed/],
    ["an offset that the batch has not", changed(26, 1), /a record's offset is not one of/],
    ["a codec that there is not", changed(22, 5), /there is no codec 5/],
    ["bytes that are not gzip", changed(22, 1), /Cannot decompress gzip: /],
    ["bytes that are not snappy", changed(22, 2), /Cannot decompress snappy: /],
    ["bytes that are not lz4", changed(22, 3), /Cannot decompress lz4: no frame/],
    ["bytes that are not zstd", changed(22, 4), /Cannot decompress zstd: /],
  ];
  for (const [name, bytes, message] of cases) {
    test(`${name} is refused, with its place`, () => {
      const error = failureOf(concatBytes([batch({ baseOffset: 97n }), bytes]));
      expect(error.code).toBe("decode");
      expect(error.message).toMatch(message);
      expect(error.message).toContain("topic shop.things, partition 7");
      expect(error.context).toMatchObject({ topic: "shop.things", partition: 7, offset: "100" });
    });
  }

  test("old message formats are refused by name", () => {
    for (const format of [0, 1]) {
      const error = failureOf(changed(16, format, false));
      expect(error.code).toBe("unsupported");
      expect(error.message).toContain(`offset 100 are stored in message format ${format}`);
    }
  });

  test("a wrong checksum alone may be gone when the batch is fetched again", () => {
    expect(failureOf(changed(70, 0x55, false)).retryable).toBe(true);
    expect(failureOf(changed(60, 4)).retryable).toBe(false);
  });

  test("whatever the bytes are, they are read or refused", () => {
    const options = fc.record({
      compression: fc.constantFrom(...compressions),
      edits: fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 }),
    });
    const records = Array.from(
      { length: 5 },
      (_, i) => ({ key: `k${i}`, value: "abc".repeat(i * 40) }),
    );
    fc.assert(
      fc.property(options, ({ compression, edits }) => {
        const bytes = batch({ compression }, records);
        for (const [at, byte] of edits) bytes[21 + at % (bytes.length - 21)] = byte;
        try {
          readAll(sealKafkaBatch(bytes));
        } catch (error) {
          expect(error).toMatchObject({ code: "decode" });
        }
      }),
      { numRuns: 3000 },
    );
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        if (bytes.length > 0) expect(["decode", "unsupported"]).toContain(failureOf(bytes).code);
      }),
    );
  });
});
