import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import fc from "fast-check";
import { createEncoder } from "../../../src/core/encode/run-encode-job.ts";
import type {
  EncodedTable,
  EncodeJob,
  EncodeResult,
  TableView,
} from "../../../src/core/encode/encode-job.ts";
import { inlinePool } from "../../../src/core/encode/inline-pool.ts";
import { workerPool } from "../../../src/core/encode/worker-pool.ts";
import type { KafkaBatch, RecordBatch } from "../../../src/core/event/record-batch.ts";
import {
  concatBytes,
  kafkaBatchOf,
  kafkaRecordBatch,
  type TestBatchOptions,
  type TestRecord,
} from "../../support/kafka-batches.ts";
import { mappingRules } from "../../support/mapping-rules.ts";
import { projectRoot } from "../../support/project-root.ts";
import { optional } from "../../support/requirement.ts";
import { envelope, ingestionMs, onlyTable, type Row, rowsOf, viewAfter } from "./encode-harness.ts";

const encoder = new TextEncoder();
const topic = "cdc.shop.things";
const identity = "0123456789abcdef0123456789abcdef";

type Headers = NonNullable<TestRecord["headers"]>;
type Pair = { readonly key: string | null; readonly value: string | null };

function run(batches: readonly RecordBatch[], tables: readonly TableView[] = []): EncodeResult {
  return createEncoder(mappingRules()).run(jobOf(batches, tables));
}

function jobOf(batches: readonly RecordBatch[], tables: readonly TableView[] = []): EncodeJob {
  return { batches, tables, ingestionTimestampMs: ingestionMs };
}

function kafka(
  records: readonly TestRecord[],
  options: Partial<TestBatchOptions> = {},
  position: Partial<KafkaBatch["position"]> = {},
): KafkaBatch {
  const batch = kafkaRecordBatch(records, { baseOffset: 40n, ...options });
  return kafkaBatchOf([batch], { topic, partition: 3, identity, ...position });
}

/** The same records as kcat prints them. */
function kcatLines(pairs: readonly Pair[]): RecordBatch {
  const lines = pairs.map(({ key, value: payload }, i) =>
    JSON.stringify({ topic, partition: 3, offset: 40 + i, key, payload })
  );
  const bytes = encoder.encode(lines.map((line) => `${line}\n`).join(""));
  const position = { topic: "file", partition: 0, baseOffset: 0n, identity: "00112233445566ff" };
  return { framing: "lines", bytes, position };
}

/** All that a job gives but how many bytes it read. */
function outcome({ decodedBytes: _, counts, ...result }: EncodeResult): unknown {
  const { bytes: _bytes, ...others } = counts;
  return { ...result, counts: others };
}

const event = (n: number, changes: Readonly<Record<string, unknown>> = {}): string =>
  envelope(`{"_id": ${n}, "name": "Zoë ${n}"}`, changes);
const eventRecord = (n: number): TestRecord => ({ key: `{"id":"${n}"}`, value: event(n) });
const offsetsIn = async (table: EncodedTable) =>
  (await rowsOf(table)).map((row) => row["_kafka_offset"]);

