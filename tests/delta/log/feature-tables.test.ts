import { describe, expect, test } from "bun:test";
import type { Protocol } from "../../../src/delta/log/actions.ts";
import { checkpointTable, maintainTable } from "../../../src/delta/log/maintenance.ts";
import { commitKey } from "../../../src/delta/log/log-path.ts";
import { loadSnapshot } from "../../../src/delta/log/snapshot.ts";
import { requireTableState, type TableState } from "../../../src/delta/log/table-state.ts";
import { optimize } from "../../../src/delta/operations/optimize.ts";
import { restore } from "../../../src/delta/operations/restore.ts";
import { scanSnapshot } from "../../../src/delta/operations/scan.ts";
import { field, struct } from "../../../src/delta/schema/data-type.ts";
import { schemaToJson } from "../../../src/delta/schema/schema-json.ts";
import { creationDraft, mustCommit, signal, testEngine } from "../../support/delta-table.ts";
import { lintTable } from "../../support/log-linter.ts";
import { appendRows } from "../../support/written-table.ts";

const schema = struct([field("id", { kind: "long" }), field("p", { kind: "string" })]);
const protocol: Protocol = {
  minReaderVersion: 3,
  minWriterVersion: 7,
  readerFeatures: ["v2Checkpoint"],
  writerFeatures: [
    "appendOnly",
    "clustering",
    "domainMetadata",
    "inCommitTimestamp",
    "invariants",
    "materializePartitionColumns",
    "rowTracking",
    "v2Checkpoint",
  ],
};
const configuration = {
  "delta.checkpointInterval": "3",
  "delta.checkpointPolicy": "v2",
  "delta.enableInCommitTimestamps": "true",
  "delta.enableRowTracking": "true",
  "delta.rowTracking.materializedRowIdColumnName": "_row-id-1",
  "delta.rowTracking.materializedRowCommitVersionColumnName": "_row-version-1",
};

describe("a table with every feature of writers", () => {
  test("is as the protocol wants it after each of our operations", async () => {
    const engine = testEngine();
    const { metadata, ...draft } = creationDraft("x");
    let state: TableState = await mustCommit(engine, null, {
      ...draft,
      adds: [],
      protocol,
      metadata: {
        ...metadata!,
        schemaString: schemaToJson(schema),
        partitionColumns: ["p"],
        configuration,
      },
      domainMetadata: [
        { domain: "delta.clustering", configuration: `{"clusteringColumns":[]}`, removed: false },
        { domain: "cdcdelta.own", configuration: "x", removed: false },
      ],
    });
    const append = async (id: bigint): Promise<void> => {
      const table = { schema, partitionColumns: ["p"] };
      const part = { partitionValues: { p: "a" }, rows: [{ id, p: "a" }, { id: -id, p: "a" }] };
      state = await appendRows(engine, state, table, part);
      const maintained = await maintainTable(engine, state, { signal });
      expect(maintained.kind).not.toBe("failed");
    };
    for (let id = 1n; id <= 4n; id++) await append(id);
    expect(await lintTable(engine.store)).toEqual([]);
    await optimize(engine, { targetBytes: 1 << 20, where: () => true, predicate: [], signal });
    state = await requireTableState(engine, { signal });
    expect(await lintTable(engine.store)).toEqual([]);
    await append(5n);
    await restore(engine, { at: { kind: "version", version: 3 }, signal });
    await checkpointTable(engine, { signal });
    expect(await lintTable(engine.store)).toEqual([]);
    const snapshot = await loadSnapshot(engine, { signal });
    const ids: (bigint | undefined)[] = snapshot.files.map((file) => file.baseRowId);
    expect(ids.toSorted()).toEqual([0n, 2n, 4n]);
    const commits = Array.from({ length: snapshot.version + 1 }, (_, version) => version);
    await engine.store.delete(commits.map(commitKey), { signal });
    const { files, ...rest } = await loadSnapshot(engine, { signal });
    expect(rest.domainMetadata).toEqual(snapshot.domainMetadata);
    expect([...rest.domainMetadata.keys()].sort()).toEqual([
      "cdcdelta.own",
      "delta.clustering",
      "delta.rowTracking",
    ]);
    let rows = 0;
    for await (const batch of scanSnapshot(engine, { ...rest, files }, { signal })) {
      rows += batch.length;
    }
    expect(rows).toBe(6);
  });
});
