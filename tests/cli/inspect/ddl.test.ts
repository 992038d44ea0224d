import { describe, expect, test } from "bun:test";
import { ddlText } from "../../../src/cli/inspect/ddl.ts";
import { schemaTree } from "../../../src/cli/inspect/schema-tree.ts";
import { baseSchema } from "../../../src/core/decode/our-columns.ts";
import { field, struct } from "../../../src/delta/schema/data-type.ts";
import { mappingRules } from "../../support/mapping-rules.ts";

const ours = struct([
  ...baseSchema(mappingRules().defaults).fields,
  field("it's `odd\"", { kind: "string" }),
]);

describe("ddlText()", () => {
  test("for Spark names every column and quotes what is odd", () => {
    const text = ddlText("spark", "/data/it's/shop/orders", ours);
    expect(text).toContain("CREATE SCHEMA IF NOT EXISTS `shop`;");
    expect(text).toContain("CREATE TABLE IF NOT EXISTS `shop`.`orders` USING DELTA\n");
    expect(text).toContain("LOCATION 'file:///data/it\\'s/shop/orders';");
    expect(text).toContain("CREATE OR REPLACE VIEW `shop`.`orders_current` AS");
    expect(text).toContain("PARTITION BY `_cdc_key`, `_kafka_topic`\n");
    expect(text).toContain("ORDER BY `_kafka_partition` DESC, `_kafka_offset` DESC");
    expect(text).toContain("`_cdc_operation` <> 'delete';");
    expect(text).toContain("`it's ``odd\"`");
  });

  test("for DuckDB scans the table in place", () => {
    const text = ddlText("duckdb", "/data/it's/shop/orders", ours);
    expect(text).toContain("delta_scan('/data/it''s/shop/orders')");
    expect(text).toContain('CREATE OR REPLACE VIEW "shop"."orders_current" AS');
    expect(text).toContain('ORDER BY "_kafka_partition" DESC, "_kafka_offset" DESC');
  });

  test("takes the latest by source time of the last rows of several topics or files", () => {
    const inner = /PARTITION BY "_cdc_key", "_kafka_topic"\n +ORDER BY "_kafka_partition" DESC/;
    const outer = /PARTITION BY "_cdc_key"\n +ORDER BY "_cdc_timestamp" DESC/;
    const text = ddlText("duckdb", "/l/shop/orders", ours);
    expect(text.search(inner)).toBeGreaterThan(0);
    expect(text.search(outer)).toBeGreaterThan(text.search(inner));
  });

  test("writes S3 locations as each engine wants them", () => {
    expect(ddlText("spark", "s3://lake/cdc/shop/orders", ours)).toContain("'s3a://lake/cdc/shop");
    expect(ddlText("duckdb", "s3://lake/cdc/shop/orders", ours)).toContain("'s3://lake/cdc/shop");
  });
});

test("schemaTree() shows nesting, keys and what may not be null", () => {
  const schema = struct([
    { name: "id", type: { kind: "long" }, nullable: false, metadata: {} },
    field("m", {
      kind: "map",
      keyType: { kind: "string" },
      valueType: {
        kind: "array",
        elementType: struct([field("x", { kind: "decimal", precision: 5, scale: 2 })]),
        containsNull: false,
      },
      valueContainsNull: true,
    }),
    field("a\nb", { kind: "date" }),
  ]);
  expect(schemaTree(schema, ["a\nb"])).toEqual([
    " |-- id: long (not null)",
    " |-- m: map",
    " |    |-- key: string",
    " |    |-- value: array",
    " |    |    |-- element: struct (not null)",
    " |    |    |    |-- x: decimal(5,2)",
    ' |-- "a\\nb": date (partition column)',
  ]);
});