describe("records of Kafka", () => {
  const schema = '{"type":"struct","fields":[{"x":"}"}]}';
  const wrapped = (payload: string) => `{"schema":${schema},"payload":${payload}}`;
  const texts = fc.constantFrom<string | null>(
    null,
    "",
    " ",
    "null",
    "x",
    "5",
    '"text"',
    '"te\\u0041xt"',
    '"cut',
    '{"id":"1"}',
    '{"id":"{\\"$oid\\": \\"62ff236a99b4cfeac7ed54c6\\"}"}',
    '{"id":7}',
    wrapped('{"id":"1"}'),
    "Struct{id=1}",
  );
  const values = fc.oneof(
    texts,
    fc.constantFrom(
      event(1),
      `\n ${event(2)} \r\n`,
      wrapped(event(3)),
      wrapped("null"),
      event(4, { op: "d", before: '{"_id": 4}', after: null }),
      event(5, { op: "u", after: null, updateDescription: { updatedFields: '{"a": 1}' } }),
      event(6, { op: "x" }),
      event(7).slice(0, -9),
      `${event(8)}}`,
      `${event(9)} x`,
      envelope('{"_id": 1, "broken": }'),
      '{"ts_ms":1}',
      '{"status":"BEGIN","id":"1"}',
      '{"op":"c"}',
      '{"specversion":"1.0"}',
    ),
    fc.string().map((name) => event(10, { source: { db: "shop", collection: name, ts_ms: 3 } })),
  );

  test("give what the same records give as lines, however they are compressed", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ key: texts, value: values }), { maxLength: 12 }),
        fc.constantFrom("none", "gzip", "snappy", "lz4", "zstd"),
        fc.boolean(),
        (pairs, compression, split) => {
          const cut = split ? pairs.length >> 1 : pairs.length;
          const batches = concatBytes([
            kafkaRecordBatch(pairs.slice(0, cut), { baseOffset: 40n, compression }),
            kafkaRecordBatch(pairs.slice(cut), { baseOffset: 40n + BigInt(cut), compression }),
          ]);
          const given = kafkaBatchOf([batches], { topic, partition: 3, identity: "" });
          expect(outcome(run([given]))).toEqual(outcome(run([kcatLines(pairs)])));
        },
      ),
      { numRuns: 300 },
    );
  });

  test("are a row or a dead letter, whatever bytes they have", () => {
    const good = encoder.encode(event(1));
    const mangled = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 4 })
      .map((edits) => {
        const copy = good.slice();
        for (const [at, byte] of edits) copy[at] = byte;
        return copy;
      });
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 40 }), mangled, texts);
    fc.assert(
      fc.property(
        fc.array(fc.record({ key: bytes, value: bytes }), { minLength: 1, maxLength: 8 }),
        (records) => {
          const { fault, counts, tables } = run([kafka(records, { compression: "lz4" })]);
          const rows = tables.reduce((sum, table) => sum + table.rows, 0);
          expect([fault, rows + counts.tombstones + counts.rowless]).toEqual([
            null,
            records.length,
          ]);
        },
      ),
      { numRuns: 1000 },
    );
  });

  const corpus = path.join(
    process.env["CDCDELTA_CORPUS"] ?? path.join(projectRoot, "../shared/corpus"),
    "debezium",
  );
  const present = optional(existsSync(corpus), `the Debezium corpus is not at ${corpus}`);
  const files = present
    ? readdirSync(corpus, { recursive: true, encoding: "utf8" }).filter((name) =>
      name.endsWith(".ndjson")
    )
    : [];
  for (const file of files.sort()) {
    test(`of the corpus give what lines give: ${file}`, () => {
      const lines = readFileSync(path.join(corpus, file), "utf8").split("\n");
      const pairs = lines.filter((line) => line !== "").map(pairOf);
      const records = kafka(pairs, { compression: "lz4" }, { identity: "" });
      expect(outcome(run([records]))).toEqual(outcome(run([kcatLines(pairs)])));
    });
  }

  test("may hold text as it is rather than in a line", async () => {
    const records = [
      { key: '{"id":"1"}', value: JSON.stringify(JSON.parse(event(1)), null, 2) },
      { key: '{"id":"2"}', value: event(2) },
    ];
    const rows = await rowsOf(onlyTable(run([kafka(records)])));
    expect(rows.map(({ _id, name }) => [_id, name])).toEqual([[1, "Zoë 1"], [2, "Zoë 2"]]);
  });
});

/** Key and value of a line of the corpus as texts; a line that has none is a value. */
function pairOf(line: string): Pair {
  try {
    const { key = null, value } = JSON.parse(line) as { key?: unknown; value?: unknown };
    if (value === undefined) return { key: null, value: line };
    return { key: textOf(key), value: textOf(value) };
  } catch {
    return { key: null, value: line };
  }
}

const textOf = (value: unknown): string | null =>
  value === null || typeof value === "string" ? value : JSON.stringify(value);

