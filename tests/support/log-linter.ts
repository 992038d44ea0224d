import { isDeepStrictEqual } from "node:util";
import { openParquet } from "../../src/delta/parquet/reader.ts";
import type { ObjectStore } from "../../src/delta/storage/object-store.ts";
import { lintDataFile } from "./data-file-linter.ts";
import { lintCheckpoints } from "./checkpoint-linter.ts";
import { signal } from "./delta-table.ts";
import { lintFeatures, type LintStart } from "./feature-linter.ts";
import { lintMapping, mappingModeOf, physicalNameOf } from "./mapping-linter.ts";

/** An action's JSON, parsed by nothing of ours. */
export type RawAction = Readonly<Record<string, Record<string, unknown>>>;

export type LintedTable = {
  readonly store: ObjectStore;
  readonly report: (finding: string) => void;
  /** By version. */
  readonly commits: ReadonlyMap<number, readonly RawAction[]>;
  readonly objects: ReadonlyMap<string, number>;
};

/**
 * What is wrong with a table that cdcdelta wrote (PROTOCOL.md and delta-protocol.md §20), one line
 * a finding; empty when nothing is. The log must reach back to version 0.
 */
export async function lintTable(store: ObjectStore): Promise<string[]> {
  const findings: string[] = [];
  const objects = new Map<string, number>();
  for await (const meta of store.list("", { signal })) objects.set(meta.key, meta.size);
  const report = (finding: string): void => void findings.push(finding);
  const commits = await readRawCommits(store, objects, report);
  const table: LintedTable = { store, report, commits, objects };
  lintNames(table);
  for (const [version, actions] of commits) lintCommit(table, version, actions);
  lintFeatures(commits, report);
  const live = lintReplay(table);
  for (const add of live.values()) await lintAdd(table, add);
  await lintCheckpoints(table);
  return findings;
}

/**
 * What is wrong with the commits that cdcdelta made to somebody else's table, from a version on; as
 * `lintTable`, without what needs the whole log.
 */
export async function lintCommits(
  store: ObjectStore,
  { from, start }: { readonly from: number; readonly start: LintStart },
): Promise<string[]> {
  const findings: string[] = [];
  const report = (finding: string): void => void findings.push(finding);
  const objects = new Map<string, number>();
  for await (const { key, size } of store.list("_delta_log/", { signal })) {
    const version = /^_delta_log\/(\d{20})\.json$/.exec(key)?.[1];
    if (version !== undefined && Number(version) >= from) objects.set(key, size);
  }
  const commits = await readRawCommits(store, objects, report);
  for (const [version, actions] of commits) {
    lintCommit({ store, report, commits, objects }, version, actions);
  }
  lintFeatures(commits, report, start);
  return findings;
}

const uuid = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";
const logName = new RegExp(
  `^_delta_log/(?:\\d{20}\\.(?:json|crc|checkpoint\\.(?:${uuid}\\.)?parquet)` +
    `|_sidecars/${uuid}\\.parquet|_last_(?:checkpoint|vacuum_info))$`,
);
const dataName =
  /^(?:(?:[^/]+=[^/]*\/)*|[0-9a-f]{1,32}\/)part-\d{5}-[0-9a-f-]{36}\.[a-z]+\.parquet$/;

function lintNames({ objects, commits, report }: LintedTable): void {
  for (const key of objects.keys()) {
    const known = key.startsWith("_delta_log/") ? logName.test(key) : dataName.test(key);
    if (!known) report(`${key}: not a name that cdcdelta gives`);
  }
  const versions = [...commits.keys()].sort((a, b) => a - b);
  versions.forEach((version, i) => {
    if (version !== i) report(`commit ${i} is missing before ${version}`);
  });
}

async function readRawCommits(
  store: ObjectStore,
  objects: ReadonlyMap<string, number>,
  report: (finding: string) => void,
): Promise<Map<number, RawAction[]>> {
  const commits = new Map<number, RawAction[]>();
  for (const key of objects.keys()) {
    const version = /^_delta_log\/(\d{20})\.json$/.exec(key)?.[1];
    if (version === undefined) continue;
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      .decode(await store.get(key, { signal }));
    if (!text.endsWith("\n")) report(`${key}: the last line has no end`);
    const lines = text.split("\n").slice(0, -1);
    const actions = lines.map((line): RawAction => {
      const action = parseWithSource(line, exactNumber) as RawAction;
      if (Object.keys(action).length !== 1) report(`${key}: a line is not one action: ${line}`);
      return action;
    });
    commits.set(Number(version), actions);
  }
  return new Map([...commits].sort(([a], [b]) => a - b));
}

