import type {
  AddCdcFile,
  AddFile,
  DeletionVectorDescriptor,
  DomainMetadata,
  Metadata,
  Protocol,
  RemoveFile,
  SetTransaction,
} from "./actions.ts";
import {
  type ActionObject,
  asActionObject,
  optionalBigint,
  optionalBoolean,
  optionalInteger,
  optionalString,
  optionalStringMap,
  optionalStrings,
  optionalTexts,
  requiredBigint,
  requiredInteger,
  requiredString,
} from "./action-fields.ts";

/*
 * Plain objects, from JSON lines or checkpoint rows, → typed actions (PROTOCOL.md, "Actions").
 * Members that old writers leave out get the value the protocol gives them. All of them throw
 * `log-corrupt` for members that are not what they should be.
 *
 * What is written again one day keeps the members that we do not know, as own members of the same
 * object: spreading and serializing it takes them along.
 */

const addMembers = [
  "path",
  "partitionValues",
  "size",
  "modificationTime",
  "dataChange",
  "stats",
  "tags",
  "deletionVector",
  "baseRowId",
  "defaultRowCommitVersion",
  "clusteringProvider",
  // Other forms of the above, in checkpoints.
  "partitionValues_parsed",
  "stats_parsed",
];
const metadataMembers = [
  "id",
  "name",
  "description",
  "format",
  "schemaString",
  "partitionColumns",
  "configuration",
  "createdTime",
];
const vectorMembers = ["storageType", "pathOrInlineDv", "offset", "sizeInBytes", "cardinality"];
const protocolMembers = [
  "minReaderVersion",
  "minWriterVersion",
  "readerFeatures",
  "writerFeatures",
];

type Kept = "add" | "deletionVector" | "metaData" | "format" | "protocol";

const knownMembers: Readonly<Record<Kept, ReadonlySet<string>>> = {
  add: new Set(addMembers),
  deletionVector: new Set(vectorMembers),
  metaData: new Set(metadataMembers),
  format: new Set(["provider", "options"]),
  protocol: new Set(protocolMembers),
};

/** True when an action of that kind has members, at any depth we look at, that we do not know. */
export function hasUnknownMembers(kind: string, object: ActionObject): boolean {
  switch (kind) {
    case "add":
      return isUnknownIn("add", object) || isUnknownIn("deletionVector", object["deletionVector"]);
    case "metaData":
      return isUnknownIn("metaData", object) || isUnknownIn("format", object["format"]);
    case "protocol":
      return isUnknownIn("protocol", object);
    default:
      return false;
  }
}

function isUnknownIn(kind: Kept, object: unknown): boolean {
  if (typeof object !== "object" || object === null) return false;
  const known = knownMembers[kind];
  for (const key in object) if (!known.has(key)) return true;
  return false;
}

/** The object with what `source` has beyond what we know. */
function withUnknown<T extends object>(kind: Kept, object: T, source: ActionObject): T {
  if (!isUnknownIn(kind, source)) return object;
  const unknown = Object.entries(source).filter(([key]) => !knownMembers[kind].has(key));
  return { ...object, ...Object.fromEntries(unknown) };
}

/** An `add` object (PROTOCOL.md, "Add File and Remove File"). */
export function readAdd(object: ActionObject): AddFile {
  const add = omitUndefined({
    path: requiredString(object, "path"),
    partitionValues: optionalStringMap(object, "partitionValues") ?? {},
    size: optionalInteger(object, "size") ?? 0,
    modificationTime: optionalInteger(object, "modificationTime") ?? 0,
    dataChange: optionalBoolean(object, "dataChange") ?? true,
    stats: optionalString(object, "stats"),
    tags: optionalStringMap(object, "tags"),
    deletionVector: readDeletionVector(object),
    baseRowId: optionalBigint(object, "baseRowId"),
    defaultRowCommitVersion: optionalBigint(object, "defaultRowCommitVersion"),
    clusteringProvider: optionalString(object, "clusteringProvider"),
  });
  return withUnknown("add", add, object);
}

