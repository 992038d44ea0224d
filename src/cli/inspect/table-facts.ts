import { parseAppId } from "../../core/position/app-id.ts";
import type { AddFile, Protocol, SetTransaction } from "../../delta/log/actions.ts";
import { protocolFeatures } from "../../delta/log/table-features.ts";
import type { TableVersion } from "../../delta/log/snapshot.ts";
import { typeToJson } from "../../delta/schema/schema-json.ts";

/** A position that a pipeline of cdcdelta left in a table. */
export type StoredPosition = {
  readonly pipeline: string;
  readonly topic: string;
  readonly partition: number;
  readonly identity: string;
  /** The last offset whose row is in the table. */
  readonly offset: bigint;
};

/** A table at one version, in the names that scripts rely on. */
export type TableFacts = {
  readonly table: string;
  readonly id: string;
  readonly name: string | null;
  readonly description: string | null;
  readonly version: number;
  readonly timestamp: string | null;
  readonly createdTime: string | null;
  readonly protocol: Protocol;
  readonly features: readonly string[];
  readonly schema: unknown;
  readonly partitionColumns: readonly string[];
  readonly configuration: Readonly<Record<string, string>>;
  readonly numFiles: number;
  readonly sizeInBytes: number;
  /** Null when a file has no statistics. */
  readonly numRecords: number | null;
  readonly transactions: readonly SetTransaction[];
  readonly positions: readonly StoredPosition[];
};

/** What the live files of a version come to. */
export type FileSums = {
  readonly numFiles: number;
  readonly sizeInBytes: number;
  /** Null when a file has no statistics. */
  readonly numRecords: number | null;
};

/** Sums up the files of a version; none of them is held. Errors: as `TableVersion.files`. */
export async function sumFiles(files: AsyncIterable<AddFile>): Promise<FileSums> {
  let [numFiles, sizeInBytes, numRecords]: [number, number, number | null] = [0, 0, 0];
  for await (const file of files) {
    numFiles += 1;
    sizeInBytes += file.size;
    const records = recordsOf(file);
    numRecords = numRecords === null || records === null ? null : numRecords + records;
  }
  return { numFiles, sizeInBytes, numRecords };
}

/** The live files of a version one by one. Errors: as `TableVersion.files`. */
export async function* liveAdds(
  { files }: TableVersion,
  signal: AbortSignal,
): AsyncGenerator<AddFile> {
  for await (const { adds } of files({ signal })) yield* adds;
}

/** The facts of a version. Pure. */
export function tableFacts(
  { state, timestampMs }: Pick<TableVersion, "state" | "timestampMs">,
  sums: FileSums,
  uri: string,
): TableFacts {
  const { metadata, protocol } = state;
  const transactions = [...state.transactions.values()]
    .sort((a, b) => a.appId < b.appId ? -1 : a.appId > b.appId ? 1 : 0);
  return {
    table: uri,
    id: metadata.id,
    name: metadata.name ?? null,
    description: metadata.description ?? null,
    version: state.version,
    timestamp: isoTime(timestampMs),
    createdTime: isoTime(metadata.createdTime ?? null),
    protocol,
    features: protocolFeatures(protocol),
    schema: typeToJson(state.schema),
    partitionColumns: state.partitionColumns,
    configuration: metadata.configuration,
    ...sums,
    transactions,
    positions: storedPositions(transactions),
  };
}

/** Milliseconds since the epoch as ISO 8601 in UTC. */
export function isoTime(ms: number | null): string | null {
  if (ms === null) return null;
  const time = new Date(ms);
  return Number.isNaN(time.getTime()) ? null : time.toISOString();
}

/** Rows of a file by its statistics; null without them. */
export function recordsOf(file: AddFile): number | null {
  if (file.stats === undefined) return null;
  const count = /"numRecords"\s*:\s*(\d+)/.exec(file.stats)?.[1];
  if (count === undefined) return null;
  return Number(count) - Number(file.deletionVector?.cardinality ?? 0n);
}

/** Where pipelines of cdcdelta are, by the transactions of a table. Pure. */
export function storedPositions(transactions: Iterable<SetTransaction>): StoredPosition[] {
  return [...transactions].flatMap(({ appId, version }) => {
    const id = parseAppId(appId);
    if (id === null || id.kind !== "watermark") return [];
    const { pipelineId: pipeline, topic, partition, identity } = id;
    return [{ pipeline, topic, partition, identity, offset: version }];
  });
}
