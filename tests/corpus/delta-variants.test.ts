import { describe, expect, test } from "bun:test";
import path from "node:path";
import { batchToNdjson } from "../../src/delta/columns/row-json.ts";
import { loadSnapshot } from "../../src/delta/log/snapshot.ts";
import { scanSnapshot } from "../../src/delta/operations/scan.ts";
import { localStore } from "../../src/delta/storage/local-store.ts";
import { signal, testEngine } from "../support/delta-table.ts";
import { corpus, hasCorpus } from "./corpus.ts";

/** Rows as the statements say that made the tables; they stand beside each table. */
const wanted: Readonly<Record<string, readonly string[]>> = {
  "trino/databricks153/variant": [
    '{"col_int":1,"simple_variant":{"col":1},"array_variant":[{"array":2}],' +
    '"map_variant":{"key1":{"map":3}},"struct_variant":{"x":{"struct":4}},"col_string":"test data"}',
    '{"col_int":2,"simple_variant":{"col":null},"array_variant":[{"array":null}],' +
    '"map_variant":{"key1":{"map":null}},"struct_variant":{"x":{"struct":null}},' +
    '"col_string":"test null data"}',
    '{"col_int":3,"simple_variant":null,"array_variant":[null],"map_variant":{"key1":null},' +
    '"struct_variant":{"x":null},"col_string":"test null"}',
    '{"col_int":4,"simple_variant":1,"array_variant":[2],"map_variant":{"key1":3},' +
    '"struct_variant":{"x":4},"col_string":"test without fields"}',
  ],
  "trino/databricks153/variant_types": [
    // The float is printed as the double that it is.
    '{"col_boolean":true,"col_long":1,"col_float":0.20000000298023224,"col_double":0.3,' +
    '"col_decimal":0.4,"col_string":"test data","col_binary":"ZWg/","col_date":"2021-02-03",' +
    '"col_timestamp":"2001-08-22T01:02:03.321000Z",' +
    '"col_timestampntz":"2021-01-02T12:34:56.123456","col_array":[1],' +
    '"col_map":{"key1":1,"key2":2},"col_struct":{"x":1}}',
  ],
  "trino/databricks154/variant_read_after_optimization": [
    '{"id":1,"col_variant":["a","b","c"]}',
    '{"id":2,"col_variant":[1,"a",true,null]}',
    '{"id":3,"col_variant":{"a":1,"b":2}}',
    '{"id":4,"col_variant":{"a":[1,2],"b":{"x":true}}}',
    '{"id":5,"col_variant":[{"x":1},{"y":"z"}]}',
    '{"id":6,"col_variant":{"nested":[{"x":1},2,null]}}',
    '{"id":7,"col_variant":{"deep":{"deeper_a":{"value":"va"}}}}',
    '{"id":8,"col_variant":{"deep":{"deeper_a":{"value":"vaa"},"deeper_b":{"value":"vbb"}}}}',
    '{"id":9,"col_variant":{"deep":{"deeper_c":{"value":"vc"}}}}',
  ],
  "duckdb-delta/variant/basic": ['{"id":21,"data":{"a":"test","b":[21,"test",true,{"c":42}]}}'],
  // Shredded to a long, and to an object with one.
  "delta-spark-resources/variant-stats-state-reconstruction": ['{"v":0}'],
  "delta-spark-resources/variant-stats-with-struct-no-checkpoint": Array.from(
    { length: 10 },
    (_, i) => `{"v":{"key":${200 + i}},"s":{"i":${200 + i},"j":"str_${200 + i}"}}`,
  ),
  "kernel-rs-data/unshredded-variant": [
    ...Array.from({ length: 100 }, (_, i) => i),
    0,
    1,
  ].map((id) => {
    const key = `{"key":${id}}`;
    return `{"id":${id},"v":${key},"array_of_variants":[${key},null,${key},null,${key}],` +
      `"struct_of_variants":{"v":${key}},"map_of_variants":{"${id}":${key},"nullKey":null},` +
      `"array_of_struct_of_variants":[{"v":${key}},{"v":null},null,{"v":${key}},null,` +
      `{"v":${key}}],"struct_of_array_of_variants":{"v":[null,${key}]}}`;
  }),
};

describe.skipIf(!hasCorpus)("variants of the Delta corpus", () => {
  for (const [table, rows] of Object.entries(wanted)) {
    test(table, async () => {
      const engine = testEngine(() => localStore(path.join(corpus, table)));
      const snapshot = await loadSnapshot(engine, { signal });
      let text = "";
      for await (const batch of scanSnapshot(engine, snapshot, { signal })) {
        text += batchToNdjson(batch, snapshot.schema);
      }
      expect(text.trimEnd().split("\n").sort()).toEqual([...rows].sort());
    });
  }
});