/** A `remove` object (PROTOCOL.md, "Add File and Remove File"). */
export function readRemove(object: ActionObject): RemoveFile {
  return omitUndefined({
    path: requiredString(object, "path"),
    deletionTimestamp: optionalInteger(object, "deletionTimestamp"),
    dataChange: optionalBoolean(object, "dataChange") ?? true,
    extendedFileMetadata: optionalBoolean(object, "extendedFileMetadata"),
    partitionValues: optionalStringMap(object, "partitionValues"),
    size: optionalInteger(object, "size"),
    tags: optionalStringMap(object, "tags"),
    deletionVector: readDeletionVector(object),
    baseRowId: optionalBigint(object, "baseRowId"),
    defaultRowCommitVersion: optionalBigint(object, "defaultRowCommitVersion"),
  });
}

function readDeletionVector(object: ActionObject): DeletionVectorDescriptor | undefined {
  const value = object["deletionVector"];
  if (value === undefined || value === null) return undefined;
  const vector = asActionObject(value, "deletionVector");
  const descriptor = omitUndefined({
    storageType: requiredString(vector, "storageType"),
    pathOrInlineDv: requiredString(vector, "pathOrInlineDv"),
    offset: optionalInteger(vector, "offset"),
    sizeInBytes: requiredInteger(vector, "sizeInBytes"),
    cardinality: requiredBigint(vector, "cardinality"),
  });
  return withUnknown("deletionVector", descriptor, vector);
}

const emptySchema = `{"type":"struct","fields":[]}`;

/** A `metaData` object (PROTOCOL.md, "Change Metadata"). */
export function readMetadata(object: ActionObject): Metadata {
  const format = asActionObject(object["format"] ?? {}, "format");
  const metadata = omitUndefined({
    id: optionalString(object, "id") ?? "",
    name: optionalString(object, "name"),
    description: optionalString(object, "description"),
    format: withUnknown("format", {
      provider: optionalString(format, "provider") ?? "parquet",
      options: optionalTexts(format, "options") ?? {},
    }, format),
    schemaString: optionalString(object, "schemaString") ?? emptySchema,
    partitionColumns: optionalStrings(object, "partitionColumns") ?? [],
    configuration: optionalTexts(object, "configuration") ?? {},
    createdTime: optionalInteger(object, "createdTime"),
  });
  return withUnknown("metaData", metadata, object);
}

/** A `protocol` object (PROTOCOL.md, "Protocol Evolution"). */
export function readProtocol(object: ActionObject): Protocol {
  const protocol = omitUndefined({
    minReaderVersion: requiredInteger(object, "minReaderVersion"),
    minWriterVersion: requiredInteger(object, "minWriterVersion"),
    readerFeatures: optionalStrings(object, "readerFeatures"),
    writerFeatures: optionalStrings(object, "writerFeatures"),
  });
  return withUnknown("protocol", protocol, object);
}

/** A `txn` object (PROTOCOL.md, "Transaction Identifiers"). */
export function readTransaction(object: ActionObject): SetTransaction {
  return omitUndefined({
    appId: requiredString(object, "appId"),
    version: requiredBigint(object, "version"),
    lastUpdated: optionalInteger(object, "lastUpdated"),
  });
}

/** A `domainMetadata` object (PROTOCOL.md, "Domain Metadata"). */
export function readDomainMetadata(object: ActionObject): DomainMetadata {
  return {
    domain: requiredString(object, "domain"),
    configuration: optionalString(object, "configuration") ?? "",
    removed: optionalBoolean(object, "removed") ?? false,
  };
}

/** A `cdc` object (PROTOCOL.md, "Add CDC File"). */
export function readCdcFile(object: ActionObject): AddCdcFile {
  return {
    path: requiredString(object, "path"),
    partitionValues: optionalStringMap(object, "partitionValues") ?? {},
    size: optionalInteger(object, "size") ?? 0,
    dataChange: optionalBoolean(object, "dataChange") ?? false,
  };
}

type WithoutUndefined<T> =
  & { [K in keyof T as undefined extends T[K] ? never : K]: T[K] }
  & { [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined> };

/** Deletes members that are undefined, so that absent means absent. */
function omitUndefined<T extends object>(object: T): WithoutUndefined<T> {
  const record = object as Record<string, unknown>;
  const result: Record<string, unknown> = {};
  for (const key in record) if (record[key] !== undefined) result[key] = record[key];
  return result as WithoutUndefined<T>;
}
