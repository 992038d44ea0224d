import { describe, expect, test } from "bun:test";
import type { Metadata, Protocol } from "../../../src/delta/log/actions.ts";
import type { GatedTable } from "../../../src/delta/log/feature-rules.ts";
import {
  assertReadable,
  assertWritable,
  featuresBlockingRead,
  featuresBlockingWrite,
  protocolFeatures,
} from "../../../src/delta/log/table-features.ts";
import {
  type DataType,
  field,
  type JsonValue,
  struct,
} from "../../../src/delta/schema/data-type.ts";

type Parts = {
  readonly configuration?: Readonly<Record<string, string>>;
  readonly fieldMetadata?: Readonly<Record<string, JsonValue>>;
  readonly type?: DataType;
};

function table(protocol: Protocol, parts: Parts = {}): GatedTable {
  const metadata: Metadata = {
    id: "i",
    format: { provider: "parquet", options: {} },
    schemaString: "",
    partitionColumns: [],
    configuration: parts.configuration ?? {},
  };
  const inner = {
    ...field("x", parts.type ?? { kind: "string" }),
    metadata: parts.fieldMetadata ?? {},
  };
  // Nested, as what a feature leaves in a schema may stand at any depth.
  const list: DataType = { kind: "array", elementType: struct([inner]), containsNull: true };
  return { protocol, metadata, schema: struct([field("list", list)]) };
}

const listed = (...features: string[]): Protocol => ({
  minReaderVersion: 3,
  minWriterVersion: 7,
  readerFeatures: features,
  writerFeatures: features,
});
const writerOnly = (...writerFeatures: string[]): Protocol => ({
  minReaderVersion: 1,
  minWriterVersion: 7,
  writerFeatures,
});
const mode = { configuration: { "delta.columnMapping.mode": "name" } };
const typeChange = (fromType: string, toType: string): Parts => ({
  fieldMetadata: { "delta.typeChanges": [{ fromType, toType }] },
});
const variant: Parts = { type: { kind: "variant" } };

/** What keeps us from reading and from writing, by what a table lists and uses. */
const gates: readonly (readonly [string, GatedTable, string, string])[] = [
  ["(1,2)", table({ minReaderVersion: 1, minWriterVersion: 2 }), "", ""],
  ["appendOnly, invariants", table(writerOnly("appendOnly", "invariants")), "", ""],
  ["columnMapping, mode none", table(listed("columnMapping")), "", ""],
  [
    "columnMapping without physical names",
    table(listed("columnMapping"), mode),
    "",
    "columnMapping",
  ],
  [
    "columnMapping of (2,5) without physical names",
    table({ minReaderVersion: 2, minWriterVersion: 5 }, mode),
    "",
    "columnMapping",
  ],
  [
    "columnMapping property without the feature",
    table({ minReaderVersion: 1, minWriterVersion: 2 }, mode),
    "",
    "",
  ],
  [
    "an unknown mode",
    table(listed("columnMapping"), { configuration: { "delta.columnMapping.mode": "x" } }),
    "columnMapping",
    "columnMapping",
  ],
  ["deletionVectors listed", table(listed("deletionVectors")), "", ""],
  ["typeWidening listed", table(listed("typeWidening")), "", ""],
  ["a known type change", table(listed("typeWidening"), typeChange("integer", "long")), "", ""],
  [
    "an unknown type change",
    table(listed("typeWidening"), typeChange("byte", "string")),
    "typeWidening",
    "typeWidening",
  ],
  ["variantType listed", table(listed("variantType")), "", ""],
  ["variantType in use", table(listed("variantType"), variant), "", ""],
  ["timestampNtz", table(listed("timestampNtz")), "", ""],
  ["v2Checkpoint", table(listed("v2Checkpoint")), "", ""],
  ["vacuumProtocolCheck", table(listed("vacuumProtocolCheck")), "", ""],
  ["catalogManaged", table(listed("catalogManaged")), "catalogManaged", "catalogManaged"],
  [
    "an unknown one",
    table(listed("blahabl", "constructor")),
    "blahabl,constructor",
    "blahabl,constructor",
  ],
  ["an unknown writer feature", table(writerOnly("liquid")), "", "liquid"],
  ["rowTracking", table(writerOnly("rowTracking", "domainMetadata")), "", ""],
  ["rowTracking without domains", table(writerOnly("rowTracking")), "", "rowTracking"],
  ["inCommitTimestamp", table(writerOnly("inCommitTimestamp")), "", ""],
  ["clustering", table(writerOnly("clustering", "domainMetadata")), "", ""],
  ["materializePartitionColumns", table(writerOnly("materializePartitionColumns")), "", ""],
  ["icebergCompatV2 listed", table(writerOnly("icebergCompatV2")), "", ""],
  [
    "icebergCompatV2 in use",
    table(writerOnly("icebergCompatV2"), {
      configuration: { "delta.enableIcebergCompatV2": "true" },
    }),
    "",
    "icebergCompatV2",
  ],
  ["collations", table(writerOnly("collations-preview")), "", "collations-preview"],
  [
    "invariants of (1,2) in use",
    table({ minReaderVersion: 1, minWriterVersion: 2 }, {
      fieldMetadata: { "delta.invariants": "x" },
    }),
    "",
    "invariants",
  ],
  [
    "constraints of (1,3) in use",
    table({ minReaderVersion: 1, minWriterVersion: 3 }, {
      configuration: { "delta.constraints.c": "a > 0" },
    }),
    "",
    "checkConstraints",
  ],
  [
    "constraints without the feature",
    table({ minReaderVersion: 1, minWriterVersion: 2 }, {
      configuration: { "delta.constraints.c": "a > 0" },
    }),
    "",
    "",
  ],
  [
    "generated columns in use",
    table(writerOnly("generatedColumns"), { fieldMetadata: { "delta.generationExpression": "1" } }),
    "",
    "generatedColumns",
  ],
  [
    "identity columns in use",
    table(writerOnly("identityColumns"), { fieldMetadata: { "delta.identity.start": 1 } }),
    "",
    "identityColumns",
  ],
  [
    "column defaults in use",
    table(writerOnly("allowColumnDefaults"), { fieldMetadata: { CURRENT_DEFAULT: "1" } }),
    "",
    "allowColumnDefaults",
  ],
];

