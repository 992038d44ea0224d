import { describe, expect, test } from "bun:test";
import path from "node:path";
import { loadSnapshot } from "../../src/delta/log/snapshot.ts";
import { checksumMismatches, readVersionChecksum } from "../../src/delta/log/version-checksum.ts";
import { localStore } from "../../src/delta/storage/local-store.ts";
import { signal, testEngine } from "../support/delta-table.ts";
import { corpus, hasCorpus, manifest, nameOf } from "./corpus.ts";
import { mustFail } from "./verdicts.ts";

/** So many newest versions have a checksum that agrees with their log today; it may only grow. */
const agreeingAtLeast = 20;

/** Checksums that are wrong, by what is wrong about them. */
const wrong: Readonly<Record<string, readonly string[]>> = {
  // Made up by its suite, to try every member of the file.
  "kernel-rs-data/crc-full": ["numFiles", "tableSizeBytes", "setTransactions", "domainMetadata"],
};

describe.skipIf(!hasCorpus)("checksum files of the Delta corpus", () => {
  let agreeing = 0;
  for (const row of manifest) {
    const name = nameOf(row);
    if (mustFail[name] !== undefined) continue;
    test(name, async () => {
      const engine = testEngine(() => localStore(path.join(corpus, name)));
      const snapshot = await loadSnapshot(engine, { signal });
      const checksum = await readVersionChecksum(engine, snapshot.version, { signal });
      if (checksum === null) return;
      const vectors = snapshot.files.flatMap((file) => file.deletionVector ?? []);
      const found = checksumMismatches(checksum, snapshot, {
        numFiles: snapshot.files.length,
        tableSizeBytes: snapshot.files.reduce((sum, file) => sum + file.size, 0),
        numDeletionVectors: vectors.length,
        numDeletedRecords: vectors.reduce((sum, one) => sum + Number(one.cardinality), 0),
      });
      expect(found).toEqual([...wrong[name] ?? []]);
      if (found.length === 0) agreeing++;
    });
  }

  test("are found and agree", () => {
    console.log(`checksums of the Delta corpus that agree: ${agreeing}`);
    expect(agreeing).toBeGreaterThanOrEqual(agreeingAtLeast);
  });
});
