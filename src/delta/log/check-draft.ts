import { assert, CdcDeltaError } from "../../errors.ts";
import { physicalName } from "../schema/column-mapping.ts";
import { schemaFromJson } from "../schema/schema-json.ts";
import type { Metadata, Protocol } from "./actions.ts";
import { fileKey } from "./file-key.ts";
import { assertWritable, columnMappingOf, protocolFeatures } from "./table-features.ts";
import { readTableProperties } from "./table-properties.ts";
import type { TableState } from "./table-state.ts";
import { intentOf, type TransactionDraft } from "./transaction.ts";

/** What a draft makes of a table. */
export type CheckedTable = {
  readonly protocol: Protocol;
  readonly metadata: Metadata;
  readonly uri: string;
};

/**
 * Holds a draft against the table it is for, and against what no table allows (PROTOCOL.md,
 * "Actions"). Pure. Throws `unsupported` when the table may not be written, `usage` for a draft the
 * table forbids, `internal` for one that no table allows.
 */
export function checkDraft(
  base: TableState | null,
  draft: TransactionDraft,
  table: CheckedTable,
): void {
  checkTable(base, draft, table);
  checkFiles(draft, table);
  checkTransactions(draft);
}

function checkTable(
  base: TableState | null,
  draft: TransactionDraft,
  table: CheckedTable,
): void {
  const { protocol, metadata, uri } = table;
  const intent = intentOf(draft);
  if (base !== null) assertWritable(base, uri, intent);
  if (base === null || draft.metadata !== undefined || draft.protocol !== undefined) {
    const schema = schemaFromJson(metadata.schemaString);
    assertWritable({ protocol, metadata, schema }, uri, intent);
    for (const column of metadata.partitionColumns) {
      assert(schema.fields.some((f) => f.name === column), `partition column "${column}" exists`);
    }
  }
  if (base !== null && draft.metadata !== undefined) {
    assert(draft.metadata.id === base.metadata.id, "the table's id stays the same");
  }
  const { appendOnly } = readTableProperties(metadata.configuration);
  if (
    appendOnly && draft.dataChange && (draft.removes ?? []).length > 0 &&
    protocolFeatures(protocol).includes("appendOnly")
  ) {
    throw new CdcDeltaError(
      "usage",
      `Cannot remove rows from the Delta table at ${uri}: its property delta.appendOnly is true`,
      { context: { table: uri } },
    );
  }
  const changesRows = intent === "append" && (draft.removes ?? []).length > 0;
  if (changesRows && draft.dataChange && feedsChanges(protocol, metadata)) {
    throw new CdcDeltaError(
      "unsupported",
      `Cannot change rows of the Delta table at ${uri}: it has a change data feed ` +
        "(changeDataFeed), and cdcdelta writes no change files. Switch off " +
        "delta.enableChangeDataFeed, or change them with Spark",
      { context: { features: "changeDataFeed", table: uri } },
    );
  }
}

function feedsChanges(protocol: Protocol, { configuration }: Metadata): boolean {
  return protocolFeatures(protocol).includes("changeDataFeed") &&
    readTableProperties(configuration).changeDataFeed;
}

function checkFiles(draft: TransactionDraft, { protocol, metadata, uri }: CheckedTable): void {
  const columns = partitionNames(protocol, metadata);
  const added = new Set<string>();
  for (const add of draft.adds ?? []) {
    const { deletionVector: _, ...file } = add;
    const key = fileKey(file, uri);
    assert(!added.has(key), `"${add.path}" is added once`);
    added.add(key);
    const names = Object.keys(add.partitionValues);
    const complete = names.length === columns.length &&
      columns.every((column) => Object.hasOwn(add.partitionValues, column));
    assert(complete, `"${add.path}" has a value for each partition column and no other`);
    // Other writers may have written one into a file that comes back as it was.
    if (intentOf(draft) !== "append") continue;
    for (const value of Object.values(add.partitionValues)) {
      assert(value !== "", `"${add.path}" has no empty partition value`);
    }
  }
  const removed = new Set<string>();
  for (const remove of draft.removes ?? []) {
    const key = fileKey(remove, uri);
    assert(!removed.has(key), `"${remove.path}" is removed once`);
    removed.add(key);
  }
  for (const add of draft.adds ?? []) {
    assert(!removed.has(fileKey(add, uri)), `"${add.path}" is not added and removed at once`);
  }
}

/** What the log calls the partition columns: with column mapping, as files do. */
function partitionNames(protocol: Protocol, metadata: Metadata): readonly string[] {
  const { columnMappingMode } = readTableProperties(metadata.configuration);
  const mapping = columnMappingOf(protocol, columnMappingMode);
  if (mapping === "none" || metadata.partitionColumns.length === 0) {
    return metadata.partitionColumns;
  }
  const { fields } = schemaFromJson(metadata.schemaString);
  return metadata.partitionColumns.map((column) => {
    const field = fields.find(({ name }) => name === column);
    return field === undefined ? column : physicalName(field, mapping);
  });
}

function checkTransactions(draft: TransactionDraft): void {
  const appIds = new Set<string>();
  for (const { appId } of draft.txns ?? []) {
    assert(!appIds.has(appId), `the transaction of "${appId}" is there once`);
    appIds.add(appId);
  }
  const domains = new Set<string>();
  for (const { domain } of draft.domainMetadata ?? []) {
    assert(!domains.has(domain), `the metadata of domain "${domain}" is there once`);
    domains.add(domain);
  }
}
