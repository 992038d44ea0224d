import type { PartitionId } from "../encode/encode-job.ts";

/**
 * Names of the `txn` actions that hold positions: `cdcdelta:<pipeline>:<topic>:<partition>`, then
 * `:<identity>` where the topic or file has one. Parts are percent-encoded, so that `:` separates.
 * A second `txn` beside it, `cdcdelta-check:…`, holds a hash of the record at that position.
 */
const watermarkPrefix = "cdcdelta";
const checkPrefix = "cdcdelta-check";

export type PositionAppId = PartitionId & {
  readonly kind: "watermark" | "check";
  readonly pipelineId: string;
};

/** The `txn.appId` whose version is the last committed offset of a (topic, partition). */
export function watermarkAppId(pipelineId: string, partition: PartitionId): string {
  return appId(watermarkPrefix, pipelineId, partition);
}

/** The `txn.appId` whose version is the hash of the record at that offset. */
export function checkAppId(pipelineId: string, partition: PartitionId): string {
  return appId(checkPrefix, pipelineId, partition);
}

function appId(prefix: string, pipelineId: string, id: PartitionId): string {
  const parts = [prefix, encodeURIComponent(pipelineId), encodeURIComponent(id.topic)];
  parts.push(String(id.partition));
  if (id.identity !== "") parts.push(encodeURIComponent(id.identity));
  return parts.join(":");
}

/** The position an `appId` names, or null when it is not one of ours. */
export function parseAppId(text: string): PositionAppId | null {
  const [prefix, pipeline, topic, partition, identity, ...rest] = text.split(":");
  if (prefix !== watermarkPrefix && prefix !== checkPrefix) return null;
  if (pipeline === undefined || topic === undefined || partition === undefined) return null;
  if (rest.length > 0 || !/^\d+$/.test(partition)) return null;
  const decoded = [pipeline, topic, identity ?? ""].map(decodePart);
  const [pipelineId, topicName, identityText] = decoded;
  if (pipelineId == null || topicName == null || identityText == null) return null;
  return {
    kind: prefix === watermarkPrefix ? "watermark" : "check",
    pipelineId,
    topic: topicName,
    partition: Number(partition),
    identity: identityText,
  };
}

function decodePart(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
