import { afterAll, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { requirement } from "../support/requirement.ts";
import { interopCases } from "./cases.ts";
import { makeTable } from "./table-maker.ts";

const venv = path.join(
  process.env["CDCDELTA_CACHE"] ?? path.join(homedir(), ".cache", "cdcdelta"),
  "venv",
);
const hasPyarrow = requirement(
  existsSync(path.join(venv, ".ready")),
  "pyarrow is not installed: scripts/readers/install.sh installs it",
);
const lake = mkdtempSync(path.join(tmpdir(), "cdcdelta-struct-checkpoints-"));

afterAll(() => rmSync(lake, { recursive: true, force: true }));

/** The typed columns of the live files, texts instead of what JSON does not have. */
const script = `
import json, sys
import pyarrow.parquet as parquet
for row in parquet.read_table(sys.argv[1], columns=["add"]).to_pylist():
    if row["add"] is not None:
        wanted = ("partitionValues_parsed", "stats_parsed", "stats")
        print(json.dumps({name: row["add"].get(name) for name in wanted}, default=str))
`;

test.skipIf(!hasPyarrow)(
  "pyarrow reads statistics and partition values by their types",
  async () => {
    const one = interopCases.find(({ name }) => name === "struct-checkpoints-alone");
    if (one === undefined) throw new Error("the case is gone");
    await makeTable(lake, one);
    const file = path.join(lake, "_delta_log", "00000000000000000002.checkpoint.parquet");
    const { stdout, stderr, status } = spawnSync(
      path.join(venv, "bin", "python3"),
      ["-c", script, file],
      { encoding: "utf8" },
    );
    expect(`${status}: ${stderr}`).toBe("0: ");
    const rows = stdout.trimEnd().split("\n").map((line): unknown => JSON.parse(line));
    const low = { b: -128, s: -1, l: -(2 ** 63), f: 0.5, d: -0.25, text: "" };
    const high = { b: 127, s: 1, l: 2 ** 63, f: 1.5, d: 1e300, text: "né" };
    const min = {
      ...low,
      dec: `-1${"0".repeat(35)}.00`,
      day: "1969-12-31",
      at: "1969-12-31 23:59:59.999000+00:00",
    };
    const max = {
      ...high,
      dec: `1${"0".repeat(35)}.00`,
      day: "2024-10-04",
      at: "2023-11-14 22:13:20.123000+00:00",
    };
    const none = Object.fromEntries([...Object.keys(min), "flag"].map((name) => [name, 0]));
    expect(rows).toContainEqual({
      partitionValues_parsed: { p: "1970-01-02", q: "x=/ %" },
      stats_parsed: {
        numRecords: 2,
        minValues: { ...min, inner: min },
        maxValues: { ...max, inner: max },
        nullCount: { ...none, inner: none, items: 0 },
        tightBounds: null,
      },
      stats: null,
    });
    expect(rows).toHaveLength(3);
    expect(rows).toContainEqual(
      expect.objectContaining({ partitionValues_parsed: { p: null, q: null } }),
    );
  },
);
