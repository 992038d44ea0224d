import { describe, expect, test } from "bun:test";
import {
  checkNewTableProperties,
  parseInterval,
  readTableProperties,
} from "../../../src/delta/log/table-properties.ts";
import { newTableActions } from "../../../src/delta/operations/create-table.ts";
import { type DataType, field, struct } from "../../../src/delta/schema/data-type.ts";

describe("parseInterval", () => {
  const cases: Readonly<Record<string, number | null>> = {
    "interval 1 week": 604_800_000,
    "interval 30 days": 2_592_000_000,
    "INTERVAL 1 Week 2 days": 777_600_000,
    "7 days": 604_800_000,
    "interval 90 seconds": 90_000,
    "interval 5 milliseconds": 5,
    "interval 1500 microseconds": 1,
    "interval -1 days": -86_400_000,
    "interval 0 hours": 0,
    "interval": null,
    "": null,
    "interval 1 month": null,
    "interval 1 year": null,
    "interval 1.5 days": null,
    "interval days": null,
    "interval 1 day 2": null,
    "interval 1 toString": null,
  };
  for (const [text, ms] of Object.entries(cases)) {
    test(JSON.stringify(text), () => expect(parseInterval(text)).toBe(ms));
  }
});

describe("readTableProperties", () => {
  test("has the protocol's defaults", () => {
    expect(readTableProperties({})).toEqual({
      appendOnly: false,
      checkpointInterval: 10,
      deletedFileRetentionMs: 604_800_000,
      logRetentionMs: 2_592_000_000,
      expiredLogCleanup: true,
      transactionRetentionMs: null,
      statisticsColumns: { kind: "first", count: 32 },
      checkpointStatsAsJson: true,
      checkpointStatsAsStruct: false,
      changeDataFeed: false,
      deletionVectors: false,
      columnMappingMode: "none",
      inCommitTimestamps: null,
    });
  });

  test("reads what is set, and takes a malformed value as absent", () => {
    const read = readTableProperties({
      "delta.appendOnly": "TRUE",
      "delta.checkpointInterval": "0",
      "delta.logRetentionDuration": "interval 2 months",
      "delta.deletedFileRetentionDuration": "interval 1 hour",
      "delta.enableExpiredLogCleanup": "false",
      "delta.dataSkippingNumIndexedCols": "-1",
      "delta.enableInCommitTimestamps": "true",
      "delta.inCommitTimestampEnablementVersion": "7",
      "delta.inCommitTimestampEnablementTimestamp": "1700000000000",
    });
    expect(read).toMatchObject({
      appendOnly: true,
      checkpointInterval: 10,
      logRetentionMs: 2_592_000_000,
      deletedFileRetentionMs: 3_600_000,
      expiredLogCleanup: false,
      statisticsColumns: { kind: "first", count: -1 },
      inCommitTimestamps: { enablementVersion: 7, enablementTimestampMs: 1_700_000_000_000 },
    });
    const named = { "delta.dataSkippingStatsColumns": "a, `b,c`.`d``e` ,f.g" };
    expect(readTableProperties(named).statisticsColumns).toEqual({
      kind: "named",
      columns: ["a", "`b,c`.`d``e`", "f.g"],
    });
  });
});

test("checkNewTableProperties names every property that cannot be set", () => {
  checkNewTableProperties({
    "delta.checkpointInterval": "5",
    "delta.logRetentionDuration": "interval 2 days",
    "owner": "anything goes",
  });
  expect(() =>
    checkNewTableProperties({
      "delta.checkpointInterval": "0",
      "delta.enableDeletionVectors": "true",
      "delta.logRetentionDuration": "2 months",
      "delta.feature.columnMapping": "supported",
    })
  ).toThrow(
    'Cannot create the table: "delta.checkpointInterval" must be a positive integer: it is "0"; ' +
      '"delta.enableDeletionVectors" is not a property that cdcdelta can set on a new table; ' +
      '"delta.logRetentionDuration" must be a duration such as "interval 7 days": it is ' +
      '"2 months"; "delta.feature.columnMapping" is not a property that cdcdelta can set on a new ' +
      "table",
  );
});

describe("newTableActions", () => {
  const string: DataType = { kind: "string" };
  const base = {
    schema: struct([field("a", string), field("b", struct([field("c", string)]))]),
    partitionColumns: ["a"],
    configuration: { "delta.checkpointInterval": "5" },
    id: "id",
    createdTime: 7,
  };

  test("makes a table of protocol (1,2)", () => {
    expect(newTableActions(base)).toEqual({
      protocol: { minReaderVersion: 1, minWriterVersion: 2 },
      metadata: {
        id: "id",
        format: { provider: "parquet", options: {} },
        schemaString:
          `{"type":"struct","fields":[{"name":"a","type":"string","nullable":true,"metadata":{}},` +
          `{"name":"b","type":{"type":"struct","fields":[{"name":"c","type":"string",` +
          `"nullable":true,"metadata":{}}]},"nullable":true,"metadata":{}}]}`,
        partitionColumns: ["a"],
        configuration: { "delta.checkpointInterval": "5" },
        createdTime: 7,
      },
    });
  });

  const refused: readonly (readonly [Partial<typeof base>, string])[] = [
    [{ partitionColumns: ["x"] }, 'there is no column "x"'],
    [{ partitionColumns: ["b"] }, "its type is struct"],
    [{ partitionColumns: ["a", "a"] }, "named twice"],
    [{ schema: struct([field("a", string)]) }, "not all columns"],
    [{ schema: struct([field("a", string), field("b c", string)]) }, '"b c"'],
    [{ configuration: { "delta.x": "1" } } as never, '"delta.x"'],
    [
      {
        schema: struct([
          field("a", string),
          field("t", { kind: "array", elementType: { kind: "timestamp_ntz" }, containsNull: true }),
        ]),
      },
      "timestamp_ntz",
    ],
  ];
  for (const [change, why] of refused) {
    test(`refuses: ${why}`, () => {
      expect(() => newTableActions({ ...base, ...change })).toThrow(why);
    });
  }
});
