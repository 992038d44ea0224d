import { CdcDeltaError } from "../../errors.ts";
import { type ColumnMapping, isColumnMapping } from "../schema/column-mapping.ts";
import type { Metadata, Protocol } from "./actions.ts";
import { type Blocked, type GatedTable, knownFeatures, type WriteIntent } from "./feature-rules.ts";
import { repairAdvice } from "./repair-advice.ts";
import { readTableProperties } from "./table-properties.ts";

/** Features that a legacy version number implies (PROTOCOL.md, "Protocol Evolution"). */
const impliedByWriter: readonly (readonly [number, readonly string[]])[] = [
  [2, ["appendOnly", "invariants"]],
  [3, ["checkConstraints"]],
  [4, ["changeDataFeed", "generatedColumns"]],
  [5, ["columnMapping"]],
  [6, ["identityColumns"]],
];

/** The features of a protocol, listed or implied; sorted. */
export function protocolFeatures(protocol: Protocol): string[] {
  const names = new Set([...protocol.readerFeatures ?? [], ...protocol.writerFeatures ?? []]);
  if (protocol.minWriterVersion < 7) {
    for (const [version, features] of impliedByWriter) {
      if (protocol.minWriterVersion >= version) features.forEach((name) => names.add(name));
    }
  }
  if (protocol.minReaderVersion === 2) names.add("columnMapping");
  return [...names].sort();
}

/** The table's column mapping; a mode without the feature has no force. */
export function columnMappingOf(protocol: Protocol, mode: string): ColumnMapping {
  const listed = protocolFeatures(protocol).includes("columnMapping");
  return listed && isColumnMapping(mode) ? mode : "none";
}

/** A feature that stops us, and what in the table needs it; no reasons: the feature is unknown. */
export type BlockingFeature = { readonly name: string; readonly reasons: readonly string[] };

/**
 * Names of the features that keep us from reading the table's rows. Empty: it may be read. Throws
 * `log-corrupt` for a protocol that contradicts itself, `unsupported` for a version we do not know;
 * `uri` is for the message.
 */
export function featuresBlockingRead(table: GatedTable, uri: string): string[] {
  return blockingRead(table, uri).map(({ name }) => name);
}

/** As `featuresBlockingRead`, for committing to the table (which needs reading it as well). */
export function featuresBlockingWrite(
  table: GatedTable,
  uri: string,
  intent: WriteIntent = "append",
): string[] {
  return blockingWrite(table, uri, intent).map(({ name }) => name);
}

function blockingRead(table: GatedTable, uri: string): BlockingFeature[] {
  checkProtocol(table.protocol, "reader", uri);
  const gated = { ...table, properties: readTableProperties(table.metadata.configuration) };
  const features = table.protocol.minReaderVersion >= 3
    ? table.protocol.readerFeatures ?? []
    : table.protocol.minReaderVersion === 2
    ? ["columnMapping"]
    : [];
  return features.toSorted().flatMap((name) => {
    const rule = ruleOf(name);
    // A feature that only writers know does not belong into this list.
    const reasons = rule?.blocksRead === undefined ? [] : rule.blocksRead(gated);
    return reasons === null ? [] : [{ name, reasons }];
  });
}

