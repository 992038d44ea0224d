import { describe, expect, test } from "bun:test";
import { maintainTable } from "../../../src/delta/log/maintenance.ts";
import { loadSnapshot } from "../../../src/delta/log/snapshot.ts";
import type { TableState } from "../../../src/delta/log/table-state.ts";
import { serializePartitionValue } from "../../../src/delta/log/partition-value.ts";
import { commitKey, lastCheckpointKey } from "../../../src/delta/log/log-path.ts";
import { field, struct } from "../../../src/delta/schema/data-type.ts";
import { signal, type TestEngine, testEngine } from "../../support/delta-table.ts";
import { lintTable } from "../../support/log-linter.ts";
import { appendRows, type WrittenTable } from "../../support/written-table.ts";

const table: WrittenTable = {
  schema: struct([
    field("p", { kind: "string" }),
    field("id", { kind: "long" }),
    field("d", { kind: "decimal", precision: 38, scale: 2 }),
    field("s", struct([field("t", { kind: "timestamp" }), field("x", { kind: "string" })])),
    field("list", { kind: "array", elementType: { kind: "double" }, containsNull: true }),
  ]),
  partitionColumns: ["p"],
};

const oddValues = ["plain", "a b/c=d%e#f&g+h'i\"j", "目录 🎉", null, "", " x", "\u0001:?*"];

async function written(engine: TestEngine, versions: number): Promise<TableState> {
  let state: TableState | null = null;
  for (let i = 0; i <= versions; i++) {
    const value = serializePartitionValue(oddValues[i % oddValues.length] ?? null, {
      kind: "string",
    });
    state = await appendRows(engine, state, table, {
      partitionValues: { p: value },
      txn: BigInt(i),
      rows: [
        {
          id: 9223372036854775807n - BigInt(i),
          d: 10n ** 37n + BigInt(i),
          s: { t: 1_700_000_000_123_999n, x: `${"ä".repeat(40)}${i}` },
          list: [1.5, null],
        },
        { id: null, d: null, s: null, list: null },
      ],
    });
    await maintainTable(engine, state, { signal });
  }
  return state!;
}

describe("writeDataFile", () => {
  test("writes a table that the linter finds nothing wrong with", async () => {
    const engine = testEngine();
    await written(engine, 22);
    expect(await lintTable(engine.store)).toEqual([]);
    const snapshot = await loadSnapshot(engine, { signal });
    expect(snapshot.files).toHaveLength(23);
    const values = new Set(snapshot.files.map((file) => file.partitionValues["p"]));
    expect(values).toEqual(new Set(oddValues.map((value) => value === "" ? null : value!)));
  });
});

describe("the linter", () => {
  const damage: Readonly<Record<string, (text: string) => string>> = {
    "a file's size": (text) => text.replace(/"size":(\d+)/, `"size":1`),
    "numRecords": (text) => text.replace(`{\\"numRecords\\":2`, `{\\"numRecords\\":3`),
    "a minimum": (text) => text.replace(/9223372036854775\d{3}/, "9223372036854775807"),
    "a maximum": (text) => text.replace(/(maxValues.*?)\.123Z/, "$1.122Z"),
    "a null count": (text) => text.replace(/nullCount\\":{\\"id\\":1/, `nullCount\\":{\\"id\\":0`),
    "a partition value": (text) => text.replace(`"p":"a b`, `"p":"a c`),
    "the order": (text) => `${text.trimEnd().split("\n").toReversed().join("\n")}\n`,
    "the readVersion": (text) => text.replace(`"readVersion":0`, `"readVersion":7`),
    "a path": (text) => text.replace("part-00000", "part-00001"),
    "a metric": (text) => text.replace(`"numAddedFiles":"1"`, `"numAddedFiles":1`),
    "a second action on a line": (text) => text.replace(`{"txn":`, `{"x":1,"txn":`),
  };
  for (const [what, change] of Object.entries(damage)) {
    test(`finds ${what} that is wrong`, async () => {
      const engine = testEngine();
      await written(engine, 2);
      const bytes = await engine.store.get(commitKey(1), { signal });
      const before = new TextDecoder().decode(bytes);
      const after = change(before);
      expect(after).not.toBe(before);
      await engine.store.put(commitKey(1), [new TextEncoder().encode(after)], { signal });
      expect(await lintTable(engine.store)).not.toEqual([]);
    });
  }

  test("finds a wrong checksum, a missing commit and a stray file", async () => {
    const engine = testEngine();
    await written(engine, 10);
    const hint = new TextDecoder().decode(await engine.store.get(lastCheckpointKey, { signal }));
    const broken = new TextEncoder().encode(hint.replace(`"size":`, `"size":1`));
    await engine.store.put(lastCheckpointKey, [broken], { signal });
    await engine.store.delete([commitKey(4)], { signal });
    await engine.store.put("stray.parquet", [], { signal });
    const findings = (await lintTable(engine.store)).join("\n");
    expect(findings).toContain("checksum");
    expect(findings).toContain("commit 4 is missing");
    expect(findings).toContain("stray.parquet");
    expect(findings).toContain("adds differ");
  });
});
