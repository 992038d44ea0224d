import { describe, expect, test } from "bun:test";
import type { TableReplay } from "../../../src/core/replay/replay-plan.ts";
import {
  doneText,
  planText,
  replayJson,
  type ReplayReport,
} from "../../../src/cli/replay/replay-report.ts";
import {
  shadowJson,
  type ShadowReport,
  shadowText,
} from "../../../src/cli/replay/shadow-report.ts";
import { cli } from "../fake-world.ts";

const place = [
  ...["--base-path", "lake", "--kafka-bootstrap-servers", "127.0.0.1:9"],
  ...["--retries", "1"],
];

describe("cdcdelta replay: what it needs to be told", () => {
  test.each([
    [[], [
      "--from: is missing",
      "--into: is missing",
      "--base-path: is missing",
      "KAFKA_BOOTSTRAP",
    ]],
    [[...place, "--from", "version:3", "--into", "same"], ["--collection: is missing: a version"]],
    [[...place, "--from", "timestamp:2026-01-31", "--into", "other"], ["takes the rows of one"]],
    [
      [...place, "--from", "timestamp:2026-01-31", "--into", "other", "--collection", "a.b,a.c"],
      ["takes the rows of one"],
    ],
    [
      [...place, "--from", "timestamp:2026-01-31", "--into", "same", "--compare"],
      ["--compare: compares a table with another one"],
    ],
    [[...place, "--from", "tomorrow", "--into", "same"], ['"tomorrow" is not a point']],
  ])("%p", async (args, problems) => {
    const { code, stderr } = await cli(["replay", ...args]);
    expect(code).toBe(2);
    for (const problem of problems) expect(stderr).toContain(problem);
  });

  test("a shadow may not lie where the tables are", async () => {
    const args = ["--from", "timestamp:2026-01-31", "--collection", "shop.orders", "--into"];
    const { code, stderr } = await cli(["replay", ...place, ...args, "./lake/shop/check"]);
    expect([code, stderr]).toEqual([2, expect.stringContaining("lies below")]);
  });

  test("a table that is not there is named", async () => {
    const args = [
      "--from",
      "timestamp:2026-01-31",
      "--collection",
      "shop.orders",
      "--into",
      "same",
    ];
    const { code, stderr } = await cli(["replay", ...place, ...args]);
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining("/lake/shop/orders: it has no"),
    ]);
  });
});

const plan: TableReplay = {
  key: "shop.orders",
  uri: "s3://lake/shop/orders",
  newestVersion: 9,
  version: 3,
  known: true,
  leaving: { files: 4, bytes: 4096 },
  returning: { files: 1, bytes: 1024 },
  partitions: [
    { topic: "t", partition: 0, identity: "ab", from: 11n, was: 20n, becomes: 10n, rows: 8 },
    { topic: "t", partition: 1, identity: "ab", from: 0n, was: 4n, becomes: null, rows: 5 },
  ],
  refusals: [],
};

const report = (changes: Partial<ReplayReport>): ReplayReport => ({
  into: "same",
  from: "version:3",
  to: null,
  dryRun: false,
  stopped: false,
  tables: [{ plan, done: { rewoundAs: 10, rowsReadAgain: 13 } }],
  ...changes,
});

