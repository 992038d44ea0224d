import { rowsOfBatch } from "../../src/delta/columns/column-value.ts";
import type { Value } from "../../src/delta/columns/column-builder.ts";
import { topFileSchema } from "../../src/delta/log/checkpoint-schema.ts";
import { parseLastCheckpoint } from "../../src/delta/log/last-checkpoint.ts";
import { openParquet, readRowGroup } from "../../src/delta/parquet/reader.ts";
import { signal } from "./delta-table.ts";
import type { LintedTable } from "./log-linter.ts";

type Row = Readonly<Record<string, Value>>;
type Action = Readonly<Record<string, Value>>;

/** Holds every checkpoint against a replay of the commits up to it, and the hint against both. */
export async function lintCheckpoints(table: LintedTable): Promise<void> {
  const sizes = new Map<number, number>();
  for (const key of table.objects.keys()) {
    const [, text, uuid] = topFile.exec(key) ?? [];
    if (text === undefined) continue;
    const version = Number(text);
    const top = await readRows(table, key);
    const at = (finding: string): void => table.report(`checkpoint ${version}: ${finding}`);
    const rows = [...top, ...await readSidecars(table, top, at)];
    if (uuid !== undefined) lintTopFile(top, version, at);
    sizes.set(version, rows.length);
    lintRows(table, version, rows);
  }
  await lintHint(table, sizes);
}

const topFile = /^_delta_log\/(\d{20})\.checkpoint\.(?:([0-9a-f-]{36})\.)?parquet$/;

async function readRows(table: LintedTable, key: string): Promise<Row[]> {
  const byteLength = table.objects.get(key) ?? 0;
  const read = (start: number, end: number): Promise<Uint8Array> =>
    table.store.get(key, { signal, range: { start, end } });
  const file = await openParquet({ byteLength, read });
  const schema = topFileSchema({ stats: true });
  const rows: Row[] = [];
  for (let i = 0; i < file.rowGroups.length; i++) {
    rows.push(...rowsOfBatch(await readRowGroup(file, i, schema), schema));
  }
  return rows;
}

async function readSidecars(
  table: LintedTable,
  top: readonly Row[],
  at: (finding: string) => void,
): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { sidecar } of top) {
    if (sidecar === null || sidecar === undefined) continue;
    const { path, sizeInBytes } = sidecar as Action;
    const key = `_delta_log/_sidecars/${String(path)}`;
    if (BigInt(table.objects.get(key) ?? -1) !== sizeInBytes) at(`${key} is not of its size`);
    const files = await readRows(table, key);
    if (files.some((row) => row["add"] === null && row["remove"] === null)) {
      at(`${key} holds more than files`);
    }
    rows.push(...files);
  }
  return rows;
}

/** PROTOCOL.md, "V2 Spec": one `checkpointMetadata`, and no files beside sidecars. */
function lintTopFile(
  top: readonly Row[],
  version: number,
  at: (finding: string) => void,
): void {
  const told = top.map((row) => row["checkpointMetadata"] as Action | null)
    .filter((metadata) => metadata !== null);
  if (told.length !== 1 || told[0]?.["version"] !== BigInt(version)) at("checkpointMetadata");
  if (top.some((row) => row["add"] !== null || row["remove"] !== null)) at("files in the top file");
}

