import { rowsOfBatch } from "../../src/delta/columns/column-value.ts";
import type { Value } from "../../src/delta/columns/column-builder.ts";
import { checkpointSchema } from "../../src/delta/log/checkpoint-schema.ts";
import { parseLastCheckpoint } from "../../src/delta/log/last-checkpoint.ts";
import { openParquet, readRowGroup } from "../../src/delta/parquet/reader.ts";
import { signal } from "./delta-table.ts";
import type { LintedTable } from "./log-linter.ts";

type Row = Readonly<Record<string, Value>>;
type Action = Readonly<Record<string, Value>>;

/** Holds every checkpoint against a replay of the commits up to it, and the hint against both. */
export async function lintCheckpoints(table: LintedTable): Promise<void> {
  const sizes = new Map<number, number>();
  for (const [key, byteLength] of table.objects) {
    const version = /^_delta_log\/(\d{20})\.checkpoint\.parquet$/.exec(key)?.[1];
    if (version === undefined) continue;
    const read = (start: number, end: number): Promise<Uint8Array> =>
      table.store.get(key, { signal, range: { start, end } });
    const file = await openParquet({ byteLength, read });
    const schema = checkpointSchema({ stats: true });
    const rows: Row[] = [];
    for (let i = 0; i < file.rowGroups.length; i++) {
      rows.push(...rowsOfBatch(await readRowGroup(file, i, schema), schema));
    }
    sizes.set(Number(version), rows.length);
    lintRows(table, Number(version), rows);
  }
  await lintHint(table, sizes);
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
    of("add").map((a) => `${a["path"]}|${a["size"]}|${a["stats"]}`),
    replayed.adds,
    "adds",
    at,
  );
  compare(of("txn").map((t) => `${t["appId"]}|${t["version"]}`), replayed.txns, "txns", at);
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
  readonly schemaString: unknown;
} {
  const adds = new Map<unknown, string>();
  const removes: string[] = [];
  const txns = new Map<unknown, string>();
  let schemaString: unknown;
  for (const [at, actions] of commits) {
    if (at > version) break;
    for (const { remove } of actions) {
      if (remove === undefined) continue;
      adds.delete(remove["path"]);
      removes.push(String(remove["path"]));
    }
    for (const { add, txn, metaData } of actions) {
      if (add !== undefined) {
        adds.set(add["path"], `${add["path"]}|${add["size"]}|${add["stats"] ?? null}`);
      }
      if (txn !== undefined) txns.set(txn["appId"], `${txn["appId"]}|${txn["version"]}`);
      if (metaData !== undefined) schemaString = metaData["schemaString"];
    }
  }
  return { adds: [...adds.values()], removes, txns: [...txns.values()], schemaString };
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