describe("what it says", () => {
  test("the plan", () => {
    expect(planText([plan, { ...plan, version: null, refusals: ["Kafka no longer has it"] }]))
      .toMatchInlineSnapshot(`
        "table       shop.orders at s3://lake/shop/orders
        goes back   from version 9 to version 3
        leave       4 files, 4.0 KiB, 13 rows
        come back   1 file, 1.0 KiB
        read again  15 offsets

        topic  partition  from  to (not included)  rows
        t              0    11                 21     8
        t              1     0                  5     5

        table       shop.orders at s3://lake/shop/orders
        goes back   from version 9 to nothing: its first version has rows of the range
        leave       4 files, 4.0 KiB, 13 rows
        come back   1 file, 1.0 KiB
        read again  15 offsets
        refused     Kafka no longer has it

        topic  partition  from  to (not included)  rows
        t              0    11                 21     8
        t              1     0                  5     5
        "
      `);
  });

  test("what is not known is said to be so, not to be nothing", () => {
    const unknown: TableReplay = { ...plan, version: null, known: false, refusals: ["too old"] };
    const text = planText([unknown]);
    expect(text).toMatch(/goes back +from version 9 to one that cannot be opened\n/);
    for (const name of ["leave", "come back", "read again"]) {
      expect(text).toMatch(new RegExp(`${name} +unknown\n`));
    }
    expect(text).not.toMatch(/ 0 (rows|files|offsets)/);
    const json = JSON.parse(replayJson(report({ tables: [{ plan: unknown, done: null }] }))) as {
      tables: unknown[];
    };
    const nothing = { rows: null, leaving: null, returning: null, offsets: null };
    const partitions = [{ from: null, to: 21, rows: null }, { from: null, to: 5, rows: null }];
    expect(json.tables[0]).toMatchObject({ ...nothing, partitions });
  });

  test("the result", () => {
    expect(doneText(report({}))).toContain("shop.orders: 13 rows read again");
    const fewer = report({ tables: [{ plan, done: { rewoundAs: 10, rowsReadAgain: 12 } }] });
    expect(doneText(fewer)).toContain("13 rows taken out, 12 read again");
    const stopped = report({
      stopped: true,
      tables: [{ plan, done: { rewoundAs: 10, rowsReadAgain: null } }],
    });
    expect(doneText(stopped)).toContain("to be read again by cdcdelta run");
    const some = report({
      stopped: true,
      tables: [{ plan, done: { rewoundAs: 10, rowsReadAgain: 4 } }],
    });
    expect(doneText(some)).toContain("13 rows taken out, 4 read again so far");
    expect(doneText(some)).toContain("cdcdelta run goes on with what is left");
    const partitions = [{ from: 11, to: 21, was: 20 }, { from: 0, to: 5, was: 4 }];
    expect(JSON.parse(replayJson(report({})))).toMatchObject({
      into: "same",
      tables: [{ collection: "shop.orders", rows: 13, offsets: 15, rewoundAs: 10, partitions }],
    });
  });

  test("a shadow and what differs", () => {
    const range = { topic: "t", partition: 0, identity: "ab", start: 5n, end: 9n };
    const shadow: ShadowReport = {
      origin: { pipelineId: "p", key: "shop.orders", from: "offset:t:0:5" },
      to: "offset:t:0:9",
      table: "s3://lake/shop/orders",
      into: "s3://check/orders",
      plan: { table: {} as never, ranges: [range], refusals: [] },
      reads: [{ ...range, start: 7n }],
      dryRun: false,
      stopped: false,
      comparison: {
        same: 2n,
        different: 1n,
        onlyTable: 1n,
        onlyShadow: 0n,
        doubled: 0n,
        examples: [
          { topic: "t", partition: 0, offset: 6n, kind: "different", columns: ["a", "b"] },
          { topic: "t", partition: 0, offset: 8n, kind: "only-table", columns: [] },
        ],
      },
    };
    expect(shadowText(shadow)).toMatchInlineSnapshot(`
      "table   shop.orders at s3://lake/shop/orders
      shadow  s3://check/orders
      read    2 offsets from offset:t:0:5 to offset:t:0:9

      topic  partition  from  to (not included)  read from
      t              0     5                  9          7

      same                2 rows
      different           1 row
      only in the table   1 row
      only in the shadow  0 rows

      topic  partition  offset  difference  columns
      t              0       6  different   a, b
      t              0       8  only-table
      "
    `);
    expect(JSON.parse(shadowJson(shadow))).toMatchObject({
      collection: "shop.orders",
      partitions: [{ topic: "t", topicId: "ab", from: 5, to: 9, readFrom: 7 }],
      comparison: { different: 1, examples: [{ offset: 6 }, { offset: 8 }] },
    });
  });
});