function blockingWrite(table: GatedTable, uri: string, intent: WriteIntent): BlockingFeature[] {
  const blocking = new Map<string, BlockingFeature>();
  for (const feature of blockingRead(table, uri)) blocking.set(feature.name, feature);
  checkProtocol(table.protocol, "writer", uri);
  const gated = { ...table, properties: readTableProperties(table.metadata.configuration) };
  for (const name of protocolFeatures(table.protocol)) {
    const rule = ruleOf(name);
    const reasons: Blocked = rule === null ? [] : rule.blocksWrite?.(gated, intent) ?? null;
    if (reasons !== null && !blocking.has(name)) blocking.set(name, { name, reasons });
  }
  return [...blocking.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function ruleOf(name: string): (typeof knownFeatures)[string] | null {
  return Object.hasOwn(knownFeatures, name) ? knownFeatures[name] ?? null : null;
}

/** Throws `unsupported`, naming the features, when the table's rows cannot be read. */
export function assertReadable(table: GatedTable, uri: string): void {
  assertFormat(table.metadata, uri);
  const features = blockingRead(table, uri);
  if (features.length > 0) throw unsupportedFeatures("read", features, uri);
}

const intentVerbs: Readonly<Record<WriteIntent, GatedAction>> = {
  append: "write to",
  rearrange: "rearrange the files of",
  remove: "remove or bring back files of",
  metadata: "change",
};

/**
 * Throws `unsupported`, naming the features and what in the table needs them, when a commit with
 * this intent would break a rule that cdcdelta does not follow.
 */
export function assertWritable(
  table: GatedTable,
  uri: string,
  intent: WriteIntent = "append",
): void {
  assertFormat(table.metadata, uri);
  const features = blockingWrite(table, uri, intent);
  if (features.length > 0) throw unsupportedFeatures(intentVerbs[intent], features, uri);
}

/**
 * Throws `unsupported` when deleting files could break a rule of a feature that we do not know
 * (PROTOCOL.md, "VACUUM Protocol Check"). Known features that keep us from adding rows do not matter.
 */
export function assertVacuumable(table: GatedTable, uri: string): void {
  assertKnown("vacuum", table, uri);
}

/**
 * Throws `unsupported` when a checkpoint could leave something out: one holds what is known. Known
 * features that keep us from adding rows do not matter.
 */
export function assertCheckpointable(table: GatedTable, uri: string): void {
  assertKnown("write a checkpoint of", table, uri);
}

function assertKnown(action: GatedAction, table: GatedTable, uri: string): void {
  for (const side of ["reader", "writer"] as const) checkProtocol(table.protocol, side, uri);
  const unknown = protocolFeatures(table.protocol).filter((name) => ruleOf(name) === null)
    .map((name) => ({ name, reasons: [] }));
  if (unknown.length > 0) throw unsupportedFeatures(action, unknown, uri);
}

type GatedAction =
  | "read"
  | "write to"
  | "rearrange the files of"
  | "remove or bring back files of"
  | "change"
  | "vacuum"
  | "write a checkpoint of";

/** The error for features that stop us; `context.features` holds their names, comma-separated. */
export function unsupportedFeatures(
  action: GatedAction,
  features: readonly BlockingFeature[],
  uri: string,
): CdcDeltaError {
  const names = features.map(({ name }) => name).join(", ");
  const reasons = features.flatMap((feature) => feature.reasons);
  const because = reasons.length === 0 ? "" : ` because of ${reasons.join(" and ")}`;
  return new CdcDeltaError(
    "unsupported",
    `Cannot ${action} the Delta table at ${uri}: it uses table features that cdcdelta does not ` +
      `support: [${names}]${because}. Use a newer cdcdelta, or drop the features from the table`,
    { context: { features: names, table: uri } },
  );
}

function assertFormat(metadata: Metadata, uri: string): void {
  if (metadata.format.provider.toLowerCase() === "parquet") return;
  throw new CdcDeltaError(
    "unsupported",
    `Cannot open the Delta table at ${uri}: its files are "${metadata.format.provider}", ` +
      "only parquet is supported",
  );
}

function checkProtocol(protocol: Protocol, side: "reader" | "writer", uri: string): void {
  const { minReaderVersion: reader, minWriterVersion: writer } = protocol;
  const version = side === "reader" ? reader : writer;
  if (version < 1 || version > (side === "reader" ? 3 : 7)) {
    throw new CdcDeltaError(
      "unsupported",
      `Cannot open the Delta table at ${uri}: it requires ${side} version ${version} of the Delta ` +
        "protocol, which cdcdelta does not know. Use a newer cdcdelta",
      { context: { features: `${side}Version=${version}`, table: uri } },
    );
  }
  const invalid = (reader === 3 && protocol.readerFeatures === undefined) ||
    (writer === 7 && protocol.writerFeatures === undefined) || (reader === 3 && writer < 7);
  if (invalid) {
    throw new CdcDeltaError(
      "log-corrupt",
      `Cannot open the Delta table at ${uri}: its protocol action is not valid: ` +
        `${JSON.stringify(protocol)}. ${repairAdvice}`,
      { context: { table: uri } },
    );
  }
}