type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;
const parseWithSource = JSON.parse as (text: string, reviver: Reviver) => unknown;

/** Integers that a number cannot hold come out as bigint. */
function exactNumber(
  _key: string,
  value: unknown,
  { source = "" }: { readonly source?: string },
): unknown {
  const isRounded = typeof value === "number" && !Number.isSafeInteger(value);
  return isRounded && /^-?\d+$/.test(source) ? BigInt(source) : value;
}

function lintCommit({ report }: LintedTable, version: number, actions: readonly RawAction[]): void {
  const at = (finding: string): void => report(`commit ${version}: ${finding}`);
  const kinds = actions.map((action) => Object.keys(action)[0] ?? "");
  if (kinds[0] !== "commitInfo") at("commitInfo is not the first action");
  for (const kind of ["commitInfo", "protocol", "metaData"]) {
    if (kinds.filter((k) => k === kind).length > 1) at(`more than one ${kind}`);
  }
  const known = ["commitInfo", "protocol", "metaData", "txn", "add", "remove", "domainMetadata"];
  for (const kind of kinds) if (!known.includes(kind)) at(`unknown action ${kind}`);
  unique(actions, "txn", "appId", at);
  unique(actions, "add", "path", at);
  unique(actions, "remove", "path", at);
  unique(actions, "domainMetadata", "domain", at);
  const info = actions[0]?.["commitInfo"] ?? {};
  for (const key of ["timestamp", "operation", "isolationLevel", "engineInfo", "txnId"]) {
    if (info[key] === undefined) at(`commitInfo has no ${key}`);
  }
  if ((info["readVersion"] ?? -1) !== version - 1) at(`readVersion is ${info["readVersion"]}`);
  const metrics = Object.values((info["operationMetrics"] ?? {}) as object);
  if (metrics.some((value) => typeof value !== "string")) at("a metric is no string");
  const files = actions.flatMap((action) => [action["add"], action["remove"]].filter((f) => f));
  if (new Set(files.map((file) => file?.["dataChange"])).size > 1) at("dataChange is mixed");
  const onlyAdds = !kinds.includes("remove");
  if (info["isBlindAppend"] === true && !onlyAdds) at("a blind append removes files");
  for (const { txn } of actions) {
    if (txn !== undefined && typeof txn["lastUpdated"] !== "number") at("txn without lastUpdated");
  }
}

function unique(
  actions: readonly RawAction[],
  kind: string,
  key: string,
  at: (finding: string) => void,
): void {
  const values = actions.map((action) => action[kind]?.[key]).filter((v) => v !== undefined);
  if (new Set(values).size !== values.length) at(`two ${kind} actions have the same ${key}`);
}

export type LiveFile = {
  readonly version: number;
  readonly add: Readonly<Record<string, unknown>>;
  readonly metadata: Readonly<Record<string, unknown>>;
};

/** Replays the commits by the book and returns the live files, by path. */
function lintReplay({ commits, report }: LintedTable): Map<string, LiveFile> {
  const live = new Map<string, LiveFile>();
  let metadata: Record<string, unknown> = {};
  let id: unknown;
  for (const [version, actions] of commits) {
    for (const { protocol } of actions) {
      if (protocol !== undefined) lintProtocol(protocol, (f) => report(`commit ${version}: ${f}`));
    }
    metadata = actions.find((action) => action["metaData"])?.["metaData"] ?? metadata;
    id ??= metadata["id"];
    if (metadata["id"] !== id) report(`commit ${version}: the table's id changed`);
    lintSchema(metadata, (finding) => report(`commit ${version}: ${finding}`));
    for (const { remove } of actions) {
      if (remove === undefined) continue;
      const path = String(remove["path"]);
      const was = live.get(path);
      if (!live.delete(path)) report(`commit ${version}: removes ${path}, which is not live`);
      for (const member of ["deletionVector", "baseRowId", "defaultRowCommitVersion", "size"]) {
        const [gone, had] = [remove[member], was?.add[member]];
        if (was !== undefined && !isDeepStrictEqual(gone, had)) {
          report(`commit ${version}: removes ${path} with another ${member}`);
        }
      }
      if (remove["extendedFileMetadata"] !== true) report(`${path}: remove without its metadata`);
    }
    for (const { add } of actions) {
      if (add === undefined) continue;
      const path = String(add["path"]);
      if (live.has(path)) report(`commit ${version}: adds ${path}, which is live`);
      live.set(path, { version, add, metadata });
    }
  }
  return live;
}