describe("positions", () => {
  test("are those of the records, with the topic's id and without a hash", async () => {
    const base = 2n ** 33n - 1n;
    const table = onlyTable(run([kafka([eventRecord(1), eventRecord(2)], { baseOffset: base })]));
    expect(await offsetsIn(table)).toEqual([base, base + 1n]);
    const range = { firstOffset: base, lastOffset: base + 1n, lastRecordHash: null };
    expect(table.positions).toEqual([{ topic, partition: 3, identity, ...range }]);
    const [row] = await rowsOf(table);
    expect(row).toMatchObject({ _kafka_topic: topic, _kafka_partition: 3 });
  });

  test("below the batch's base offset are not ours", async () => {
    for (const compression of ["none", "zstd"] as const) {
      const batch = kafka([1, 2, 3, 4].map(eventRecord), { compression }, { baseOffset: 42n });
      const result = run([batch]);
      expect(await offsetsIn(onlyTable(result))).toEqual([42n, 43n]);
      expect(result.counts.records).toBe(2);
      expect(result.positions).toMatchObject([{ firstOffset: 42n, lastOffset: 43n }]);
    }
  });

  test("at or below the watermark are dropped, of the same topic id alone", async () => {
    const batch = kafka([1, 2, 3].map(eventRecord));
    const first = onlyTable(run([batch]));
    const mark = { topic, partition: 3, offset: 41n, recordHash: null };
    const seen = viewAfter(first, { watermarks: [{ ...mark, identity }] });
    const again = onlyTable(run([batch], [seen]));
    expect(again).toMatchObject({ rows: 1, droppedRows: 2 });
    expect(await offsetsIn(again)).toEqual([42n]);
    const another = viewAfter(first, { watermarks: [{ ...mark, identity: "f".repeat(32) }] });
    expect(onlyTable(run([batch], [another]))).toMatchObject({ rows: 3, droppedRows: 0 });
  });

  test("that do not grow are a fault", () => {
    const id = { topic, partition: 3, identity };
    const twice = run([kafka([eventRecord(1)]), kafka([eventRecord(1)])]);
    const fault = { kind: "offset-backwards", partition: id, before: 40n, offset: 40n } as const;
    expect([twice.fault, twice.tables]).toEqual([fault, []]);
    const within = [{ ...eventRecord(1), offset: 42n }, { ...eventRecord(2), offset: 41n }];
    const batch = kafka(within, { lastOffset: 42n });
    expect(run([batch]).fault).toEqual({ ...fault, before: 42n, offset: 41n });
  });
});

describe("counts", () => {
  test("tell keys and values as they are when decompressed, batch by batch", () => {
    const records = [{ key: "ab", value: "c".repeat(1000) }, { key: null, value: null }];
    const result = run([
      kafka(records, { compression: "lz4" }),
      kafka([{ value: "12345" }], { baseOffset: 50n }),
      kcatLines([]),
    ]);
    expect(result.counts).toEqual({ records: 3, bytes: 1007, tombstones: 1, rowless: 0 });
    expect(result.decodedBytes).toEqual([1002, 5, 0]);
  });
});

