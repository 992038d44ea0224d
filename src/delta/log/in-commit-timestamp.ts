import type { Metadata, Protocol } from "./actions.ts";
import { protocolFeatures } from "./table-features.ts";
import { readTableProperties } from "./table-properties.ts";

type Versioned = { readonly protocol: Protocol; readonly metadata: Metadata };

const featureNames: ReadonlySet<string> = new Set([
  "inCommitTimestamp",
  "inCommitTimestamp-preview",
]);

/** Whether commits carry their own timestamp: the feature is listed and the property set. */
export function hasInCommitTimestamps({ protocol, metadata }: Versioned): boolean {
  return protocolFeatures(protocol).some((name) => featureNames.has(name)) &&
    readTableProperties(metadata.configuration).inCommitTimestamps !== null;
}

/**
 * The timestamp of a commit: now, but later than the commit before (PROTOCOL.md, "In-Commit
 * Timestamps"). Pure.
 */
export function nextTimestampMs(nowMs: number, previousMs: number | null): number {
  return previousMs === null ? nowMs : Math.max(nowMs, previousMs + 1);
}

const since = "delta.inCommitTimestampEnablement";

/**
 * The metadata of the commit that switches the timestamps on, which tells since when they are there;
 * the first version of a table need not. Pure.
 */
export function withEnablement(
  metadata: Metadata,
  { version, timestampMs }: { readonly version: number; readonly timestampMs: number },
): Metadata {
  const isPreview = metadata.configuration["delta.enableInCommitTimestamps"] === undefined;
  const suffix = isPreview ? "-preview" : "";
  const versionKey = `${since}Version${suffix}`;
  const timestampKey = `${since}Timestamp${suffix}`;
  const { [versionKey]: _, [timestampKey]: __, ...configuration } = metadata.configuration;
  if (version === 0) return { ...metadata, configuration };
  const told = { [versionKey]: String(version), [timestampKey]: String(timestampMs) };
  return { ...metadata, configuration: { ...configuration, ...told } };
}