function lintProtocol(protocol: Record<string, unknown>, at: (finding: string) => void): void {
  const { minReaderVersion: reader, minWriterVersion: writer } = protocol;
  if ((protocol["readerFeatures"] !== undefined) !== (reader === 3)) at("readerFeatures iff 3");
  if ((protocol["writerFeatures"] !== undefined) !== (writer === 7)) at("writerFeatures iff 7");
}

function lintSchema(metadata: Record<string, unknown>, at: (finding: string) => void): void {
  const visit = (type: unknown, path: string): void => {
    if (typeof type !== "object" || type === null) return;
    const node = type as Record<string, unknown>;
    if (node["type"] === "struct") {
      const fields = node["fields"] as Record<string, unknown>[];
      const names = fields.map((field) => String(field["name"]).toLowerCase());
      if (new Set(names).size !== names.length) at(`${path}: names differ in case alone`);
      for (const name of names) {
        const isPlain = mappingModeOf(metadata) === "none";
        if (name === "" || (isPlain && /[ ,;{}()\n\t=]/.test(name))) at(`name "${name}"`);
      }
      for (const field of fields) visit(field["type"], `${path}.${field["name"]}`);
    }
    for (const part of ["elementType", "keyType", "valueType"]) visit(node[part], path);
  };
  const schema = JSON.parse(String(metadata["schemaString"]));
  visit(schema, "schema");
  lintMapping(metadata, at);
  const names = schema.fields.map((field: { name: string }) => field.name);
  for (const column of metadata["partitionColumns"] as string[]) {
    if (!names.includes(column)) at(`partition column ${column} is not in the schema`);
  }
}

/** The partition columns by the names that file actions have for them. */
function partitionNames(metadata: LiveFile["metadata"]): string[] {
  const { fields } = JSON.parse(String(metadata["schemaString"]));
  return (metadata["partitionColumns"] as string[]).map((column) =>
    physicalNameOf(
      fields.find((field: { name: string }) => field.name === column),
      mappingModeOf(metadata),
    )
  );
}

async function lintAdd(table: LintedTable, live: LiveFile): Promise<void> {
  const { add, metadata } = live;
  const key = decodeURIComponent(String(add["path"]));
  const at = (finding: string): void => table.report(`${key}: ${finding}`);
  const size = table.objects.get(key);
  if (size === undefined) return at("the file is not there");
  if (add["size"] !== size) at(`size is ${add["size"]}, the file has ${size} bytes`);
  const values = add["partitionValues"] as Record<string, string | null>;
  const columns = partitionNames(metadata);
  if (Object.keys(values).sort().join() !== [...columns].sort().join()) at("partition columns");
  if (Object.values(values).includes("")) at("an empty partition value");
  const folders = key.split("/").slice(0, -1);
  const told = folders.map((folder) => decodeURIComponent(folder.slice(folder.indexOf("=") + 1)));
  const wanted = columns.map((column) => values[column] ?? "__HIVE_DEFAULT_PARTITION__");
  const isPrefixed = /^[0-9a-f]+\/part/.test(key);
  if (!isPrefixed && told.join("\0") !== wanted.join("\0")) {
    at(`the folder does not tell ${wanted.join(", ")}`);
  }
  const file = await openParquet({
    byteLength: size,
    read: (start, end) => table.store.get(key, { signal, range: { start, end } }),
  });
  await lintDataFile(file, live, at);
}