describe("dead letters", () => {
  const headersFrom = (first: string, count: number): Headers =>
    Array.from({ length: count }, (_, i) => [i === 0 ? first : "h", null] as const);
  const letters = async (records: readonly TestRecord[]): Promise<Row[]> => {
    const [table, ...more] = run([kafka(records, { compression: "snappy" })]).tables;
    expect([table?.key, more]).toEqual(["$dead-letters", []]);
    return await rowsOf(table!);
  };

  test("keep key, value and headers as they came", async () => {
    const binary = Uint8Array.of(0xff, 0xfe, 0, 34, 92);
    const [text, quoted, bytes] = await letters([
      { key: "k", value: "no json", headers: [["a", "x"], ["b", null], ["c", binary]] },
      { key: '"q\\u0041\n"', value: '"text"' },
      { key: binary, value: binary, headers: [] },
    ]);
    const of = (value: string) => encoder.encode(value);
    expect(text).toMatchObject({ key: of("k"), value: of("no json") });
    expect(text!["headers"]).toBe(
      '[{"key":"a","value":"x"},{"key":"b","value":null},{"key":"c","base64":"//4AIlw="}]',
    );
    expect(quoted).toMatchObject({ key: of('"q\\u0041\n"'), value: of('"text"'), headers: null });
    expect(bytes).toMatchObject({ key: binary, value: binary, headers: null });
  });

  test("say what a value is that no JSON converter wrote", async () => {
    const rows = await letters([
      { value: Uint8Array.of(0, 0, 0, 0, 7, 2, 65) },
      { value: "Struct{after=1}" },
      { value: Uint8Array.of(123, 34, 255, 34, 125) },
      { key: Uint8Array.of(200), value: event(1) },
      { key: "k", value: Uint8Array.of(0) },
    ]);
    const errors = rows.map((row) => String(row["error"]));
    expect(errors[0]).toMatch(/Avro, Protobuf .* org\.apache\.kafka\.connect\.json\.JsonConverter/);
    expect(errors[1]).toMatch(/StringConverter/);
    expect(errors[2]).toMatch(/not UTF-8/);
    expect(errors[3]).toMatch(/not UTF-8/);
    expect(errors[4]).toMatch(/no JSON value at byte 0 of the value/);
  });

  test("do not read on into what follows a value that was cut", async () => {
    const open = '{"op":"c","source":{"db":"d","collection":"c"},"after":"{}","x":';
    const rest = "1}";
    // The number of headers and the length of the first one's key read as `" `, a string's begin.
    const headers = headersFrom('aaaaaaaaaaaaaa"}', 17);
    const rows = await letters([{ value: open, headers }, { value: rest }, { value: open }]);
    expect(rows.map((row) => row["error"])).toMatchObject([
      "Cannot read JSON: the value ends in the middle",
      expect.stringContaining("Cannot "),
      "Cannot read JSON: the value ends in the middle",
    ]);
  });

  test("nor make a record of what follows an empty value", () => {
    const headers = headersFrom('{"a":1}aaaaaaaaa', 16);
    const result = run([kafka([{ value: "  ", headers }, { value: "", headers }])]);
    expect([result.tables, result.counts.tombstones]).toEqual([[], 2]);
  });

  test("a damaged batch is no dead letter: it ends the job", () => {
    const batch = kafka([eventRecord(1)]);
    batch.bytes[70]! ^= 1;
    expect(() => run([batch])).toThrow(
      /topic cdc\.shop\.things, partition 3: the record batch at offset 40 is damaged/,
    );
  });
});

describe("traceparent", () => {
  const parent = (n: number) => `00-${"a".repeat(32)}-${String(n).padStart(16, "0")}-01`;
  const debezium = ["connectorLogicalName", "taskId", "connectorName", "runId"]
    .map((name) => [`__debezium.context.${name}`, "x"] as const);
  const traced = (n: number, value: string | null): TestRecord => ({
    ...eventRecord(n),
    headers: [...debezium, ["traceparent", value]],
  });
  const plain = (n: number): TestRecord => ({ ...eventRecord(n), headers: debezium });
  const cases: readonly (readonly [string, readonly TestRecord[], string | null])[] = [
    [
      "is the newest row's that has one",
      [traced(1, parent(1)), traced(2, parent(2)), plain(3)],
      parent(2),
    ],
    ["is null where no row has one", [plain(1), eventRecord(2), traced(3, null)], null],
    ["is null where it is none", [traced(1, "x"), traced(2, "y".repeat(500))], null],
  ];
  for (const [name, records, expected] of cases) {
    test(name, () => {
      expect(onlyTable(run([kafka(records)])).traceparent).toBe(expected);
    });
  }

  test("is not the one of an earlier job", () => {
    const own = createEncoder(mappingRules());
    const first = onlyTable(own.run(jobOf([kafka([traced(1, parent(1))])])));
    const tables = [viewAfter(first)];
    own.run(jobOf([kafka([traced(2, parent(2))])], tables));
    expect(onlyTable(own.run(jobOf([kafka([plain(3)])], tables))).traceparent).toBeNull();
  });
});

test("threads give what the calling thread gives, again and again", async () => {
  const rules = mappingRules();
  const pools = [inlinePool({ size: 1, rules }), workerPool({ size: 1, rules })];
  const records = Array.from({ length: 50 }, (_, n) => eventRecord(n));
  const { signal } = new AbortController();
  try {
    for (const compression of ["none", "lz4", "gzip", "zstd", "snappy"] as const) {
      const job = jobOf([
        kafka(records, { compression }),
        kafka(records, { compression, baseOffset: 90n }),
      ]);
      const results = [run(job.batches)];
      for (const pool of [...pools, ...pools]) results.push(await pool.run(job, { signal }));
      for (const result of results) expect(result).toEqual(results[0]!);
    }
  } finally {
    await Promise.all(pools.map((pool) => pool.close()));
  }
});
