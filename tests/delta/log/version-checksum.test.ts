import { describe, expect, test } from "bun:test";
import { CdcDeltaError } from "../../../src/errors.ts";
import { writeCheckpoint } from "../../../src/delta/log/checkpoint-writer.ts";
import { checksumKey } from "../../../src/delta/log/log-path.ts";
import { loadSnapshot, type Snapshot } from "../../../src/delta/log/snapshot.ts";
import { loadTableState } from "../../../src/delta/log/table-state.ts";
import {
  checksumMismatches,
  type FileTotals,
  formatVersionChecksum,
  parseVersionChecksum,
  readVersionChecksum,
} from "../../../src/delta/log/version-checksum.ts";
import {
  addFile,
  appendDraft,
  mustCommit,
  newTable,
  removeFile,
  signal,
  type TestEngine,
  testEngine,
} from "../../support/delta-table.ts";

const domain = { domain: "cdcdelta.test", configuration: '{"a":1}', removed: false };
const vector = { storageType: "u", pathOrInlineDv: "x", offset: 1, sizeInBytes: 40 } as const;

/** Three versions: files of 1, 20 and 300 bytes, one of them gone again, one with a vector. */
async function table(engine: TestEngine): Promise<Snapshot> {
  let state = await newTable(engine);
  const draft = { ...appendDraft("second", 9_007_199_254_740_993n), adds: [] };
  state = await mustCommit(engine, state, {
    ...draft,
    adds: [addFile("second", { size: 20 }), addFile("third", { size: 300 })],
    domainMetadata: [domain],
  });
  await mustCommit(engine, state, {
    ...appendDraft("x"),
    adds: [addFile("third", { size: 300, deletionVector: { ...vector, cardinality: 4n } })],
    removes: [removeFile("second", { size: 20 }), removeFile("third", { size: 300 })],
  });
  return await loadSnapshot(engine, { signal });
}

const totals: FileTotals = {
  numFiles: 2,
  tableSizeBytes: 301,
  numDeletionVectors: 1,
  numDeletedRecords: 4,
};

