import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { CdcDeltaError } from "../../../src/errors.ts";
import type {
  Action,
  AddFile,
  DeletionVectorDescriptor,
  DomainMetadata,
  RemoveFile,
  SetTransaction,
} from "../../../src/delta/log/actions.ts";
import { writeCheckpoint } from "../../../src/delta/log/checkpoint-writer.ts";
import { readLastCheckpoint } from "../../../src/delta/log/last-checkpoint.ts";
import { commitKey, lastCheckpointKey } from "../../../src/delta/log/log-path.ts";
import { loadSnapshot } from "../../../src/delta/log/snapshot.ts";
import {
  addFile,
  creationDraft,
  rivalCommit,
  signal,
  testEngine,
} from "../../support/delta-table.ts";

const text = fc.string({ maxLength: 6, unit: "grapheme" });
const long = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
const count = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const texts = fc.dictionary(text, fc.option(text));

/** Members that are missing are not there at all. */
function partial<T>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }, required: (keyof T)[]) {
  return fc.record(model, { requiredKeys: required }) as fc.Arbitrary<T>;
}

const vector = partial<Required<DeletionVectorDescriptor>>({
  storageType: fc.constantFrom("u", "p", "i"),
  pathOrInlineDv: text,
  offset: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
  sizeInBytes: fc.integer({ min: 0, max: 2 ** 31 - 1 }),
  cardinality: long,
}, ["storageType", "pathOrInlineDv", "sizeInBytes", "cardinality"]);

const add = partial<Required<Omit<AddFile, "path">>>({
  partitionValues: texts,
  size: count,
  modificationTime: count,
  dataChange: fc.constant(false),
  stats: fc.constantFrom("{}", `{"numRecords":9223372036854775807}`, "not JSON"),
  tags: texts,
  deletionVector: vector as fc.Arbitrary<DeletionVectorDescriptor>,
  baseRowId: long,
  defaultRowCommitVersion: long,
  clusteringProvider: text,
}, ["partitionValues", "size", "modificationTime", "dataChange"]);

const remove = partial<Required<Omit<RemoveFile, "path" | "tags">>>({
  deletionTimestamp: fc.constant(1_700_000_000_000),
  dataChange: fc.constant(false),
  extendedFileMetadata: fc.boolean(),
  partitionValues: texts,
  size: count,
  deletionVector: vector as fc.Arbitrary<DeletionVectorDescriptor>,
  baseRowId: long,
  defaultRowCommitVersion: long,
}, ["deletionTimestamp", "dataChange"]);

const txn = partial<Required<SetTransaction>>(
  { appId: text, version: long, lastUpdated: count },
  ["appId", "version"],
);
const domain = fc.record<DomainMetadata>({
  domain: text,
  configuration: text,
  removed: fc.constant(false),
});

const content = fc.record({
  adds: fc.array(add, { maxLength: 7 }),
  removes: fc.array(remove, { maxLength: 3 }),
  txns: fc.uniqueArray(txn, { selector: (one) => one.appId, maxLength: 3 }),
  domains: fc.uniqueArray(domain, { selector: (one) => one.domain, maxLength: 3 }),
});

const v2 = {
  minReaderVersion: 3,
  minWriterVersion: 7,
  readerFeatures: ["v2Checkpoint"],
  writerFeatures: ["v2Checkpoint"],
};