describe("the feature gate", () => {
  for (const [name, gated, read, write] of gates) {
    test(`${name}: reading [${read}], writing [${write}]`, () => {
      expect(featuresBlockingRead(gated, "t").join()).toBe(read);
      expect(featuresBlockingWrite(gated, "t").join()).toBe(write);
    });
  }

  test("refuses by name", () => {
    const gated = table(listed("deletionVectors", "geospatial"));
    expect(() => assertReadable(gated, "s3://b/t")).toThrow(
      "Cannot read the Delta table at s3://b/t: it uses table features that cdcdelta does not " +
        "support: [geospatial]",
    );
    expect(() => assertWritable(table(writerOnly("liquid")), "t")).toThrow("[liquid]");
  });

  // What new rows have to obey, files that move as they are need not be asked.
  const aboutRows: readonly (readonly [GatedTable, string])[] = [
    [
      table(writerOnly("checkConstraints"), {
        configuration: { "delta.constraints.positive": "a > 0" },
      }),
      'the constraint "positive" (a > 0)',
    ],
    [
      table(writerOnly("invariants"), {
        fieldMetadata: { "delta.invariants": `{"expression":{"expression":"x > 3"}}` },
      }),
      'the invariant of column "x" (x > 3)',
    ],
    [
      table(writerOnly("generatedColumns"), {
        fieldMetadata: { "delta.generationExpression": "CAST(y AS DATE)" },
      }),
      'the generated column "x" (CAST(y AS DATE))',
    ],
    [
      table(writerOnly("identityColumns"), { fieldMetadata: { "delta.identity.start": 1 } }),
      'the identity column "x"',
    ],
    [
      table(writerOnly("allowColumnDefaults"), { fieldMetadata: { CURRENT_DEFAULT: "7" } }),
      'the default of column "x" (7)',
    ],
  ];
  for (const [gated, reason] of aboutRows) {
    test(`names ${reason} when rows come in, and only then`, () => {
      expect(() => assertWritable(gated, "t", "append")).toThrow(reason);
      for (const intent of ["rearrange", "remove", "metadata"] as const) {
        expect(featuresBlockingWrite(gated, "t", intent)).toEqual([]);
      }
    });
  }

  test("an unknown feature is in the way of everything", () => {
    const gated = table(writerOnly("liquid"));
    for (const intent of ["append", "rearrange", "remove", "metadata"] as const) {
      expect(featuresBlockingWrite(gated, "t", intent)).toEqual(["liquid"]);
    }
  });

  const invalid: readonly (readonly [Protocol, string])[] = [
    [{ minReaderVersion: 99, minWriterVersion: 7 }, "reader version 99"],
    [{ minReaderVersion: 0, minWriterVersion: 2 }, "reader version 0"],
    [{ minReaderVersion: 1, minWriterVersion: 8 }, "writer version 8"],
    [{ minReaderVersion: 3, minWriterVersion: 7, writerFeatures: [] }, "not valid"],
    [{ minReaderVersion: 1, minWriterVersion: 7 }, "not valid"],
    [{ minReaderVersion: 3, minWriterVersion: 6, readerFeatures: [] }, "not valid"],
  ];
  for (const [protocol, why] of invalid) {
    test(`refuses ${JSON.stringify(protocol)}`, () => {
      expect(() => featuresBlockingWrite(table(protocol), "s3://b/t")).toThrow(why);
      expect(() => featuresBlockingWrite(table(protocol), "s3://b/t")).toThrow("s3://b/t");
    });
  }

  test("refuses files that are no Parquet", () => {
    const gated = table({ minReaderVersion: 1, minWriterVersion: 2 });
    const format = { provider: "orc", options: {} };
    const other = { ...gated, metadata: { ...gated.metadata, format } };
    expect(() => assertReadable(other, "t")).toThrow('its files are "orc"');
  });
});

test("legacy versions imply features", () => {
  expect(protocolFeatures({ minReaderVersion: 1, minWriterVersion: 1 })).toEqual([]);
  expect(protocolFeatures({ minReaderVersion: 1, minWriterVersion: 4 })).toEqual([
    "appendOnly",
    "changeDataFeed",
    "checkConstraints",
    "generatedColumns",
    "invariants",
  ]);
  expect(protocolFeatures({ minReaderVersion: 2, minWriterVersion: 7, writerFeatures: ["a"] }))
    .toEqual(["a", "columnMapping"]);
});