describe("the checksum of a version", () => {
  test("is written with its checkpoint, and says what the log does", async () => {
    const engine = testEngine();
    const snapshot = await table(engine);
    await writeCheckpoint(engine, 2, { signal });
    const checksum = await readVersionChecksum(engine, 2, { signal });
    expect(checksum).toMatchObject({ numFiles: 2, tableSizeBytes: 301 });
    expect(checksum?.txnId).toBe(snapshot.commitId!);
    expect(checksum?.transactions?.[0]?.version).toBe(9_007_199_254_740_993n);
    expect(checksum?.domainMetadata).toEqual([domain]);
    expect(checksum!.protocol).toEqual(snapshot.protocol);
    expect(checksum!.metadata).toEqual(snapshot.metadata);
    expect(checksumMismatches(checksum!, snapshot, totals)).toEqual([]);
    expect(await readVersionChecksum(engine, 1, { signal })).toBeNull();
  });

  test("is never replaced", async () => {
    const engine = testEngine();
    await table(engine);
    const theirs = new TextEncoder().encode("theirs");
    await engine.store.put(checksumKey(2), [theirs], { signal });
    await writeCheckpoint(engine, 2, { signal });
    expect(await engine.store.get(checksumKey(2), { signal })).toEqual(theirs);
  });

  test("is no reason for a checkpoint to fail", async () => {
    let tried = 0;
    const engine = testEngine((store) => ({
      ...store,
      putIfAbsent: (key, bytes, options) => {
        if (!key.endsWith(".crc")) return store.putIfAbsent(key, bytes, options);
        tried++;
        return Promise.reject(new CdcDeltaError("store", "no"));
      },
    }));
    await table(engine);
    expect(await writeCheckpoint(engine, 2, { signal })).toMatchObject({ numOfAddFiles: 2 });
    expect(tried).toBe(1);
  });

  test("repeats the commit's own timestamp, where the table has them", async () => {
    const snapshot = await table(testEngine());
    const protocol = {
      minReaderVersion: 1,
      minWriterVersion: 7,
      writerFeatures: ["inCommitTimestamp"],
    };
    const configuration = { "delta.enableInCommitTimestamps": "true" };
    const metadata = { ...snapshot.metadata, configuration };
    const timed = { ...snapshot, protocol, metadata };
    const member = (text: string | null): unknown => JSON.parse(text!)["inCommitTimestampOpt"];
    expect(member(formatVersionChecksum(timed, totals, 17))).toBe(17);
    expect(formatVersionChecksum(timed, totals, null)).toBeNull();
    expect(member(formatVersionChecksum({ ...timed, protocol: snapshot.protocol }, totals)))
      .toBeUndefined();
  });

  test("counts deletion vectors where the table may have some, and lists no endless lists", async () => {
    const snapshot = await table(testEngine());
    const members = (state: Snapshot): string[] =>
      Object.keys(JSON.parse(formatVersionChecksum(state, totals)!) as object);
    expect(members(snapshot)).not.toContain("numDeletionVectorsOpt");
    const protocol = {
      minReaderVersion: 3,
      minWriterVersion: 7,
      readerFeatures: ["deletionVectors"],
      writerFeatures: ["deletionVectors"],
    };
    expect(members({ ...snapshot, protocol })).toContain("numDeletionVectorsOpt");
    expect(members(snapshot)).toContain("setTransactions");
    const transactions = new Map(
      Array.from({ length: 101 }, (_, i) => [`${i}`, { appId: `${i}`, version: 1n }]),
    );
    expect(members({ ...snapshot, transactions })).not.toContain("setTransactions");
    const properties = { ...snapshot.properties, transactionRetentionMs: 1 };
    expect(members({ ...snapshot, properties })).not.toContain("setTransactions");
  });

  test("what is wrong in it is named", async () => {
    const snapshot = await table(testEngine());
    const right = parseVersionChecksum(formatVersionChecksum(snapshot, totals)!)!;
    const cases: readonly (readonly [Partial<typeof right>, string[]])[] = [
      [{}, []],
      [{ numFiles: 3 }, ["numFiles"]],
      [{ tableSizeBytes: 0 }, ["tableSizeBytes"]],
      [{ numDeletionVectors: 0 }, ["numDeletionVectorsOpt"]],
      [{ numDeletedRecords: 0 }, ["numDeletedRecordsOpt"]],
      [{ transactions: [] }, ["setTransactions"]],
      [{ domainMetadata: [{ ...domain, configuration: "{}" }] }, ["domainMetadata"]],
      [{ metadata: { ...right.metadata, id: "other" } }, ["metadata"]],
      [{ protocol: { minReaderVersion: 1, minWriterVersion: 7 } }, ["protocol"]],
    ];
    for (const [change, wanted] of cases) {
      expect(checksumMismatches({ ...right, ...change }, snapshot, totals)).toEqual(wanted);
    }
  });

  const malformed = [
    "",
    "{",
    "[]",
    "null",
    '{"numFiles":1}',
    '{"tableSizeBytes":1,"numFiles":-1,"numMetadata":1,"numProtocol":1}',
    '{"tableSizeBytes":1,"numFiles":1,"numMetadata":1,"numProtocol":1,"metadata":{},"protocol":{}}',
  ];
  for (const text of malformed) {
    test(`${text || "an empty file"} counts as none`, async () => {
      expect(parseVersionChecksum(text)).toBeNull();
      const engine = testEngine();
      await newTable(engine);
      await engine.store.put(checksumKey(0), [new TextEncoder().encode(text)], { signal });
      expect(await readVersionChecksum(engine, 0, { signal })).toBeNull();
      expect((await loadTableState(engine, { signal }))?.version).toBe(0);
    });
  }
});
