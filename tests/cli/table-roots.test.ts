import { expect, test } from "bun:test";
import { tableRoots } from "../../src/cli/table-roots.ts";

test.each<[string, string, string[]]>([
  ["{base}/{db}/{collection}", "s3://lake/cdc", ["s3://lake/cdc 2"]],
  ["{base}/{db}/{collection}", "/lake/", ["/lake 2"]],
  ["{base}/{db}_{collection}", "./lake", ["./lake 1"]],
  ["{base}/raw/{db}/x/{collection}", "/lake", ["/lake/raw 3", "/lake/_dead 0"]],
  ["{db}/{collection}", "/lake", ["/lake 2"]],
  ["s3://other/{db}/{collection}", "/lake", ["s3://other 2", "/lake/_dead 0"]],
  ["{base}/all", "/lake", ["/lake/all 0", "/lake/_dead 0"]],
  ["/{db}/{collection}", "/lake", ["/ 2", "/lake/_dead 0"]],
  ["{base}/{db}/{collection}", "/la{ke}", ["/la{ke} 2"]],
])("tables of %p below %p lie in %p", (tablePath, basePath, roots) => {
  const found = tableRoots({
    settings: { tablePath, deadLetterPath: "{base}/_dead" },
    collections: [],
    basePath,
  }).map(({ uri, depth }) => `${uri} ${depth}`);
  for (const root of roots) expect(found).toContain(root);
  // The dead letters have a root of their own, always.
  expect(found).toHaveLength(new Set([...roots, `${basePath.replace(/\/$/, "")}/_dead 0`]).size);
});

test("tables of one pattern have their own root", () => {
  const found = tableRoots({
    settings: { tablePath: "{base}/{db}/{collection}", deadLetterPath: "{base}/_dead" },
    collections: [{ pattern: "a\\..*", values: { tablePath: "{base}/audit/{db}/{collection}" } }],
    basePath: "/lake",
  });
  expect(found).toEqual([
    { uri: "/lake", depth: 2 },
    { uri: "/lake/_dead", depth: 0 },
    { uri: "/lake/audit", depth: 2 },
  ]);
});