describe.each([
  ["classic", { "delta.checkpointInterval": "10" }],
  ["v2", { "delta.checkpointPolicy": "v2" }],
])("a %s checkpoint", (form, configuration) => {
  const created = creationDraft("x");
  const metadata = {
    ...created.metadata!,
    name: "n",
    description: "",
    configuration: { ...configuration, own: "property" } as Readonly<Record<string, string>>,
  };
  const start: Action[] = [
    { kind: "protocol", protocol: v2 },
    { kind: "metaData", metaData: metadata },
  ];

  test("holds every member of every action", async () => {
    await fc.assert(
      fc.asyncProperty(content, async ({ adds, removes, txns, domains }) => {
        const engine = testEngine();
        const actions: Action[] = [
          ...start,
          ...txns.map((txn): Action => ({ kind: "txn", txn })),
          ...domains.map((one): Action => ({ kind: "domainMetadata", domainMetadata: one })),
          ...removes.map((one, i): Action => ({
            kind: "remove",
            remove: { path: `r${i}`, ...one },
          })),
          ...adds.map((one, i): Action => ({ kind: "add", add: { path: `a${i}`, ...one } })),
        ];
        await engine.store.put(commitKey(0), [rivalCommit(actions)], { signal });
        const before = await loadSnapshot(engine, { signal });
        expect(before.files).toHaveLength(adds.length);
        await writeCheckpoint(engine, 0, { signal, sidecarRowsMax: 3 });
        await engine.store.delete([commitKey(0)], { signal });
        const after = await loadSnapshot(engine, { signal });
        const byPath = (a: { path: string }, b: { path: string }): number =>
          a.path < b.path ? -1 : 1;
        expect(after.files.toSorted(byPath)).toEqual(before.files.toSorted(byPath));
        expect(after.tombstones.toSorted(byPath)).toEqual(before.tombstones.toSorted(byPath));
        expect(after.transactions).toEqual(before.transactions);
        expect(after.domainMetadata).toEqual(before.domainMetadata);
        expect([after.metadata, after.protocol]).toEqual([before.metadata, before.protocol]);
      }),
      { numRuns: 60 },
    );
  });

  test("is named and sized as its form asks", async () => {
    const engine = testEngine();
    const adds = Array.from({ length: 7 }, (_, i): Action => ({
      kind: "add",
      add: { path: `a${i}`, partitionValues: {}, size: 1, modificationTime: 1, dataChange: true },
    }));
    await engine.store.put(commitKey(0), [rivalCommit([...start, ...adds])], { signal });
    await writeCheckpoint(engine, 0, { signal, sidecarRowsMax: 3 });
    const keys: string[] = [];
    for await (const { key } of engine.store.list("_delta_log/", { signal })) keys.push(key);
    const sidecars = keys.filter((key) => key.startsWith("_delta_log/_sidecars/"));
    const tops = keys.filter((key) => key.includes(".checkpoint."));
    const hint = JSON.parse(
      new TextDecoder().decode(await engine.store.get(lastCheckpointKey, { signal })),
    );
    expect(await readLastCheckpoint(engine, { signal })).toMatchObject({ version: 0 });
    expect(tops).toHaveLength(1);
    if (form === "classic") {
      expect([sidecars.length, hint.size, hint.v2Checkpoint]).toEqual([0, 9, undefined]);
      expect(tops[0]).toBe("_delta_log/00000000000000000000.checkpoint.parquet");
      return;
    }
    expect(sidecars).toHaveLength(3);
    expect(tops[0]).toMatch(/^_delta_log\/0{20}\.checkpoint\.[0-9a-f-]{36}\.parquet$/);
    // One for the checkpoint, protocol, metaData, 7 files, 3 sidecars.
    expect(hint.size).toBe(13);
    expect(hint.v2Checkpoint.path).toBe(tops[0]!.slice("_delta_log/".length));
    expect(hint.v2Checkpoint.sidecarFiles).toHaveLength(3);
  });

  test("of a table without files has none, and is read", async () => {
    const engine = testEngine();
    await engine.store.put(commitKey(0), [rivalCommit(start)], { signal });
    await writeCheckpoint(engine, 0, { signal });
    await engine.store.delete([commitKey(0)], { signal });
    expect((await loadSnapshot(engine, { signal })).files).toEqual([]);
  });
});

test("the policy alone, without the feature, leaves checkpoints classic", async () => {
  const engine = testEngine();
  const { metadata } = creationDraft("x");
  const configuration = { "delta.checkpointPolicy": "v2" };
  const actions: Action[] = [
    { kind: "protocol", protocol: { minReaderVersion: 1, minWriterVersion: 2 } },
    { kind: "metaData", metaData: { ...metadata!, configuration } },
  ];
  await engine.store.put(commitKey(0), [rivalCommit(actions)], { signal });
  expect(await writeCheckpoint(engine, 0, { signal })).not.toHaveProperty("v2Checkpoint");
});

test("a V2 checkpoint that breaks off at any of its files is none, and is made up for", async () => {
  const { metadata } = creationDraft("x");
  const configuration = { "delta.checkpointPolicy": "v2" };
  const actions: Action[] = [
    { kind: "protocol", protocol: v2 },
    { kind: "metaData", metaData: { ...metadata!, configuration } },
    ...Array.from({ length: 7 }, (_, i): Action => ({ kind: "add", add: addFile(`a${i}`) })),
  ];
  // Three sidecars, the top file, the hint.
  for (let fails = 1; fails <= 5; fails++) {
    let puts = 0;
    const engine = testEngine((store) => ({
      ...store,
      put: async (key, chunks, options) => {
        if (++puts === fails) throw new CdcDeltaError("store", "away");
        return await store.put(key, chunks, options);
      },
    }));
    await engine.store.putIfAbsent(commitKey(0), rivalCommit(actions), { signal });
    await expect(writeCheckpoint(engine, 0, { signal, sidecarRowsMax: 3 })).rejects.toThrow("away");
    expect((await loadSnapshot(engine, { signal })).files).toHaveLength(7);
    await writeCheckpoint(engine, 0, { signal, sidecarRowsMax: 3 });
    expect(puts).toBe(fails + 5);
    await engine.store.delete([commitKey(0)], { signal });
    expect((await loadSnapshot(engine, { signal })).files).toHaveLength(7);
  }
});