function lintRows(table: LintedTable, version: number, rows: readonly Row[]): void {
  const at = (finding: string): void => table.report(`checkpoint ${version}: ${finding}`);
  for (const row of rows) {
    const set = Object.values(row).filter((value) => value !== null);
    if (set.length !== 1) at(`a row holds ${set.length} actions`);
  }
  const of = (kind: string): Action[] =>
    rows.map((row) => row[kind] as Action | null).filter((action) => action !== null);
  const replayed = replay(table, version);
  compare(
    of("add").map(addText),
    replayed.adds,
    "adds",
    at,
  );
  compare(of("txn").map((t) => `${t["appId"]}|${t["version"]}`), replayed.txns, "txns", at);
  compare(
    of("domainMetadata").map((d) => `${d["domain"]}|${d["configuration"]}`),
    replayed.domains,
    "domains",
    at,
  );
  const tombstones = new Set(replayed.removes);
  for (const remove of of("remove")) {
    if (!tombstones.has(String(remove["path"]))) at(`tombstone of ${remove["path"]}`);
  }
  if ([...of("add"), ...of("remove")].some((file) => file["dataChange"] !== false)) {
    at("dataChange");
  }
  const [metadata, ...moreMetadata] = of("metaData");
  if (metadata?.["schemaString"] !== replayed.schemaString || moreMetadata.length > 0) {
    at("metaData");
  }
  for (const part of ["partitionColumns", "configuration"]) {
    if (metadata?.[part] === null) at(`metaData.${part} is null, not empty`);
  }
  if (of("protocol").length !== 1) at("not one protocol");
}

/** What a live file has to keep, its row ids and deletion vector among it. */
function addText(add: Readonly<Record<string, unknown>>): string {
  const vector = (add["deletionVector"] ?? {}) as Readonly<Record<string, unknown>>;
  return [
    ...["path", "size", "stats", "baseRowId", "defaultRowCommitVersion", "clusteringProvider"]
      .map((name) => add[name] ?? null),
    ...["storageType", "pathOrInlineDv", "offset", "cardinality"].map((name) =>
      vector[name] ?? null
    ),
  ].map(String).join("|");
}

function compare(
  found: readonly string[],
  wanted: readonly string[],
  what: string,
  at: (finding: string) => void,
): void {
  const sorted = (texts: readonly string[]): string => [...texts].sort().join("\n");
  if (sorted(found) !== sorted(wanted)) at(`${what} differ from the replay of the commits`);
}

function replay({ commits }: LintedTable, version: number): {
  readonly adds: readonly string[];
  readonly removes: readonly string[];
  readonly txns: readonly string[];
  readonly domains: readonly string[];
  readonly schemaString: unknown;
} {
  const adds = new Map<unknown, string>();
  const removes: string[] = [];
  const txns = new Map<unknown, string>();
  const domains = new Map<unknown, string>();
  let schemaString: unknown;
  for (const [at, actions] of commits) {
    if (at > version) break;
    for (const { remove } of actions) {
      if (remove === undefined) continue;
      adds.delete(remove["path"]);
      removes.push(String(remove["path"]));
    }
    for (const { add, txn, metaData, domainMetadata: one } of actions) {
      if (one?.["removed"] === true) domains.delete(one["domain"]);
      else if (one !== undefined) {
        domains.set(one["domain"], `${one["domain"]}|${one["configuration"]}`);
      }
      if (add !== undefined) {
        adds.set(add["path"], addText(add));
      }
      if (txn !== undefined) txns.set(txn["appId"], `${txn["appId"]}|${txn["version"]}`);
      if (metaData !== undefined) schemaString = metaData["schemaString"];
    }
  }
  return {
    adds: [...adds.values()],
    removes,
    txns: [...txns.values()],
    domains: [...domains.values()],
    schemaString,
  };
}

async function lintHint(table: LintedTable, sizes: ReadonlyMap<number, number>): Promise<void> {
  if (!table.objects.has("_delta_log/_last_checkpoint")) {
    if (sizes.size > 0) table.report("_last_checkpoint is missing");
    return;
  }
  const bytes = await table.store.get("_delta_log/_last_checkpoint", { signal });
  const hint = parseLastCheckpoint(new TextDecoder().decode(bytes));
  if (hint === null) return table.report("_last_checkpoint: its checksum is wrong");
  const size = sizes.get(hint.version);
  if (size === undefined) {
    table.report(`_last_checkpoint names ${hint.version}, which is not there`);
  } else if (size !== hint.size) {
    table.report(`_last_checkpoint says ${hint.size} actions, not ${size}`);
  }
  const newest = Math.max(...sizes.keys());
  if (hint.version !== newest) {
    table.report(`_last_checkpoint names ${hint.version}, not ${newest}`);
  }
}
