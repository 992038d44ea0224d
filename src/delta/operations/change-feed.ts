import { CdcDeltaError } from "../../errors.ts";
import type { Value } from "../columns/column-builder.ts";
import type { Column, ColumnBatch } from "../columns/column.ts";
import { constantColumn } from "../columns/constant-column.ts";
import type { Engine } from "../engine.ts";
import type { Action, Metadata } from "../log/actions.ts";
import { monotonicTimestamps } from "../log/commit-timestamps.ts";
import { readCommits } from "../log/log-reader.ts";
import { openVersion } from "../log/snapshot.ts";
import { columnMappingOf } from "../log/table-features.ts";
import { readTableProperties } from "../log/table-properties.ts";
import type { TableState } from "../log/table-state.ts";
import { struct, type StructType } from "../schema/data-type.ts";
import { schemaFromJson } from "../schema/schema-json.ts";
import { type ChangeRange, resolveRange, type VersionRange } from "./change-range.ts";
import {
  changeSchema,
  changeType,
  commitTimestamp,
  commitVersion,
  incompatibility,
} from "./change-schema.ts";
import { type ChangedRows, commitChanges } from "./commit-changes.ts";
import { mayMeet } from "./file-skipping.ts";
import { scanFile } from "./scan.ts";
import { type BoundSelection, rowGroupChoice, type SelectionCounts } from "./select-rows.ts";
import { constantBounds, fileBounds } from "./value-bounds.ts";

/** The changes of some versions, opened and not read yet. */
export type ChangeFeed = {
  /** Null: no commit lies in the range. */
  readonly versions: { readonly first: number; readonly last: number } | null;
  /** The last version's columns, `_change_type`, `_commit_version` and `_commit_timestamp`. */
  readonly schema: StructType;
  /**
   * Whether the first and the last version record changes: where the table does not, they are derived
   * from the files that came and went.
   */
  readonly recorded: "always" | "partly" | "never";
  /**
   * The changed rows, version by version, in batches as they lie in files. Errors: `not-found`,
   * naming the version, when a file is gone; `unsupported`, naming it too, when its columns do not
   * fit those of the last one; as `scanFile`.
   */
  readonly batches: (options: {
    readonly selection: BoundSelection;
    readonly counts: SelectionCounts;
    readonly signal: AbortSignal;
  }) => AsyncGenerator<ColumnBatch>;
};

/**
 * Opens the change data feed of some versions (PROTOCOL.md, "Change Data Files"). Errors: as
 * `resolveRange` and `openVersion`; `unsupported`, naming the version, when columns of the first
 * one are not in the last one.
 */
export async function openChangeFeed(
  engine: Engine,
  range: ChangeRange,
  { signal }: { readonly signal: AbortSignal },
): Promise<ChangeFeed> {
  const { uri } = engine.store;
  const versions = await resolveRange(engine, range, { signal });
  const { first, last } = versions;
  const isEmpty = first > last;
  const open = async (version: number): Promise<TableState> =>
    (await openVersion(engine, { at: { kind: "version", version }, signal })).state;
  const after = isEmpty ? (await openVersion(engine, { signal })).state : await open(last);
  const before = isEmpty || first === last ? after : await open(first);
  checkColumns(before, after, uri);
  return {
    versions: isEmpty ? null : { first, last },
    schema: changeSchema(after.schema, uri),
    recorded: recordedBy(before.properties.changeDataFeed, after.properties.changeDataFeed),
    batches: (options) => changedRows(engine, versions, after, options),
  };
}

function recordedBy(first: boolean, last: boolean): ChangeFeed["recorded"] {
  if (first !== last) return "partly";
  return first ? "always" : "never";
}

type ReadOptions = Parameters<ChangeFeed["batches"]>[0];

