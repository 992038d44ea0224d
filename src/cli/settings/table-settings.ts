import { byteSize, choice, duration, text, toggle, wholeNumber } from "./basic-types.ts";
import { location, tablePathTemplate } from "./checked-types.ts";
import { columnsOrNone, columnTypes, names, tableProperties } from "./list-types.ts";
import { fieldMasks, fieldRenames } from "./field-types.ts";
import { allTablesCommands, setting } from "./setting.ts";

const fieldPaths = names({
  placeholder: "<fields>",
  form: "field names or dotted paths separated by commas",
});

/** Where tables lie and what they look like. */
export const tableSettings = {
  basePath: setting({
    type: location(),
    default: null,
    env: [{ name: "DELTA_TABLE_BASE_PATH" }],
    group: "Tables",
    description: "Folder or s3://bucket/prefix that holds the tables. With a bucket set " +
      "(MINIO_BUCKET), a relative path without ./ lies in that bucket",
    commands: ["run", "replay", "snapshot", ...allTablesCommands],
  }),
  tablePath: setting({
    type: tablePathTemplate(),
    default: "{base}/{db}/{collection}",
    group: "Tables",
    description: "Location of a collection's table",
    perCollection: true,
    commands: ["run", "replay", "snapshot", ...allTablesCommands],
  }),
  deadLetterPath: setting({
    type: tablePathTemplate(),
    default: "{base}/_dead_letters",
    group: "Tables",
    description: "Location of the table that takes records which are no events",
    commands: ["run", "replay", ...allTablesCommands],
  }),
  partitionBy: setting({
    type: columnsOrNone(),
    default: ["_ingestion_date"],
    group: "Tables",
    description: "Partition columns of tables that are created; none for no partitions",
    perCollection: true,
    commands: ["run", "replay"],
  }),
  columnTypes: setting({
    type: columnTypes(),
    default: {},
    defaultText: "all inferred",
    flag: "column-type",
    group: "Tables",
    description: "Fixed types of columns, by field name or dotted path; the others are inferred",
    perCollection: true,
    commands: ["run", "replay"],
  }),
  includeFields: setting({
    type: fieldPaths,
    default: [],
    defaultText: "all",
    group: "Tables",
    description: "Fields to take",
    perCollection: true,
    commands: ["run", "replay"],
  }),
  excludeFields: setting({
    type: fieldPaths,
    default: [],
    defaultText: "none",
    group: "Tables",
    description: "Fields to leave out",
    perCollection: true,
    commands: ["run", "replay"],
  }),
  mask: setting({
    type: fieldMasks(),
    default: {},
    defaultText: "none",
    flag: "mask-field",
    group: "Tables",
    description: "Fields whose values are not written: hash puts their SHA-256 in place, redact " +
      "***; null stays null. Paths go through arrays and have the names of the source",
    perCollection: true,
    commands: ["run", "replay"],
  }),
  maskKey: setting({
    type: text({ placeholder: "<key>", form: "any text" }),
    default: null,
    group: "Tables",
    description: "Key of the hashes of masked fields (HMAC-SHA-256), without which values that " +
      "can be guessed can be found out. Prefer the environment: flags are visible to others",
    secret: true,
    commands: ["run", "replay"],
  }),
  rename: setting({
    type: fieldRenames(),
    default: {},
    defaultText: "none",
    flag: "rename-field",
    group: "Tables",
    description: "Fields whose columns have another name. All other settings but partition-by " +
      "call a field by its name in the source",
    perCollection: true,
    commands: ["run", "replay"],
  }),
  properties: setting({
    type: tableProperties(),
    default: {},
    defaultText: "none",
    flag: "property",
    group: "Tables",
    description: "Delta table properties (delta.*) of tables that are created",
    perCollection: true,
    commands: ["run", "replay"],
  }),
  keepDocument: setting({
    type: toggle(),
    default: false,
    group: "Tables",
    description: "Keep the raw document as Extended JSON in the column _document",
    perCollection: true,
    commands: ["run", "replay"],
  }),
  keepTransactionId: setting({
    type: toggle(),
    default: false,
    group: "Tables",
    description: "Keep the id of the MongoDB transaction in the column _cdc_transaction_id",
    perCollection: true,
    commands: ["run", "replay"],
  }),
  decimals: setting({
    type: choice(["decimal", "string"]),
    default: "decimal",
    group: "Tables",
    description: "Decimal128 as decimal(38,18) (what does not fit is rescued) or as string",
    perCollection: true,
    commands: ["run", "replay"],
  }),
  columnsMax: setting({
    type: wholeNumber({ min: 1, max: 100_000, example: "2000", placeholder: "<columns>" }),
    default: 2000,
    group: "Tables",
    description: "Leaf columns of a table at most; fields beyond are rescued",
    perCollection: true,
    commands: ["run", "replay"],
  }),
  depthMax: setting({
    type: wholeNumber({ min: 1, max: 200, example: "32", placeholder: "<levels>" }),
    default: 32,
    group: "Tables",
    description: "Nesting of a document that becomes columns at most; what is deeper is rescued",
    perCollection: true,
    commands: ["run", "replay"],
  }),
  widen: setting({
    type: choice(["rewrite", "feature", "off"]),
    default: "rewrite",
    group: "Tables",
    description: "When a column needs a wider type: rewrite the files, use Delta's typeWidening " +
      "feature (instant, refused by delta-rs and Polars), or rescue the values",
    commands: ["run", "replay"],
  }),
  widenRewriteBytesMax: setting({
    type: byteSize({ min: 0, max: 2 ** 50, example: "10GiB" }),
    default: 10 * 1024 ** 3,
    group: "Tables",
    description: "Size of a table up to which widening rewrites it; above it values are rescued",
    commands: ["run", "replay"],
  }),
} as const;

/** When rows become a commit. */
export const flushSettings = {
  flushRows: setting({
    type: wholeNumber({ min: 1, max: 1e9, example: "2000", placeholder: "<rows>" }),
    default: 2000,
    env: [{ name: "DELTA_BATCH_SIZE" }],
    group: "Flushing",
    description:
      "Records after which a flush is due once nothing more is ready to be read. While " +
      "the source is behind, batches grow until the interval or the byte limit",
    commands: ["run", "replay"],
  }),
  flushBytes: setting({
    type: byteSize({ min: 64 * 1024, max: 2 ** 40, example: "64MiB" }),
    default: 64 * 1024 ** 2,
    group: "Flushing",
    description: "Bytes of input after which a flush is due at once",
    commands: ["run", "replay"],
  }),
  flushInterval: setting({
    type: duration({ min: 1, max: 86_400_000, example: "10s" }),
    default: 10_000,
    env: [{ name: "DELTA_BATCH_TIMEOUT_MS", bareNumberIs: "ms" }],
    group: "Flushing",
    description: "Age of the oldest record read but not committed after which a flush is due",
    commands: ["run", "replay"],
  }),
  schemaCacheTtl: setting({
    type: duration({ min: 0, max: 7 * 86_400_000, example: "5m" }),
    default: 300_000,
    env: [{ name: "DELTA_SCHEMA_CACHE_TTL", bareNumberIs: "s" }],
    group: "Flushing",
    description:
      "Age of what is known of a table after which its next version is probed although " +
      "nothing failed",
    commands: ["run", "replay"],
  }),
} as const;
