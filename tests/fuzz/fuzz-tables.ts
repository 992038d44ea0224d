import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { batchFromRows } from "../../src/delta/columns/column-builder.ts";
import { checkpointTable } from "../../src/delta/log/maintenance.ts";
import { writeDataFile } from "../../src/delta/operations/append.ts";
import { encodeWithStatistics } from "../../src/delta/parquet/writer.ts";
import { schemaToJson } from "../../src/delta/schema/schema-json.ts";
import { corpus, hasCorpus, manifest, nameOf } from "../corpus/corpus.ts";
import { arbitraryTable } from "../delta/parquet/arbitrary-rows.ts";
import { buildSmallFiles, makeScene, type Objects, objectsOf } from "../simulation/table-scenes.ts";
import { mustCommit, signal, testEngine } from "../support/delta-table.ts";
import { appending, creation } from "../support/numbered-rows.ts";

export type FuzzTable = { readonly name: string; readonly objects: Objects };

/** Tables of ours, and small ones of other writers where the corpus is there. */
export async function fuzzTables(): Promise<FuzzTable[]> {
  const classic = await makeScene((scene) => buildSmallFiles(scene));
  const v2 = await makeScene((scene) => buildSmallFiles(scene, { "delta.checkpointPolicy": "v2" }));
  return [
    { name: "ours", objects: classic.objects },
    { name: "ours, V2 checkpoint", objects: v2.objects },
    ...await typedTables(),
    ...corpusTables(),
  ];
}

/** Tables with columns of any type. */
async function typedTables(): Promise<FuzzTable[]> {
  const tables: FuzzTable[] = [];
  const samples = fc.sample(arbitraryTable(), { seed: 5, numRuns: 12 });
  for (const [i, { schema, rows }] of samples.entries()) {
    const engine = testEngine();
    const encoded = encodeWithStatistics(batchFromRows(schema, rows), schema);
    const add = await writeDataFile(engine, {
      schema,
      partitionValues: {},
      rowGroups: [encoded.rowGroup],
      statistics: encoded.statistics,
    }, { signal });
    const { metadata, protocol } = creation(engine);
    await mustCommit(engine, null, {
      ...appending([add]),
      metadata: { ...metadata!, partitionColumns: [], schemaString: schemaToJson(schema) },
      protocol: {
        ...protocol!,
        readerFeatures: ["timestampNtz"],
        writerFeatures: ["timestampNtz"],
      },
    });
    await checkpointTable(engine, { signal });
    tables.push({ name: `typed ${i}`, objects: await objectsOf(engine.store, engine.nowMs) });
  }
  return tables;
}

const tableBytesMax = 60_000;
const corpusTablesMax = 60;

/** Small tables of the corpus, from all of its suites. */
function corpusTables(): FuzzTable[] {
  if (!hasCorpus) return [];
  const small = manifest.filter((row) => Number(row["bytes"]) < tableBytesMax);
  const every = Math.max(1, Math.floor(small.length / corpusTablesMax));
  return small.filter((_, i) => i % every === 0).map((row) => ({
    name: nameOf(row),
    objects: folderObjects(path.join(corpus, nameOf(row))),
  })).filter(({ objects }) => objects.size > 0);
}

function folderObjects(folder: string): Objects {
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
  const files = names.filter((name) => statSync(path.join(folder, name)).isFile());
  return new Map(files.map((name) => [
    name.replaceAll(path.sep, "/"),
    { bytes: readFileSync(path.join(folder, name)), ageMs: 1000 },
  ]));
}