async function* changedRows(
  engine: Engine,
  { first, last, commits }: VersionRange,
  table: TableState,
  options: ReadOptions,
): AsyncGenerator<ColumnBatch> {
  const { signal } = options;
  const timestamps = new Map(monotonicTimestamps(commits).map((c) => [c.version, c.timestampMs]));
  const wanted = Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
  for await (const { version, actions } of readCommits(engine, wanted, { signal, files: true })) {
    for (const action of actions) {
      if (action.kind === "metaData") checkMetadata(engine, version, action.metaData, table);
    }
    const timestampMs = ownTimestampMs(table, version, actions) ?? timestamps.get(version) ?? 0;
    const partitioned = table.partitionColumns.length > 0;
    try {
      const changes = commitChanges(engine, version, { actions, partitioned }, { signal });
      for await (const rows of changes) {
        yield* scanChanges(engine, table, { ...rows, version, timestampMs }, options);
      }
    } catch (error) {
      throw fileGone(engine, version, error);
    }
  }
}

/** `commitInfo.inCommitTimestamp`, where the table has those. */
function ownTimestampMs(
  { properties: { inCommitTimestamps: own } }: TableState,
  version: number,
  actions: readonly Action[],
): number | null {
  if (own === null || version < own.enablementVersion) return null;
  for (const action of actions) {
    if (action.kind !== "commitInfo") continue;
    const timestamp = action.commitInfo["inCommitTimestamp"];
    if (typeof timestamp === "number") return timestamp;
  }
  return null;
}

type CommitRows = ChangedRows & { readonly version: number; readonly timestampMs: number };

async function* scanChanges(
  engine: Engine,
  table: TableState,
  { kind, file, pickRows, version, timestampMs }: CommitRows,
  { selection: { read, filter, select }, counts, signal }: ReadOptions,
): AsyncGenerator<ColumnBatch> {
  const constants = new Map<string, Value>([
    [commitVersion.name, BigInt(version)],
    [commitTimestamp.name, BigInt(timestampMs) * 1000n],
    ...kind === null ? [] : [[changeType.name, kind] as const],
  ]);
  counts.files += 1;
  const inLog = fileBounds(file, table);
  const isWanted = filter === null || mayMeet(filter, (column) => {
    const constant = constants.get(column.fields[0]?.name ?? "");
    return constant === undefined ? inLog(column) : constantBounds(constant);
  });
  if (!isWanted) return;
  counts.filesRead += 1;
  const schema = struct(read.fields.filter((field) => !constants.has(field.name)));
  const { partitionColumns, columnMapping } = table;
  const batches = scanFile(engine, { schema, partitionColumns, columnMapping }, file, {
    signal,
    wantsRowGroup: rowGroupChoice(filter, table, { add: file, counts, constants }),
    ...pickRows === undefined ? {} : { pickRows },
  });
  for await (const { length, columns } of batches) {
    let next = 0;
    const all = read.fields.map((field): Column => {
      const constant = constants.get(field.name);
      return constant === undefined
        ? columns[next++]!
        : constantColumn(constant, field.type, length);
    });
    const selected = select({ length, columns: all });
    if (selected !== null) yield selected;
  }
}

function checkMetadata(
  engine: Engine,
  version: number,
  metadata: Metadata,
  table: TableState,
): void {
  const { columnMappingMode } = readTableProperties(metadata.configuration);
  checkColumns(
    {
      version,
      schema: schemaFromJson(metadata.schemaString),
      partitionColumns: metadata.partitionColumns,
      columnMapping: columnMappingOf(table.protocol, columnMappingMode),
    },
    table,
    engine.store.uri,
  );
}

type Columns = Pick<TableState, "version" | "schema" | "partitionColumns" | "columnMapping">;

function checkColumns(earlier: Columns, later: Columns, uri: string): void {
  const problem = incompatibility(earlier, later);
  if (problem === null) return;
  throw new CdcDeltaError(
    "unsupported",
    `Cannot show the changes of version ${earlier.version} of ${uri} with the columns of version ` +
      `${later.version}: ${problem}. Ask for the changes up to the version before that and ` +
      "those after it separately",
    { context: { table: uri, version: earlier.version } },
  );
}

function fileGone(engine: Engine, version: number, error: unknown): unknown {
  if (!(error instanceof CdcDeltaError) || error.code !== "not-found") return error;
  const { uri } = engine.store;
  return new CdcDeltaError(
    "not-found",
    `Cannot show the changes of version ${version} of ${uri}: a file that they lie in is gone, ` +
      `as after a vacuum (${error.message}). Ask for the changes after version ${version}`,
    { cause: error, context: { table: uri, version } },
  );
}
