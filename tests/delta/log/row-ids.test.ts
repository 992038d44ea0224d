import { describe, expect, test } from "bun:test";
import type { AddFile, DomainMetadata } from "../../../src/delta/log/actions.ts";
import {
  assignRowIds,
  rowTrackingDomain,
  rowTrackingTags,
} from "../../../src/delta/log/row-ids.ts";
import { addFile } from "../../support/delta-table.ts";

const protocol = {
  minReaderVersion: 1,
  minWriterVersion: 7,
  writerFeatures: ["rowTracking", "domainMetadata"],
};
const metadata = {
  id: "i",
  format: { provider: "parquet", options: {} },
  schemaString: "",
  partitionColumns: [],
  configuration: {},
};
const mark = (n: bigint): DomainMetadata => ({
  domain: rowTrackingDomain,
  configuration: `{"rowIdHighWaterMark":${n}}`,
  removed: false,
});
const table = {
  protocol,
  metadata,
  domains: new Map<string, DomainMetadata>(),
  version: 7,
  uri: "t",
};
const at = (n: bigint) => ({ ...table, domains: new Map([[rowTrackingDomain, mark(n)]]) });
const rows = (path: string, n: number | bigint, more: Partial<AddFile> = {}): AddFile =>
  addFile(path, { stats: `{"numRecords":${n}}`, ...more });
const idsOf = (adds: readonly AddFile[]) =>
  adds.map((add) => [add.baseRowId, add.defaultRowCommitVersion]);

describe("assignRowIds", () => {
  test("starts at 0 and raises the mark by the rows of every file", () => {
    const { adds, domain } = assignRowIds([rows("a", 3), rows("b", 2)], table);
    expect(idsOf(adds)).toEqual([[0n, 7n], [3n, 7n]]);
    expect(domain).toEqual(mark(4n));
  });

  test("goes on above the mark, digit by digit", () => {
    const { adds, domain } = assignRowIds([rows("a", 2)], at(9007199254740993n));
    expect(idsOf(adds)).toEqual([[9007199254740994n, 7n]]);
    expect(domain).toEqual(mark(9007199254740995n));
  });

  test("files that come back keep theirs, and the mark stays", () => {
    const back = rows("a", 5, { baseRowId: 2n, defaultRowCommitVersion: 1n });
    const { adds, domain } = assignRowIds([back], at(10n));
    expect(adds).toEqual([back]);
    expect(domain).toBeNull();
  });

  test("a file that came back from beyond the mark pushes new ones above it", () => {
    const back = rows("a", 5, { baseRowId: 20n, defaultRowCommitVersion: 1n });
    const { adds, domain } = assignRowIds([back, rows("b", 1)], at(10n));
    expect(idsOf(adds)).toEqual([[20n, 1n], [25n, 7n]]);
    expect(domain).toEqual(mark(25n));
  });

  test("a file that comes back need not tell its rows", () => {
    const back = addFile("a", { baseRowId: 2n, defaultRowCommitVersion: 1n });
    expect(assignRowIds([back], at(10n))).toEqual({ adds: [back], domain: null });
  });

  test("does nothing without the feature, or while it is suspended", () => {
    const plain = { ...table, protocol: { minReaderVersion: 1, minWriterVersion: 2 } };
    const configuration = { "delta.rowTrackingSuspended": "true" };
    const suspended = { ...at(10n), metadata: { ...metadata, configuration } };
    for (const one of [plain, suspended]) {
      expect(assignRowIds([addFile("a")], one)).toEqual({ adds: [addFile("a")], domain: null });
    }
  });

  test("refuses what cannot be counted", () => {
    const unsupported = expect.objectContaining({ code: "unsupported" });
    for (const stats of [undefined, "{}", "x", `{"numRecords":1.5}`]) {
      const add = addFile("a", stats === undefined ? {} : { stats });
      expect(() => assignRowIds([add], table)).toThrow(unsupported);
    }
    const broken = { ...mark(1n), configuration: "{}" };
    const domains = new Map([[rowTrackingDomain, broken]]);
    expect(() => assignRowIds([rows("a", 1)], { ...table, domains })).toThrow("rowIdHighWaterMark");
  });
});

test("commits say whether rows are known as before", () => {
  const enabled = { ...metadata, configuration: { "delta.enableRowTracking": "true" } };
  const suspended = { ...metadata, configuration: { "delta.rowTrackingSuspended": "true" } };
  const tag = (preserved: string) => ({ "delta.rowTracking.preserved": preserved });
  expect(rowTrackingTags({ protocol, metadata: enabled }, "rearrange")).toEqual(tag("true"));
  expect(rowTrackingTags({ protocol, metadata }, "rearrange")).toEqual(tag("false"));
  expect(rowTrackingTags({ protocol, metadata }, "append")).toEqual(tag("true"));
  expect(rowTrackingTags({ protocol, metadata: suspended }, "append")).toBeNull();
  const plain = { minReaderVersion: 1, minWriterVersion: 2 };
  expect(rowTrackingTags({ protocol: plain, metadata: enabled }, "append")).toBeNull();
});
