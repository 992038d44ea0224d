import { createHash } from "node:crypto";
import { describe, expect, test } from "bun:test";
import { createEncoder } from "../../../src/core/encode/run-encode-job.ts";
import type { TableWatermark } from "../../../src/core/encode/encode-job.ts";
import { mappingRules } from "../../support/mapping-rules.ts";
import { batchOf, envelope, onlyTable, rowsOf, runJob, viewAfter } from "./encode-harness.ts";

const event = (n: number, collection = "things") =>
  envelope(`{"_id": ${n}}`, { source: { db: "shop", collection, ts_ms: n } });
const lines = [1, 2, 3, 4].map((n) => event(n));
const size = BigInt(lines[0]!.length + 1);
const file = { topic: "events", partition: 0, identity: "00112233445566ff" };

function hashOf(line: string): bigint {
  const digest = createHash("sha256").update(line).digest();
  return digest.readBigUInt64BE(0) & (2n ** 63n - 1n);
}

const own = (topic: string, partition: number, offset: bigint | number, line = lines[0]!) =>
  `{"topic":"${topic}","partition":${partition},"offset":${offset},"key":null,"payload":${
    JSON.stringify(line)
  }}`;

describe("positions", () => {
  test("count bytes from the batch's offset, beyond 2^32 and 2^53 too", async () => {
    for (const baseOffset of [0n, 4294967290n, 2n ** 60n]) {
      const table = onlyTable(runJob(lines, { baseOffset }));
      const rows = await rowsOf(table);
      const offsets = lines.map((_, i) => baseOffset + BigInt(i) * size);
      expect(rows.map((row) => row["_kafka_offset"])).toEqual(offsets);
      const range = { ...file, firstOffset: offsets[0]!, lastOffset: offsets[3]! };
      expect(table.positions).toEqual([{ ...range, lastRecordHash: hashOf(lines[3]!) }]);
    }
  });

  test("are those of lines that carry their own, by topic and partition", async () => {
    const last = 9223372036854775807n;
    const mixed = [
      own("a", 0, 5),
      own("a", 1, 3),
      own("a", 0, 9),
      own("b", 0, 1),
      own("a", 1, last),
    ];
    const result = runJob(mixed);
    const none = { identity: "", lastRecordHash: null };
    const expected = [
      { topic: "a", partition: 0, firstOffset: 5n, lastOffset: 9n, ...none },
      { topic: "a", partition: 1, firstOffset: 3n, lastOffset: last, ...none },
      { topic: "b", partition: 0, firstOffset: 1n, lastOffset: 1n, ...none },
    ];
    expect(result.positions).toEqual(expected);
    expect(onlyTable(result).positions).toEqual(expected);
    const rows = await rowsOf(onlyTable(result));
    expect(rows.map((row) => row["_kafka_offset"])).toEqual([5n, 3n, 9n, 1n, last]);
  });

  test("of a job hold rowless records too, those of a table its rows alone", () => {
    const rowless = JSON.stringify({ key: "k", value: null });
    const result = runJob([rowless, event(1), event(2, "others"), rowless]);
    const at = (n: number) => BigInt(n);
    const first = rowless.length + 1;
    const second = first + event(1).length + 1;
    const third = second + event(2, "others").length + 1;
    expect(result.positions).toMatchObject([{ firstOffset: 0n, lastOffset: at(third) }]);
    expect(result.tables.map(({ positions }) => positions)).toMatchObject([
      [{ firstOffset: at(first), lastOffset: at(first) }],
      [{ firstOffset: at(second), lastOffset: at(second) }],
    ]);
  });

  test("that go back are a fault, within one partition", () => {
    expect(runJob([own("a", 0, 5), own("a", 1, 3), own("a", 0, 5)]).fault).toEqual({
      kind: "offset-backwards",
      partition: { topic: "a", partition: 0, identity: "" },
      before: 5n,
      offset: 5n,
    });
    expect(runJob([own("a", 0, 5), own("a", 0, 4)]).fault).toMatchObject({ offset: 4n });
    expect(runJob([own("a", 0, 5), own("b", 0, 4)]).fault).toBeNull();
    const encoder = createEncoder(mappingRules());
    const batches = [batchOf(lines, 1000n), batchOf(lines, 0n)];
    const result = encoder.run({ batches, tables: [], ingestionTimestampMs: 0 });
    expect(result.fault).toMatchObject({ kind: "offset-backwards", partition: file, offset: 0n });
    expect(result.tables).toEqual([]);
  });
});

describe("watermarks", () => {
  const known = onlyTable(runJob(lines.slice(0, 2)));
  const run = (watermark: Partial<TableWatermark>, input = lines) => {
    const mark = { ...file, offset: size, recordHash: hashOf(lines[1]!), ...watermark };
    return runJob(input, { tables: [viewAfter(known, { watermarks: [mark] })] });
  };

  test("drop rows at and below, and are confirmed by the record's hash", async () => {
    const table = onlyTable(run({}));
    expect(table).toMatchObject({ rows: 2, droppedRows: 2, confirmedWatermarks: [file] });
    expect((await rowsOf(table)).map((row) => row["_id"])).toEqual([3, 4]);
  });

  test("without a hash are not confirmed", () => {
    expect(onlyTable(run({ recordHash: null }))).toMatchObject({
      rows: 2,
      droppedRows: 2,
      confirmedWatermarks: [],
    });
  });

  test("with another record at their offset are a fault", () => {
    const result = run({ recordHash: 5n });
    const fault = { kind: "record-changed", table: "shop.things", partition: file, offset: size };
    expect(result.fault).toEqual(fault as typeof result.fault);
    expect(result.tables).toEqual([]);
  });

  test("are found by identity, whatever the file is called now", () => {
    expect(onlyTable(run({ topic: "renamed" })).droppedRows).toBe(2);
    expect(onlyTable(run({ identity: "ffffffffffffffff" })).droppedRows).toBe(0);
    expect(onlyTable(run({ partition: 1 })).droppedRows).toBe(0);
  });

  test("that cover everything leave a table without rows", () => {
    const table = onlyTable(run({ offset: size * 3n, recordHash: null }));
    expect(table).toMatchObject({ rows: 0, parts: [], positions: [], droppedRows: 4 });
    expect(table.schema).toEqual(known.schema);
  });

  test("of own positions go by topic", () => {
    const input = [own("a", 0, 5), own("a", 0, 6), own("b", 0, 1)];
    const mark = { topic: "a", identity: "", offset: 5n, recordHash: null };
    expect(onlyTable(run(mark, input))).toMatchObject({ rows: 2, droppedRows: 1 });
  });
});
