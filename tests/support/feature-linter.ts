import type { RawAction } from "./log-linter.ts";

type Raw = Readonly<Record<string, unknown>>;

/** What the commits to be looked at follow; nothing: they begin with version 0. */
export type LintStart = {
  readonly protocol?: Raw;
  readonly metadata?: Raw;
  readonly inCommitTimestamp?: number;
  readonly rowIdHighWaterMark?: bigint;
};

/**
 * Holds commits of ours against what table features ask of every commit (PROTOCOL.md, "In-Commit
 * Timestamps", "Row Tracking"). Commits are given in the order of their versions.
 */
export function lintFeatures(
  commits: ReadonlyMap<number, readonly RawAction[]>,
  report: (finding: string) => void,
  start: LintStart = {},
): void {
  let protocol: Raw = start.protocol ?? {};
  let metadata: Raw = start.metadata ?? {};
  let timestamp = start.inCommitTimestamp ?? -Infinity;
  let mark = start.rowIdHighWaterMark ?? -1n;
  for (const [version, actions] of commits) {
    const at = (finding: string): void => report(`commit ${version}: ${finding}`);
    const before = { protocol, metadata };
    protocol = actions.find((action) => action["protocol"])?.["protocol"] ?? protocol;
    metadata = actions.find((action) => action["metaData"])?.["metaData"] ?? metadata;
    const listed = featuresOf(protocol);
    if (hasTimestamps(protocol, metadata)) {
      const wasOn = hasTimestamps(before.protocol, before.metadata);
      timestamp = lintTimestamp(actions, { version, metadata, previous: timestamp, wasOn }, at);
    }
    if (listed.includes("rowTracking") && !isOn(metadata, "delta.rowTrackingSuspended")) {
      mark = lintRowIds(actions, { version, mark }, at);
    }
  }
}

function hasTimestamps(protocol: Raw, metadata: Raw): boolean {
  return ["", "-preview"].some((suffix) =>
    featuresOf(protocol).includes(`inCommitTimestamp${suffix}`) &&
    isOn(metadata, `delta.enableInCommitTimestamps${suffix}`)
  );
}

function featuresOf(protocol: Raw): readonly string[] {
  return (protocol["writerFeatures"] ?? []) as readonly string[];
}

function configurationOf(metadata: Raw): Readonly<Record<string, string>> {
  return (metadata["configuration"] ?? {}) as Readonly<Record<string, string>>;
}

function isOn(metadata: Raw, key: string): boolean {
  return configurationOf(metadata)[key] === "true";
}

function lintTimestamp(
  actions: readonly RawAction[],
  given: {
    readonly version: number;
    readonly metadata: Raw;
    readonly previous: number;
    readonly wasOn: boolean;
  },
  at: (finding: string) => void,
): number {
  const info = actions[0]?.["commitInfo"] ?? {};
  if (Object.keys(info)[0] !== "inCommitTimestamp") at("inCommitTimestamp is not first");
  const timestamp = Number(info["inCommitTimestamp"]);
  if (!(timestamp > given.previous)) at(`its timestamp does not follow ${given.previous}`);
  if (!given.wasOn && given.version > 0) {
    const configuration = configurationOf(given.metadata);
    const since = configuration["delta.inCommitTimestampEnablementVersion"];
    const time = configuration["delta.inCommitTimestampEnablementTimestamp"];
    if (since !== String(given.version)) at(`timestamps are told to begin at ${since}`);
    if (time !== String(timestamp)) at(`timestamps are told to begin ${time}`);
  }
  return timestamp;
}

function lintRowIds(
  actions: readonly RawAction[],
  { version, mark: before }: { readonly version: number; readonly mark: bigint },
  at: (finding: string) => void,
): bigint {
  let mark = before;
  for (const { add } of actions) {
    if (add === undefined) continue;
    const { baseRowId, defaultRowCommitVersion: since, stats } = add;
    if (baseRowId === undefined || since === undefined) {
      at(`${String(add["path"])} has no row ids`);
      continue;
    }
    const first = BigInt(baseRowId as number);
    const isNew = Number(since) === version;
    if (Number(since) > version) at(`${String(add["path"])} is of version ${String(since)}`);
    if (isNew && first <= mark) at(`${String(add["path"])} has row ids that were given before`);
    const { numRecords } = JSON.parse(String(stats)) as { readonly numRecords: number };
    const last = first + BigInt(numRecords) - 1n;
    if (last > mark) mark = last;
  }
  const domain = actions.map((action) => action["domainMetadata"])
    .find((one) => one?.["domain"] === "delta.rowTracking");
  if (domain === undefined) {
    if (mark > before) at("the row ids' high-water mark did not rise");
    return mark;
  }
  if (domain["removed"] !== false) at("the domain of row tracking is removed");
  const text = /"rowIdHighWaterMark"\s*:\s*(-?\d+)/.exec(String(domain["configuration"]))?.[1];
  if (text === undefined || BigInt(text) !== mark) {
    at(`the high-water mark is ${text}, not ${mark}`);
  }
  return mark;
}
