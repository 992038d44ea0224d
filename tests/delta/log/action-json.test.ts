import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { parseAction, parseCommit, serializeAction } from "../../../src/delta/log/action-json.ts";
import type { Action } from "../../../src/delta/log/actions.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("parseAction", () => {
  test("keeps 64-bit integers", () => {
    const lines = [
      `{"txn":{"appId":"a","version":9223372036854775807,"lastUpdated":1700000000000}}`,
      `{"txn":{"appId":"a","version":-9223372036854775808}}`,
      `{"txn":{"appId":"a","version":9007199254740992}}`,
      `{"add":{"path":"p","partitionValues":{"x":null},"size":1,"modificationTime":2,` +
      `"dataChange":true,"baseRowId":9007199254740993,"defaultRowCommitVersion":0}}`,
    ];
    for (const line of lines) expect(serializeAction(parseAction(line)!)).toBe(line);
  });

  test("keeps statistics and schemas as the text they are", () => {
    const line = `{"add":{"path":"p","partitionValues":{},"size":1,"modificationTime":2,` +
      `"dataChange":true,"stats":"{\\"numRecords\\":1,\\"maxValues\\":{\\"id\\":9223372036854775807.10}}"}}`;
    expect(serializeAction(parseAction(line)!)).toBe(line);
  });

  test("gives what old writers leave out the protocol's value", () => {
    expect(parseAction(`{"remove":{"path":"p"}}`)).toEqual({
      kind: "remove",
      remove: { path: "p", dataChange: true },
    });
    expect(parseAction(`{"metaData":{"id":"i","partitionColumns":null}}`)).toEqual({
      kind: "metaData",
      metaData: {
        id: "i",
        format: { provider: "parquet", options: {} },
        schemaString: `{"type":"struct","fields":[]}`,
        partitionColumns: [],
        configuration: {},
      },
    });
  });

  for (
    const line of [
      "",
      "  \r",
      `{"future":{"x":1}}`,
      `{"checkpointMetadata":{"version":1}}`,
      `{"add":null}`,
      "{}",
    ]
  ) {
    test(`passes over ${JSON.stringify(line)}`, () => expect(parseAction(line)).toBeNull());
  }

  const broken: Readonly<Record<string, string>> = {
    "{": "not JSON",
    "[]": "not an object",
    "7": "not an object",
    [`{"add":7}`]: `"add" is not an object`,
    [`{"add":{}}`]: `"path" is missing`,
    [`{"add":{"path":7}}`]: `"path" is not a string`,
    [`{"add":{"path":"p","size":1.5}}`]: `"size" is not an integer`,
    [`{"add":{"path":"p","size":9223372036854775807}}`]: `"size" is out of range`,
    [`{"add":{"path":"p","partitionValues":{"a":1}}}`]: `"partitionValues" has a member`,
    [`{"txn":{"appId":"a"}}`]: `"version" is missing`,
    [`{"txn":{"appId":"a","version":"7"}}`]: `"version" is not an integer`,
    [`{"protocol":{"minReaderVersion":1}}`]: `"minWriterVersion" is missing`,
    [`{"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":"x"}}`]:
      `"readerFeatures" is not a list of strings`,
  };
  for (const [line, why] of Object.entries(broken)) {
    test(`refuses ${line}`, () => expect(() => parseAction(line)).toThrow(why));
  }
});

describe("parseCommit", () => {
  test("names the file and the line of a fault", () => {
    const bytes = encode(`{"commitInfo":{}}\n\n{"add":{}}\n`);
    expect(() => parseCommit(bytes, { source: "s3://b/0.json" })).toThrow(
      `Cannot read the Delta log at s3://b/0.json, line 3: "path" is missing`,
    );
  });

  test("takes a last line without an end and Windows' line ends", () => {
    const bytes = encode(`{"remove":{"path":"a"}}\r\n{"remove":{"path":"b"}}`);
    expect(parseCommit(bytes, { source: "x" })).toHaveLength(2);
  });

  test("leaves out file actions unread when they are not wanted", () => {
    const bytes = encode(
      `{"add":{"broken":true}}\n { "remove" :{}}\n{"cdc":{}}\n{"txn":{"appId":"add","version":1}}\n`,
    );
    const kinds = parseCommit(bytes, { source: "x", files: false }).map((action) => action.kind);
    expect(kinds).toEqual(["txn"]);
  });

  test.each(["commitInfo", "add", "remove", "cdc"])(
    "refuses a file that was cut in its %s, wanted or not",
    (kind) => {
      const whole = `{"txn":{"appId":"a","version":1}}\n{"${kind}":{"path":"x","size":1`;
      const options = { source: "x", files: false, commitInfo: false };
      expect(() => parseCommit(encode(whole), options)).toThrow(/line 2/);
    },
  );
});

const text = fc.oneof(fc.string(), fc.constantFrom("__proto__", "a\nb", "é🎉", "\u2028"));
const count = fc.nat(Number.MAX_SAFE_INTEGER);
const int64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const texts = fc.dictionary(text, fc.oneof(text, fc.constant(null)));
const actions: fc.Arbitrary<Action> = fc.oneof(
  fc.record({ appId: text, version: int64, lastUpdated: count }, {
    requiredKeys: ["appId", "version"],
  })
    .map((txn) => ({ kind: "txn" as const, txn: txn as { appId: string; version: bigint } })),
  fc.record({
    path: text,
    partitionValues: texts,
    size: count,
    modificationTime: count,
    dataChange: fc.boolean(),
    stats: text,
    tags: texts,
    baseRowId: int64,
  }).map((add) => ({ kind: "add" as const, add })),
  fc.record({ path: text, deletionTimestamp: count, dataChange: fc.boolean(), size: count })
    .map((remove) => ({ kind: "remove" as const, remove })),
  fc.record({ domain: text, configuration: text, removed: fc.boolean() })
    .map((domainMetadata) => ({ kind: "domainMetadata" as const, domainMetadata })),
);

test("an action comes back from its line as it was, and the line has no break", () => {
  fc.assert(fc.property(actions, (action) => {
    const line = serializeAction(action);
    expect(line).not.toContain("\n");
    expect(parseAction(line)).toEqual(action);
  }));
});
