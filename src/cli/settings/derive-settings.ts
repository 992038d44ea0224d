import { defaultMemory, workersWithin } from "../memory-budget.ts";
import { fieldProblems } from "./field-checks.ts";
import type { Problem } from "./problem.ts";
import type { Origin, ResolvedSettings } from "./resolve-settings.ts";
import type { SettingKey, Settings } from "./settings.ts";

/** What the machine offers; asked once, so that deriving is pure. */
export type SystemFacts = {
  readonly cores: number;
  /** The memory limit of the container, or the machine's memory, in bytes. */
  readonly memoryLimitBytes: number;
};

type Derived = { readonly resolved: ResolvedSettings; readonly problems: readonly Problem[] };

/** Fills in what follows from other settings and checks what must fit together. Pure. */
export function deriveSettings(resolved: ResolvedSettings, system: SystemFacts): Derived {
  const problems: Problem[] = [];
  const origins = new Map<SettingKey, Origin>(resolved.origins);
  let values: Settings = resolved.values;
  const derive = <K extends SettingKey>(key: K, value: Settings[K], place: string): void => {
    values = { ...values, [key]: value };
    origins.set(key, { kind: "derived", place });
  };
  const placeOf = (key: SettingKey): string => origins.get(key)?.place ?? key;

  if (values.s3Endpoint !== null && !values.s3Endpoint.includes("://")) {
    const scheme = values.s3Secure ? "https" : "http";
    derive("s3Endpoint", `${scheme}://${values.s3Endpoint}`, placeOf("s3Endpoint"));
  }
  if (values.s3PathStyle === "auto") {
    const withEndpoint = values.s3Endpoint !== null;
    derive("s3PathStyle", withEndpoint ? "true" : "false", withEndpoint ? "endpoint set" : "AWS");
  }
  const inBucket = basePathInBucket(values.basePath, values.s3Bucket);
  if (inBucket !== null) {
    const places = [placeOf("s3Bucket")];
    if (values.basePath !== null) places.push(placeOf("basePath"));
    derive("basePath", inBucket, places.join(" and "));
  }
  if (values.pipelineId === null) {
    derive("pipelineId", values.kafkaConsumerGroup, "consumer group");
  }
  if (values.memory === "auto") {
    derive("memory", defaultMemory(system.memoryLimitBytes), "memory limit of this machine");
  }
  if (values.workers === "auto") {
    const memoryBytes = values.memory === "auto" ? 0 : values.memory;
    derive("workers", Math.min(system.cores, workersWithin(memoryBytes)), "cores and memory");
  }
  checkCredentials();
  checkEncryption();
  problems.push(...fieldProblems(values, resolved.collections, placeOf));
  return { resolved: { ...resolved, values, origins }, problems };

  function checkCredentials(): void {
    const [key, secret] = [values.s3AccessKeyId, values.s3SecretAccessKey];
    const [keyPlace, secretPlace] = [placeOf("s3AccessKeyId"), placeOf("s3SecretAccessKey")];
    if (key === null && secret === null) return;
    const families = [familyOf(keyPlace), familyOf(secretPlace)];
    const mixed = key !== null && secret !== null && families[0] !== families[1] &&
      families.every((family) => family !== "own");
    if (key === null || secret === null || mixed) {
      const given = key === null || families[1] === "MinIO" ? secretPlace : keyPlace;
      const missing = partnerOf(given);
      problems.push({
        place: given,
        message: `is set without ${missing}`,
        fix: `set ${missing} as well, or unset ${given}`,
      });
    }
    // Temporary keys' token would spoil keys that it was not issued with.
    if (values.s3SessionToken !== null && placeOf("s3SessionToken") === "AWS_SESSION_TOKEN") {
      if (families[0] !== "AWS") derive("s3SessionToken", null, `not used with ${keyPlace}`);
    }
  }

  function checkEncryption(): void {
    if (values.s3KmsKeyId === null || values.s3ServerSideEncryption === "aws:kms") return;
    problems.push({
      place: placeOf("s3KmsKeyId"),
      message: "a KMS key is set, but server-side encryption is not aws:kms",
      fix: "set --s3-server-side-encryption aws:kms, or remove the key",
    });
  }
}

/** The `s3://` path of a relative base path and a bucket; null where the two do not combine. */
function basePathInBucket(basePath: string | null, bucket: string | null): string | null {
  if (bucket === null) return null;
  if (basePath === null) return `s3://${bucket}`;
  const local = /^([a-z][a-z0-9+.-]*:|\/|\.\.?(\/|$)|~)/i.test(basePath);
  return local ? null : `s3://${bucket}/${basePath.replace(/\/+$/, "")}`;
}

function familyOf(place: string): "MinIO" | "AWS" | "own" {
  if (place.startsWith("MINIO_")) return "MinIO";
  return place.startsWith("AWS_") ? "AWS" : "own";
}

function partnerOf(given: string): string {
  // A secret may come from a file that a variable names.
  const place = given.replace(/_FILE$/, "");
  const partners: readonly (readonly [string, string])[] = [
    ["MINIO_ACCESS_KEY", "MINIO_SECRET_KEY"],
    ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"],
    ["CDCDELTA_S3_ACCESS_KEY_ID", "CDCDELTA_S3_SECRET_ACCESS_KEY"],
    ["--s3-access-key-id", "--s3-secret-access-key"],
  ];
  for (const [key, secret] of partners) {
    if (place === key) return secret;
    if (place === secret) return key;
  }
  return place.includes("Secret") ? "s3AccessKeyId" : "s3SecretAccessKey";
}
