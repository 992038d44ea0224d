import { afterAll, describe, expect, test } from "bun:test";
import { Buffer } from "node:buffer";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { systemClock } from "../../src/cli/clock.ts";
import { systemRandom } from "../../src/cli/random.ts";
import { deriveSettings } from "../../src/cli/settings/derive-settings.ts";
import { resolveSettings } from "../../src/cli/settings/resolve-settings.ts";
import { storeAccess } from "../../src/cli/store-access.ts";
import type { Engine } from "../../src/delta/engine.ts";
import { optimize } from "../../src/delta/operations/optimize.ts";
import { storedVector } from "../support/deletion-vectors.ts";
import { signal } from "../support/delta-table.ts";
import { counting, newLake, numberedTable, numbersOf } from "../support/local-tables.ts";

const lake = newLake();
afterAll(() => rmSync(lake, { recursive: true, force: true }));

const { resolved } = resolveSettings({ flags: new Map(), env: {}, file: null });
const system = { cores: 1, memoryLimitBytes: 2 ** 30 };
const stores = storeAccess(deriveSettings(resolved, system).resolved.values);

function engineOf(uri: string): Engine {
  return {
    store: stores.open(uri),
    clock: systemClock,
    random: systemRandom,
    openOutside: stores.outsideOf(uri),
  };
}

type Json = Record<string, Record<string, unknown>>;

/** A table of one commit whose files are those of another table, as a shallow clone has them. */
async function shallowClone(name: string, scheme: string): Promise<string> {
  const source = path.join(lake, `${name} source`);
  const engine = await numberedTable(source, [["a b", 10], ["c", 10]]);
  const uuid = "00000000-0000-4000-8000-00000000000a";
  const vector = await storedVector(engine.store, uuid, [0, 4]);
  const absolute = (key: string): string => `${scheme}${encodeURI(`${source}/${key}`)}`;
  const actions: Json[] = [];
  for (const file of readdirSync(path.join(source, "_delta_log")).sort()) {
    if (!file.endsWith(".json")) continue;
    const text = readFileSync(path.join(source, "_delta_log", file), "utf8");
    actions.push(...text.trim().split("\n").map((line) => JSON.parse(line) as Json));
  }
  const adds = actions.flatMap(({ add }) => add === undefined ? [] : [add]);
  const cloned = adds.map((add, i) => ({
    add: {
      ...add,
      path: absolute(decodeURI(String(add["path"]))),
      ...(i > 0 ? {} : {
        deletionVector: {
          ...vector,
          storageType: "p",
          pathOrInlineDv: absolute(`deletion_vector_${uuid}.bin`),
          cardinality: Number(vector.cardinality),
        },
      }),
    },
  }));
  const features = ["deletionVectors"];
  const protocol = {
    minReaderVersion: 3,
    minWriterVersion: 7,
    readerFeatures: features,
    writerFeatures: features,
  };
  const metaData = actions.find((action) => action["metaData"] !== undefined);
  const commit = [{ commitInfo: { operation: "CLONE" } }, { protocol }, metaData, ...cloned];
  const clone = path.join(lake, `${name} clone`);
  mkdirSync(path.join(clone, "_delta_log"), { recursive: true });
  const text = commit.map((action) => `${JSON.stringify(action)}\n`).join("");
  writeFileSync(path.join(clone, "_delta_log", `${"0".repeat(20)}.json`), Buffer.from(text));
  return clone;
}

const left = counting(20).filter((n) => n !== 0 && n !== 4);

describe("files outside of a table's folder", () => {
  test.each(["", "file:", "file://"])("are read, written as %s/path", async (scheme) => {
    const clone = await shallowClone(`read${scheme.length}`, scheme);
    expect(await numbersOf(engineOf(clone))).toEqual(left);
  });

  test("become the clone's own by an optimize, and stay where they were", async () => {
    const clone = await shallowClone("optimized", "file:");
    const engine = engineOf(clone);
    const options = { targetBytes: 1 << 30, where: () => true, predicate: [], signal };
    expect((await optimize(engine, options)).removedFiles).toBe(1);
    expect(await numbersOf(engine)).toEqual(left);
    expect(await numbersOf(engineOf(path.join(lake, "optimized source")))).toEqual(counting(20));
  });

  test("are refused by name where the engine cannot reach them", async () => {
    const clone = await shallowClone("refused", "file:");
    const { openOutside: _none, ...engine } = engineOf(clone);
    const reading = numbersOf(engine);
    await expect(reading).rejects.toMatchObject({ code: "unsupported" });
  });
});

describe("storeAccess().outsideOf()", () => {
  const outside = stores.outsideOf("s3://lake/tables/clone");

  test.each([
    ["s3://lake/other/part 1.parquet", "s3://lake/other"],
    ["s3://lake/part.parquet", "s3://lake"],
  ])("finds %s in the table's bucket", (uri, folder) => {
    expect(outside(uri)?.store.uri).toBe(folder);
    expect(outside(uri)?.key).toBe(uri.slice(folder.length + 1));
  });

  test.each(["s3://lake2/part.parquet", "/etc/part.parquet", "abfss://x@y/part.parquet", "s3://"])(
    "does not reach %s",
    (uri) => expect(outside(uri)).toBeNull(),
  );

  test("does not leave the disk for a local table", () => {
    expect(stores.outsideOf("/lake/clone")("s3://lake/part.parquet")).toBeNull();
  });
});
